"""How an export is loaded: what happens to what cannot be used, and on how many processes."""

from dataclasses import dataclass
from typing import Literal

from klavnb.errors import SettingsError, name_some
from klavnb.formats import FIVETRAN, FORMATS

__all__ = ["LoadOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How an export is loaded.

    Parameters
    ----------
    format
        Read every file as this format, instead of recognising each by its content.
    on_error
        `quarantine`: what cannot be used is set aside, with its reason; `stop`: the first of it ends the load.
    max_rejects
        The share of records (0 to 1) that may be set aside; above it the load ends, with the reasons counted.
        Repeated events do not count: exports of overlapping periods are full of them. None: any share.
    workers
        Processes. More than one, in a script, needs the usual `if __name__ == "__main__":` around the call.
    schema
        The schema of Fivetran's tables, where a database is read.

    Raises
    ------
    SettingsError
        When a value is none of these.
    """

    format: str | None = None
    on_error: Literal["quarantine", "stop"] = "quarantine"
    max_rejects: float | None = None
    workers: int = 1
    schema: str = FIVETRAN

    def __post_init__(self) -> None:
        """Refuse values that are none of these."""
        if self.format is not None and self.format not in FORMATS:
            raise SettingsError(
                f"format: expected one of {', '.join(FORMATS)}, found {self.format!r}.",
                hint="Leave it out: files are recognised by their content.",
            )
        if self.on_error not in ("quarantine", "stop"):
            raise SettingsError(
                f"on_error: expected {name_some(['quarantine', 'stop'])}, found {self.on_error!r}.",
                hint="quarantine sets records aside that cannot be used; stop ends the load at the first.",
            )
        if self.max_rejects is not None and not 0 <= self.max_rejects <= 1:
            raise SettingsError(
                f"max_rejects: expected a share from 0 to 1, found {self.max_rejects}.",
                hint="0.05 are five in a hundred.",
            )
        if self.workers < 1:
            raise SettingsError(f"workers: expected 1 or more, found {self.workers}.", hint="Leave it out.")
