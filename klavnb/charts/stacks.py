"""The order in which a bar's parts are stacked."""

import json
from collections.abc import Sequence

__all__ = ["rank_parts"]


def rank_parts(parts: Sequence[str], column: str = "part") -> str:
    """Write the place of a row's part among all as an expression, so that the data of the chart need no column for it.

    Examples
    --------
    >>> rank_parts(["found", "missed"])
    'indexof(["found", "missed"], datum.part)'
    """
    return f"indexof({json.dumps(list(parts), ensure_ascii=False)}, datum.{column})"
