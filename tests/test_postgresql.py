"""Fivetran's tables from a real PostgreSQL, which the tests start and stop: the same rows, in bounded memory, and no
password in any message."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from needs import skip_or_fail
from polars.testing import assert_frame_equal

from klavnb.errors import ExportError
from klavnb.formats import fivetran, postgresql
from klavnb.formats.addresses import hide_password, is_address, name_database, read_address
from klavnb.formats.contract import RawExport
from klavnb.formats.postgresql import list_tables, read_database
from klavnb.formats.source import Source
from klavnb.reading import parse_time
from klavnb.sample import write_sample
from klavnb.settings import Settings

SERVER_USER = "postgres"
OWNER = "owner"
GUEST_SECRET = "hidden-word"  # noqa: S105 - as the next
SECRET = "p@ss:w/or?d% 'x\\1"  # noqa: S105 - of a server that lives as long as the tests
TABLES = ("metric", "campaign", "flow", "person", "event")

TYPES = {
    "datetime": "timestamptz",
    "timestamp": "timestamp",
    "created": "timestamptz",
    "updated": "timestamptz",
    "send_time": "timestamptz",
    "sent_at": "timestamp",
    "_fivetran_synced": "timestamptz",
    "_fivetran_deleted": "boolean",
    "archived": "boolean",
    "property_value": "numeric(20, 4)",
    "property_price": "double precision",
    "property_quantity": "bigint",
    "property_machine_open": "boolean",
    "property_items": "json",
    "property_attribution": "json",
    "subscriptions": "json",
    "predictive_analytics": "json",
}
"""Column → type, as Fivetran makes them; all others are text."""


@dataclass(frozen=True)
class Server:
    bin: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{OWNER}:{quote(SECRET, safe='')}@127.0.0.1:{self.port}/postgres"

    def run(self, script: str, *, database: str = "postgres", schema: str = "public") -> str:
        command = [self.bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(
            [*command, "-U", OWNER, "-d", database],
            input=f"SET search_path = {schema};\n{script}",
            env=os.environ | {"PGPASSWORD": SECRET},
            check=True,
            capture_output=True,
            text=True,
        ).stdout


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    if not folders and found is None:
        skip_or_fail("KLAVNB_REQUIRE_POSTGRESQL", "PostgreSQL is not installed")
    programs = folders[-1] if folders else Path(str(found)).parent
    folder = Path(tempfile.mkdtemp(prefix="klavnb-"))
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:  # a server refuses to run as root
        shutil.chown(folder, SERVER_USER, SERVER_USER)
        shutil.chown(secret, SERVER_USER, SERVER_USER)
        as_user = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []}

    def control(*arguments: str | Path) -> None:
        program, *rest = arguments
        subprocess.run(
            [programs / program, "-D", folder / "data", *rest],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
            **as_user,
        )

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        control("initdb", "-U", OWNER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "-N")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control("pg_ctl", "start", "-w", "-s", "-l", folder / "log", "-o", options)
        try:
            yield Server(programs, port)
        finally:
            control("pg_ctl", "stop", "-w", "-s", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fivetran")
    write_sample(folder, profiles=30, days=60, seed=7, layout="fivetran")
    return folder


@pytest.fixture(scope="session")
def loaded(server: Server, export: Path) -> Server:
    server.run("CREATE SCHEMA klaviyo;" + "".join(write_table(export / f"{name}.csv", "klaviyo") for name in TABLES))
    return server


def write_table(path: Path, schema: str) -> str:
    """Write the script that makes a table with the types of Fivetran, and fills it."""
    names = path.read_text().split("\n", 1)[0].split(",")
    columns = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in names)
    table = f"{schema}.{path.stem}"
    return f"SET TimeZone = 'UTC'; CREATE TABLE {table} ({columns});\n\\copy {table} FROM '{path}' CSV HEADER\n"


@pytest.fixture
def schema(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"s{abs(hash(request.node.nodeid))}"
    server.run(f"CREATE SCHEMA {name}; CREATE TABLE {name}.event (id text, person_id text);")
    yield name
    server.run(f"DROP SCHEMA {name} CASCADE")


def read_all(address: str, schema: str) -> RawExport:
    return RawExport.join(list(read_database(address, schema=schema)))


def compare(found: pl.DataFrame, expected: pl.DataFrame, key: str) -> None:
    """Compare raw frames by what they say: the spelling of times, numbers and truth values is a table's own."""
    assert_frame_equal(simplify(found, key), simplify(expected, key))


