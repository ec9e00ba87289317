"""Whether a model says what Klaviyo recorded: all of it, by week, by message, in single orders, against its totals."""

import polars as pl

from klavnb.agreement import NOT_COMPARED, AgreementStudy, Drift, SettingsFit, estimate_agreement
from klavnb.agreement.describing import CLASS_NAMES, MEASURE_NAMES
from klavnb.caveats import PROVISIONAL, count_provisional
from klavnb.escaping import escape_markdown
from klavnb.findings.figures import list_figures
from klavnb.findings.finding import Facts, Finding, say_money
from klavnb.findings.trust import tell_age
from klavnb.wording import format_count, format_share

__all__ = [
    "collect_agreement_facts",
    "state_agreement",
    "state_agreement_messages",
    "state_agreement_weeks",
    "state_disagreements",
    "state_totals",
]

REASONS = {
    "machine_opens": "**Machine opens:** some of its opens were made by a machine. This report counts all opens; the account may leave "
    "machine opens out of its figures or of its attribution",
    "windows": "**Other settings:** on at least one of its orders Klaviyo’s record differs from this report, so another window, start "
    "or filter may be at work; see above which settings fit",
    "provisional": "**Provisional:** it was sent in the last five days of the data; Klaviyo revises attribution for up to five days",
    "cut_off": "**Cut off:** it was sent before the export begins, or so late that its windows were still open when the export ends",
    "period": "**Send date and order date:** Klaviyo’s campaign pages count every order that a campaign earned, whenever it came; this "
    "report counts the orders of its period",
    "currency": "**Currency:** the CSV’s revenue is in another currency; money is never converted here",
    "metric": "**Another metric:** the CSV counts conversions of another metric than this report",
    "not_compared": "**Not compared:** it has no id in the CSV that the export knows, or the export holds no event of it",
}


def state_agreement(counts: pl.LazyFrame, channels: pl.LazyFrame, *, study: AgreementStudy) -> Finding:
    """Say for how many orders the model gives what Klaviyo recorded, or that the export does not say what it recorded.

    Parameters
    ----------
    counts, channels
        As `klavnb.agreement.count_agreement` and `count_agreement_channels` give them.
    """
    rows = {row["agreement"]: row for row in counts.collect().to_dicts()}
    count = sum(row["count_conversions"] for row in rows.values())
    share = estimate_agreement(study)
    if not study.count_said:
        return Finding(
            "## This export does not say what Klaviyo credited\n\n"
            f"None of the {format_count(count, 'order')} carries the attribution that Klaviyo itself recorded, so there is nothing "
            "to compare with. To get it, export the events again through Klaviyo’s API with `include=attributions` (Get Events, revision 2024-10-15 or "
            "later; earlier ones wrote it into each event’s properties, as `$attribution`), or with Fivetran’s column `property_attribution`, "
            "and make this report again. The other reports do not need it."
        )
    aside = [
        f"{CLASS_NAMES[name][0].lower()}{CLASS_NAMES[name][1:]}: {row['count_conversions']:,}"
        for name, row in rows.items()
        if row["side"] == "not_compared"
    ]
    total = study.comparison.changes.select(pl.col("candidate_value").sum()).collect().item()
    left = (
        f" {format_count(count - study.count_compared, 'more order')} cannot be compared ({'; '.join(aside)}); with them, this "
        f"report credits {say_money(total, study.comparison.currency)} in all."
        if aside
        else ""
    )
    if share is None:
        return Finding(f"## No order can be compared with what Klaviyo recorded\n\n{left.strip()}")
    differ = [row for row in rows.values() if row["side"] == "differ"]
    count_differ = sum(row["count_conversions"] for row in differ)
    recorded, credited = (
        say_money(channels.select(pl.col(name).sum()).collect().item(), study.comparison.currency)
        for name in ("recorded_value", "credited_value")
    )
    same, none = (rows.get(name, {"count_conversions": 0})["count_conversions"] for name in ("same_event", "both_none"))
    told = (
        f"They differ on {format_count(count_differ, 'order')}, worth "
        f"{say_money(sum(row['value'] for row in differ), study.comparison.currency)}; the table says how."
        if count_differ
        else "There is no order on which they differ."
    )
    return Finding(
        f"## Klaviyo recorded what the {study.comparison.sides.candidate} says on {study.count_compared - count_differ:,} of "
        f"{format_count(study.count_compared, 'order')} ({format_share(study.count_compared - count_differ, study.count_compared)})\n\n"
        f"Of {format_count(study.count_compared, 'order')} that can be compared, {same:,} are credited to the same touch by both and "
        f"{none:,} to nothing by either. {told} On these orders Klaviyo’s credits add up to **{recorded}**, this report’s "
        f"to **{credited}**.{left}\n\n*How sure?* Among many more orders like these, the two would agree on {100 * share.low:.1f} % to "
        f"{100 * share.high:.1f} % (with a confidence of 95 %, Wilson’s interval)."
    )


