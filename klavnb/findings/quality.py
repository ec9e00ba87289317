"""Whether an export is good enough to believe: the verdict, and what was found, part by part."""

from collections.abc import Mapping, Sequence
from typing import Final

from klavnb.escaping import escape_markdown
from klavnb.findings.figures import list_figures
from klavnb.findings.finding import Facts, Finding
from klavnb.findings.trust import tell_age
from klavnb.privacy import mask
from klavnb.quality import SIGNS, TITLES, UNJUDGED, Check, Level, Survey, find_worst
from klavnb.wording import format_count

__all__ = ["collect_quality_facts", "list_quality", "state_quality", "state_quality_part"]

PARTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "days": (
        "Days",
        (
            "period",
            "gaps",
            "metric_gaps",
            "metric_edges",
            "thin_end",
            "missing_events",
            "provisional",
            "run_up",
        ),
    ),
    "receipts": ("Receipts", ("receipts", "messageless", "recorded_attribution")),
    "metrics": ("Metrics", ("metrics", "unknown_metrics", "message_names")),
    "orders": ("Orders", ("order_values", "outliers", "currencies", "repeated_orders")),
    "flags": ("Opens and clicks", ("machine_opens", "bot_clicks")),
    "clocks": ("Clocks", ("future", "stray", "midnight", "same_second")),
    "records": (
        "Rows and profiles",
        ("repeated_events", "rejects", "busy_profile", "profile_records", "consent", "groups"),
    ),
}
"""Part of the report → what its heading calls it, and its checks."""


def state_quality(checks: Sequence[Check], *, survey: Survey, data: str = "") -> Finding:
    """Say whether the export is good enough to believe.

    Parameters
    ----------
    checks
        As `klavnb.judge_survey` gives them.
    data
        What the user named as the data; the sample is told to be invented.
    """
    serious, look, good, unjudged = (_pick(checks, level) for level in ("serious", "look", "good", UNJUDGED))
    to_know = f"{format_count(len(look), 'thing')} to know first"
    if serious:
        heading = f"Not to be believed yet: {format_count(len(serious), 'finding is', 'findings are')} serious"
    elif look:
        heading = f"Good enough to believe: {to_know}"
    else:
        heading = "Good enough to believe: nothing speaks against it"
    parts = [
        "**The data are invented:** this is the sample shop that comes with klavnb." if data == "sample" else "",
        f"**What was looked at:** {format_count(survey.count_events, 'event')} of {format_count(survey.profiles['count_active'], 'profile')} "
        f"from {survey.first_on:%-d %B %Y} to {survey.last_on:%-d %B %Y} (UTC), {format_count(survey.recorded['count_orders'], 'order')} "
        f"among them. An order is one “{escape_markdown(mask(survey.conversion))}” event.",
        f"**Serious** ({SIGNS['serious']}), since it makes numbers wrong until it is mended: {_name(serious)}."
        if serious
        else "",
        f"**To know** ({SIGNS['look']}) before you rely on the numbers: {_name(look)}." if look else "",
        f"Of {len(checks)} checks, {len(good)} found nothing that speaks against the export ({SIGNS['good']}).",
        f"**Not judged** ({SIGNS[UNJUDGED]}), as the export does not hold what they look at: {_name(unjudged)}."
        if unjudged
        else "",
    ]
    return Finding(f"## {heading}\n\n" + "\n\n".join(filter(None, parts)))


def state_quality_part(checks: Sequence[Check], *, part: str) -> Finding:
    """Say what was found in one part of the report.

    Parameters
    ----------
    part
        One of days, receipts, metrics, orders, flags, clocks, records.
    """
    subject, names = PARTS[part]
    shown = [check for check in checks if check.name in names]
    worst = find_worst(shown)
    unjudged = _pick(shown, UNJUDGED)
    apart = f", {len(unjudged)} of {len(shown)} checks not judged" if unjudged else ""
    told = {
        "good": "could not be judged" if len(unjudged) == len(shown) else f"nothing speaks against them{apart}",
        "look": f"look at {_name(_pick(shown, 'look'), start=False)}",
        "serious": f"{_name(_pick(shown, 'serious'), start=False)} (serious)",
    }
    lines = [
        f"- {SIGNS[check.level]} **{TITLES[check.name]}** ({check.level}): {_tell(check.found)}" for check in shown
    ]
    return Finding(f"## {subject}: {told[worst]}\n\n" + "\n".join(lines))


