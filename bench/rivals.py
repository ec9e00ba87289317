"""Who attributes the bench's events: `rivals.py NAME SOURCE ANCHOR OUT`, each a process of its own.

Every contestant reads Parquet, credits each conversion by the old and by the cooperative model under the windows of
2022, and writes Parquet with at least the columns of `ANSWER`, one row per model and conversion. The source is a store
or a folder of Parquet. The anchor is received or touched.

Under the anchor received a later touch may close before an earlier one, so that the latest touch of a channel says too
little: where it is closed, though it is younger than the window, an older one may be open. The rivals that look up the
latest touch look there once more, over pairs of touch and conversion, which are few; the session SQL cannot, so it runs
under the anchor touched alone, as the package does whose manner it has.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from queries import CONVERSION, LONGEST, METRICS, QUERIES, TOUCHES, WINDOWS, write_query

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Anchor = Literal["received", "touched"]
ANSWER: Final = ("model", "conversion_id", "value", "touch_id", "message_id")
MODELS: Final = ("old", "cooperative")
READ: Final = ("event_id", "profile_id", "metric", "occurred_at", "value", "message_id", "receipt_at")
"""The columns without which nobody can attribute."""


def list_files(source: Path) -> list[Path]:
    """List the files of events of a store, or of a folder."""
    return sorted(source.glob("data-*/events/*.parquet")) or sorted(source.glob("*.parquet"))


def credit_with_klavnb(source: Path, anchor: Anchor, out: Path) -> None:
    """Credit by both models, from a store or from Parquet in any order: all of klavnb's side is here."""
    import klavnb as kn  # noqa: PLC0415 - each contestant loads what it needs

    events, settings = scan_events(source), kn.Settings(anchor=anchor)
    if list(source.glob("data-*")):  # in the order of time: some touches at a time
        credited = kn.scan_credits(events, models=MODELS, settings=settings)
    else:
        found = kn.find_touches(events, settings=settings), kn.find_conversions(events, settings=settings)
        credited = kn.attribute_models(*found, models=MODELS, settings=settings)
    credited.select(ANSWER).sink_parquet(out, compression="zstd")


def scan_events(source: Path) -> "pl.LazyFrame":
    """Scan events as klavnb takes them; what a folder does not say is null."""
    import polars as pl  # noqa: PLC0415 - each contestant loads what it needs

    import klavnb as kn  # noqa: PLC0415 - each contestant loads what it needs

    if list(source.glob("data-*")):
        return kn.read_export(source).events
    events = pl.scan_parquet(list_files(source), glob=False)
    there = events.collect_schema().names()
    types = kn.Event.create_empty().schema
    return events.with_columns(pl.lit(None, types[name]).alias(name) for name in types.names() if name not in there)


def read_only(source: Path, _anchor: Anchor, out: Path) -> None:
    """Read what everybody must: the columns, of touches and conversions."""
    import polars as pl  # noqa: PLC0415 - each contestant loads what it needs

    events = pl.scan_parquet(list_files(source), glob=False).filter(pl.col("metric").is_in(METRICS))
    counts: list[int] = []
    events.select(READ).sink_batches(lambda rows: counts.append(rows.height))
    pl.DataFrame({"rows": sum(counts)}).write_parquet(out)


def run_duckdb(name: str, source: Path, anchor: Anchor, out: Path) -> None:
    """Ask DuckDB, in one of the ways of `queries.py`."""
    import duckdb  # noqa: PLC0415 - each contestant loads what it needs

    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(write_query(name, files=list_files(source), anchor=anchor, out=out))


