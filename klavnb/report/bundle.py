"""The scripts of a page: Vega, built once for each version and kept in the user's cache, and klavnb's own."""

import contextlib
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path

import klavnb
from klavnb.files import replace_file
from klavnb.kept import find_cache

__all__ = ["read_bundle", "read_page_file"]

FOLDER = Path(__file__).parent
SNIPPET = "window.vegaEmbed = vegaEmbed;"


@cache
def read_page_file(name: str) -> str:
    """Read a file that lies beside this module: the page's template, style or script."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def read_bundle() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script, ready to stand in a page.

    Building it takes a second or more, so it is kept in the user's cache; where that cannot be written
    it is built every time.
    """
    cache = find_cache()
    kept = None if cache is None else cache / f"vega-{version('vl-convert-python')}-{klavnb.__version__}.js"
    if kept is not None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return kept.read_text(encoding="utf-8")
    import vl_convert  # noqa: PLC0415 - 70 MB that only the first report needs

    bundle = re.sub(r"<(/script|!--)", r"\\x3C\1", vl_convert.javascript_bundle(SNIPPET), flags=re.IGNORECASE)
    if kept is not None:
        with contextlib.suppress(OSError):
            replace_file(kept, lambda part: part.write_text(bundle, encoding="utf-8"))
    return bundle
