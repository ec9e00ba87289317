"""Models that learn from data: what each channel earns, by Markov removal effects and by Shapley values."""

from collections.abc import Mapping
from itertools import combinations
from math import factorial
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from klavnb.channels import CHANNELS

__all__ = ["LEAST_CONVERSIONS", "learn_channels"]

LEAST_CONVERSIONS: Final = 100
"""With fewer orders a channel's share would swing by more than ten points of a hundred (one over the root of their
number), so that a report withholds it."""

DRAWS_AT_ONCE = 10_000_000
"""Numbers that the bootstrap holds at a time: 80 MB."""

Numbers = NDArray[np.float64]

SCHEMA: Mapping[str, pl.DataType] = {
    "model": pl.String(),
    "channel": pl.Enum(CHANNELS),
    "share": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}


def learn_channels(paths: pl.LazyFrame, *, resamples: int = 500, seed: int = 1) -> pl.LazyFrame:
    """Share the attributed revenue among the channels by what the customers' ways teach, with how sure that is.

    One row per model (`markov`, `shapley`) and channel that is on a way, in their usual order: `share` of the
    attributed revenue, `low` and `high` (the interval of 95 %), the same in money as `value`, `low_value`,
    `high_value`; `count_conversions` and `count_ways` of all, by which to judge it. The values of a model add up to the
    revenue of the orders that have a way, which is what the cooperative model attributes. Null where a share is not
    defined: without an order, or (`shapley`) where all orders are worth nothing.

    Parameters
    ----------
    paths
        As `klavnb.find_paths` gives it.
    resamples, seed
        Of the bootstrap over profiles.

    Notes
    -----
    `markov`: a chain of first order over the channels, from a start to an order or to none, with the frequencies of the
    ways. A channel's removal effect is the part of the chance of an order that is lost when every step to it leads to
    none instead; the shares are the effects over their sum. Source: Anderl, Becker, von Wangenheim and Schumann,
    "Mapping the customer journey: Lessons learned from graph-based online attribution modeling", International Journal
    of Research in Marketing 33 (2016).

    `shapley`: the worth of a group of channels is the revenue of the orders whose way has no other channel; a channel
    gets what it adds to a group, averaged over all orders in which the channels could join. Only ways with an order
    count. With this worth each order ends up in equal parts at the channels of its way. Source: Shapley, "A value for
    n-person games" (1953); Zhao, Mahboobi and Bagheri, "Shapley value methods for attribution modeling in online
    advertising" (2018), arXiv:1804.05327.

    The interval is that of a Poisson bootstrap over profiles, percentiles 2.5 and 97.5. Profiles whose ways are the
    same are drawn together, as a sum of Poisson numbers is one: Chamandy et al., "Estimating uncertainty for massive
    data streams" (2012).

    Examples
    --------
    Three orders of 60 by e-mail, one by e-mail and then SMS, and two ways to nothing, one by each:

    >>> paths = pl.LazyFrame(
    ...     {
    ...         "profile_id": ["a", "b", "c", "d", "e", "f"],
    ...         "path": [["email"], ["email"], ["email"], ["email", "sms"], ["email"], ["sms"]],
    ...         "is_converted": [True, True, True, True, False, False],
    ...         "value": [60.0, 60.0, 60.0, 60.0, 0.0, 0.0],
    ...     }
    ... )
    >>> learn_channels(paths).filter(pl.col("model") == "shapley").select("channel", "value").collect().rows()
    [('email', 210.0), ('sms', 30.0)]
    """
    found = paths.collect()
    total = found.filter("is_converted")["value"].sum()
    met = set(found["path"].explode(empty_as_null=True).drop_nulls().to_list())
    channels = [channel for channel in CHANNELS if channel in met]
    rows = _learn(found, channels, resamples=resamples, seed=seed) if channels else []
    return pl.LazyFrame(rows, schema=SCHEMA).with_columns(
        pl.col("share", "low", "high").fill_nan(None),
        value=pl.col("share").fill_nan(None) * total,
        low_value=pl.col("low").fill_nan(None) * total,
        high_value=pl.col("high").fill_nan(None) * total,
        count_conversions=pl.lit(found["is_converted"].sum(), dtype=pl.Int64),
        count_ways=pl.lit(found.height, dtype=pl.Int64),
    )


