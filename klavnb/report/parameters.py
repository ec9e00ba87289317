"""Strict checks of the parameters that a caller hands over for a notebook.

papermill enforces no types, only warns of unknown names, and writes a name into code as it stands;
so nothing reaches it that the notebook does not list, and nothing runs before all is checked.
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from klavnb.errors import SettingsError
from klavnb.lists import read_numbers, read_shares, read_windows
from klavnb.privacy import mask
from klavnb.remote import is_remote
from klavnb.report.signature import Parameter, Value
from klavnb.settings import Settings

__all__ = ["check_parameters", "show_value", "split_assignments", "suggest"]

TYPE_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
DATES = ("start", "end", "as_of")
DAYS = (*DATES, "recipe_live_from", "exported_on")
TEXTS = (*DAYS, "threshold", "amounts", "order_windows", "split", "time_zone")
"""Parameters whose text says more than itself."""

ADDRESS = "://"

HINTS = {
    "data": "Give the file or folder of an export, a store, or sample.",
    "settings_file": "Give a TOML file, or leave it empty.",
    "definitions_file": "Give a JSON file or a folder of them, or leave it empty.",
}
SETTINGS = {
    "settings_file": "file",
    **{
        name: name
        for name in ("preset", "windows", "anchor", "conversion_metric", "exclude_machine_opens", "exclude_bot_clicks")
    },
}
"""Parameter → option of `Settings.from_options`, for those that can be wrong."""

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
MOST_ROWS = 100
CONSENTS = ("", "email", "sms", "any")


def split_assignments(texts: Iterable[str]) -> dict[str, str]:
    """Split what a command line gives as `name=value`.

    Raises
    ------
    SettingsError
        When a text has no `=`, or a name comes twice.

    Examples
    --------
    >>> split_assignments(["top_n=5", "windows=email=3d"])
    {'top_n': '5', 'windows': 'email=3d'}
    """
    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"A parameter is given as name=value, found {text!r}.", hint="Write -p top_n=5.")
        if name in given:
            raise SettingsError(f"The parameter {name!r} is given twice: {given[name]!r} and {value!r}.")
        given[name] = value
    return given


def check_parameters(listed: Mapping[str, Parameter], given: Mapping[str, object], *, where: str) -> dict[str, Value]:
    """Check what is given against what a notebook lists; return only what is given, typed.

    Text is read as the parameter's type, so a command line's words do. A relative path of `data` or
    `settings_file` becomes absolute, since the notebook runs in another folder.

    Parameters
    ----------
    listed
        The notebook's parameters.
    given
        Name → value.
    where
        The notebook's name, for messages.

    Raises
    ------
    SettingsError
        When a name is not listed, a value is of another type or out of its range, or the period ends
        before it starts.

    Examples
    --------
    >>> from klavnb.report.signature import list_parameters
    >>> listed = list_parameters("top_n: int = 10  # rows to show")
    >>> check_parameters(listed, {"top_n": "5"}, where="attribution")
    {'top_n': 5}
    >>> check_parameters(listed, {"topn": "5"}, where="attribution")
    Traceback (most recent call last):
    klavnb.errors.SettingsError: attribution has no parameter 'topn'.
    <BLANKLINE>
    Hint: Did you mean top_n? There is top_n.
    """
    checked: dict[str, Value] = {}
    for name, value in given.items():
        if name not in listed:
            hint = suggest(name, list(listed)) if listed else "It has no parameters at all."
            raise SettingsError(f"{where} has no parameter {name!r}.", hint=hint)
        checked[name] = _check_value(listed[name], value, where)
    period = {name: checked.get(name, parameter.default) for name, parameter in listed.items() if name in DATES}
    start, end = str(period.get("start", "")), str(period.get("end", ""))
    if start and end and start > end:
        raise SettingsError(f"{where}: the period ends ({end}) before it starts ({start}).", hint="Swap start and end.")
    _check_settings(checked, where)
    return checked


def suggest(found: str, known: Sequence[str]) -> str:
    """Suggest what was meant by a name that is not known.

    Examples
    --------
    >>> suggest("attribtion", ["attribution", "segments"])
    'Did you mean attribution? There is attribution, segments.'
    """
    close = difflib.get_close_matches(found, known, n=1)
    return (f"Did you mean {close[0]}? " if close else "") + f"There is {', '.join(known)}."


def _check_value(parameter: Parameter, value: object, where: str) -> Value:
    """Read one value as its type, then check the rules that go with its name."""
    name = parameter.name
    if value == parameter.default and type(value) is parameter.kind:
        return parameter.default
    typed = _read_value(parameter.kind, value)
    if typed is None:
        raise SettingsError(
            f"{where}: {name} should be {TYPE_WORDS[parameter.kind]}, found {value!r}.",
            hint=f"{name}: {parameter.meaning or 'no meaning is written'}. Its default is {parameter.default!r}.",
        )
    match name:
        case "top_n" | "min_group":
            _check_count(name, float(typed), where)
        case "data" if is_remote(typed):
            pass
        case "data" if not typed or ADDRESS in str(typed):
            raise _refuse_data(where, is_empty=not typed)
        case _ if name in TEXTS and isinstance(typed, str):
            _check_text(name, typed, where)
        case "consent" if typed not in CONSENTS:
            raise SettingsError(
                f"{where}: consent should be email, sms or any, found {typed!r}.",
                hint="Leave it empty to ask for none.",
            )
        case "data" | "settings_file" | "definitions_file" if typed not in ("sample", ""):
            path = Path(str(typed)).expanduser()
            if not path.exists():
                raise SettingsError(
                    f"{where}: {name} should be a file or folder, but {typed!r} is not there.", hint=HINTS[name]
                )
            return str(path.resolve())
    return typed


def _refuse_data(where: str, *, is_empty: bool) -> SettingsError:
    if is_empty:
        return SettingsError(f"{where}: data is empty.", hint=HINTS["data"])
    return SettingsError(
        f"{where}: data should be a file or folder, found the address of a database; it is not repeated here, as it "
        "may hold a password.",
        hint="Load it into a store first: klavnb load postgresql://… --schema klaviyo --out my-store.",
    )


def _check_count(name: str, count: float, where: str) -> None:
    if name == "top_n" and not 1 <= count <= MOST_ROWS:
        raise SettingsError(f"{where}: top_n should be from 1 to {MOST_ROWS}, found {count:g}.")
    if name == "min_group" and count < 1:
        raise SettingsError(f"{where}: min_group should be 1 or more, found {count:g}.")


def _check_settings(checked: Mapping[str, Value], where: str) -> None:
    """Build the settings of an attribution once, to refuse here what a kernel would refuse a minute later."""
    named = {SETTINGS[name]: value for name, value in checked.items() if name in SETTINGS and value != ""}
    try:
        Settings.from_options(**named)  # type: ignore[arg-type]  # each was read as the type of its parameter
    except SettingsError as error:
        raise SettingsError(f"{where}: {error.message}", hint=error.hint) from error


def _read_value(kind: type, value: object) -> Value | None:
    """Return the value as its type, or None where it is none; a number is no truth, though Python says so."""
    if isinstance(value, str):
        if not value.isprintable():
            return None
        try:
            value = TRUTHS.get(value.lower()) if kind is bool else kind(value)
        except ValueError:
            return None
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value  # type: ignore[return-value]  # the line above proved its type


def _check_date(name: str, text: str, where: str) -> None:
    try:
        date.fromisoformat(text if ISO_DATE.fullmatch(text) else "no date")
    except ValueError as error:
        raise SettingsError(
            f"{where}: {name} should be a date, found {text!r}.", hint="Write 2026-03-31; leave it empty for no limit."
        ) from error


def _check_text(name: str, text: str, where: str) -> None:
    """Refuse here what a kernel would refuse a minute later."""
    if name in DAYS:
        if text:
            _check_date(name, text, where)
        return
    if name == "threshold" and "," in text:
        raise SettingsError(f"{where}: threshold: expected one amount, found {text!r}.", hint="Write 1000.")
    try:
        match name:
            case "order_windows":
                read_windows(text)
            case "amounts" | "threshold":
                read_numbers(text)
            case "split":
                read_shares(text)
            case _:
                _check_zone(text)
    except SettingsError as error:
        raise SettingsError(f"{where}: {name}: {error.message.partition(': ')[2]}", hint=error.hint) from error


def _check_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(
            f"Time zone: expected the name of a time zone, found {text!r}.",
            hint="Write it as the time zone database does, such as Europe/Vienna.",
        ) from error


def show_value(name: str, value: object) -> str:
    """Show a value to a report's reader: of a path only its last part, which names no person's folder.

    Examples
    --------
    >>> show_value("data", "/home/jane/exports/2026"), show_value("end", "")
    ('2026', '(empty)')
    """
    text = Path(str(value)).name if name in HINTS else str(value)
    return mask(text) or "(empty)"
