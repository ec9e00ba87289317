"""Writing the sample: into a folder beside the one asked for, which takes its place when all is there."""

import csv
import gzip
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from klavnb.errors import SettingsError, name_some
from klavnb.sample.account import invent_account
from klavnb.sample.api import write_api
from klavnb.sample.fivetran import write_fivetran
from klavnb.sample.planted import Answer
from klavnb.sample.scenarios import PRESET

__all__ = ["Layout", "SampleSummary", "write_sample"]

Layout = Literal["api", "fivetran"]

WRITERS = {"api": write_api, "fivetran": write_fivetran}

SAMPLE_FILES = re.compile(
    r"(events-\d{4,}|metrics|profiles|lists|list-newsletter|campaigns|flows)\.json\.gz|(event|metric|campaign|flow|person)\.csv"
)
FIRST_ADDRESS = "profile-0001@example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSummary:
    """What was written.

    Parameters
    ----------
    folder, answers
        Where the export and the answers of the planted journeys lie.
    profiles, planted
        Profiles in all, and those among them that live a journey with a known answer.
    metrics
        Metric → number of events.
    size
        Size of the export in bytes, as it lies on the disk.
    """

    folder: Path
    answers: Path
    layout: Layout
    profiles: int
    planted: int
    metrics: Mapping[str, int]
    size: int

    @property
    def events(self) -> int:
        """Events in all."""
        return sum(self.metrics.values())


def write_sample(
    out: Path,
    *,
    profiles: int = 2000,
    days: int = 365,
    seed: int = 7,
    layout: Layout = "api",
    answers: Path | None = None,
) -> SampleSummary:
    """Write the export of an invented shop for photo prints, as Klaviyo or Fivetran would write it.

    The same arguments give the same bytes. The period ends with 2026-08-31, so that a shorter sample has
    the same last day. Among the profiles are the planted journeys, whose right answers go to a file of
    their own: one row per journey, model, anchor and credited touch; `touch_id` is empty where the model
    credits nothing.

    Parameters
    ----------
    out
        The folder to write. A former sample there is replaced; anything else is left alone.
    profiles
        Profiles in all, 20 or more: 18 of them are planted.
    days
        Length of the period, 30 or more.
    seed
        Other seeds give other customers; shop, campaigns and planted journeys stay what they are.
    layout
        `api`: pages of the Events API and the other resources, packed JSON. `fivetran`: CSV tables. Both
        hold the same events under the same ids.
    answers
        Where the answers go; by default beside the folder, as `<out>-answers.csv`.

    Raises
    ------
    SettingsError
        When a number is out of range, the layout is unknown, or the folder holds other files.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_sample(Path(folder) / "shop", profiles=20, days=30)
    ...     written.profiles, written.planted, written.answers.name
    (20, 18, 'shop-answers.csv')
    """
    if layout not in WRITERS:
        raise SettingsError(f"There is no layout called {layout!r}.", hint=f"Choose one of: {', '.join(WRITERS)}.")
    _refuse_foreign_files(out)
    account = invent_account(profiles=profiles, days=days, seed=seed)
    answers_path = out.with_name(f"{out.name}-answers.csv") if answers is None else answers
    out.parent.mkdir(parents=True, exist_ok=True)
    answers_path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
        new, old = Path(beside) / "new", Path(beside) / "old"
        new.mkdir()
        WRITERS[layout](account, new)
        _write_answers(account.answers, Path(beside) / "answers.csv")
        size = sum(path.stat().st_size for path in new.iterdir())
        if out.exists():
            out.rename(old)
        try:
            new.rename(out)
        except BaseException:  # an interruption too must bring the former sample back
            if old.exists() and not out.exists():
                old.rename(out)
            raise
        shutil.move(Path(beside) / "answers.csv", answers_path)
    return SampleSummary(
        folder=out,
        answers=answers_path,
        layout=layout,
        profiles=len(account.customers),
        planted=sum(customer.is_planted for customer in account.customers),
        metrics=account.count_metrics(),
        size=size,
    )


def _refuse_foreign_files(out: Path) -> None:
    """Refuse to replace a folder that is not empty and was not written here."""
    if not out.name:
        raise SettingsError(f"{out}: expected a folder of its own for the sample.", hint="Name one, such as sample.")
    if not out.exists():
        return
    if not out.is_dir():
        raise SettingsError(f"{out}: expected a folder to write the sample into, found a file.", hint="Name another.")
    found = sorted(path.name for path in out.iterdir())
    foreign = [name for name in found if not SAMPLE_FILES.fullmatch(name)]
    if foreign:
        raise SettingsError(
            f"{out}: expected a new folder or a former sample, found other files: {name_some(foreign)}.",
            hint="Name another folder; this one is left as it is.",
        )
    if found and not _holds_invented_profiles(out):
        raise SettingsError(
            f"{out}: expected a new folder or a former sample, found an export of other profiles.",
            hint="Name another folder; this one is left as it is.",
        )


def _holds_invented_profiles(out: Path) -> bool:
    packed, plain = out / "profiles.json.gz", out / "person.csv"
    try:
        if packed.is_file():
            return FIRST_ADDRESS in gzip.decompress(packed.read_bytes()).decode()
        return plain.is_file() and FIRST_ADDRESS in plain.read_text(encoding="utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        return False


def _write_answers(answers: Sequence[Answer], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("scenario", "profile_id", "conversion_id", "model", "anchor", "preset", "touch_id", "credit"))
        for answer in answers:
            touch_id = "" if answer.touch is None else answer.touch.id
            order = answer.conversion
            writer.writerow(
                (
                    answer.scenario,
                    order.customer.id,
                    order.id,
                    answer.model,
                    answer.anchor,
                    PRESET,
                    touch_id,
                    answer.credit,
                )
            )
