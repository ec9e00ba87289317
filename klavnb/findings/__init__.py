"""Frames → sentences. A report's headings and the words around its figures state numbers, so they are computed.

Each loads when it is first used: a report needs a few of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
