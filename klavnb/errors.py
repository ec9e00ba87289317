"""What klavnb raises: every error says where, what was expected, what was found, and the next step."""

from collections.abc import Sequence

__all__ = ["DefinitionError", "ExportError", "KlavnbError", "ReportError", "SettingsError", "StoreError", "name_some"]

SHOWN = 5


class KlavnbError(Exception):
    """The parent of every error that klavnb raises on purpose.

    Parameters
    ----------
    message
        Where it happened, what was expected and what was found, in one or two sentences.
    hint
        The next step for the user; shown on a line of its own.

    Examples
    --------
    >>> print(KlavnbError("events.jsonl, line 3: expected an object, found a list.", hint="Export it again."))
    events.jsonl, line 3: expected an object, found a list.
    <BLANKLINE>
    Hint: Export it again.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n\nHint: {hint}")
        self.message = message
        self.hint = hint


class ExportError(KlavnbError):
    """The files given are not a Klaviyo export that klavnb can read."""


class StoreError(KlavnbError):
    """A store is missing, damaged, of another version, or could not be written."""


class SettingsError(KlavnbError):
    """A setting or a report's parameter is unknown, of the wrong type or out of range."""


class DefinitionError(KlavnbError):
    """A segment's definition is not what Klaviyo's specification, or klavnb's additions to it, allow."""


class ReportError(KlavnbError):
    """A notebook failed, or its page did not pass the checks, so no report was written."""


def name_some(names: Sequence[object]) -> str:
    """Join names for a message; a list longer than five is cut, and says so.

    Examples
    --------
    >>> name_some(["a", "b"])
    'a, b'
    >>> name_some(range(8))
    '0, 1, 2, 3, 4 and 3 more'
    """
    shown = ", ".join(str(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
