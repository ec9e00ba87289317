"""What a page may do, said to the browser: load nothing, run only the scripts that klavnb put there."""

import base64
import hashlib
from collections.abc import Sequence

__all__ = ["write_policy"]


def write_policy(scripts: Sequence[str]) -> str:
    """Write the Content-Security-Policy of a page with these scripts, each exactly as it stands in the page."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    policy = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; font-src data:; "
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}'
        f"style-src 'unsafe-inline'; script-src {allowed}\">"
    )