def simplify(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    times = [name for name in frame.columns if name.endswith("_at") or name == "occurred_unix"]
    objects = [name for name in ("properties", "location", "predictions", "consent") if name in frame.columns]
    lowered = [name for name in ("machine_open", "bot_click") if name in frame.columns]
    numbers = [name for name in ("value",) if name in frame.columns]
    return (
        frame.drop("file", "line", strict=False)
        .with_columns(
            *(parse_time(pl.col(name)) for name in times),
            *(pl.col(name).str.to_lowercase() for name in lowered),
            *(pl.col(name).cast(pl.Float64) for name in numbers),
            *(pl.Series(name, [sort_json(text) for text in frame[name]], dtype=pl.String) for name in objects),
        )
        .sort(key)
    )


def sort_json(text: str | None) -> str | None:
    return None if text is None else json.dumps(json.loads(text, parse_int=float), sort_keys=True)


# ------------------------------------------------------------------------------------ what is read


def test_the_tables_of_a_database_hold_what_those_of_the_csv_files_hold(loaded: Server, export: Path) -> None:
    sources = [Source(export / f"{name}.csv", f"{name}.csv") for name in TABLES]
    pieces = [piece for source in sources for piece in fivetran.split(source)]
    expected = RawExport.join(list(fivetran.read(pieces, settings=Settings())))
    found = read_all(loaded.url, "klaviyo")
    assert expected.events.height > 100
    assert {name for name, frame in found.frames().items() if frame.height} == {
        name for name, frame in expected.frames().items() if frame.height
    }
    compare(found.events, expected.events, "event_id")
    compare(found.profiles, expected.profiles, "profile_id")
    compare(found.metrics, expected.metrics, "metric_id")
    compare(found.campaigns, expected.campaigns, "campaign_id")
    compare(found.flows, expected.flows, "flow_id")
    assert set(found.events["file"]) == {"klaviyo.event"}
    assert found.events["line"].to_list() == list(range(1, found.events.height + 1))


def test_the_tables_are_listed_in_the_order_in_which_they_are_read(loaded: Server) -> None:
    assert list_tables(loaded.url, schema="klaviyo") == list(TABLES)


def test_a_large_table_comes_in_parts_whose_lines_run_on(loaded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_all(loaded.url, "klaviyo").events
    monkeypatch.setattr(postgresql, "CHUNK", 20_000)
    monkeypatch.setattr(postgresql, "FIRST_ROWS", 5)
    parts = [part for part in read_database(loaded.url, schema="klaviyo") if part.events.height]
    assert len(parts) > 3
    assert max(part.events.height for part in parts) < whole.height / 2
    assert [part.count_lines for part in parts] == [part.events.height for part in parts]
    assert_frame_equal(RawExport.join(parts).events, whole)


def test_all_parts_are_of_one_moment(server: Server, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "FIRST_ROWS", 2)
    server.run("INSERT INTO event SELECT 'e' || i, 'p' FROM generate_series(1, 9) i", schema=schema)
    parts = read_database(server.url, schema=schema)
    first = next(parts)
    server.run("INSERT INTO event SELECT 'late', 'p' FROM generate_series(1, 9)", schema=schema)
    assert first.events.height + sum(part.events.height for part in parts) == 9


def test_rows_that_are_marked_as_deleted_are_set_aside_with_their_line(
    server: Server, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "FIRST_ROWS", 2)
    server.run(
        "ALTER TABLE event ADD _fivetran_deleted boolean;"
        "INSERT INTO event SELECT 'e' || i, 'p', i = 6 FROM generate_series(1, 7) i",
        schema=schema,
    )
    found = read_all(server.url, schema)
    assert found.events["event_id"].to_list() == ["e1", "e2", "e3", "e4", "e5", "e7"]
    assert found.events["line"].to_list() == [1, 2, 3, 4, 5, 7]
    reject = found.rejects.row(0, named=True)
    assert (reject["file"], reject["line"], reject["reason"]) == (f"{schema}.event", 6, "deleted at the source")


def test_values_of_any_type_are_read_as_text(server: Server, schema: str) -> None:
    server.run(
        """
        CREATE TYPE colour AS ENUM ('red', 'blue');
        CREATE DOMAIN code AS text;
        CREATE TYPE pair AS (a int, b text);
        ALTER TABLE event
            ADD datetime timestamptz, ADD property_value numeric, ADD property_colour colour,
            ADD property_code code, ADD property_pair pair, ADD property_several text[],
            ADD property_items jsonb, ADD property_float double precision, ADD property_day date,
            ADD property_uuid uuid, ADD property_yes boolean, ADD property_none text;
        SET TimeZone = 'Asia/Kathmandu';
        INSERT INTO event VALUES (
            'e', 'p', '2026-03-29 06:45:00.123456', 1234567890.10, 'red', 'c', (1, 'x'), '{a,"b c",NULL}',
            '{"k": [1, "ü"]}', 0.1, '2026-03-29', '00000000-0000-0000-0000-000000000001', true, NULL
        );""",
        schema=schema,
    )
    (event,) = read_all(server.url, schema).events.iter_rows(named=True)
    assert event["occurred_at"] == "2026-03-29T01:00:00.123456+00:00"
    assert event["value"] == "1234567890.10"
    assert json.loads(event["properties"]) == {
        "$value": 1234567890.1,
        "Items": {"k": [1, "ü"]},
        "colour": "red",
        "code": "c",
        "pair": {"a": 1, "b": "x"},
        "several": ["a", "b c", None],
        "float": 0.1,
        "day": "2026-03-29",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "yes": True,
    }


def test_names_in_capitals_and_views_are_read_as_well(server: Server) -> None:
    server.run(
        """
        CREATE SCHEMA "My ""Shop's"" Data";
        SET search_path = "My ""Shop's"" Data";
        CREATE TABLE events_all ("ID" text, "PERSONID" text, "PROPERTYVALUE" text, "PROPERTY_ODD""NAME" text);
        INSERT INTO events_all VALUES ('e', 'p', '7', 'x');
        CREATE VIEW "EVENT" AS SELECT * FROM events_all;
        """
    )
    (event,) = read_all(server.url, 'My "Shop\'s" Data').events.iter_rows(named=True)
    assert (event["event_id"], event["profile_id"], event["value"]) == ("e", "p", "7")
    assert json.loads(event["properties"]) == {"$value": 7, 'odd"name': "x"}


def test_a_database_in_another_encoding_is_read_right(server: Server) -> None:
    server.run("CREATE DATABASE old ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    server.run(
        "SET client_encoding = 'UTF8'; CREATE SCHEMA k; CREATE TABLE k.event (id text, person_id text, type text);"
        "INSERT INTO k.event VALUES ('e', 'p', 'Größe')",
        database="old",
    )
    assert read_all(server.url.replace("/postgres", "/old"), "k").events["metric_name"].to_list() == ["Größe"]


def test_an_empty_table_has_no_rows(server: Server, schema: str) -> None:
    assert read_all(server.url, schema).events.is_empty()


def test_a_reader_that_is_left_early_leaves_the_database(loaded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "FIRST_ROWS", 2)
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'klavnb'"
    parts = read_database(loaded.url, schema="klaviyo")
    next(parts)
    assert loaded.run(asked) == "1\n"
    parts.close()
    assert loaded.run("SELECT pg_sleep(0.1)") == "\n"
    assert loaded.run(asked) == "0\n"


# --------------------------------------------------------------------------------- how to come in


@pytest.mark.parametrize("way", ["words", "query", "variable", "file"])
def test_an_address_may_give_its_password_in_any_of_the_usual_ways(
    loaded: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    place = f"127.0.0.1:{loaded.port}"
    quoted = SECRET.replace("\\", "\\\\").replace("'", "\\'")
    addresses = {
        "words": f"host=127.0.0.1 port={loaded.port} dbname=postgres user={OWNER} password = '{quoted}'",
        "query": f"postgres://{place}/postgres?user={OWNER}&password={quote(SECRET)}",
        "variable": f"postgresql://{OWNER}@{place}/postgres",
        "file": f"postgresql://{OWNER}@{place}/postgres",
    }
    if way == "variable":
        monkeypatch.setenv("PGPASSWORD", SECRET)
    if way == "file":
        escaped = SECRET.replace("\\", "\\\\").replace(":", "\\:")
        (tmp_path / "pgpass").write_text(f"*:*:*:*:{escaped}\n")
        (tmp_path / "pgpass").chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert is_address(addresses[way])
    assert list_tables(addresses[way], schema="klaviyo") == list(TABLES)
    assert name_database(addresses[way], schema="klaviyo") == f"postgresql {place}/postgres schema klaviyo"


def check_no_secret(error: BaseException, *secrets: str) -> None:
    """Look for a password in all that an error can show."""
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    for secret in secrets:
        assert secret not in shown
        assert quote(secret, safe="") not in shown


def test_a_wrong_password_is_refused_and_not_repeated(server: Server) -> None:
    address = f"postgresql://{OWNER}:{GUEST_SECRET}@127.0.0.1:{server.port}/postgres"
    with pytest.raises(ExportError, match='password authentication failed for user "owner"') as caught:
        list_tables(address, schema="klaviyo")
    assert "PGPASSWORD" in str(caught.value)
    check_no_secret(caught.value, GUEST_SECRET)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("postgresql://me:hidden-word@127.0.0.1:1/shop", "Connection refused"),
        ("postgresql://me:hidden-word@127.0.0.1:1/shop?hidden-word=1", r'invalid connection option "\*\*\*"'),
        ("host=127.0.0.1 port=1 password=hidden-word sslmode=hidden-word", r'invalid sslmode value: "\*\*\*"'),
        ("postgresql://me:hidden-word@127.0.0.1:x/shop", "not whole"),
        ("postgresql://me:hidden/-word@127.0.0.1/shop", "not whole"),
        ("postgresql://me:hidden@-word@127.0.0.1/shop", "not whole"),
        ("postgresql://me:hidden%-word@127.0.0.1/shop", "not whole"),
        ("host=127.0.0.1 password='hidden-word", "not whole"),
    ],
)
def test_an_address_that_does_not_work_is_an_error_without_its_password(address: str, found: str) -> None:
    with pytest.raises(ExportError, match=found) as caught:
        list_tables(address, schema="klaviyo")
    check_no_secret(caught.value, "hidden", "-word")


def test_a_schema_that_is_not_there_names_those_that_are(loaded: Server) -> None:
    with pytest.raises(ExportError, match=r"no such schema in this database; it has .*klaviyo") as caught:
        list_tables(loaded.url, schema="Klaviyo")
    check_no_secret(caught.value, SECRET)


def test_a_schema_without_events_names_the_tables_that_it_has(server: Server, schema: str) -> None:
    server.run(f"ALTER TABLE {schema}.event RENAME TO events_of_old")
    with pytest.raises(ExportError, match="expected Fivetran's table event, found events_of_old"):
        read_all(server.url, schema)


def test_a_table_of_events_that_is_not_fivetrans_is_refused(server: Server, schema: str) -> None:
    server.run(f"ALTER TABLE {schema}.event RENAME person_id TO visitor")
    with pytest.raises(ExportError, match=r"expected the columns id and person_id .* found id, visitor"):
        read_all(server.url, schema)


def test_two_tables_of_events_are_refused(server: Server, schema: str) -> None:
    server.run(f'CREATE TABLE {schema}."EVENT" (id text, person_id text)')
    with pytest.raises(ExportError, match="expected one table event, found EVENT and event"):
        read_all(server.url, schema)


@pytest.fixture
def guest(server: Server) -> Iterator[str]:
    """Let somebody in who has no right, and return the address for them."""
    server.run(f"CREATE ROLE guest LOGIN PASSWORD '{GUEST_SECRET}'")
    yield f"postgresql://guest:{GUEST_SECRET}@127.0.0.1:{server.port}/postgres"
    server.run("DROP OWNED BY guest; DROP ROLE guest")


def test_a_right_to_a_schema_that_is_missing_is_named(schema: str, guest: str) -> None:
    with pytest.raises(ExportError, match=r"(?s)allowed to use the schema.*GRANT USAGE") as caught:
        read_all(guest, schema)
    check_no_secret(caught.value, GUEST_SECRET)


def test_a_right_to_a_table_that_is_missing_is_named(server: Server, schema: str, guest: str) -> None:
    server.run(f"GRANT USAGE ON SCHEMA {schema} TO guest")
    with pytest.raises(ExportError, match=r"(?s)allowed to read the table event.*GRANT SELECT") as caught:
        read_all(guest, schema)
    check_no_secret(caught.value, GUEST_SECRET)


def test_a_view_of_what_may_not_be_read_is_an_error_of_ours(server: Server, schema: str, guest: str) -> None:
    server.run(f"GRANT ALL ON SCHEMA {schema} TO guest")
    server.run(
        "ALTER TABLE event RENAME TO base; CREATE VIEW event AS SELECT * FROM base; ALTER VIEW event OWNER TO guest",
        schema=schema,
    )
    with pytest.raises(ExportError, match=r"(?s)permission denied for table base.*GRANT SELECT") as caught:
        read_all(guest, schema)
    check_no_secret(caught.value, GUEST_SECRET)


def test_a_connection_that_is_lost_meanwhile_is_an_error_of_ours(
    loaded: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "FIRST_ROWS", 2)
    parts = read_database(loaded.url, schema="klaviyo")
    next(parts)
    loaded.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'klavnb'")
    with pytest.raises(ExportError, match="expected an answer of the database, found") as caught:
        list(parts)
    check_no_secret(caught.value, SECRET)


def test_a_driver_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(ExportError, match=r"pip install 'klavnb\[postgresql\]'"):
        list_tables("postgresql://me:hidden-word@localhost/shop", schema="klaviyo")


# -------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("postgresql://me@host/shop", True),
        ("postgres:///shop", True),
        ("POSTGRESQL://me@host/shop", True),
        ("postgresql://broken:p@ss@host", True),
        ("host=localhost", True),
        ("dbname = 'my shop' user=me", True),
        ("service=shop", True),
        ("sample", False),
        ("exports/2026", False),
        ("a=b.csv", False),
        ("user=me", False),
        ("", False),
    ],
)
def test_addresses_are_told_from_ways_to_files(text: str, is_one: bool) -> None:
    assert is_address(text) is is_one


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:hidden@host:5432/shop", "postgresql://me:***@host:5432/shop"),
        ("postgresql://me:hid?den@host/shop?sslmode=require", "postgresql://me:***@host/shop?sslmode=require"),
        ("postgresql://me@host/shop?pass%77ord=hidden&a=b", "postgresql://me@host/shop?pass%77ord=***&a=b"),
        ("postgresql://host:5432/shop?options=a@b", "postgresql://host:5432/shop?options=a@b"),
        ("postgresql://me:hid@den@host/shop", "postgresql://me:***"),
        ("postgresql://me:hid/den@host/shop", "postgresql://me:***"),
        ("cannot read postgres://me:hidden@host/shop now", "cannot read postgres://me:***@host/shop now"),
        ("host=h password=hidden dbname=d", "host=h password=*** dbname=d"),
        ("host=h password = 'hid \\' den' dbname=d", "host=h password = *** dbname=d"),
        ("host=h sslpassword='hidden", "host=h sslpassword=***"),
        ("exports/2026", "exports/2026"),
    ],
)
def test_a_password_is_hidden_wherever_an_address_shows_it(text: str, shown: str) -> None:
    assert hide_password(text) == shown


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("postgresql://me:hidden@host/shop", "host/shop"),
        ("postgresql://me:hidden@host:5433/shop", "host:5433/shop"),
        ("postgresql://me:hidden@[::1]:5433/shop", "[::1]:5433/shop"),
        ("postgresql://me:hidden@host", "host/me"),
        ("postgresql://me@%2Fvar%2Frun/shop", "localhost/shop"),
        ("dbname=shop user=me password=hidden", "localhost/shop"),
        ("service=shop password=hidden", "service shop"),
    ],
)
def test_a_database_is_named_by_host_and_name(address: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    monkeypatch.delenv("PGDATABASE", raising=False)
    assert name_database(address, schema="klaviyo") == f"postgresql {name} schema klaviyo"
    assert "hidden" not in repr(read_address(address))


def test_several_hosts_are_handed_on_with_their_ports() -> None:
    words = read_address("postgresql://me@a:1,b:2,[::1]/shop?target_session_attrs=any").to_words()
    assert "host='a,b,::1' port='1,2,' dbname='shop' target_session_attrs='any'" in words
