"""The command that says whether an export is good enough to believe."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.table import Table

from klavnb.cli.console import FAILED, Data, heard, said, stop, tidy
from klavnb.cli.segments import make_calendar, read_day
from klavnb.quality import LEVELS, SIGNS, TITLES, Check, Survey, find_worst, judge_survey, survey_export
from klavnb.settings import Settings
from klavnb.store import read_export
from klavnb.wording import format_count

__all__ = ["check"]

VERDICTS = {
    "good": "Good enough to believe: nothing speaks against it.",
    "look": "Good enough to believe, with what is marked ! in mind.",
    "serious": "Not to be believed yet: what is marked ✗ makes numbers wrong.",
}


def check(
    data: Data,
    *,
    settings: Path | None = None,
    as_of: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    strict: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Say whether an export is good enough to believe, and what to do about what is not.

    Each finding is good (nothing speaks against it), look (know it before you rely on the numbers), serious
    (numbers are wrong until it is mended) or not judged (the export does not hold what it looks at).

    Parameters
    ----------
    settings
        A settings file in TOML, for the account's windows and its own metric names.
    as_of
        The day on which the export was made, YYYY-MM-DD: what is later lies in the future. Today unless given.
    json
        Print JSON instead of a table: verdict, as_of, first_on, last_on, fingerprint, rows_in, rows_kept, notes, and
        checks, each with name, level, found, effect, advice, count, of_count, parts.
    strict
        Exit with 1 if a finding is serious; else the exit code says only whether the checks ran.
    """
    chosen = Settings.from_options(file=settings or "")
    moment = read_day("--as-of", as_of, make_calendar("UTC")) if as_of else None
    with heard.status("Reading …") as status:
        export = read_export(data, settings=chosen)
        status.update("Checking …")
        survey = survey_export(export, settings=chosen, as_of=moment)
        checks = judge_survey(survey)
    if json:
        print(_write_answer(checks, survey))
    else:
        said.print(_tabulate(checks))
        said.print(VERDICTS[find_worst(checks)])
        said.print(_count_levels(checks))
        for note in survey.summary.notes:
            said.print(tidy(f"Note: {note}"))
    serious = [each for each in checks if each.level == "serious"]
    if strict and serious:
        named = ", ".join(TITLES[each.name] for each in serious)
        stop(f"{format_count(len(serious), 'finding is', 'findings are')} serious: {named}.", FAILED)


def _count_levels(checks: Sequence[Check]) -> str:
    counts = {level: sum(each.level == level for each in checks) for level in reversed(LEVELS)}
    return f"{len(checks)} checks: {', '.join(f'{count} {level}' for level, count in counts.items() if count)}."


def _tabulate(checks: Sequence[Check]) -> Table:
    """One row per check; below what speaks against the export, what follows from it."""
    table = Table("Level", "Check", "Found", show_lines=True)
    table.columns[0].no_wrap = True
    table.columns[1].max_width = 21
    for each in checks:
        told = [each.found]
        if each.level != "good":
            told += [f"→ {text}" for text in (each.effect, each.advice) if text]
        table.add_row(f"{SIGNS[each.level]} {each.level}", TITLES[each.name], "\n".join(tidy(text) for text in told))
    return table


def _write_answer(checks: Sequence[Check], survey: Survey) -> str:
    """Write the answer as JSON; nothing in it looks like an address or number of a person."""
    answer: dict[str, Any] = {
        "verdict": find_worst(checks),
        "as_of": survey.as_of,
        "first_on": survey.first_on,
        "last_on": survey.last_on,
        "fingerprint": survey.summary.fingerprint,
        "rows_in": survey.summary.rows_in,
        "rows_kept": survey.summary.rows_kept,
        "notes": [tidy(note) for note in survey.summary.notes],
        "checks": [
            {
                "name": each.name,
                "level": each.level,
                "found": tidy(each.found),
                "effect": tidy(each.effect),
                "advice": tidy(each.advice),
                "count": each.count,
                "of_count": each.of_count,
                "parts": {tidy(part): count for part, count in each.parts.items()},
            }
            for each in checks
        ],
    }
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
