"""Lists as they are typed: windows, amounts, texts, between commas."""

from decimal import Decimal, InvalidOperation

from klavnb.errors import SettingsError

__all__ = ["read_list", "read_numbers", "read_shares", "read_windows"]

LONGEST = 36_500
WHOLE = Decimal(100)


def read_windows(text: str) -> list[int | None]:
    """Read windows in days, such as `30, 60, ever`; None stands for ever.

    Raises
    ------
    SettingsError
        When there is none, one comes twice, or one is neither a whole number from 1 to 36,500 nor `ever`.

    Examples
    --------
    >>> read_windows("30, 60, ever")
    [30, 60, None]
    """
    parts = [part.strip().lower() for part in text.split(",") if part.strip()]
    days = [None if part == "ever" else int(part) if part.isascii() and part.isdecimal() else 0 for part in parts]
    if not days or any(each is not None and not 1 <= each <= LONGEST for each in days) or len(set(days)) < len(days):
        raise SettingsError(
            f"Windows: expected different numbers of days, or ever, between commas; found {text!r}.",
            hint="Write 30, 60, 90, ever.",
        )
    return days


def read_numbers(text: str) -> list[float]:
    """Read amounts such as `100, 200.5`, rising; an empty text holds none.

    Raises
    ------
    SettingsError
        When one is no number above 0.

    Examples
    --------
    >>> read_numbers("200, 100")
    [100.0, 200.0]
    """
    try:
        numbers = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError:
        numbers = [0.0]
    if any(not 0 < number < float("inf") for number in numbers):
        raise SettingsError(
            f"Amounts: expected numbers above 0 between commas, found {text!r}.", hint="Write 100, 200, 500."
        )
    return numbers


def read_list(text: str) -> list[str]:
    """Read texts between commas; an empty text holds none.

    Examples
    --------
    >>> read_list("small, medium")
    ['small', 'medium']
    """
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def read_shares(text: str) -> dict[str, Decimal]:
    """Read names with their shares in per cent, such as `a=80, b=20`; an empty text holds none.

    Raises
    ------
    SettingsError
        When a name is missing or comes twice, a share is no number above 0, or they do not add up to 100.

    Examples
    --------
    >>> read_shares("treatment=80, control=20")
    {'treatment': Decimal('80'), 'control': Decimal('20')}
    """
    parts = [part.partition("=") for part in text.split(",") if text.strip()]
    try:
        shares = {name.strip(): Decimal(share.strip().removesuffix("%").rstrip()) for name, _, share in parts}
        is_whole = sum(shares.values()) == WHOLE and all(share > 0 for share in shares.values())
    except InvalidOperation:
        shares, is_whole = {}, False
    if parts and (not is_whole or "" in shares or len({name.lower() for name in shares}) < len(parts)):
        raise SettingsError(
            f"Shares: expected names with shares in per cent that add up to 100, found {text!r}.",
            hint="Write treatment=80,control=20.",
        )
    return shares
