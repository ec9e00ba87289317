"""Large orders, items, what the recipe misses of them, and the audience that would leave."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from klavnb.audiences import AudienceManifest
from klavnb.escaping import escape_markdown
from klavnb.findings.finding import Finding, say_money
from klavnb.labels import tidy_names
from klavnb.privacy import mask
from klavnb.wording import (
    LEFT_OUT_REASONS,
    RECIPE_REASONS,
    format_count,
    format_share,
    name_window,
    say_number,
    say_people,
)
from klavnb.workaround import Workaround

__all__ = ["state_audience", "state_item_buyers", "state_recipe", "state_recipe_reasons", "state_spending"]

CONSENTS: Mapping[str, str] = {"email": "e-mail", "sms": "SMS", "any": "e-mail or SMS"}


def state_spending(
    spending: pl.LazyFrame,
    *,
    threshold: float,
    days: int | None,
    currency: str | None,
    least: int,
    first_event_at: datetime | None = None,
    segments: pl.LazyFrame | None = None,
) -> Finding:
    """Say how many reach the threshold only with several orders.

    Parameters
    ----------
    spending
        As `klavnb.compare_spending` gives it; `threshold` and `days` are among its rows.
    first_event_at
        Where the export begins: ever means since then.
    segments
        As `klavnb.describe_segments` gives it: those that ask for an amount of one order are named with it.
    """
    row = (
        spending.filter(
            pl.col("threshold") == threshold, pl.col("window_days").eq_missing(pl.lit(days, dtype=pl.Int64))
        )
        .collect()
        .row(0, named=True)
    )
    amount = f"{_say_amount(threshold, currency)} or more"
    begins = f"since {first_event_at:%-d %B %Y}" if first_event_at else "in all"
    window = begins if days is None else f"in the {name_window(days)}"
    in_time = f"{window}, where the export begins" if days is None and first_event_at else window
    total, single, several = row["count_total"], row["count_single"], row["count_total"] - row["count_both"]
    spenders = f"the {total:,} customers who spent {amount} {window}"
    if not total:
        heading = f"Nobody spent {amount} {window}, in one order or in several"
    elif total < least:
        heading = f"{_start(say_people(total, least=least))} spent {amount} {window}, in one order or in several"
    elif several >= least:
        heading = f"{several:,} of {spenders} did so only with several orders"
    else:
        heading = f"{_start(say_number(several, least=least))} of {spenders} needed several orders for it"
    parts = [
        "A segment in Klaviyo can ask for the *sum* of all orders, not for one order: ten orders of "
        f"{_say_amount(threshold / 10, None)} come to {_say_amount(threshold, None)} just as one order of "
        f"{_say_amount(threshold, None)} does. Here a large order is one of {amount}, {window}. A segment may ask for another amount and "
        f"other days{_list_amounts(segments)}."
    ]
    if total >= least:
        spent_at_once = f", who spent {say_money(row['value_single'], currency)}" if single >= least else ""
        parts.append(
            f"By total spent the segment has {total:,} customers, who spent {say_money(row['value_total'], currency)} {in_time}; "
            f"by one order it has {say_people(single, least=least)}{spent_at_once}."
        )
    if several >= least:
        share = format_share(several, total)
        parts.append(f"So {share} of a segment by total spent are other customers than those with one large order.")
    return Finding(f"## {heading}\n\n{' '.join(parts)}")


def _list_amounts(segments: pl.LazyFrame | None) -> str:
    """Name the segments that ask for the amount of one order, with what they ask."""
    if segments is None:
        return ""
    asks = segments.filter(pl.col("sentence").str.contains("where $value is", literal=True)).head(3)
    told = [
        f"“{escape_markdown(row['segment'])}” asks: {escape_markdown(mask(row['sentence'].removesuffix('.')))}"
        for row in asks.with_columns(tidy_names(pl.col("segment"))).collect().to_dicts()
    ]
    return f"; {'; '.join(told)}" if told else ""


def _say_amount(amount: float, currency: str | None) -> str:
    """Write an amount that somebody chose as it is, cents included."""
    return escape_markdown(f"{currency or ''} {amount:,.12g}".strip())


def _start(words: str) -> str:
    """Begin a sentence with words; `str.capitalize` would make the others small."""
    return f"{words[0].upper()}{words[1:]}"


def state_item_buyers(buyers: pl.LazyFrame, *, item_property: str, least: int) -> Finding:
    """Say which item value has the most customers in the first window.

    Parameters
    ----------
    buyers
        As `klavnb.count_item_buyers` gives it.
    """
    rows = buyers.with_columns(tidy_names(pl.col("item_value"))).collect()
    name = escape_markdown(mask(item_property))
    if rows.is_empty():
        return Finding(f"## No order of the export has an item with {name}")
    days = rows["window_days"][0]
    first = rows.filter(pl.col("window_days").eq_missing(pl.lit(days, dtype=pl.Int64)))
    most = first.sort("count_profiles", descending=True, maintain_order=True).row(0, named=True)
    window = "" if days is None else f" in the {name_window(days)}"
    values = format_count(rows["item_value"].n_unique(), "value")
    if not most["count_profiles"]:
        heading = f"Nobody ordered an item with {name} of the {values} looked at{window}"
    elif most["count_profiles"] < least:
        heading = f"Fewer than {least:,} customers ordered an item of any one {name}{window}"
    else:
        heading = f"{name} “{escape_markdown(most['item_value'])}”: {format_count(most['count_profiles'], 'customer')} ordered it{window}"
    return Finding(
        f"## {heading}\n\nKlaviyo keeps the items of an order as a list, and its segments cannot look into a list of items. Here each "
        "item is looked at; whoever ordered items of two values counts in both."
    )


def state_recipe(workaround: Workaround, *, least: int) -> Finding:
    """Say how many customers the recipe’s workaround misses, on the day and over the period.

    Parameters
    ----------
    workaround
        As `klavnb.study_workaround` gives it.
    """
    people = workaround.people.collect().row(0, named=True)
    missed, exact = people["count_missed"], people["count_exact"]
    window = "over all time" if workaround.days is None else f"in the {name_window(workaround.days)}"
    names = [escape_markdown(mask(label)) for label in workaround.labels.values()]
    asked = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
    orders = (
        f"the orders since {workaround.live_on:%-d %B %Y}, the day its flow went live"
        if workaround.live_on
        else "all past orders"
    )
    days_of = (
        ""
        if workaround.time_zone == "UTC"
        else " The workaround counts days in UTC, as Klaviyo does, not in those of "
        f"{escape_markdown(workaround.time_zone)}: its numbers may differ by a few from those above."
    )
    what = (
        "Klaviyo published a way around its missing conditions (“Solution Recipe 11”): a flow that, at each order, writes the highest order and its "
        "date, and a date for each size, to the profile through a webhook; segments then ask these properties. It was run here again over "
        f"{orders}, exactly as published, for these segments, {window}: {asked}.{days_of}"
    )
    if exact < least:
        return Finding(
            f"## The usual workaround cannot be judged: {say_people(exact, least=least)} are in its segments on the day\n\n{what}"
        )
    now = {
        row["goal"]: row for row in workaround.today.filter(pl.col("variant") == "as_published").collect().to_dicts()
    }
    found = {
        (row["goal"], row["variant"]): format_share(row["count_both"], row["count_exact"])
        for row in workaround.counts.group_by("goal", "variant")
        .agg(pl.col("count_exact", "count_both").sum(), most=pl.col("count_exact").max())
        .filter(pl.col("most") >= least)
        .with_columns(pl.col("variant").cast(pl.String))
        .collect()
        .to_dicts()
    }
    period = f"from {workaround.live_on:%-d %B %Y} on" if workaround.live_on else "over the whole period"
    by_goal = "\n".join(
        f"- **{escape_markdown(mask(label))}:** {_say_missed(now[goal], found.get((goal, 'as_published')), least=least, period=period)}"
        for goal, label in workaround.labels.items()
        if goal in now
    )
    wrongly = sum(row["count_wrongly_included"] for row in now.values())
    rightly = (
        f"It also includes {say_people(wrongly, least=least)} who do not belong."
        if wrongly
        else "Everyone whom it does include belongs there: it errs by missing people only."
    )
    mended = found.get((workaround.goal, "mended"))
    better = (
        f" With its comparison mended (numbers compared as numbers) it finds, {period}, {mended} of those with a large order."
        if mended
        else ""
    )
    share = f", {format_share(missed, exact)}" if missed >= least else ""
    return Finding(
        f"## The usual workaround misses {say_number(missed, least=least)} of {format_count(exact, 'customer')}{share}\n\n{what}\n\n"
        f"On the day these segments hold {format_count(exact, 'different customer')}; whoever is missed in one of them or more "
        f"counts once above, and in each of them here:\n\n{by_goal}\n\n{rightly}{better}"
    )


def _say_missed(counts: Mapping[str, int], found: str | None, *, least: int, period: str) -> str:
    """Say of one segment how many it misses on the day and, if that is known of enough people, over the period."""
    exact, missed = counts["count_exact"], counts["count_missed"]
    now = (
        f"{say_number(missed, least=least)} of {format_count(exact, 'customer')} missed"
        if exact >= least
        else f"{say_people(exact, least=least)} in it"
    )
    return f"{now}; {period}, day by day, {found} of its members are found" if found else now


def state_recipe_reasons(workaround: Workaround, *, least: int) -> Finding:
    """Say why the recipe misses them, over all its segments.

    Parameters
    ----------
    workaround
        As `klavnb.study_workaround` gives it.
    """
    people = workaround.people.collect().row(0, named=True)
    sums = {name: people[f"count_{name}"] for name in RECIPE_REASONS}
    largest = max(sums, key=lambda name: sums[name])
    missed = people["count_missed"]
    if not missed:
        return Finding("## The workaround misses nobody on the day")
    explained: Mapping[str, str] = {
        "before_live": "Orders from before the flow was switched on are not known to it.",
        "stale_maximum": "One stored maximum cannot stand for a sliding window: a large order that is too old keeps smaller, newer ones from being "
        "written.",
        "rounding": "Values are rounded to whole units before they are compared, so a slightly larger order counts as equal.",
        "text_comparison": "Rounded values are text, and as text “900” is larger than “1359”: the order of 1,359 is not written.",
        "blanked_date": "Each order writes the date of every size: an empty text where it has no such item. A later order without that size wipes the "
        "date.",
        "doubled_date": "An order with two items of a size writes the date twice, run together, and that is no date any more.",
    }
    reasons = "\n".join(
        f"- **Because {RECIPE_REASONS[name]}:** {say_people(count, least=least)}. {explained[name]}"
        for name, count in sums.items()
        if count
    )
    if missed < least:
        heading = f"{_start(say_people(missed, least=least))} are missed on the day"
    elif sums[largest] < least:
        heading = f"No one reason explains {format_count(least, 'customer')} or more"
    else:
        most = "Most are missed" if 2 * sums[largest] > missed else "Missed most often"
        how = "All are missed" if sums[largest] == missed else most
        heading = f"{how} because {RECIPE_REASONS[largest]}: {sums[largest]:,} of {missed:,}"
    return Finding(f"## {heading}\n\n{reasons}\n\nWhoever is missed in two segments for two reasons counts for both.")


def state_audience(audience: AudienceManifest, *, least: int, asked: str = "") -> Finding:
    """Say how many members of a segment could be handed to Klaviyo, and why not the others.

    Parameters
    ----------
    audience
        The manifest of one, as `klavnb.audiences.make_audience` makes it.
    asked
        The segment that was asked for; empty: it is the first of the definitions.
    """
    name = f"“{escape_markdown(mask(audience.segment))}”"
    if not audience.count_members:
        return Finding(f"## Nobody is in {name} on the day, so there is no audience to hand on")
    heading = (
        f"{_start(say_number(audience.count_kept, least=least))} of the {format_count(audience.count_members, 'profile')} "
        f"in {name} could be handed to Klaviyo"
        if audience.count_members >= least
        else f"{name} has {say_people(audience.count_members, least=least, one='profile')}"
    )
    reasons = "; ".join(
        f"{LEFT_OUT_REASONS[reason]}: {say_people(count, least=least, one='profile')}"
        for reason, count in audience.left_out.items()
        if count
    )
    address = "a phone number" if audience.address == "phone_number" else "an e-mail address"
    parts = [
        "" if asked else "This segment is the first of the definitions; name another with the parameter `audience`.",
        f"An audience needs {address} and consent to {CONSENTS[audience.consent]}, as of the export."
        if audience.consent
        else f"An audience needs {address}. Nobody’s consent was looked at: some of them may not be mailed.",
        f"Left out: {reasons}." if reasons else "Nobody has to be left out.",
        "Only numbers are shown here; `klavnb audience` writes the files for Klaviyo.",
    ]
    if audience.arms:
        parts.append("The arms are made from each profile’s id, so that a person stays in the same arm the next time.")
    return Finding(f"## {heading}\n\n{' '.join(filter(None, parts))}")
