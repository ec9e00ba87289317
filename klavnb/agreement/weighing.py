"""How clearly each setting is decided: what the next best value of it would cost."""

import numpy as np
import polars as pl

from klavnb.agreement.describing import RULE_NAMES, describe_rule
from klavnb.agreement.fitting import SettingsFit

__all__ = ["count_windows", "weigh_rules"]


def count_windows(fit: SettingsFit) -> pl.DataFrame:
    """Say for each kind of touch which windows fit, and what the next best would cost.

    One row per kind: `kind`, `best` (windows that reproduce as many conversions as the best one, rising; null in it:
    no window), `next` (the best of the others), `loss` (conversions fewer with it), `count_recorded` (conversions that
    Klaviyo credited to a touch of the kind). `next` and `loss` are null where every window does as well as any other.
    """
    evidence = fit.evidence
    credited = np.bincount(evidence.kind[evidence.is_recorded], minlength=len(evidence.kinds))
    most = pl.col("count_agreeing").max().over("kind")
    is_tied = pl.col("count_agreeing") == most
    others = pl.col("count_agreeing").filter(~pl.col("is_tied"))
    return (
        fit.near.with_columns(is_tied=is_tied)
        .group_by("kind", maintain_order=True)
        .agg(
            best=pl.col("window").filter("is_tied"),
            next=pl.col("window").filter(~pl.col("is_tied")).get(others.arg_max(), null_on_oob=True),
            has_next=others.len() > 0,
            loss=pl.col("count_agreeing").max() - others.max(),
        )
        .with_columns(count_recorded=pl.Series(credited, dtype=pl.Int64))
    )


def weigh_rules(fit: SettingsFit) -> pl.DataFrame:
    """Say for each setting that is no window what fits, and what the next best would cost.

    One row per setting: `rule`, `best` (values that reproduce as many conversions as the best settings, in words),
    `next` (the best of the others; null where there is none) and `loss` (conversions fewer with it, its windows chosen
    anew).
    """
    rows = []
    for name in RULE_NAMES:
        most: dict[object, int] = {}
        for found in fit.fits:
            value = getattr(found.rules, name)
            most[value] = max(most.get(value, 0), found.count_agreeing)
        best = [value for value, count in most.items() if count == fit.best.count_agreeing]
        others = sorted(((count, value) for value, count in most.items() if value not in best), key=lambda one: -one[0])
        rows.append(
            {
                "rule": name,
                "best": " or ".join(describe_rule(name, value) for value in best),
                "next": describe_rule(name, others[0][1]) if others else None,
                "loss": fit.best.count_agreeing - others[0][0] if others else None,
            }
        )
    return pl.DataFrame(rows, schema={"rule": pl.String, "best": pl.String, "next": pl.String, "loss": pl.Int64})
