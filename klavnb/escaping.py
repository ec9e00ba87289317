"""Text from the data, safe inside Markdown: a campaign may be called anything."""

import re

__all__ = ["escape_markdown"]


def escape_markdown(text: object) -> str:
    r"""Make text from the data safe inside Markdown: it shows as it is written, in JupyterLab and in the page.

    Every sign that could mean something to Markdown, HTML or TeX becomes an entity; whitespace and
    control characters, line breaks among them, become one space each run.

    Examples
    --------
    >>> escape_markdown("[Sale](x) 20 %")
    '&#91;Sale&#93;&#40;x&#41; 20 &#37;'
    >>> escape_markdown("two\nlines | $5")
    'two lines &#124; <span>&#36;</span>5'
    """

    def escape(sign: str) -> str:
        if not sign.isascii() or sign.isalnum() or sign in " ,":
            return sign
        # MathJax looks for pairs of dollars in the text of one element, after entities are resolved
        return "<span>&#36;</span>" if sign == "$" else f"&#{ord(sign)};"

    return "".join(escape(sign) for sign in _clean(text))


def _clean(text: object) -> str:
    """Drop what cannot be seen but changes how the rest is read: control characters, turns of direction."""
    seen = re.sub(r"[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", "", str(text))
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", seen).strip()
