"""A value of a JSON document and where it stands: every way to take it either succeeds or says what is wrong there."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from math import isfinite
from typing import NoReturn, TypeVar

from klavnb.errors import SHOWN, DefinitionError, name_some

__all__ = ["SeveralDefinitionsError", "Spot"]

Taken = TypeVar("Taken")

MISSING = object()
LONGEST_SHOWN = 60
LEAST_LIKENESS = 0.7  # below it, what is suggested is seldom what was meant


class SeveralDefinitionsError(DefinitionError):
    """More than one mistake was found: the first five are told, and how many follow."""

    def __init__(self, errors: Sequence[DefinitionError]) -> None:
        lines = [error.message for error in errors[:SHOWN]]
        if len(errors) > SHOWN:
            lines.append(f"{len(errors) - SHOWN} more like these.")
        super().__init__("\n".join(lines), hint=next((error.hint for error in errors if error.hint), None))
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class Spot:
    """A value, and the words for where it stands.

    Parameters
    ----------
    value
        As the document has it, not checked yet.
    where
        File, segment, group and condition, in words.
    field
        The way from there to the value, with dots; empty for the thing itself.

    Examples
    --------
    >>> Spot(-1, 'segment "Lapsed", group 2, condition 1', "timeframe_filter.quantity").whole(0, 100)
    Traceback (most recent call last):
    klavnb.errors.DefinitionError: segment "Lapsed", group 2, condition 1, timeframe_filter.quantity: expected
    a whole number from 0 to 100, found -1.
    """

    value: object
    where: str
    field: str = ""

    def refuse(self, expected: str, *, hint: str | None = None) -> NoReturn:
        """Say what was expected here, and what was found."""
        message = f"expected {expected}, found {_show(self.value)}."
        raise DefinitionError(f"{self._place}: {message}", hint=hint)

    def reject(self, sentence: str, *, hint: str) -> NoReturn:
        """Say in a sentence of its own why this cannot be used."""
        raise DefinitionError(f"{self._place}: {sentence}", hint=hint)

    def get(self, name: str) -> "Spot":
        """Step to a field of an object, which may be missing."""
        if not isinstance(self.value, Mapping):
            self.refuse("an object")
        return Spot(self.value.get(name, MISSING), self.where, f"{self.field}.{name}" if self.field else name)

    def has(self, name: str) -> bool:
        """Tell whether this is an object with a field that is not null."""
        return isinstance(self.value, Mapping) and self.value.get(name) is not None

    def expect(self, *required: str, optional: Collection[str] = ()) -> None:
        """Check that an object has these fields and no others; a null says as little as an absent field."""
        if not isinstance(self.value, Mapping):
            self.refuse("an object")
        known = (*required, *optional)
        for name, value in self.value.items():
            if name not in known and value is not None:
                close = get_close_matches(str(name), known, n=1, cutoff=LEAST_LIKENESS)
                raise DefinitionError(
                    f"{self._place}: there is no field {_show(name)} here.",
                    hint=(f"Did you mean {close[0]}? " if close else "") + f"The fields are {', '.join(known)}.",
                )
        for name in required:
            if name not in self.value:
                self.get(name).refuse("this field")

    def choose(self, options: Collection[str], *, hint: str | None = None) -> str:
        """Take one of some words; the hint, unless there is a better one, names the closest."""
        if isinstance(self.value, str) and self.value in options:
            return self.value
        close = get_close_matches(self.value, options, 1, LEAST_LIKENESS) if isinstance(self.value, str) else []
        nearest_first = [*close, *(name for name in options if name not in close)]
        if hint is None:
            all_of_them = f"There is {', '.join(options)}." if len(options) > SHOWN else ""
            hint = " ".join(filter(None, [f"Did you mean {close[0]}?" if close else "", all_of_them])) or None
        return self.refuse(f"{'one of ' if len(options) > 1 else ''}{name_some(nearest_first)}", hint=hint)

    def text(self) -> str:
        """Take a text that says something."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.refuse("a text")
        return self.value

    def flag(self) -> bool:
        """Take true or false."""
        if not isinstance(self.value, bool):
            self.refuse("true or false")
        return self.value

    def number(self) -> float:
        """Take a finite number; true is none."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse("a number")
        try:
            number = float(self.value)
        except OverflowError:
            self.refuse("a number below 1e308")
        if not isfinite(number):
            self.refuse("a finite number")
        return number

    def whole(self, least: int, most: int) -> int:
        """Take a whole number between two, both included."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= most:
            self.refuse(f"a whole number from {least} to {most}")
        return self.value

    def day(self) -> date:
        """Take a date, or the day in UTC of a time; a time that names no zone is UTC."""
        try:
            time = datetime.fromisoformat(self.text())
            return time.astimezone(UTC).date() if time.tzinfo else time.date()
        except (ValueError, OverflowError):
            self.refuse("a date such as 2026-01-31, or a time such as 2026-01-31T00:00:00+00:00")

    def each(self, noun: str, take: Callable[["Spot"], Taken], *, least: int = 1) -> tuple[Taken, ...]:
        """Take every element of a list; all of them are looked at before what is wrong is told."""
        if not isinstance(self.value, list | tuple) or len(self.value) < least:
            self.refuse(f"a list with at least one {noun}" if least else "a list")
        # of plain values the field is told too: "filter.value 2" beside "condition 2"
        named = self.field if self.field.endswith(f".{noun}") else noun
        taken: list[Taken] = []
        errors: list[DefinitionError] = []
        for number, value in enumerate(self.value, start=1):
            try:
                taken.append(take(Spot(value, f"{self.where}, {named} {number}")))
            except DefinitionError as error:
                errors.extend(error.errors if isinstance(error, SeveralDefinitionsError) else [error])
        if errors:
            raise errors[0] if len(errors) == 1 else SeveralDefinitionsError(errors)
        return tuple(taken)

    @property
    def _place(self) -> str:
        return f"{self.where}, {self.field}" if self.field else self.where


def _show(value: object) -> str:
    """A value as a message shows it, cut where it is long."""
    if value is MISSING:
        return "nothing"
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Mapping():
            return "an object" if value else "an empty object"
        case list() | tuple():
            return "a list" if value else "an empty list"
    shown = repr(value)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
