"""Fivetran's tables straight from PostgreSQL, some rows at a time, by way of its ADBC driver.

All values come as text that the server writes, so that no type of a column is unknown here. The driver's
stream is read by polars; nothing else is needed. A cursor hands out the rows: the server holds the
table's state for all of them, and the memory here is that of one batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from klavnb.errors import ExportError, name_some
from klavnb.formats.contract import RawExport
from klavnb.formats.database import NO_RIGHT, Database, connect
from klavnb.formats.fivetran import read_frame
from klavnb.formats.source import CHUNK
from klavnb.formats.tables import squeeze

__all__ = ["list_tables", "read_database"]

TABLES: Final = ("metric", "campaign", "flow", "person", "event")
"""Fivetran's, in the order in which they are read: the largest last."""

NEEDED: Final = frozenset({"id", "personid"})
"""Columns of a table of events, as all spellings have them."""

FIRST_ROWS: Final = 200
MOST_ROWS: Final = 50_000
GROWTH: Final = 8
"""Rows of the first batch, of any, and how many times the last the next may be: rows differ in length."""

LIST_SCHEMAS: Final = """
SELECT nspname::text AS name, has_schema_privilege(oid, 'USAGE')::text AS may_use FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"""
LIST_TABLES: Final = """
SELECT c.relname::text AS name, has_table_privilege(c.oid, 'SELECT')::text AS may_read
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1"""
LIST_COLUMNS: Final = """
SELECT a.attname::text AS name, t.typcategory::text AS kind
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = {table}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""

TIMES: Final = "D"
NESTED: Final = frozenset("AC")
"""Kinds of types: dates and times; arrays, and rows as values."""


def list_tables(address: str, *, schema: str) -> list[str]:
    """List those of Fivetran's tables that a schema has, in the order in which they are read.

    Raises
    ------
    ExportError
        When the database cannot be asked, or has no such schema.
    """
    with connect(address, schema=schema) as database:
        return list(_find_tables(database, schema))


def read_database(address: str, *, schema: str) -> Iterator[RawExport]:
    """Read Fivetran's tables into raw frames, about a chunk at a time, all as of one moment.

    Each part is of one table, which `file` names with its schema; `line` numbers the rows of a table as
    they came, in no order that means anything. Nothing is written to the database.

    Parameters
    ----------
    address
        A URL, ``postgresql://user@host/database``, or keys and values, ``host=localhost dbname=klaviyo``. What it
        lacks is found as PostgreSQL's own tools do: the password in PGPASSWORD or ~/.pgpass.
    schema
        The schema of the tables, spelled as in the database.

    Raises
    ------
    ExportError
        When the driver is not installed, the database cannot be reached or read, or has no such schema, or no
        table of events in it. No message repeats the password.
    """
    with connect(address, schema=schema) as database:
        tables = _find_tables(database, schema)
        columns = {table: _list_columns(database, schema, spelled) for table, spelled in tables.items()}
        _check_events(database, schema, columns)
        for table, spelled in tables.items():
            name = f"{schema}.{spelled}"
            passed = 0
            for rows in _read_rows(database, _quote(schema, spelled), columns[table]):
                yield _shift_lines(read_frame(name, table, rows), passed)
                passed += rows.height


def _find_tables(database: Database, schema: str) -> dict[str, str]:
    """Return Fivetran's tables that are there: name → spelling."""
    _check_schema(database, schema)
    found = database.fetch(LIST_TABLES.format(schema=_quote_text(schema)))
    readable: dict[str, str] = {}
    for spelled, may_read in found.iter_rows():
        table = spelled.lower()
        if table not in TABLES:
            continue
        if may_read != "true":
            raise ExportError(
                f"{database.name}: expected to be allowed to read the table {spelled}, found no such right.",
                hint=NO_RIGHT,
            )
        if table in readable:
            raise ExportError(
                f"{database.name}: expected one table {table}, found {readable[table]} and {spelled}.",
                hint="Rename or drop the one that is not Fivetran's.",
            )
        readable[table] = spelled
    if "event" not in readable:
        shown = name_some(found["name"].to_list()) or "no table at all"
        raise ExportError(
            f"{database.name}: expected Fivetran's table event, found {shown}.",
            hint="Name the schema into which Fivetran writes Klaviyo's tables, as with --schema klaviyo.",
        )
    return {table: readable[table] for table in TABLES if table in readable}


def _check_schema(database: Database, schema: str) -> None:
    schemas = database.fetch(LIST_SCHEMAS)
    usable = dict(schemas.iter_rows())
    if schema not in usable:
        raise ExportError(
            f"{database.name}: there is no such schema in this database; it has {name_some(list(usable)) or 'none'}.",
            hint="Name one of them, as with --schema klaviyo; capitals count.",
        )
    if usable[schema] != "true":
        raise ExportError(
            f"{database.name}: expected to be allowed to use the schema, found no such right.", hint=NO_RIGHT
        )


def _list_columns(database: Database, schema: str, table: str) -> list[tuple[str, str]]:
    return database.fetch(LIST_COLUMNS.format(table=_quote_text(_quote(schema, table)))).rows()


def _check_events(database: Database, schema: str, columns: dict[str, list[tuple[str, str]]]) -> None:
    names = [name for name, _ in columns["event"]]
    if not {squeeze(name) for name in names} >= NEEDED:
        raise ExportError(
            f"{database.name}: expected the columns id and person_id in the table event, found {name_some(names)}.",
            hint=f"See that the tables of the schema {schema} are those that Fivetran writes for Klaviyo.",
        )


def _read_rows(database: Database, table: str, columns: Sequence[tuple[str, str]]) -> Iterator[pl.DataFrame]:
    """Yield all rows of a table as text, in batches of about a chunk."""
    texts = ", ".join(f"{_write_as_text(name, kind)} AS {_quote(name)}" for name, kind in columns)
    database.fetch(f"DECLARE klavnb_rows NO SCROLL CURSOR FOR SELECT {texts} FROM {table}")  # noqa: S608 - quoted
    wanted = FIRST_ROWS
    while (rows := database.fetch(f"FETCH FORWARD {wanted} FROM klavnb_rows")).height:
        yield rows
        fitting = CHUNK * rows.height // max(int(rows.estimated_size()), 1)
        wanted = max(1, min(fitting, wanted * GROWTH, MOST_ROWS))
    database.fetch("CLOSE klavnb_rows")


def _write_as_text(name: str, kind: str) -> str:
    """Return the SQL of a column as text: times as ISO 8601 has them, arrays and rows as JSON."""
    column = _quote(name)
    if kind == TIMES:
        return f"to_json({column}) #>> '{{}}'"
    return f"to_json({column})::text" if kind in NESTED else f"{column}::text"


def _quote(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _shift_lines(part: RawExport, passed: int) -> RawExport:
    if not passed:
        return part
    shift = pl.col("line") + passed
    return replace(
        part,
        events=part.events.with_columns(shift),
        profiles=part.profiles.with_columns(shift),
        rejects=part.rejects.with_columns(shift),
    )
