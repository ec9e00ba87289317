"""What a profile agreed to, as its latest export says it: one word per profile."""

from typing import Final, Literal, TypeAlias

import polars as pl

__all__ = ["CONSENT_STATES", "Consent", "judge_consent"]

Consent: TypeAlias = Literal["email", "sms", "any"]

CONSENT_STATES: Final = ("subscribed", "sms_only", "suppressed", "unsubscribed", "never_subscribed", "unknown_consent")


def judge_consent(consent: Consent) -> pl.Expr:
    """Judge the raw consent of a profile, over the column `consent` of `Profile`, as one of `CONSENT_STATES`.

    `suppressed` is who subscribed, or never did, and cannot be reached: a hard bounce, a complaint, a
    suppression by hand. A suppression for one list only is none. `any` looks at both: who is subscribed to SMS,
    and not to e-mail, is `sms_only`, as no e-mail may go there; all others are what they are to e-mail. Where the
    export does not say, or says something else, it is `unknown_consent`.
    It is the state at the time of the export, not of another day.

    Examples
    --------
    >>> said = '{"email": {"marketing": {"consent": "UNSUBSCRIBED"}}, "sms": {"marketing": {"consent": "SUBSCRIBED"}}}'
    >>> profiles = pl.DataFrame({"consent": [said, None]})
    >>> profiles.select(email=judge_consent("email"), any=judge_consent("any")).rows()
    [('unsubscribed', 'sms_only'), ('unknown_consent', 'unknown_consent')]
    """
    if consent != "any":
        return _judge_channel(consent)
    email = _judge_channel("email")
    is_sms_only = (email != "subscribed") & (_judge_channel("sms") == "subscribed")
    return pl.when(is_sms_only).then(pl.lit("sms_only")).otherwise(email)


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
