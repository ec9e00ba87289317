"""A connection to PostgreSQL by way of its ADBC driver: queries → frames, with errors that hold no password."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from klavnb.errors import ExportError
from klavnb.formats.addresses import Address, name_schema, read_address

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcConnection

__all__ = ["NO_RIGHT", "Database", "connect"]

SESSION: Final = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",  # all tables as of one moment
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL standard_conforming_strings = on",
)
INSUFFICIENT_PRIVILEGE: Final = "42501"
USE_COPY: Final = "adbc.postgresql.use_copy"

NO_DRIVER: Final = "Install it: pip install 'klavnb[postgresql]'."
NO_WAY_IN: Final = (
    "See that host, port, database and user are right; the password is best given in the variable PGPASSWORD or in "
    "the file ~/.pgpass."
)
NO_RIGHT: Final = "Ask who runs the database for the right to read it: GRANT USAGE ON SCHEMA, GRANT SELECT ON TABLE."
NO_ANSWER: Final = "Try again once the database answers; nothing was changed in it."


@dataclass(frozen=True, slots=True)
class Database:
    """A connection whose errors are ours. They are raised outside the handling of the driver's, which may tell more."""

    connection: "AdbcConnection"
    address: Address
    name: str

    def fetch(self, query: str) -> pl.DataFrame:
        """Return the rows of a query; no column where it has none to give.

        Raises
        ------
        ExportError
            When the database refuses it, or does not answer.
        """
        import adbc_driver_manager  # noqa: PLC0415 - an extra

        try:
            with adbc_driver_manager.AdbcStatement(self.connection) as statement:
                statement.set_options(**{USE_COPY: "false"})  # COPY knows no FETCH
                statement.set_sql_query(query)
                stream, _ = statement.execute_query()
                return pl.DataFrame(stream)
        except (adbc_driver_manager.Error, pl.exceptions.PolarsError) as error:
            said, state = _clean(self.address, error), getattr(error, "sqlstate", None)
        hint = NO_RIGHT if state == INSUFFICIENT_PRIVILEGE else NO_ANSWER
        raise ExportError(f"{self.name}: expected an answer of the database, found: {said}.", hint=hint)


@contextmanager
def connect(address: str, *, schema: str) -> Iterator[Database]:
    """Come in, to read all that is asked for as of one moment, with times in UTC; nothing can be written.

    Raises
    ------
    ExportError
        When the address cannot be understood, the driver is not installed, or the database lets nobody in.
    """
    place = read_address(address)
    name = name_schema(place, schema)
    with ExitStack() as stack:
        database = Database(_open(place, name, stack), place, name)
        for command in SESSION:
            database.fetch(command)
        yield database


def _open(place: Address, name: str, stack: ExitStack) -> "AdbcConnection":
    try:
        import adbc_driver_manager  # noqa: PLC0415 - an extra
        import adbc_driver_postgresql  # type: ignore[import-untyped]  # noqa: PLC0415 - as above, and it has no types
    except ImportError:
        raise ExportError(f"{name}: the driver of PostgreSQL is not installed.", hint=NO_DRIVER) from None
    try:
        database = stack.enter_context(adbc_driver_postgresql.connect(place.to_words()))
        connection: AdbcConnection = stack.enter_context(adbc_driver_manager.AdbcConnection(database))
        connection.set_autocommit(enabled=False)
    except adbc_driver_manager.Error as error:
        said = _clean(place, error)
    else:
        return connection
    raise ExportError(f"{name}: expected to come in, found: {said}.", hint=NO_WAY_IN)


def _clean(place: Address, error: Exception) -> str:
    """Return the first line of what the driver or the server says, without its marks and without the password."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason")
    for mark in ("[libpq] ", "Failed to connect: "):
        said = said.rpartition(mark)[2]
    return place.hide(said).rstrip(".")
