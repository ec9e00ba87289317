"""What the flow calls the profile properties that it writes."""

import re
from collections.abc import Sequence
from typing import Final

from klavnb.errors import SettingsError, name_some

__all__ = ["name_highest", "name_item_dates"]

ARTICLE_DAYS: Final = 30
TAKEN: Final = re.compile(r"(ever_|\d+_day_)?highest_order_date")


def name_highest(days: int | None) -> tuple[str, str]:
    """Name the two properties of the highest order in the past days: its value and its date.

    Those of 30 days, the article's own, have no prefix; None is the highest order ever.

    Examples
    --------
    >>> name_highest(30)
    ('highest_order_value', 'highest_order_date')
    >>> name_highest(60)
    ('60_day_highest_order_value', '60_day_highest_order_date')
    >>> name_highest(None)
    ('ever_highest_order_value', 'ever_highest_order_date')
    """
    prefix = "ever_" if days is None else "" if days == ARTICLE_DAYS else f"{days}_day_"
    return f"{prefix}highest_order_value", f"{prefix}highest_order_date"


def name_item_dates(values: Sequence[str]) -> dict[str, str]:
    """Name, for each value of an item property, the property with the date of the last order of such an item.

    A value is kept as it is found, case included, but what is neither a letter nor a digit becomes
    one underscore: a property's name stands in headers of CSV files and in quotes in segments.

    Raises
    ------
    SettingsError
        When a value has no letter or digit, or two values have one name, or the name is that of the highest order.

    Examples
    --------
    >>> name_item_dates(["medium", '8" × 10"'])
    {'medium': 'medium_order_date', '8" × 10"': '8_10_order_date'}
    """
    names = {value: f"{_make_safe(value)}_order_date" for value in values}
    for value, name in names.items():
        same = [other for other, of_other in names.items() if of_other == name]
        if len(same) > 1 or TAKEN.fullmatch(name) or not _make_safe(value):
            raise SettingsError(
                f"Values of items: expected each to name a property of its own, found {name} for "
                f"{name_some([repr(other) for other in same])}.",
                hint="Name the values that you need, so that no two differ in signs or spaces only.",
            )
    return names


def _make_safe(value: str) -> str:
    return "_".join("".join(character if character.isalnum() else " " for character in value).split())
