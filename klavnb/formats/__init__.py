"""Export formats: files → raw frames of text (`contract`), one module per format, recognised by content.

To add a format, write a module with `recognises(source, head)`, `split(source)` and `read(pieces, settings=…)`,
and name it in `FORMATS` (`recognition.py`); nothing else knows which formats there are.

They load when they are first used: who reads a store needs none.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
