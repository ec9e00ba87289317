"""klavnb: what the cooperative attribution model credits that the old one dropped, from a Klaviyo export.

The public names load when they are first used, so that `import klavnb` and `klavnb --help` are quick.
"""

import sys

import lazy_loader

# jsonschema tries this parser for a check that nobody here uses; building its grammar costs every process that
# imports altair, nbformat or papermill a second or more, the kernels too. Absent, it is not tried.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how Python marks what is absent

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
