"""Which settings the account seems to have, by what Klaviyo recorded, and since when."""

from datetime import timedelta

import polars as pl

from klavnb.agreement import AgreementStudy, Drift, SettingsFit, count_windows, weigh_rules, write_parameters
from klavnb.agreement.describing import RULE_NAMES, describe_changes, describe_kind, describe_rule, describe_windows
from klavnb.channels import CHANNEL_WORDS
from klavnb.findings.finding import Finding
from klavnb.wording import format_count, format_days

__all__ = ["advise_on_agreement", "state_drift", "state_fit", "state_recorded_lags"]

FEW = 5
"""A setting that hangs on fewer orders is hardly decided."""


def state_recorded_lags(cutoffs: pl.LazyFrame, *, study: AgreementStudy) -> Finding | None:
    """Say how old the touches were that Klaviyo credited, by kind; nothing where it credited none.

    Parameters
    ----------
    cutoffs
        As `klavnb.agreement.find_cutoffs` gives it.
    """
    named = cutoffs.with_columns(name=pl.concat_str("channel", "kind", separator="."))
    rows = named.sort("count_touches", descending=True).collect().to_dicts()
    if not rows or not study.count_compared:
        return None
    told = [
        f"- **{describe_kind(row['name'])}:** {format_count(row['count_touches'], 'credit')}; the oldest "
        f"{format_days(row['longest_from_receipt'])} after the receipt, {format_days(row['longest_from_touch'])} after the touch"
        for row in rows
    ]
    first = rows[0]
    return Finding(
        f"## Klaviyo credited no {_say_kind(first['name'])} whose message came more than {format_days(first['longest_from_receipt'])} "
        "before the order\n\n"
        "These are the touches that Klaviyo itself credited; the dashed line is the window that fits best. Klaviyo credits up to the end of a window and "
        "nothing after it. So the oldest credit lies close to that line when its age is counted from where the window really starts; counted from "
        "elsewhere, it may lie well before the line or beyond it. Where the two ages are nearly the same, they do not tell which it is.\n\n"
        + "\n".join(told)
    )


def _say_kind(kind: str) -> str:
    """Say a kind of touch inside a sentence."""
    channel, name = kind.split(".")
    return CHANNEL_WORDS[channel] if channel == name else f"{CHANNEL_WORDS[channel]} {name}"


def state_fit(fit: SettingsFit, *, study: AgreementStudy) -> Finding | None:
    """Say which settings reproduce best what Klaviyo recorded, and how clearly; nothing where nothing can be compared.

    Parameters
    ----------
    fit
        As `klavnb.agreement.fit_settings` gives it.
    """
    if not study.count_compared:
        return None
    best, given = fit.best.count_agreeing, fit.count_by_given
    parameters = write_parameters(fit, study.settings)
    if given in (best, None):
        heading = (
            f"The settings of this report fit as well as any: {best:,} of {format_count(fit.count_compared, 'order')}"
        )
        then = ""
    else:
        heading = f"Other settings fit better: {best:,} of {format_count(fit.count_compared, 'order')} instead of {given or 0:,}"
        then = f"\n\nTo make a report with them, add `{parameters}`." if parameters else ""
    rules = fit.best.rules
    words = (
        f"the {rules.model} model, windows from {describe_rule('anchor', rules.anchor)}, machine opens "
        f"{describe_rule('exclude_machine_opens', rules.exclude_machine_opens)}, bot clicks "
        f"{describe_rule('exclude_bot_clicks', rules.exclude_bot_clicks)}; {describe_windows(fit, fit.best)}"
    )
    margin = (
        f"The next best settings that were tried reproduce {format_count(fit.margin, 'order')} fewer."
        if fit.margin
        else "**Several settings fit equally well**, so the data cannot tell which of them the account has."
    )
    open_points = _list_open_points(fit)
    doubt = f" Not decided, or hardly: {'; '.join(open_points)}." if open_points else " Every one of them is clear."
    return Finding(
        f"## {heading}\n\n"
        f"The best fit is {words}. {margin}{doubt}\n\n"
        "Klaviyo’s API does not give an account’s attribution settings, so they are looked for: three models, both starts of a window, machine opens and bot clicks in "
        f"or out, and under each of these {len(fit.fits)} choices the windows from 12 hours to 30 days. A setting reproduces an order when it credits exactly the touches "
        f"that Klaviyo recorded, or none where it recorded none.{then}"
    )