def merge_asof(source: Path, anchor: Anchor, out: Path) -> None:
    """Run pandas, a merge_asof for each channel, by codes of the profiles."""
    import pandas as pd  # noqa: PLC0415 - each contestant loads what it needs

    events = pd.concat(
        [pd.read_parquet(path, columns=list(READ), filters=[("metric", "in", METRICS)]) for path in list_files(source)],
        ignore_index=True,
    )
    events["profile"] = pd.factorize(events["profile_id"])[0]
    events = events.drop(columns="profile_id")
    is_order = events["metric"] == CONVERSION
    conversions = events.loc[is_order, ["event_id", "profile", "occurred_at", "value"]].sort_values("occurred_at")
    conversions = conversions.rename(columns={"event_id": "conversion_id"}).reset_index(drop=True)
    conversions["conversion"] = conversions.index
    may_earn = ~is_order & events["profile"].isin(conversions["profile"])
    touches = events.loc[may_earn].rename(columns={"occurred_at": "at", "event_id": "touch_id"})
    metric = touches["metric"]
    touches["channel"] = metric.map({name: channel for name, (channel, _, _) in TOUCHES.items()})
    touches["rank"] = metric.map({name: rank for name, (_, rank, _) in TOUCHES.items()}).astype("int8")
    touches["window"] = pd.to_timedelta(metric.map({name: days for name, (_, _, days) in TOUCHES.items()}), unit="D")
    touches = touches.sort_values(["at", "rank", "touch_id"]).reset_index(drop=True)
    touches["touch"] = touches.index  # their order: the greatest is the latest
    begins = touches["at"]
    if anchor == "received":
        earlier = touches["receipt_at"].fillna(touches["at"]).clip(upper=touches["at"])
        begins = earlier.where(touches["channel"] != "push", touches["at"])
    touches["closes_at"] = begins + touches["window"]
    latest = pd.DataFrame(index=conversions.index)
    still_open = pd.DataFrame(index=conversions.index)
    narrow = touches[["profile", "at", "closes_at", "touch", "channel"]]
    for channel, days in WINDOWS.items():
        of_channel = narrow[narrow["channel"] == channel].drop(columns="channel")
        found = pd.merge_asof(conversions, of_channel, left_on="occurred_at", right_on="at", by="profile")
        is_open = found["closes_at"] >= found["occurred_at"]
        latest[channel] = found["touch"]
        still_open[channel] = found["touch"].where(is_open)
        young = ~is_open & (found["at"] >= found["occurred_at"] - pd.Timedelta(days=days))
        if young.any():
            missed = look_again(conversions[young], of_channel)
            still_open.loc[missed.index, channel] = missed
    last = latest.fillna(-1).idxmax(axis=1)
    cooperative = still_open.max(axis=1)
    old = pd.Series(index=conversions.index, dtype="float64")
    for channel in WINDOWS:
        old = old.where(last != channel, still_open[channel])
    answers = []
    for model, winner in (("old", old), ("cooperative", cooperative)):
        of_touch = touches[["touch_id", "message_id"]].reindex(winner).reset_index(drop=True)
        answers.append(conversions[["conversion_id", "value"]].join(of_touch).assign(model=model))
    pd.concat(answers).to_parquet(out, compression="zstd", index=False)


def look_again(conversions: "pd.DataFrame", touches: "pd.DataFrame") -> "pd.Series":
    """Find the latest touch that is open at each conversion, over pairs within a span of time."""
    import pandas as pd  # noqa: PLC0415 - each contestant loads what it needs

    span = pd.Timedelta(days=LONGEST)
    origin = touches["at"].min()
    of_touch = touches.assign(span=(touches["at"] - origin) // span)
    place = (conversions["occurred_at"] - origin) // span
    narrow = conversions[["conversion", "profile", "occurred_at"]]
    pairs = pd.concat(narrow.assign(span=place - back).merge(of_touch, on=["profile", "span"]) for back in (0, 1))
    pairs = pairs[(pairs["at"] <= pairs["occurred_at"]) & (pairs["closes_at"] >= pairs["occurred_at"])]
    return pairs.groupby("conversion")["touch"].max()


CONTESTANTS: Final[Mapping[str, Callable[[Path, Anchor, Path], None]]] = {
    "klavnb": credit_with_klavnb,
    "read-bound": read_only,
    "pandas": merge_asof,
    **{name: partial(run_duckdb, name) for name in QUERIES},
}

if __name__ == "__main__":
    CONTESTANTS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
