"""Tables of the settings that reproduce what Klaviyo recorded."""

from dataclasses import replace

import polars as pl
from great_tables import GT

from klavnb.agreement import AgreementStudy, Fit, SettingsFit, count_windows, weigh_rules
from klavnb.agreement.describing import (
    RULE_NAMES,
    describe_changes,
    describe_kind,
    describe_rule,
    describe_windows,
    join_windows,
)
from klavnb.tables.layout import tabulate

__all__ = ["tabulate_fits", "tabulate_settings"]


def tabulate_settings(fit: SettingsFit, *, study: AgreementStudy) -> GT | None:
    """List each setting that fits best with the next best and what it costs; None where nothing can be compared.

    Parameters
    ----------
    fit
        As `klavnb.agreement.fit_settings` gives it.
    """
    if not study.count_compared:
        return None
    rules = weigh_rules(fit).with_columns(setting=pl.col("rule").replace_strict(RULE_NAMES))
    windows = [
        {
            "setting": f"Window: {describe_kind(row['kind'])}",
            "best": join_windows(row["best"]) if row["loss"] is not None else "any",
            "next": join_windows([row["next"]]) if row["loss"] is not None else None,
            "loss": row["loss"],
            "count_recorded": row["count_recorded"],
        }
        for row in count_windows(fit).to_dicts()
    ]
    columns = pl.Schema(
        [
            ("setting", pl.String()),
            ("best", pl.String()),
            ("next", pl.String()),
            ("loss", pl.Int64()),
            ("count_recorded", pl.Int64()),
        ]
    )
    rows = pl.concat([rules.drop("rule"), pl.DataFrame(windows, schema=columns)], how="diagonal").select(*columns)
    return (
        tabulate(rows, name="settings")
        .cols_label(
            setting="Setting",
            best="Fits best",
            next="Next best",
            loss="Orders lost with the next best",
            count_recorded="Orders that Klaviyo credits to it",
        )
        .fmt_number(["loss", "count_recorded"], decimals=0)
        .sub_missing(missing_text="–")
    )


def tabulate_fits(fit: SettingsFit, *, top: int, study: AgreementStudy) -> GT | None:
    """List the best choices of model, start and filters, each with its own best windows; None where nothing compares.

    Parameters
    ----------
    fit
        As `klavnb.agreement.fit_settings` gives it.
    top
        How many to list.
    """
    if not study.count_compared:
        return None
    rows = pl.DataFrame(
        [
            {
                "model": found.rules.model,
                "anchor": describe_rule("anchor", found.rules.anchor),
                "machine": describe_rule("exclude_machine_opens", found.rules.exclude_machine_opens),
                "bot": describe_rule("exclude_bot_clicks", found.rules.exclude_bot_clicks),
                "windows": _describe_windows(fit, found),
                "count_agreeing": found.count_agreeing,
                "share": found.count_agreeing / fit.count_compared,
                "behind": found.count_agreeing - fit.best.count_agreeing,
            }
            for found in fit.fits[:top]
        ]
    )
    return (
        tabulate(rows, name="fits")
        .cols_label(
            model="Model",
            anchor="Windows from",
            machine="Machine opens",
            bot="Bot clicks",
            windows="Windows, where others fit best with it",
            count_agreeing="Orders reproduced",
            share="Share",
            behind="Against the best",
        )
        .fmt_number("count_agreeing", decimals=0)
        .fmt_number("behind", decimals=0, force_sign=True)
        .fmt_percent("share", decimals=1, incl_space=True)
    )


def _describe_windows(fit: SettingsFit, found: Fit) -> str:
    """Say the windows of the best settings, and of others only those that differ from them."""
    if found is fit.best:
        return describe_windows(fit, found)
    same = replace(found, rules=fit.best.rules)
    return "; ".join(describe_changes(fit, fit.best, same)) or "the same"
