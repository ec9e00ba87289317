"""Frames → sentences. A report's headings and the words around its figures state numbers, so they are computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from klavnb.caveats import PROVISIONAL
from klavnb.channels import CHANNEL_NAMES, CHANNEL_WORDS
from klavnb.comparison import Interval, ModelComparison
from klavnb.escaping import escape_markdown
from klavnb.rendering import FACTS
from klavnb.store import Export
from klavnb.windows import describe_window
from klavnb.wording import format_count, format_days, format_money, format_share

__all__ = [
    "Facts",
    "Finding",
    "collect_facts",
    "list_caveats",
    "state_answer",
    "state_bridge",
    "state_gaps",
    "state_journeys",
    "state_messages",
    "state_period",
    "state_sweep",
    "state_weeks",
]

OLD_DATA = timedelta(days=30)
"""From this age of the last event on, a report says that its data are old."""


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
        return {
            FACTS: dict(self.values),
            "text/plain": "\n".join(f"{name}: {value}" for name, value in self.values.items()),
        }


def state_period(comparison: ModelComparison) -> Finding:
    """Say which orders and which settings the report is about."""
    settings = comparison.settings
    parts = [
        f"**What is counted:** orders from {comparison.first_on:%-d %B %Y} to {comparison.last_on:%-d %B %Y} (UTC)"
        + (f", in {escape_markdown(comparison.currency)}" if comparison.currency else "")
        + f". An order is one “{escape_markdown(settings.conversion_metric)}” event.",
        f"**Settings:** {escape_markdown(settings.describe())}",
    ]
    if comparison.other_currencies:
        left = ", ".join(f"{count:,} in {escape_markdown(name)}" for name, count in comparison.other_currencies.items())
        parts.append(f"**Left out**, since money of different currencies cannot be added: {left}.")
    return Finding("\n\n".join(parts))


def state_answer(
    summary: pl.LazyFrame, channels: pl.LazyFrame, *, difference: Interval, currency: str | None
) -> Finding:
    """Say how much the cooperative model credits that the old one did not.

    Parameters
    ----------
    summary, channels
        As `klavnb.summarise_changes` and `klavnb.count_channels` give them, in one currency.
    difference
        As `klavnb.estimate_difference` gives it.
    """
    total = summary.collect().row(0, named=True)
    profiles = channels.collect()
    several = profiles.filter(pl.col("count_channels") > 1)["count_profiles"].sum()
    money = {
        name: escape_markdown(format_money(total[name], currency))
        for name in ("baseline_value", "candidate_value", "value", "difference")
    }
    low, high = (escape_markdown(format_money(bound, currency)) for bound in (difference.low, difference.high))
    who = (
        "*Who can change?* Only customers who touched two channels or more: "
        f"{several:,} of {profiles['count_profiles'].sum():,} who ordered. For everyone else both models give the same answer."
    )
    if not total["count_gained"] + total["count_lost"] + total["count_moved"]:
        return Finding(
            f"## Both models credit the same: {money['candidate_value']}\n\n"
            f"That is {format_share(total['candidate_value'], total['value'])} of all revenue ({money['value']} from "
            f"{format_count(total['count_conversions'], 'order')}). No order is credited to another message.\n\n{who}"
        )
    return Finding(
        f"## The cooperative model credits {money['difference']} more than the old one: "
        f"{money['baseline_value']} became {money['candidate_value']}\n\n"
        f"That is **{format_share(total['difference'], total['baseline_value'])} more attributed revenue**, and "
        f"{format_share(total['difference'], total['value'])} of all revenue ({money['value']} from "
        f"{format_count(total['count_conversions'], 'order')}). It comes from "
        f"**{format_count(total['count_gained'], 'order')}** that the old model credited to no message: "
        f"attributed orders went from {total['count_baseline']:,} to {total['count_candidate']:,}. "
        f"The share of revenue that messages can claim went from {format_share(total['baseline_value'], total['value'])} "
        f"to {format_share(total['candidate_value'], total['value'])}.\n\n"
        f"*How sure?* Among customers like these the difference lies between {low} and {high} "
        f"(95 % interval, bootstrap over profiles).\n\n{who}"
    )


def state_bridge(bridge: pl.LazyFrame, *, currency: str | None) -> Finding:
    """Say which channel gained, and which channel had stood in its way."""
    steps = bridge.collect()
    gained = steps.filter(outcome="gained")
    if gained.is_empty():
        return Finding("## No channel gained\n\nThe two models credit the same orders.")
    first = gained.row(0, named=True)
    channel, last = CHANNEL_WORDS[first["channel"]], CHANNEL_WORDS[first["last_channel"]]
    moved = steps.filter(pl.col("outcome") == "moved", pl.col("difference") > 0)
    also = (
        f" In {format_count(moved.select(pl.col('count_conversions').sum()).item(), 'order')} both models credit a message, but not the same one."
        if moved.height
        else ""
    )
    return Finding(
        f"## {CHANNEL_NAMES[first['channel']]} gains most: {escape_markdown(format_money(first['difference'], currency))} where {last} came last\n\n"
        f"In {format_count(first['count_conversions'], 'order')} the customer’s last touch was by {last}, whose window had "
        f"closed before the order. The old model stopped there and credited nothing. The cooperative model also looks "
        f"at the other channels: the window of {channel} was still open.{also} Each bar is one such pair: the channel that gains, "
        f"and the channel that came last."
    )


def state_messages(messages: pl.LazyFrame, *, currency: str | None) -> Finding:
    """Say which campaign or flow message gained most."""
    changed = messages.filter(pl.col("difference") != 0).collect()
    if changed.is_empty():
        return Finding("## No campaign and no flow gains or loses")
    best = changed.sort("difference", descending=True).row(0, named=True)
    of_flows, total = (
        changed.filter(kept).select(pl.col("difference").sum()).item()
        for kept in (pl.col("message_type") == "flow", True)
    )
    name = escape_markdown(best["label"])
    return Finding(
        f"## “{name}” gains most: {escape_markdown(format_money(best['difference'], currency))}\n\n"
        f"{format_count(changed.height, 'message')} of {messages.select(pl.len()).collect().item():,} with any credit earn a "
        f"different amount. {format_share(of_flows, total)} of the difference lies in flows, the rest in "
        f"campaigns. The ring is the old model’s amount, the dot the cooperative model’s."
    )


def state_weeks(weeks: pl.LazyFrame, *, currency: str | None) -> Finding:
    """Say in which week the difference was largest, and how even it is."""
    rows = weeks.collect()
    best = rows.sort("difference", "week_on", descending=[True, False]).row(0, named=True)
    count_changed = rows.filter(pl.col("difference") != 0).height
    if not count_changed:
        return Finding("## No week changes\n\nThe two models credit the same revenue in every week.")
    return Finding(
        f"## {count_changed} of {format_count(rows.height, 'week')} change, most that of {best['week_on']:%-d %B %Y}\n\n"
        f"In that week the cooperative model adds {escape_markdown(format_money(best['difference'], currency))} to "
        f"{escape_markdown(format_money(best['baseline_value'], currency))}. The first and the last week may be cut short by the period."
    )


def state_gaps(gaps: pl.LazyFrame) -> Finding:
    """Say how long before their orders customers touched a message, by channel."""
    rows = (
        gaps.group_by("channel")
        .agg(median=pl.col("lag").median(), is_open=pl.col("is_open").mean(), size=pl.len())
        .sort("size", descending=True)
        .collect()
    )
    if rows.is_empty():
        return Finding("## No order follows a touch within ten days")
    told = "; ".join(
        f"**{CHANNEL_NAMES[row['channel']]}**: half of the last touches lie within {format_days(row['median'])} of the order, and "
        f"{100 * row['is_open']:.0f} % are still open then"
        for row in rows.to_dicts()
    )
    first = rows.row(0, named=True)
    return Finding(
        f"## Where {CHANNEL_WORDS[first['channel']]} was touched before an order, the order mostly came within {format_days(first['median'])}\n\n"
        f"{told}. What lies right of a dashed line was past that window; orders after a touch of ten days ago or older are not "
        f"looked at here."
    )


def state_sweep(extra: pl.LazyFrame, *, comparison: ModelComparison) -> Finding:
    """Say what one more day of the e-mail window would be worth.

    Parameters
    ----------
    extra
        As `klavnb.value_extra_days` gives it.
    """
    windows = comparison.settings.windows
    email = max((windows[name] for name in ("email.open", "email.click") if name in windows), default=None)
    after = extra.filter(pl.col("channel") == "email", pl.col("window") > email).collect()
    if email is None or after.is_empty():
        return Finding("## How much hangs on the windows")
    step = after.row(0, named=True)
    gain = escape_markdown(format_money(step["cooperative_gain"], comparison.currency))
    old_gain = escape_markdown(format_money(step["old_gain"], comparison.currency))
    return Finding(
        f"## An e-mail window of {describe_window(step['window'])} instead of {describe_window(email)} would claim {gain} more\n\n"
        f"Under the old model it would claim {old_gain} more. A wider window never loses an order, so more is not better: it "
        f"only claims more orders that might have come anyway. The framed field is the setting of this report."
    )


def state_journeys(journeys: pl.LazyFrame) -> Finding:
    """Introduce single recovered orders; say so where there is none."""
    count = journeys.select(pl.col("customer").n_unique()).collect().item()
    if not count:
        return Finding("## No order was recovered\n\nThere is no journey to show: both models credit the same orders.")
    return Finding(
        f"## {format_count(count, 'recovered order')}, seen from the customer’s side\n\n"
        "Each lane is a channel; a point is a touch, its bar the time in which it can earn an order, the line at 0 the order. "
        "Where the bar of the last touch ends before the line, the old model gave up; the ringed touch is the one "
        "that the cooperative model credits. Customers go by a letter."
    )


def list_caveats(caveats: pl.LazyFrame, *, comparison: ModelComparison) -> Finding:
    """Say what could mislead a reader, most of it counted in the data.

    Parameters
    ----------
    caveats
        As `klavnb.find_caveats` gives it.
    """
    rows = {row["caveat"]: row for row in caveats.collect().to_dicts()}

    def part(name: str) -> str:
        return f"{rows[name]['count']:,} ({format_share(rows[name]['count'], rows[name]['of_count'])})"

    def money(name: str) -> str:
        return escape_markdown(format_money(rows[name]["value"] or 0, comparison.currency))

    texts = {
        "provisional": f"**Provisional:** {part('provisional')} of the orders, worth {money('provisional')}, are younger than "
        f"{PROVISIONAL.days} days at the export’s last event. Klaviyo revises attribution for so long, as late touches arrive.",
        "no_receipt": f"**No receipt:** for {part('no_receipt')} of the touches the export holds no time of receipt; their window "
        "runs from the touch, which is more generous.",
        "machine_opens": f"**Machine opens:** {part('machine_opens')} of the opens are known to be made by a machine, such as Apple "
        "Mail Privacy Protection, not by a person. The table below says what leaving them out would do.",
        "bot_clicks": f"**Bot clicks:** {part('bot_clicks')} of the clicks are known to be made by a bot.",
        "messageless": f"**No message:** {part('messageless')} of the interactions name no message and can earn nothing.",
        "ties": f"**Ties:** in {part('ties')} of the orders with an open touch, worth {money('ties')}, two messages were touched in the "
        "same second. Klaviyo does not say which it takes; here a click comes after an open, then the event’s id decides.",
        "refunds": f"**Gross:** {format_count(rows['refunds']['count'], 'refund or cancel', 'refunds and cancels')} of the period, worth "
        f"{money('refunds')}, are not subtracted, as Klaviyo does not either.",
        "no_value": f"**No value:** {part('no_value')} of the orders have no value, or one of 0.",
        "other_currency": f"**Other currencies:** {part('other_currency')} of the orders are left out.",
    }
    shown = [f"- {text}" for name, text in texts.items() if rows[name]["count"]]
    always = [
        "- **Attribution is not cause:** a credited order followed a touch; it might have come without it.",
        "- **Not Klaviyo’s own figures:** everything is computed from the exported events by Klaviyo’s published rules. "
        "What Klaviyo leaves undocumented (ties, which receipt belongs to a touch) is chosen as the documentation of "
        "klavnb says.",
        "- **Dates:** orders count on the day of the order, UTC. Klaviyo’s message reports count on the day of sending, in the "
        "account’s time zone, so their weeks differ.",
    ]
    return Finding("## Before you rely on this\n\n" + "\n".join([*shown, *always]))


def collect_facts(
    summary: pl.LazyFrame, caveats: pl.LazyFrame, *, export: Export, comparison: ModelComparison
) -> Facts:
    """Collect what the index and the banner of a report say of it."""
    total = summary.collect().row(0, named=True)
    provisional = caveats.filter(pl.col("caveat") == "provisional").collect()["count"].item()
    age = datetime.now(UTC) - comparison.as_of
    notices = [
        f"{format_count(provisional, 'order')} of the last {PROVISIONAL.days} days may still be revised."
        if provisional
        else "",
        f"The data end on {comparison.as_of:%-d %B %Y}, {age.days} days before this report was made."
        if age > OLD_DATA
        else "",
        f"{sum(export.summary.rejected.values()):,} rows of the export could not be used."
        if export.summary.rejected
        else "",
    ]
    return Facts(
        {
            "headline": f"{format_money(total['difference'], comparison.currency)} more under the cooperative model "
            f"({format_share(total['difference'], total['baseline_value'])} of what the old one credited)",
            "data_as_of": f"{comparison.as_of:%Y-%m-%d}",
            "status": "provisional" if provisional else "final",
            "banner": " ".join(notice for notice in notices if notice) or None,
        }
    )
