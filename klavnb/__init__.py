"""klavnb: what the cooperative attribution model credits that the old one dropped, from a Klaviyo export.

The public names load when they are first used, so that `import klavnb` and `klavnb --help` are quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
