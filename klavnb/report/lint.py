"""Checks a page before it is written: nothing foreign in it, nothing that names a person, nothing unsaid."""

import ipaddress
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

from klavnb.report.bundle import read_bundle
from klavnb.report.figures import find_descriptions

__all__ = ["ALLOWED_LINKS", "find_personal", "lint_page"]

ALLOWED_LINKS = ("https://help.klaviyo.com/", "https://developers.klaviyo.com/", "https://www.klaviyo.com/")
"""Where a link may lead; it is followed only by who clicks it. Nothing may be loaded from there."""

LOADING = frozenset({"src", "srcset", "poster", "background", "action", "formaction", "ping"})
HREF = frozenset({"href", "xlink:href"})
CSS_ADDRESS = re.compile(r"url\(\s*['\"]?\s*(?!#|data:)([^)'\"]{0,80})|@import\s+([^;]{0,80})", re.IGNORECASE)
ANY_SCHEME = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|//|\\\\)", re.IGNORECASE)
NO_ALT = "No description has been provided for this image"

EMBEDDED = re.compile(r"data:[\w/+.-]{1,40};base64,[A-Za-z0-9+/=]*")
BEFORE_AT = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
AFTER_AT = re.compile(r"(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}")
PHONE = re.compile(r"(?<![\w+])\+[1-9](?:[ ()/-]{0,2}\d){7,14}(?!\d|[ ()/-]{1,2}\d)")
ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")
ESCAPE = re.compile(r"\\u00([2-7][0-9a-fA-F])|%([2-7][0-9a-fA-F])")


def lint_page(page: str) -> list[str]:
    """List what is wrong with a page, in the order of the checks; an empty list means: write it.

    Found are: anything that would be loaded from elsewhere; links to anywhere but `ALLOWED_LINKS`, the
    page itself or its folder; programs in attributes; a missing policy; e-mail addresses, phone numbers
    (+ and 8 to 15 digits) and IPv4 addresses, in charts too, however they are escaped; images and
    charts without a description. Findings of personal data do not repeat it in full.

    Examples
    --------
    >>> lint_page("<p>Ask jane@example.com</p>")
    ['it has no Content-Security-Policy', 'an e-mail address (ja…@example.com)']
    """
    own = page.replace(read_bundle(), "")  # this exact text is known: it is no person's and loads nothing
    reader = _Reader()
    reader.feed(own)
    reader.close()
    findings = [] if reader.has_policy else ["it has no Content-Security-Policy"]
    findings += reader.findings
    findings += [f"an address in a style ({(a or b).strip()})" for a, b in CSS_ADDRESS.findall("".join(reader.styles))]
    findings += [
        f"chart {number} has no description" for number, text in enumerate(find_descriptions(own), 1) if not text
    ]
    return [*dict.fromkeys([*findings, *find_personal(own)])]


class _Reader(HTMLParser):
    """Walks over the tags of a page and notes what they would load."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.findings: list[str] = []
        self.styles: list[str] = []
        self.has_policy = False
        self.in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check a tag's attributes."""
        given = {name: value or "" for name, value in attrs}
        self.in_style = tag == "style"
        equivalent = given.get("http-equiv", "").lower()
        if (
            tag == "meta"
            and equivalent == "content-security-policy"
            and "default-src 'none'" in given.get("content", "")
        ):
            self.has_policy = True
        elif tag == "meta" and equivalent:
            self.findings.append(f"a <meta> that commands the browser ({equivalent})")
        if tag in ("iframe", "object", "embed", "base", "link"):
            self.findings.append(f"a foreign part (<{tag}>)")
        if tag == "img" and given.get("alt", "") in ("", NO_ALT):
            self.findings.append("an image without alt")
        for name, value in given.items():
            if name.startswith("on"):
                self.findings.append(f"a program in an attribute (<{tag} {name}>)")
            elif name in LOADING and not value.startswith("data:image/"):
                self.findings.append(f"a foreign reference (<{tag} {name}={value[:80]!r}>)")
            elif name in HREF and not _may_link(tag, value):
                self.findings.append(f"a foreign link (<{tag} {name}={value[:80]!r}>)")
            elif name == "style":
                self.styles.append(f"{value}\n")

    def handle_endtag(self, tag: str) -> None:
        """Note where a style ends."""
        self.in_style = self.in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        """Keep the text of styles."""
        if self.in_style:
            self.styles.append(data)


def _may_link(tag: str, address: str) -> bool:
    """Tell whether a link stays in the page or its folder, or leads where links may lead."""
    if address.startswith("#"):
        return True
    return tag == "a" and (address.startswith(ALLOWED_LINKS) or not ANY_SCHEME.match(address))


def find_personal(page: str) -> Iterator[str]:
    """Find what could name a person, in the page as a reader, a script or a mail program would read it."""
    plain = unescape(EMBEDDED.sub("", page))
    plain = ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), plain)
    for at in re.finditer("[@\uff20]", plain):
        before = BEFORE_AT.search(plain[max(0, at.start() - 64) : at.start()])
        after = AFTER_AT.match(plain[at.end() : at.end() + 255])
        if before and after:
            yield f"an e-mail address ({before[0][:2]}…@{after[0]})"
    for phone in PHONE.finditer(plain):
        yield f"a phone number ({phone[0][:4]}…)"
    for address in ADDRESS.finditer(plain):
        try:
            ipaddress.IPv4Address(address[0])
        except ValueError:
            continue
        yield f"an IP address ({address[0].rsplit('.', 2)[0]}.…)"