def list_quality(checks: Sequence[Check], *, survey: Survey) -> Finding:
    """List what speaks against the export, the serious first: what it does to the numbers, and what to do about it."""
    shown = [*_pick(checks, "serious"), *_pick(checks, "look")]
    parts = [
        f"### {SIGNS[check.level]} {TITLES[check.name]} ({check.level})\n\n{_tell(check.found)}\n\n"
        f"- **What it does to the numbers:** {_tell(check.effect)}\n"
        f"- **What to do:** {_tell(check.advice)}"
        for check in shown
    ]
    aside = [
        f"- **{TITLES[check.name]}:** {_tell(check.found)} {_tell(check.effect)} {_tell(check.advice)}".rstrip()
        for check in _pick(checks, "good")
        if check.effect
    ]
    notes = [f"- {_tell(note)}" for note in survey.summary.notes]
    unjudged = [
        f"- **{TITLES[check.name]}:** {_tell(check.found)} {_tell(check.effect)} {_tell(check.advice)}".rstrip()
        for check in _pick(checks, UNJUDGED)
    ]
    heading = "What each finding does to the numbers, and what to do" if shown else "Nothing has to be done"
    return Finding(
        f"## {heading}\n\n"
        + "\n\n".join(
            [
                *(parts or ["No check found anything that should be mended or known first."]),
                *(["**Too little to matter much, but not nothing:**\n\n" + "\n".join(aside)] if aside else []),
                *(
                    ["**Not judged, which speaks neither for the export nor against it:**\n\n" + "\n".join(unjudged)]
                    if unjudged
                    else []
                ),
                *(["**What loading noted:**\n\n" + "\n".join(notes)] if notes else []),
            ]
        )
    )


def collect_quality_facts(checks: Sequence[Check], *, survey: Survey) -> Facts:
    """Collect what the index and the banner of a report say of it."""
    serious, look = _pick(checks, "serious"), _pick(checks, "look")
    notices = [
        f"Not to be believed yet: {_name(serious)}." if serious else "",
        tell_age(survey.ends_at.date()) if survey.ends_at else "",
    ]
    told = format_count(len(serious), "serious problem") if serious else "No serious problem"
    rest = f"{len(look)} of {len(checks)} checks {'needs' if len(look) == 1 else 'need'} your attention" if look else ""
    return Facts(
        {
            "headline": "; ".join(filter(None, [told, rest])),
            "data_as_of": f"{survey.last_on:%Y-%m-%d}",
            "status": "final",
            "banner": " ".join(filter(None, notices)) or None,
            "period": f"{survey.first_on} to {survey.last_on}",
            "figures": list_figures(
                [
                    ("Serious findings", len(serious), "findings"),
                    ("To know first", len(look), "findings"),
                    ("Events", survey.summary.rows_kept, "events"),
                ]
            ),
        }
    )


def _pick(checks: Sequence[Check], level: Level) -> list[Check]:
    return [check for check in checks if check.level == level]


def _name(checks: Sequence[Check], *, start: bool = True) -> str:
    """Name checks, at the start of a sentence or within it."""
    names = [TITLES[check.name] for check in checks]
    within = [name if name.startswith("Klaviyo") else name[0].lower() + name[1:] for name in names]
    return ", ".join([*names[:1], *within[1:]] if start else within)


def _tell(text: str) -> str:
    """Make a check's sentence fit for Markdown: names from the data are in it."""
    return escape_markdown(mask(text))
