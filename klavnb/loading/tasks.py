"""Files → tasks: small files of one format together, large ones in pieces."""

from collections import Counter
from collections.abc import Iterator, Sequence

from klavnb.formats import FoundFiles, split_file
from klavnb.formats.source import PIECE, Piece, Source
from klavnb.loading.parts import Task

__all__ = ["plan_tasks"]

UNPACKED = 8
"""A packed file is about so many times as long when it is unpacked."""

PACKED_ENDINGS = (".gz", ".zst", ".zip", ".parquet")


def plan_tasks(found: FoundFiles) -> Iterator[Task]:
    """Cut files into tasks of about equal work, in the order of the files; databases come last."""
    last = 0
    for task in _plan_files(found.files):
        yield task
        last = task.number
    for number, database in enumerate(found.databases, start=last + 1):
        yield Task(number, "postgresql", (), 0, database)


def _plan_files(files: Sequence[tuple[Source, str]]) -> Iterator[Task]:
    members = Counter(source.path for source, _ in files)
    number = 0
    held: list[Piece] = []
    held_format, held_work, held_size = "", 0, 0
    for source, name in files:
        pieces = split_file(source, name)
        size = source.path.stat().st_size // members[source.path]
        work = size * (UNPACKED if source.path.suffix.lower() in PACKED_ENDINGS else 1)
        if held and (name != held_format or held_work + work > PIECE or len(pieces) > 1):
            yield Task(number, held_format, tuple(held), held_size)
            number, held, held_work, held_size = number + 1, [], 0, 0
        if len(pieces) > 1:
            for piece in pieces:
                yield Task(number, name, (piece,), size // len(pieces))
                number += 1
            continue
        held_format = name
        held += pieces
        held_work, held_size = held_work + work, held_size + size
    if held:
        yield Task(number, held_format, tuple(held), held_size)
