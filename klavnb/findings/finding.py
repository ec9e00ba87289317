"""What a finding is: sentences in Markdown; and facts, which the index reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from klavnb.escaping import escape_markdown
from klavnb.rendering import FACTS
from klavnb.wording import format_money

__all__ = ["Facts", "Finding", "say_money"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence or more in Markdown; what came from the data in it is escaped."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Facts:
    """What the index says of a report: `headline`, `data_as_of`, `status` and perhaps a `banner`."""

    values: Mapping[str, Any]

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        plain = "\n".join(f"{name}: {value}" for name, value in self.values.items())
        return {FACTS: dict(self.values), "text/plain": plain}


def say_money(value: float, currency: str | None) -> str:
    """Write money for Markdown: a currency's code is data too."""
    return escape_markdown(format_money(value, currency))
