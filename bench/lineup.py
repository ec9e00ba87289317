"""Who runs in the bench of attribution, on what, and under which anchor."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

Source = Literal["store", "unsorted"]
ANCHORS: Final = ("received", "touched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One process of the bench, and what is known of it.

    Parameters
    ----------
    name
        As in `rivals.CONTESTANTS`.
    title
        What it does, in the table.
    models
        Which models its answer holds; none: it answers nothing.
    """

    name: str
    title: str
    source: Source
    anchor: str
    models: tuple[str, ...] = ("old", "cooperative")

    @property
    def key(self) -> str:
        """Its name among all."""
        return f"{self.name} {self.source} {self.anchor}"


def list_contestants() -> Iterator[Contestant]:
    """List who is measured, in the order of a round."""
    for source in ("store", "unsorted"):
        yield Contestant(name="read-bound", title="reading alone", source=source, anchor="received", models=())
        yield Contestant(name="klavnb", title="**klavnb**", source=source, anchor="received")
        yield Contestant(name="duckdb-window", title="DuckDB, window function", source=source, anchor="received")
        yield Contestant(name="duckdb-pairs", title="DuckDB, pairs within spans", source=source, anchor="received")
    yield Contestant(name="duckdb-asof", title="DuckDB, ASOF joins", source="store", anchor="received")
    yield Contestant(name="pandas", title="pandas, merge_asof by codes", source="store", anchor="received")
    yield Contestant(name="klavnb", title="**klavnb**", source="store", anchor="touched")
    yield follow_sessions("cooperative")


def follow_sessions(model: str) -> Contestant:
    """Sessions know one anchor and give one model at a time."""
    title = f"session SQL on DuckDB, {model} alone"
    return Contestant(name=f"session-{model}", title=title, source="store", anchor="touched", models=(model,))


def list_checked() -> Iterator[Contestant]:
    """List whose answers are compared, row by row, before anything is timed: all, on both sources, under both anchors.

    Some are not measured, for the time that takes.
    """
    both = {each.name: each for each in list_contestants() if len(each.models) > 1}
    for each in both.values():
        for source in ("store", "unsorted"):
            for anchor in ANCHORS:
                yield replace(each, source=source, anchor=anchor)
    yield from map(follow_sessions, ("old", "cooperative"))


def is_alone(contestant: Contestant) -> bool:
    """Whether it runs where only klavnb and the bare reading do."""
    return contestant.name in {"klavnb", "read-bound"} and contestant.source == "store"
