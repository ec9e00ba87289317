"""The raw JSON of consent → one row per profile: what it says about one channel."""

from typing import Final

import msgspec
import polars as pl

from klavnb.reading import parse_time

__all__ = ["read_consents"]

NOTHING: Final = msgspec.Raw()


class _Record(msgspec.Struct):
    """What Klaviyo says of one channel; the fields of all channels together."""

    consent: msgspec.Raw = NOTHING
    consent_timestamp: msgspec.Raw = NOTHING
    created_timestamp: msgspec.Raw = NOTHING
    last_updated: msgspec.Raw = NOTHING
    method: msgspec.Raw = NOTHING
    method_detail: msgspec.Raw = NOTHING
    custom_method_detail: msgspec.Raw = NOTHING
    double_optin: msgspec.Raw = NOTHING
    can_receive: msgspec.Raw = NOTHING
    can_receive_email_marketing: msgspec.Raw = NOTHING
    can_receive_sms_marketing: msgspec.Raw = NOTHING
    can_receive_push_marketing: msgspec.Raw = NOTHING
    suppression: msgspec.Raw = NOTHING


class _Suppression(msgspec.Struct):
    reason: msgspec.Raw = NOTHING
    timestamp: msgspec.Raw = NOTHING


SUPPRESSIONS: Final = pl.List(pl.Struct({"reason": pl.String, "timestamp": pl.String}))
FLAGS: Final = (
    "can_receive",
    "can_receive_email_marketing",
    "can_receive_sms_marketing",
    "can_receive_push_marketing",
)
TEXTS: Final = ("consent", "method", "method_detail", "custom_method_detail", "double_optin")
TIMES: Final = ("consent_timestamp", "created_timestamp", "last_updated")

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_record = msgspec.json.Decoder(_Record).decode
_read_suppressions = msgspec.json.Decoder(list[_Suppression]).decode


def read_consents(consents: pl.Series, channel: str, purpose: str = "marketing") -> pl.DataFrame:
    """Read what raw JSON says of the consent to one channel, as Klaviyo's `subscriptions` object has it.

    One row per text that has this channel: `row` (place in the series), `status` (in capitals), `changed_at` (of the
    status; null: not said), `created_at`, `updated_at`, `method`, `method_detail`, `custom_method_detail`,
    `is_double_opt_in`, `can_receive`, and `suppressions`, a list of `reason` and `timestamp`, as text. Null where
    nothing is said.

    Parameters
    ----------
    channel
        Its name there: `email`, `sms`, `mobile_push`, `whatsapp`.
    """
    found: dict[str, list[object]] = {name: [] for name in ("row", *TEXTS, *TIMES, "can_receive", "suppression")}
    for row, written in enumerate(consents.cast(pl.Binary).to_list()):
        record = None if written is None else _find_record(written, channel, purpose)
        if record is None:
            continue
        found["row"].append(row)
        for name in (*TEXTS, *TIMES):
            found[name].append(_to_text(getattr(record, name)))
        found["can_receive"].append(next(filter(None, (_to_text(getattr(record, flag)) for flag in FLAGS)), None))
        found["suppression"].append(_list_suppressions(record.suppression))
    kinds: dict[str, type[pl.DataType] | pl.DataType] = {"row": pl.UInt32, "suppression": SUPPRESSIONS}
    frame = pl.DataFrame({name: pl.Series(values, dtype=kinds.get(name, pl.String)) for name, values in found.items()})
    flags = {"true": True, "false": False}
    return frame.select(
        "row",
        "method_detail",
        "custom_method_detail",
        status=pl.col("consent").str.to_uppercase(),
        changed_at=parse_time(pl.col("consent_timestamp")),
        created_at=parse_time(pl.col("created_timestamp")),
        updated_at=parse_time(pl.col("last_updated")),
        method=pl.col("method").str.to_lowercase(),
        is_double_opt_in=pl.col("double_optin").replace_strict(flags, default=None, return_dtype=pl.Boolean),
        can_receive=pl.col("can_receive").replace_strict(flags, default=None, return_dtype=pl.Boolean),
        suppressions="suppression",
    )


def _find_record(written: bytes, channel: str, purpose: str) -> _Record | None:
    try:
        of_channel = _read_members(written).get(channel, NOTHING)
        record = _read_members(of_channel).get(purpose, NOTHING) if len(of_channel) else NOTHING
        return _read_record(record) if len(record) else None
    except msgspec.DecodeError:
        return None


def _to_text(value: msgspec.Raw) -> str | None:
    """A scalar as text; null of anything else, and of a null."""
    written = bytes(value)
    if written[:1] == b'"':
        return msgspec.json.decode(written, type=str)
    return None if written[:1] in {b"", b"n", b"[", b"{"} else written.decode()


def _list_suppressions(value: msgspec.Raw) -> list[dict[str, str | None]]:
    try:
        found = _read_suppressions(value) if len(value) else []
    except msgspec.DecodeError:
        return []
    return [{"reason": _to_text(each.reason), "timestamp": _to_text(each.timestamp)} for each in found]