def _list_open_points(fit: SettingsFit) -> list[str]:
    """Settings that several values fit, or that hang on few orders."""
    rules = [
        f"{RULE_NAMES[row['rule']].lower()} ({row['best'] if row['loss'] is None else _say_loss(row['loss'])})"
        for row in weigh_rules(fit).to_dicts()
        if row["loss"] is None or row["loss"] < FEW or " or " in row["best"]
    ]
    windows = [
        f"window of {describe_kind(row['kind'])} ({format_count(len(row['best']), 'length')} fit equally)"
        if len(row["best"]) > 1
        else f"window of {describe_kind(row['kind'])} ({_say_loss(row['loss'])})"
        for row in count_windows(fit).to_dicts()
        if len(row["best"]) > 1 or row["loss"] < FEW
    ]
    return [*rules, *windows]


def _say_loss(loss: int) -> str:
    return f"it hangs on {format_count(loss, 'order')}"


def state_drift(drift: Drift | None, *, fit: SettingsFit, study: AgreementStudy) -> Finding | None:
    """Say since when other settings fit, or that one choice of settings fits throughout.

    Parameters
    ----------
    drift
        As `klavnb.agreement.find_drift` gives it.
    """
    if not study.count_compared:
        return None
    rule = (
        "A change is reported only when it explains at least eight orders more than any one choice of settings does, and when chance would put the orders that tell the "
        "two apart on different sides of the day in fewer than one of 10,000 cases. A change that touches few orders stays unseen, and only the clearest "
        "one is looked for."
    )
    if drift is None or not drift.is_change:
        most = (
            f" The best change that was tried, on {drift.changed_on:%-d %B %Y}, would explain {format_count(drift.gain, 'order')} more: too few, or too scattered."
            if drift is not None
            else " No change on any day would explain a single order more."
        )
        return Finding(
            f"## No sign that the account’s settings changed\n\nOne choice of settings fits the whole period.{most} {rule}"
        )
    changes = describe_changes(fit, drift.before, drift.after)
    span = (
        f"between {drift.earliest_on:%-d %B %Y} and {drift.latest_on:%-d %B %Y}"
        if drift.latest_on - drift.earliest_on > timedelta(days=1)
        else f"on {drift.changed_on:%-d %B %Y}, give or take a day"
    )
    tied = (
        f" That is the smallest of {drift.count_tied:,} changes that fit as well: look at the account’s settings page before you rely on its lengths."
        if drift.count_tied > 1
        else ""
    )
    before, after = (
        f"add `{parameters}`"
        if (parameters := write_parameters(fit, study.settings, side))
        else "keep the settings of this report"
        for side in (drift.before, drift.after)
    )
    return Finding(
        f"## The account’s settings seem to have changed about {drift.changed_on:%-d %B %Y}\n\n"
        f"**What changed:** {'; '.join(changes)}. It happened {span}; every day between fits as well.{tied}\n\n"
        f"With the change, {format_count(drift.gain, 'order')} more are reproduced than by any one choice of settings over the whole period. "
        f"{format_count(drift.count_differing, 'order')} tell the two apart. {rule}\n\n"
        f"To report on each side by its own settings: for a report that ends the day before, {before}; for one that begins on the day, {after}."
    )


def advise_on_agreement(fit: SettingsFit, drift: Drift | None, *, study: AgreementStudy) -> Finding | None:
    """Say what to do with what was found; nothing where nothing can be compared.

    Parameters
    ----------
    fit, drift
        As `klavnb.agreement.fit_settings` and `find_drift` give them.
    """
    if not study.count_compared:
        return None
    fits_better = fit.count_by_given is not None and fit.count_by_given < fit.best.count_agreeing
    parts = [
        "**Use the settings that fit better:** give the parameters named above to every report, or write them into a settings file. Then compare them with "
        "Klaviyo’s attribution settings page: what it says there is right."
        if fits_better
        else "**Use the settings of this report for the other reports too.** Where they differ from Klaviyo’s attribution settings page, what it says there is right.",
        "**Do not compare across the day of the change.** Make one report before it and one from it on, or give both the same settings and say so."
        if drift is not None and drift.is_change
        else "",
        "**Do not worry about single orders on which the two differ.** A receipt that is missing in the export, or two touches in one second, is enough for that.",
        "**Where Klaviyo’s totals differ but its record agrees,** the reason is in how its page counts (send date, time zone, machine opens), not in who "
        "earned the order.",
    ]
    return Finding("## What to do with this\n\n" + "\n".join(f"- {part}" for part in parts if part))
