"""The address of a PostgreSQL database: taken apart as libpq does, and shown without its password."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from klavnb.errors import ExportError

__all__ = [
    "FIVETRAN",
    "Address",
    "DatabaseSource",
    "hide_password",
    "is_address",
    "name_database",
    "name_schema",
    "read_address",
]

FIVETRAN: Final = "klaviyo"
"""The schema of Fivetran's tables, unless it was renamed."""


SCHEME: Final = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)
URL: Final = re.compile(
    r"""postgres(?:ql)?://
    (?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?  # libpq takes the first @, if it comes before any slash
    (?P<hosts>[^/?@]*)(?:/(?P<dbname>[^?@]*))?(?:\?(?P<query>.*))?""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
WORDS: Final = re.compile(r"\s*(?P<key>\w+)\s*=\s*(?P<value>'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|\Z)", re.DOTALL)
PLACES: Final = frozenset({"host", "hostaddr", "dbname", "service"})
"""Keys of which one makes some words an address."""

SECONDS_TO_CONNECT: Final = "10"
SECRETS: Final = ("password", "sslpassword")
HIDDEN: Final = "***"
HINT: Final = (
    'Write it as "postgresql://user@host/database", with the password in the variable PGPASSWORD or in the file '
    "~/.pgpass; in an address, @ is written as %40, : as %3A, / as %2F and % as %25."
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and how to come in; what it shows of itself holds no password.

    Parameters
    ----------
    place
        Host and database, for messages.
    settings
        Keys of libpq → values.
    secrets
        What messages of others may repeat, and ours must not.
    """

    place: str
    settings: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def to_words(self) -> str:
        """Return the address as the keys and values that libpq reads."""
        quoted = {key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in self.settings.items()}
        return " ".join(f"{key}='{value}'" for key, value in quoted.items())

    def hide(self, text: str) -> str:
        """Return a text, such as the driver's, without the secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text


def is_address(text: str) -> bool:
    """Tell whether a text is the address of a PostgreSQL database, well formed or not, rather than a way to files.

    Examples
    --------
    >>> is_address("postgresql://me@shop.example.com/klaviyo"), is_address("host=localhost dbname=klaviyo")
    (True, True)
    >>> is_address("exports/2026"), is_address("name=new.csv")
    (False, False)
    """
    return SCHEME.match(text) is not None or bool(PLACES & _read_words(text).keys())


def hide_password(text: str) -> str:
    """Return a text in which no address of a database shows its password.

    Examples
    --------
    >>> hide_password("postgresql://me:secret@shop.example.com/klaviyo?sslmode=require&password=secret")
    'postgresql://me:***@shop.example.com/klaviyo?sslmode=require&password=***'
    >>> hide_password("host=localhost password='my secret' dbname=klaviyo")
    'host=localhost password=*** dbname=klaviyo'
    """
    if SCHEME.match(text):
        return _hide_in_url(text)
    shown = re.sub(rf"{SCHEME.pattern}\S+", lambda found: _hide_in_url(found[0]), text, flags=re.IGNORECASE)
    return re.sub(r"(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&]+)", rf"\1{HIDDEN}", shown)


def _hide_in_url(url: str) -> str:
    found = URL.fullmatch(url)
    if found is None:  # nobody knows where its password ends
        return re.sub(r"(?s)(://[^:@/?]*).*", rf"\1:{HIDDEN}", url)
    start, stop = found.span("password")
    shown = url if start < 0 else url[:start] + HIDDEN + url[stop:]
    query = found["query"] or ""
    parts = (part.partition("=") for part in query.split("&"))
    hidden = (f"{key}{equals}{HIDDEN if unquote(key).lower() in SECRETS else value}" for key, equals, value in parts)
    return shown.removesuffix(query) + "&".join(hidden)


def read_address(address: str) -> Address:
    """Take an address apart, as libpq would.

    Parameters
    ----------
    address
        A URL, or keys and values: ``host=localhost dbname=klaviyo``. What neither says is for libpq to
        find: in PGPASSWORD and its like, ~/.pgpass, and the file of services.

    Raises
    ------
    ExportError
        When it is no address that can be understood; what it holds is not repeated.
    """
    settings = _read_url(address) if SCHEME.match(address) else _read_words(address)
    if not settings:
        raise ExportError("Expected the address of a PostgreSQL database, found one that is not whole.", hint=HINT)
    known = {"fallback_application_name": "klavnb"}
    if "PGCONNECT_TIMEOUT" not in os.environ:
        known["connect_timeout"] = SECONDS_TO_CONNECT
    given = {key: value for key, value in settings.items() if value}
    secrets = {given.get(key, "") for key in SECRETS} | {os.environ.get("PGPASSWORD", "")}
    longest_first = sorted(secrets - {""}, key=len, reverse=True)
    return Address(_name_place(given), known | given | {"client_encoding": "UTF8"}, tuple(longest_first))


def _read_words(text: str) -> dict[str, str]:
    """Read keys and values; none where the text is not made of them."""
    words: dict[str, str] = {}
    at = 0
    while at < len(text.rstrip()):
        found = WORDS.match(text, at)
        if found is None:
            return {}
        value = found["value"]
        words[found["key"]] = re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith("'") else value, flags=re.DOTALL)
        at = found.end()
    return words


def _read_url(url: str) -> dict[str, str]:
    """Read the keys and values of a URL; none where it cannot be one."""
    found = URL.fullmatch(url)
    if found is None or re.search(r"%(?![0-9A-Fa-f]{2})", url):
        return {}
    hosts = [re.fullmatch(r"(\[[^]]*\]|[^:]*)(?::(\d*))?", host) for host in found["hosts"].split(",")]
    if None in hosts:
        return {}
    settings = {
        "user": unquote(found["user"] or ""),
        "password": unquote(found["password"] or ""),
        "host": ",".join(unquote(host[1].strip("[]")) for host in hosts if host),
        "port": ",".join(host[2] or "" for host in hosts if host),
        "dbname": unquote(found["dbname"] or ""),
    }
    for part in (found["query"] or "").split("&"):
        key, _, value = part.partition("=")
        settings[unquote(key)] = unquote(value)
    if settings.pop("ssl", "") == "true":  # as other drivers write it
        settings["sslmode"] = "require"
    return settings


def _name_place(settings: Mapping[str, str]) -> str:
    host = settings.get("host") or settings.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = settings.get("port", "").strip(",")
    shown = "localhost" if host.startswith("/") else f"[{host}]" if ":" in host else host
    service = settings.get("service", "")
    name = settings.get("dbname") or os.environ.get("PGDATABASE") or settings.get("user", "")
    return f"service {service}" if service else f"{shown}{':' + port if port else ''}/{name}"


def name_schema(place: Address, schema: str) -> str:
    """Return what messages call a schema of a database."""
    return f"postgresql {place.place} schema {schema}"


def name_database(address: str, *, schema: str) -> str:
    """Return what messages, and the list of a store's sources, call a database: never its password.

    Examples
    --------
    >>> name_database("postgresql://me:secret@shop.example.com/klaviyo", schema="fivetran")
    'postgresql shop.example.com/klaviyo schema fivetran'

    Raises
    ------
    ExportError
        When it is no address that can be understood.
    """
    return name_schema(read_address(address), schema)


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A database with Fivetran's tables: its address, which may hold a password and is never shown, and a schema."""

    address: str = field(repr=False)
    schema: str

    @property
    def name(self) -> str:
        """What messages and the list of a store's sources call it."""
        return name_database(self.address, schema=self.schema)
