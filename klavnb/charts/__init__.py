"""Frames → charts. Each says its finding in the title and describes itself for who cannot see it.

Each loads when it is first used: a report needs a few of them.
"""

import lazy_loader

from klavnb.rendering import enable

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

enable()