def state_agreement_weeks(weeks: pl.LazyFrame, *, study: AgreementStudy) -> Finding | None:
    """Say in which week the two differ most; nothing where nothing can be compared.

    Parameters
    ----------
    weeks
        As `klavnb.agreement.count_agreement_weeks` gives it.
    """
    if not study.count_compared:
        return None
    wide = weeks.collect().pivot("side", index="week_on", values="count_conversions")
    differing = wide.filter(pl.col("differ") > 0)
    if differing.is_empty():
        return Finding(
            f"## They differ in no week\n\nIn none of {format_count(wide.height, 'week')} is there an order on which Klaviyo’s record and "
            "this report differ."
        )
    worst = differing.sort("differ", "week_on", descending=[True, False]).row(0, named=True)
    return Finding(
        f"## In {differing.height:,} of {format_count(wide.height, 'week')} they differ, most in that of {worst['week_on']:%-d %B %Y}\n\n"
        f"In that week they differ on {format_count(worst['differ'], 'order')} of {worst['differ'] + worst['agree']:,} that can be compared. Where "
        "the weeks with differences begin or end at one day, the account’s settings may have changed on it; see below."
    )


def state_agreement_messages(messages: pl.LazyFrame, *, study: AgreementStudy) -> Finding | None:
    """Say which message differs most; nothing where nothing can be compared.

    Parameters
    ----------
    messages
        As `klavnb.agreement.count_agreement_messages` gives it.
    """
    if not study.count_compared:
        return None
    rows = messages.collect()
    differing = rows.filter(pl.col("count_differing") > 0)
    if differing.is_empty():
        return Finding(
            "## No message is credited differently on the orders that can be compared\n\n"
            f"On these, each of {format_count(rows.height, 'message')} earns the same orders in Klaviyo’s record and here."
        )
    worst = differing.row(0, named=True)
    way = "more" if worst["difference"] >= 0 else "less"
    return Finding(
        f"## “{escape_markdown(worst['label'])}” differs most: on {format_count(worst['count_differing'], 'order')}\n\n"
        f"Klaviyo credits it {say_money(worst['recorded_value'], study.comparison.currency)}, this report "
        f"{say_money(abs(worst['difference']), study.comparison.currency)} {way}. Of {format_count(rows.height, 'message')} with any credit, "
        f"{differing.height:,} differ on at least one order."
    )


def state_disagreements(picked: pl.LazyFrame, *, study: AgreementStudy) -> Finding | None:
    """Introduce single orders on which the two do not agree; nothing where the export records nothing."""
    count = picked.select(pl.len()).collect().item()
    if not study.count_said:
        return None
    if not count:
        return Finding(
            "## There is no order to look at more closely\n\nOn all of them the two agree, or they cannot be compared."
        )
    is_compared = pl.col("agreement").cast(pl.String).is_in(NOT_COMPARED).not_()
    count_differ = picked.select(is_compared.sum()).collect().item()
    heading, what = (
        (
            f"{format_count(count, 'order')} that stand out, one by one",
            "On these the two differ, or cannot be compared.",
        )
        if count_differ
        else (
            f"{format_count(count, 'order')} that cannot be compared, one by one",
            "There is no order on which the two differ.",
        )
    )
    return Finding(
        f"## {heading}\n\n{what} Of each kind the largest orders come first. The times say how long before the order the touch "
        "was. Customers are shown as letters."
    )


