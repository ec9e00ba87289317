"""What a profile agreed to, as its latest export says it: one word per profile."""

from typing import Final, Literal, TypeAlias

import polars as pl

__all__ = ["CONSENT_STATES", "Consent", "judge_consent"]

Consent: TypeAlias = Literal["email", "sms", "any"]

CONSENT_STATES: Final = ("subscribed", "suppressed", "unsubscribed", "never_subscribed", "unknown_consent")


def judge_consent(consent: Consent) -> pl.Expr:
    """Judge the raw consent of a profile, over the column `consent` of `Profile`, as one of `CONSENT_STATES`.

    `suppressed` is who subscribed, or never did, and cannot be reached: a hard bounce, a complaint, a
    suppression by hand. A suppression for one list only is none. `any` is e-mail or SMS: subscribed to either
    will do, else the first of the states that holds for either. Where the export does not say, or says
    something else, it is `unknown_consent`. It is the state at the time of the export, not of another day.

    Examples
    --------
    >>> said = '{"email": {"marketing": {"consent": "UNSUBSCRIBED"}}, "sms": {"marketing": {"consent": "SUBSCRIBED"}}}'
    >>> profiles = pl.DataFrame({"consent": [said, None]})
    >>> profiles.select(email=judge_consent("email"), any=judge_consent("any")).rows()
    [('unsubscribed', 'subscribed'), ('unknown_consent', 'unknown_consent')]
    """
    if consent != "any":
        return _judge_channel(consent)
    channels = (_judge_channel("email"), _judge_channel("sms"))
    return pl.coalesce(
        pl.when(pl.any_horizontal(state == word for state in channels)).then(pl.lit(word)) for word in CONSENT_STATES
    )


def _judge_channel(channel: Literal["email", "sms"]) -> pl.Expr:
    def look_up(name: str) -> pl.Expr:
        return pl.col("consent").str.json_path_match(f"$.{channel}.marketing.{name}")

    state = look_up("consent").str.to_lowercase()
    is_unreachable = (look_up(f"can_receive_{channel}_marketing") == "false") & (state != "never_subscribed")
    is_suppressed = look_up("suppression[0]").is_not_null() | is_unreachable
    return (
        pl.when(state == "unsubscribed")
        .then(state)
        .when(is_suppressed)
        .then(pl.lit("suppressed"))
        .when(state.is_in(["subscribed", "never_subscribed"]))
        .then(state)
        .otherwise(pl.lit("unknown_consent"))
    )
