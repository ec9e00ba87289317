"""Sub-audiences: who is in which arm of a test, the same in every export."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from klavnb.errors import SettingsError

__all__ = ["Split", "assign_arms"]

ARM_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
HUNDRED: Final = Decimal(100)
PLACES: Final = 1 << 64
PLACE_BYTES: Final = 8
EXAMPLE: Final = "Write it as treatment=80,control=20."


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How an audience is split into arms.

    Parameters
    ----------
    shares
        Arm → its share in per cent; they add up to 100.
    seed
        Any text. The same seed puts a profile into the same arm, in every export and every segment; another
        one shuffles all.
    """

    shares: Mapping[str, Decimal]
    seed: str

    @classmethod
    def parse(cls, text: str, *, seed: str) -> "Split":
        """Read a split as it is typed.

        Raises
        ------
        SettingsError
            When it is not arms with shares above 0 that add up to 100, or a name is not fit for a file.

        Examples
        --------
        >>> dict(Split.parse("treatment=80, control=20", seed="spring").shares)
        {'treatment': Decimal('80'), 'control': Decimal('20')}
        """
        shares: dict[str, Decimal] = {}
        for part in text.split(","):
            name, equals, number = (piece.strip() for piece in part.partition("="))
            if not equals or not ARM_NAME.fullmatch(name):
                raise SettingsError(
                    f"--split: expected the name of an arm and its share, found {part.strip()!r}; a name is letters, "
                    "digits, _ and -, at most 40.",
                    hint=EXAMPLE,
                )
            if name.lower() in map(str.lower, shares):
                raise SettingsError(f"--split: the arm {name!r} comes twice.", hint=EXAMPLE)
            shares[name] = _read_share(name, number)
        total = sum(shares.values())
        if total != HUNDRED:
            raise SettingsError(
                f"--split: expected shares in per cent that add up to 100, found {total:f}.", hint=EXAMPLE
            )
        return cls(shares=MappingProxyType(shares), seed=seed)


def _read_share(name: str, text: str) -> Decimal:
    try:
        share = Decimal(text.removesuffix("%").rstrip())
    except InvalidOperation:
        share = Decimal(0)
    if not (share.is_finite() and 0 < share <= HUNDRED):
        raise SettingsError(
            f"--split: expected a share of {name} above 0 and up to 100 per cent, found {text!r}.", hint=EXAMPLE
        )
    return share


def assign_arms(profile_ids: pl.Series, split: Split) -> pl.Series:
    """Say which arm each profile is in; it depends on its id, the seed and the shares, and on nothing else.

    A profile's place on a line of 2⁶⁴ is the BLAKE2b of its id under the seed; the arms lie on the line side
    by side, in the order of their names, each as long as its share. So the order in which they are typed
    does not matter, and when shares change only those between an old border and a new one move.

    Examples
    --------
    >>> split = Split.parse("treatment=80,control=20", seed="spring")
    >>> assign_arms(pl.Series(["p1", "p2", "p3"]), split).to_list()
    ['treatment', 'treatment', 'treatment']
    """
    # a loop in Python, about 1 s for a million: what polars hashes with may change with its version
    key = hashlib.sha256(split.seed.encode()).digest()
    places = b"".join(
        hashlib.blake2b(profile_id.encode(), digest_size=PLACE_BYTES, key=key).digest() for profile_id in profile_ids
    )
    arms = sorted(split.shares)
    borders = np.array([_find_border(arms[:count], split) for count in range(1, len(arms))], dtype=np.uint64)
    found = np.searchsorted(borders, np.frombuffer(places, dtype=">u8").astype(np.uint64), side="right")
    return pl.Series("arm", arms, dtype=pl.String).gather(found.astype(np.uint32)).alias("arm")


def _find_border(arms: list[str], split: Split) -> int:
    """Where the last of these arms ends, the border itself excluded."""
    share = sum((split.shares[arm] for arm in arms), Decimal(0))
    numerator, denominator = (share / HUNDRED).as_integer_ratio()
    return PLACES * numerator // denominator