def state_totals(compared: pl.LazyFrame, reasons: pl.LazyFrame, *, study: AgreementStudy) -> Finding | None:
    """Say how Klaviyo’s own campaign totals compare, and what usually explains a difference.

    Parameters
    ----------
    compared, reasons
        As `klavnb.agreement.compare_totals` and `count_mismatch_reasons` give them.
    """
    if study.export.totals.select(pl.len()).collect().item() == 0:
        return Finding(
            "## No totals of Klaviyo’s own pages were given\n\n"
            "To compare with them, export the campaigns with their results as CSV from Klaviyo’s own pages, put the file beside the "
            "export, and make this report again."
        )
    rows = compared.collect()
    told = [
        f"- {REASONS[row['reason']]} ({format_count(row['count_campaigns'], 'campaign')})."
        for row in reasons.collect().to_dicts()
    ]
    zone = "- **Time zone:** the CSV’s send times are the account’s, the export’s times are UTC. Days near midnight may differ."
    why = "\n\n**What usually explains a difference**, and for how many campaigns it may:\n\n" + "\n".join(
        [*told, zone]
    )
    if rows.is_empty():
        return Finding(f"## No campaign of Klaviyo’s totals is in the export{why}")
    count = rows["campaign_id"].n_unique()
    same = rows.group_by("measure").agg(same=(pl.col("difference").abs() < 0.005).sum(), size=pl.len()).sort("measure")  # noqa: PLR2004 - half a cent
    first = next(
        (row for row in reversed(same.to_dicts()) if row["measure"] in ("count_conversions", "revenue")),
        same.row(0, named=True),
    )
    return Finding(
        f"## {MEASURE_NAMES[first['measure']]}: {first['same']:,} of {format_count(first['size'], 'campaign')} have Klaviyo’s own total\n\n"
        f"This compares {format_count(count, 'campaign')} of the CSV from Klaviyo’s pages with what the events of this export give. Orders and revenue "
        f"are those that the {study.comparison.sides.candidate} credits.{why}"
    )


def collect_agreement_facts(study: AgreementStudy, *, fit: SettingsFit, drift: Drift | None) -> Facts:
    """Collect what the index and the banner of a report say of it."""
    comparison, share = study.comparison, estimate_agreement(study)
    given = fit.count_by_given
    differs = given is not None and given < fit.best.count_agreeing
    count, provisional = comparison.conversions.select(pl.len()).collect().item(), count_provisional(comparison)
    notices = [
        "The export does not say what Klaviyo recorded." if not study.count_said else "",
        f"Provisional: {format_count(provisional, 'order')} of the export’s last {PROVISIONAL.days} days, up to "
        f"{comparison.as_of:%-d %B %Y}, cannot be compared yet: Klaviyo may have revised them since."
        if provisional and study.count_said
        else "",
        "Other settings than those of this report reproduce more of what Klaviyo recorded." if differs else "",
        f"The account’s settings seem to have changed about {drift.changed_on:%-d %B %Y}."
        if drift is not None and drift.is_change
        else "",
        tell_age(comparison.as_of.date()),
    ]
    return Facts(
        {
            "headline": _tell_headline(study, count=count),
            "data_as_of": f"{comparison.as_of:%Y-%m-%d}",
            "status": "provisional" if provisional else "final",
            "banner": " ".join(notice for notice in notices if notice) or None,
            "period": f"{comparison.first_on} to {comparison.last_on}",
            "figures": list_figures(
                [
                    ("Match with Klaviyo’s record", None if share is None else 100 * share.estimate, "%"),
                    ("Orders that match", _count_matching(study), "orders"),
                    ("Orders compared", study.count_compared, "orders"),
                    ("Orders of the period", count, "orders"),
                ]
            ),
        }
    )


def _count_matching(study: AgreementStudy) -> int | None:
    """Count the orders on which the model says what Klaviyo recorded; None where none can be compared."""
    share = estimate_agreement(study)
    return None if share is None else round(share.estimate * study.count_compared)


def _tell_headline(study: AgreementStudy, *, count: int) -> str:
    """What the index says in one line."""
    matching = _count_matching(study)
    if not study.count_said:
        return "Klaviyo’s own attribution is not in the export"
    if matching is None:
        return "No order can be compared with what Klaviyo recorded"
    compared = format_count(study.count_compared, "order")
    of = f"all {compared}" if matching == study.count_compared else f"{matching:,} of the {compared}"
    return f"Matches Klaviyo on {of} that can be compared (of {count:,})"
