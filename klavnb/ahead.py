"""Loads an export for the reports that will read it."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from klavnb.errors import KlavnbError
from klavnb.export import find_paths
from klavnb.filling import load_store
from klavnb.handover import hand_over
from klavnb.kept import find_kept_sample
from klavnb.loading import LoadOptions
from klavnb.settings import Settings

__all__ = ["load_ahead"]


def load_ahead(data: str, settings_file: str, conversion_metric: str, folder: str) -> None:
    """Load an export into a folder, and hand the store over; the sample is loaded into the user's cache and stays.

    Where that fails, nothing is handed over: whoever reads the export then reads it as if this had not been tried,
    and says what is wrong with it.

    Parameters
    ----------
    data, settings_file, conversion_metric
        As reports have them.
    folder
        Where the store, `store`, and the file that tells of it, `handover.json`, are written.
    """
    place = Path(folder)
    options = LoadOptions(workers=os.cpu_count() or 1)
    try:
        settings = Settings.from_options(file=settings_file, conversion_metric=conversion_metric)
        kept = find_kept_sample([data], settings=settings)
        if kept is not None:
            with suppress(KlavnbError, OSError):  # a cache that cannot be written
                kept.keep(partial(load_store, data, settings=settings, options=options))
                return
        load_store(data, place / "store", settings=settings, options=options)
    except KlavnbError:
        return
    hand_over(place / "handover.json", find_paths(data), settings=settings, store=place / "store")
