"""Profiles → the addresses that a file for Klaviyo may have: fit to be imported, and one spelling for each."""

from typing import Final, Literal, TypeAlias

import polars as pl

from klavnb.formats.profile_cells import PHONE

__all__ = ["Address", "find_addresses", "tidy_email", "tidy_phone"]

Address: TypeAlias = Literal["email", "phone_number"]

SIGNS: Final = r"\s@\"<>(),;:\\\[\]"
EMAIL: Final = rf"^[^{SIGNS}=+'-][^{SIGNS}]*@(?:[^{SIGNS}.]+\.)+[^{SIGNS}.]{{2,}}$"
LONGEST_EMAIL: Final = 254
BETWEEN_DIGITS: Final = r"[\s()./-]"


def find_addresses(profiles: pl.LazyFrame, address: Address) -> pl.LazyFrame:
    """Find the address of each profile, where it has one that Klaviyo would take.

    One row per profile with an address: `profile_id`, `address` as it will be written, `address_key`,
    which is the same for all spellings of one address. See `tidy_email` and `tidy_phone` for what is one.

    Examples
    --------
    >>> profiles = pl.LazyFrame({"profile_id": ["p1", "p2"], "email": [" Ann@example.com ", "nobody"]})
    >>> find_addresses(profiles, "email").collect().rows()
    [('p1', 'Ann@example.com', 'ann@example.com')]
    """
    written = tidy_email(pl.col("email")) if address == "email" else tidy_phone(pl.col("phone_number"))
    return profiles.select("profile_id", address=written, address_key=written.str.to_lowercase()).filter(
        pl.col("address").is_not_null()
    )


def tidy_email(email: pl.Expr) -> pl.Expr:
    """Write an e-mail address without blanks around it; null where it does not look like one.

    It does when it has one @, something before it, a name with a dot after it, at most 254 characters, and
    none of blanks, double quotes, brackets, commas, semicolons, colons and backslashes. Letters of any script
    will do; whether anyone reads it is not asked. One that begins with = + - or an apostrophe is not taken:
    a spreadsheet would compute it, and an apostrophe before it would spoil it.

    Examples
    --------
    >>> emails = pl.Series(["ann+news@example.com ", "=1+1@example.com", "ann@localhost", None])
    >>> pl.select(tidy_email(pl.lit(emails))).to_series().to_list()
    ['ann+news@example.com', None, None, None]
    """
    bare = email.str.strip_chars()
    return pl.when(bare.str.contains(EMAIL) & (bare.str.len_chars() <= LONGEST_EMAIL)).then(bare)


def tidy_phone(phone: pl.Expr) -> pl.Expr:
    """Write a phone number as Klaviyo takes it (E.164): + and 7 to 15 digits; null where it is none.

    Blanks, round brackets, dots, slashes and hyphens between the digits are dropped.

    Examples
    --------
    >>> phones = pl.Series(["+1 (555) 010-0123", "0555 0100123"])
    >>> pl.select(tidy_phone(pl.lit(phones))).to_series().to_list()
    ['+15550100123', None]
    """
    bare = phone.str.replace_all(BETWEEN_DIGITS, "")
    return pl.when(bare.str.contains(PHONE)).then(bare)