def _learn(found: pl.DataFrame, channels: list[str], *, resamples: int, seed: int) -> list[dict[str, object]]:
    """The share of each channel by each model, with its interval; not a number where it is not defined."""
    sizes, steps, revenue = _count(found, channels)
    estimates = _share(sizes[np.newaxis], steps, revenue)
    generator = np.random.default_rng(seed)
    at_once = max(1, DRAWS_AT_ONCE // len(sizes))
    sums = [min(at_once, resamples - first) for first in range(0, resamples, at_once)]
    batches = [
        _share(generator.poisson(sizes, size=(count, len(sizes))).astype(np.float64), steps, revenue) for count in sums
    ]
    rows: list[dict[str, object]] = []
    for model in ("markov", "shapley"):
        draws = np.concatenate([batch[model] for batch in batches])
        known = draws[~np.isnan(draws).any(axis=1)]
        low, high = np.percentile(known, [2.5, 97.5], axis=0) if len(known) else np.full((2, len(channels)), np.nan)
        rows += [
            {"model": model, "channel": channel, "share": share, "low": low[place], "high": high[place]}
            for place, (channel, share) in enumerate(zip(channels, estimates[model][0], strict=True))
        ]
    return rows


def _count(paths: pl.DataFrame, channels: list[str]) -> tuple[Numbers, Numbers, Numbers]:
    """Count what the models need of each group of profiles with the same ways.

    Returns the number of profiles of each group; its steps from a state to the next, start and channels in rows,
    channels, order and none in columns; its revenue by set of channels, numbered by bits.
    """
    place = pl.col("path").list.eval(
        pl.element()
        .cast(pl.String)
        .replace_strict({channel: place for place, channel in enumerate(channels)}, return_dtype=pl.Int64)
    )
    ways = paths.select("profile_id", "value", "is_converted", place=place).with_columns(
        way=pl.format("{} {} {}", pl.col("place").cast(pl.List(pl.String)).list.join(","), "is_converted", "value")
    )
    groups = (
        ways.group_by("profile_id")
        .agg(pl.col("way").sort().str.join("|"))
        .group_by("way")
        .agg(pl.col("profile_id").min(), size=pl.len())
        .sort("way")
        .with_row_index("group")
    )
    known = ways.join(groups.select("profile_id", "group"), on="profile_id")
    end = pl.when("is_converted").then(len(channels)).otherwise(len(channels) + 1).cast(pl.Int64)
    steps = np.zeros((groups.height, len(channels) + 1, len(channels) + 2))
    moves = known.select(
        "group",
        since=pl.concat_list(pl.lit(0, dtype=pl.Int64), pl.col("place").list.eval(pl.element() + 1)),
        to=pl.concat_list("place", end),
    ).explode("since", "to")
    np.add.at(steps, tuple(moves[name].to_numpy() for name in ("group", "since", "to")), 1)
    revenue = np.zeros((groups.height, 2 ** len(channels)))
    earned = known.filter("is_converted").select(
        "group",
        "value",
        bits=pl.col("place").list.unique().list.eval(pl.lit(2, dtype=pl.Int64).pow(pl.element())).list.sum(),
    )
    np.add.at(revenue, (earned["group"].to_numpy(), earned["bits"].to_numpy()), earned["value"].to_numpy())
    return groups["size"].to_numpy().astype(float), steps, revenue


def _share(weights: Numbers, steps: Numbers, revenue: Numbers) -> dict[str, Numbers]:
    """Share by both models for each row of weights of the groups; one column per channel."""
    counts = (weights @ steps.reshape(len(steps), -1)).reshape(-1, *steps.shape[1:])
    return {"markov": _normalise(_remove_channels(counts)), "shapley": _normalise(_value_channels(weights @ revenue))}


def _normalise(effects: Numbers) -> Numbers:
    whole = effects.sum(axis=1, keepdims=True)
    shares: Numbers = np.divide(effects, whole, out=np.full_like(effects, np.nan), where=whole > 0)
    return shares


def _remove_channels(counts: Numbers) -> Numbers:
    """The chance of an order that each channel's removal costs."""
    leaving = counts.sum(axis=2, keepdims=True)
    chances = np.divide(counts, leaving, out=np.zeros_like(counts), where=leaving > 0)
    channels = counts.shape[2] - 2
    complete = _find_chance(chances, without=None)
    return np.stack([complete - _find_chance(chances, without=channel) for channel in range(channels)], axis=1)


def _find_chance(chances: Numbers, *, without: int | None) -> Numbers:
    """The chance to come from the start to an order; what leads to a removed channel leads to none."""
    channels = chances.shape[2] - 2
    within = np.zeros((len(chances), channels + 1, channels + 1))
    within[:, :, 1:] = chances[:, :, :channels]
    if without is not None:
        within[:, :, without + 1] = 0
    ordered = np.linalg.solve(np.eye(channels + 1) - within, chances[:, :, channels, np.newaxis])
    return np.asarray(ordered[:, 0, 0], dtype=np.float64)


def _value_channels(revenue: Numbers) -> Numbers:
    """The Shapley value of each channel, from the revenue by set of channels."""
    groups = range(revenue.shape[1])
    worth: Numbers = revenue @ np.array([[part & group == part for group in groups] for part in groups], dtype=float)
    channels = revenue.shape[1].bit_length() - 1
    values: Numbers = np.zeros((len(revenue), channels))
    for channel in range(channels):
        others = [1 << other for other in range(channels) if other != channel]
        for size in range(channels):
            weight = factorial(size) * factorial(channels - size - 1) / factorial(channels)
            for group in map(sum, combinations(others, size)):
                values[:, channel] += weight * (worth[:, group | 1 << channel] - worth[:, group])
    return values
