"""Where the bytes come from: unpacked, in whole lines or rows, in a fixed order; what is broken is said, not lost."""

import csv
import gzip
import io
import os
import pickle
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from needs import act_as_nobody, needs_linux

from klavnb.errors import ExportError
from klavnb.formats import cutting
from klavnb.formats.folders import list_sources
from klavnb.formats.source import (
    Piece,
    Source,
    UnreadableError,
    read_chunks,
    split_lines,
    split_rows,
    whole,
)

LINES = b'{"id": 1}\n{"id": 2}\n{"id": 3}\n'


def write(path: Path, content: bytes) -> Source:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Source(path, path.name)


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def zip_one(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.jsonl", content)
    return packed.getvalue()


def list_names(*paths: Path) -> list[str]:
    return [source.name for source in list_sources(paths)[0]]


def read_until_broken(source: Source) -> tuple[bytes, str]:
    """Return what chunks hold before the file turns out to be broken, and the reason."""
    held = b""
    try:
        for chunk in read_chunks(Piece(source), size=1):
            held += chunk
    except UnreadableError as error:
        return held, str(error)
    return held, ""


# ---------------------------------------------------------------------------------------- packed


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        zstandard.compress,
        lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]),
        lambda content: zstandard.compress(content[:9]) + zstandard.compress(content[9:]),
        lambda content: b"\x50\x2a\x4d\x18\x02\x00\x00\x00ab" + zstandard.compress(content),
    ],
    ids=["plain", "gzip", "zstd", "two gzips", "two frames of zstd", "zstd after a frame to be skipped"],
)
@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: "\ufeff".encode("utf-16-be") + text.encode("utf-16-be"),
    ],
    ids=["UTF-8", "with a mark", "UTF-16", "UTF-16, big end first"],
)
def test_packing_and_byte_order_marks_are_taken_off(
    tmp_path: Path, pack: Callable[[bytes], bytes], encode: Callable[[str], bytes]
) -> None:
    text = '{"name": "Größe 🛒"}\r\n{"name": "x"}\r\n'
    source = write(tmp_path / 'it\'s a "file" of ours.jsonl', pack(encode(text)))
    assert source.read() == text.encode()
    assert source.read_head() == text.encode()
    assert b"".join(read_chunks(whole(source)[0])) == text.encode()
    with source.open() as stream:
        assert stream.readline() == b'{"name": "Gr\xc3\xb6\xc3\x9fe \xf0\x9f\x9b\x92"}\r\n'


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_an_empty_file_has_no_chunk(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    source = write(tmp_path / "empty", pack(b""))
    assert source.read() == source.read_head() == b""
    assert list(read_chunks(whole(source)[0])) == []
    assert split_lines(source) == split_rows(source) == [Piece(source)]


@pytest.mark.parametrize(
    ("pack", "reason"),
    [(gzip.compress, "the gzip is broken or cut short"), (zstandard.compress, "the zstd is cut short")],
    ids=["gzip", "zstd"],
)
@pytest.mark.parametrize("lost", [1, 9, 4000])
def test_a_packed_file_that_is_cut_short_is_found_after_the_lines_before_the_cut(
    tmp_path: Path, pack: Callable[[bytes], bytes], reason: str, lost: int
) -> None:
    content = b"".join(b'{"id": "%s"}\n' % os.urandom(20).hex().encode() for _ in range(20_000))
    source = write(tmp_path / "events.jsonl.gz", pack(content)[:-lost])
    with pytest.raises(UnreadableError, match=reason):
        source.read()
    held, found = read_until_broken(source)
    assert found.startswith(reason)
    assert content.startswith(held)
    assert held.endswith(b"\n")
    assert len(held) > len(content) / 2
    assert content.startswith(source.read_head())


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (gzip.compress(LINES, mtime=0)[:12], "the gzip is broken or cut short"),
        (gzip.compress(LINES, mtime=0)[:-8] + b"12345678", "the gzip is broken or cut short"),
        (gzip.compress(LINES, mtime=0) + b"more", "the gzip is broken or cut short"),
        (b"\x1f\x8bnothing", "the gzip is broken or cut short"),
        (zstandard.compress(LINES)[:8], "the zstd is cut short"),
        (zstandard.compress(LINES)[:4] + b"\xff" * 40, "the zstd is broken"),
        (zstandard.compress(LINES) + b"more", "the zstd is broken"),
        ("\ufeffab".encode("utf-16-le")[:-1], "UTF-16 that is cut short or damaged"),
        (b"\xff\xfe\x00\xd8a\x00", "UTF-16 that is cut short or damaged"),
    ],
)
def test_a_broken_file_is_said_to_be_so(tmp_path: Path, broken: bytes, reason: str) -> None:
    source = write(tmp_path / "events.jsonl", broken)
    with pytest.raises(UnreadableError, match=reason):
        source.read()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused_before_it_fills_anything(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    source = write(tmp_path / "events.jsonl", pack(bytes(80 << 20)))
    lengths: list[int] = []
    with pytest.raises(ExportError, match="unpacks to more than 100 times its size"):
        lengths.extend(map(len, source.read_blocks()))
    assert sum(lengths) <= 64 << 20


def test_what_packs_well_is_no_bomb_where_it_is_small(tmp_path: Path) -> None:
    content = b'{"id": 1}\n' * 1_000_000
    assert len(gzip.compress(content)) * 100 < len(content)
    assert write(tmp_path / "events.jsonl.gz", gzip.compress(content)).read() == content


# ------------------------------------------------------------------------------------------- zip


def test_a_zip_stands_for_the_files_in_it_by_name(tmp_path: Path) -> None:
    members = {
        "b/page 2.json": b"2",
        "a/page 1.JSON": b"1",
        "events.jsonl.gz": gzip.compress(LINES),
        "__MACOSX/a/._page 1.json": b"of macOS",
        "a/.DS_Store": b"of macOS too",
        "a/": b"",
    }
    write_zip(tmp_path / "Export.ZIP", members)
    sources, skipped = list_sources([tmp_path])
    assert [source.name for source in sources] == [
        "Export.ZIP/a/page 1.JSON",
        "Export.ZIP/b/page 2.json",
        "Export.ZIP/events.jsonl.gz",
    ]
    assert [source.read() for source in sources] == [b"1", b"2", LINES]
    assert [source.base for source in sources] == ["page 1.json", "page 2.json", "events.jsonl"]
    assert [source.stem for source in sources] == ["page 1", "page 2", "events"]
    assert skipped == []
    assert [split_lines(source, size=1) for source in sources] == [[Piece(source)] for source in sources]


def test_a_member_is_read_in_another_process_as_well(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "export.zip", {"events.jsonl": LINES})
    (source,), _ = list_sources([path])
    piece = pickle.loads(pickle.dumps(whole(source)[0]))  # noqa: S301 - our own
    assert list(read_chunks(piece)) == [LINES]


def test_a_zip_without_files_is_named(tmp_path: Path) -> None:
    write_zip(tmp_path / "export.zip", {".hidden": b"1"})
    assert list_sources([tmp_path]) == ([], ["export.zip (an archive without files)"])


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_has_a_file_twice_says_that_the_last_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("a.json", b"1")
        archive.writestr("a.json", b"2")
    (source,), skipped = list_sources([tmp_path])
    assert source.read() == b"2"
    assert skipped == ["export.zip/a.json (there 2 times; the last is read)"]


def test_a_zip_that_is_cut_short_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path / "export.zip", zip_one(LINES * 1000)[:-30])
    (source,), _ = list_sources([tmp_path])
    assert source == Source(tmp_path / "export.zip", "export.zip")
    with pytest.raises(UnreadableError, match="the zip is broken or cut short"):
        source.read_head()


def test_a_zip_by_another_name_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"a zip that is not named \.zip"):
        write(tmp_path / "events.json", zip_one(LINES)).read_head()


def test_a_member_whose_bytes_are_damaged_is_found(tmp_path: Path) -> None:
    content = bytearray(zip_one(os.urandom(5000)))
    content[2000] ^= 0xFF
    write(tmp_path / "export.zip", bytes(content))
    (source,), _ = list_sources([tmp_path])
    with pytest.raises(UnreadableError, match="the zip is broken or cut short"):
        source.read()


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [(8, 0x1, "the zip is encrypted"), (10, 14, "the zip is packed in a rare way")],
    ids=["encrypted", "LZMA"],
)
def test_a_member_that_cannot_be_unpacked_says_why(tmp_path: Path, at: int, value: int, reason: str) -> None:
    content = bytearray(zip_one(LINES))
    directory = content.index(b"PK\x01\x02")
    content[directory + at] = value
    write(tmp_path / "export.zip", bytes(content))
    (source,), _ = list_sources([tmp_path])
    with pytest.raises(UnreadableError, match=reason):
        source.read()


def test_a_broken_gzip_in_a_zip_is_called_a_gzip(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "export.zip", {"events.jsonl.gz": gzip.compress(LINES)[:-3]})
    (source,), _ = list_sources([path])
    with pytest.raises(UnreadableError, match="the gzip is broken or cut short"):
        source.read()


def test_a_zip_that_unpacks_to_far_more_than_its_size_is_refused_when_it_is_listed(tmp_path: Path) -> None:
    write_zip(tmp_path / "export.zip", {f"{part}.json": bytes(20 << 20) for part in range(4)})
    with pytest.raises(ExportError, match=r"export\.zip: .* more than 100 times its size"):
        list_sources([tmp_path])


def test_a_bomb_inside_a_zip_is_refused_too(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "export.zip", {"events.gz": gzip.compress(bytes(80 << 20))})
    (source,), _ = list_sources([path])
    with pytest.raises(ExportError, match=r"export\.zip/events\.gz: .* more than 100 times its size"):
        sum(map(len, source.read_blocks()))


def test_a_zip_with_many_files_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "export.zip", {f"{page}.json": b"%d" % page for page in range(50)})
    opened: list[Path] = []
    archive = zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: opened.append(path) or archive(path))
    assert len([source.read() for source in list_sources([path])[0]]) == 50
    assert opened == [path]


def test_a_zip_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "export.zip", {"a.json": b"1"})
    (source,), _ = list_sources([path])
    assert source.read() == b"1"
    write_zip(path, {"b.json": b"2"})
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    with pytest.raises(UnreadableError, match="it is in the zip no more"):
        source.read()


# ------------------------------------------------------------------------- files that fail to be read


@pytest.mark.parametrize(
    "read",
    [
        Source.read,
        Source.read_head,
        split_lines,
        split_rows,
        lambda source: list(read_chunks(Piece(source))),
        lambda source: list(read_chunks(Piece(source, 0, 5))),
    ],
    ids=["read", "read_head", "split_lines", "split_rows", "read_chunks", "of a piece"],
)
@pytest.mark.parametrize("fault", ["vanished", "no permission"])
def test_a_file_that_cannot_be_opened_is_an_error_that_says_why(
    public_folder: Path, read: Callable[[Source], object], fault: str
) -> None:
    source = write(public_folder / "events.jsonl", LINES)
    if fault == "vanished":
        source.path.unlink()
    else:
        source.path.chmod(0)
    with (
        act_as_nobody(),
        pytest.raises(ExportError, match=r"events\.jsonl: .* found: (No such file|Permission denied)"),
    ):
        read(source)


@needs_linux
def test_a_file_that_fails_while_it_is_read_is_an_error_that_says_why() -> None:
    with pytest.raises(ExportError, match=r"mem: .* found: Input/output error"):
        Source(Path("/proc/self/mem"), "mem").read()


def test_a_file_that_became_shorter_while_it_was_read_is_found(tmp_path: Path) -> None:
    source = write(tmp_path / "events.jsonl", LINES)
    *_, last = split_lines(source, size=10)
    source.path.write_bytes(LINES[:-5])
    with pytest.raises(UnreadableError, match="became shorter"):
        list(read_chunks(last))


def test_an_error_of_whoever_reads_is_not_taken_for_one_of_the_file(tmp_path: Path) -> None:
    source = write(tmp_path / "events.jsonl", LINES)
    with pytest.raises(OSError, match="No space left"), source.open():
        raise OSError(28, "No space left on device")


# ------------------------------------------------------------------------------- whole lines and rows

BLOCKS = st.lists(st.binary(max_size=20), max_size=12)
LINES_OF_TEXT = st.lists(st.sampled_from([b"ab", b"\r\n", b"\n", b'"', b"\x00", b"\xff"]), max_size=60).map(b"".join)
ROWS = st.text(alphabet='ab",\r\n', max_size=150)
SIZES = st.integers(1, 40)


@given(LINES_OF_TEXT, SIZES, SIZES)
def test_the_chunks_of_all_pieces_are_the_file_and_no_line_is_cut(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int, piece_size: int
) -> None:
    source = write(tmp_path_factory.getbasetemp() / "lines.jsonl", content)
    chunks = [chunk for piece in split_lines(source, size=piece_size) for chunk in read_chunks(piece, size=size)]
    assert b"".join(chunks) == content
    assert all(chunk.endswith(b"\n") for chunk in chunks[:-1])
    assert [line for chunk in chunks for line in chunk.split(b"\n")[:-1]] == content.split(b"\n")[:-1]


def read_rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(ROWS, SIZES, SIZES, st.booleans())
def test_the_chunks_of_all_pieces_are_the_file_and_no_row_of_csv_is_cut(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int, piece_size: int, has_mark: bool
) -> None:
    source = write(tmp_path_factory.getbasetemp() / "rows.csv", text.encode("utf-8-sig" if has_mark else "utf-8"))
    pieces = split_rows(source, size=piece_size)
    chunks = [chunk.decode() for piece in pieces for chunk in read_chunks(piece, size=size, is_quoted=True)]
    assert "".join(chunks) == text
    assert [row for chunk in chunks for row in read_rows(chunk)] == read_rows(text)


@given(ROWS, st.integers(1, 70), SIZES)
def test_rows_are_cut_the_same_however_the_blocks_fall(text: str, length: int, size: int) -> None:
    content = text.encode()
    blocks = [content[at : at + length] for at in range(0, len(content), length)]
    chunks = list(cutting.cut_rows(blocks, size=size))
    assert b"".join(chunks) == content
    assert [row for chunk in chunks for row in read_rows(chunk.decode())] == read_rows(text)


@given(BLOCKS, SIZES)
def test_lines_are_cut_the_same_however_the_blocks_fall(blocks: list[bytes], size: int) -> None:
    chunks = list(cutting.cut_lines(blocks, size=size))
    assert b"".join(chunks) == b"".join(blocks)
    assert all(chunk.endswith(b"\n") for chunk in chunks[:-1])


def test_a_large_file_is_split_into_pieces_of_the_size_that_was_asked_for(tmp_path: Path) -> None:
    content = b"".join(b'%d,"line one\nline ""two""",27" screen\n' % number for number in range(40_000))
    source = write(tmp_path / "rows.csv", content)
    for pieces in (split_rows(source, size=300_000), split_lines(source, size=300_000)):
        assert len(pieces) > 3
        assert pieces[0].start == 0
        assert all(piece.stop is not None and 200_000 < piece.stop - piece.start < 700_000 for piece in pieces[:-1])
        assert pieces[-1].stop == len(content)
    rows = [
        row for piece in split_rows(source, size=300_000) for row in read_rows(b"".join(read_chunks(piece)).decode())
    ]
    assert [row[0] for row in rows] == [str(number) for number in range(40_000)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, lambda content: b"\xff\xfe" + content])
def test_what_is_packed_or_in_utf_16_is_not_split(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    source = write(tmp_path / "events", pack(LINES))
    assert split_lines(source, size=3) == split_rows(source, size=3) == [Piece(source)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_a_line_of_50_mb_comes_whole(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    long = b'{"text": "' + b"0123456789" * 5_000_000 + b'"}\n'
    source = write(tmp_path / "events.jsonl", pack(b"{}\n" + long + b"{}\n"))
    lines = [line for piece in split_lines(source) for chunk in read_chunks(piece) for line in chunk.splitlines()]
    assert lines == [b"{}", long[:-1], b"{}"]


@pytest.mark.parametrize("is_quoted", [False, True])
def test_a_line_that_cannot_be_held_is_said_after_the_lines_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_quoted: bool
) -> None:
    monkeypatch.setattr(cutting, "LONGEST", 3 << 20)
    endless = b'"' + b"x\n" * (2 << 20) if is_quoted else b"x" * (4 << 20)
    source = write(tmp_path / "events.jsonl", b"first\nsecond\n" + endless)
    chunks = read_chunks(Piece(source), size=1 << 20, is_quoted=is_quoted)
    assert next(chunks) == b"first\nsecond\n"
    with pytest.raises(UnreadableError, match="a line, or a field in quotes, of more than"):
        next(chunks)
    assert split_rows(source, size=1 << 20) == [Piece(source)]


# -------------------------------------------------------------------------------------------- folders


def test_files_are_listed_by_name_whatever_the_order_of_the_disk(tmp_path: Path) -> None:
    names = ["b.json", "a/z.json", "a/b/c.json", "a.json", "Ä ü'\"$.json"]
    for name in reversed(names):
        write(tmp_path / name, b"1")
    write(tmp_path / ".hidden/a.json", b"1")
    write(tmp_path / ".a.json", b"1")
    assert list_names(tmp_path) == ["a/b/c.json", "a/z.json", "a.json", "b.json", "Ä ü'\"$.json"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path / "deep/events.json", b"1")
    (tmp_path / "deep/up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "deep")
    (tmp_path / "self").symlink_to("self")
    sources, skipped = list_sources([tmp_path])
    assert [source.name for source in sources] == ["again/events.json"]
    assert skipped == ["self (a link to nothing)"]


def test_a_linked_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/events.json", b"1")
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked/linked").symlink_to(tmp_path / "elsewhere")
    assert list_names(tmp_path / "asked") == ["linked/events.json"]


def test_a_file_that_is_linked_or_asked_for_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "a.json", b"1")
    (tmp_path / "b.json").symlink_to("a.json")
    assert list_names(tmp_path) == ["a.json"]
    assert list_names(tmp_path / "b.json", tmp_path, tmp_path / "a.json") == ["b.json"]


def test_what_is_neither_file_nor_folder_is_passed_over_and_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    (tmp_path / "gone.json").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        sources, skipped = list_sources([tmp_path])
    assert sources == []
    assert skipped == [
        "gone.json (a link to nothing)",
        "pipe.json (a pipe)",
        "s (a socket)",
        "zero.json (a device)",
    ]


def test_a_pipe_that_is_asked_for_is_an_error_that_tells_what_to_do(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ExportError, match="found a pipe") as caught:
        list_sources([tmp_path / "pipe"])
    assert caught.value.hint == "Write what comes out of it to a file, and load that."


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="There is no file or folder"):
        list_sources([tmp_path / "nothing"])


@pytest.mark.parametrize("rights", [0o000, 0o444])
def test_a_folder_that_cannot_be_read_is_an_error(public_folder: Path, rights: int) -> None:
    write(public_folder / "closed/events.json", b"1")
    (public_folder / "closed").chmod(rights)
    with act_as_nobody(), pytest.raises(ExportError, match=r"closed.*found: Permission denied"):
        list_sources([public_folder])


def test_an_archive_that_cannot_be_read_is_an_error(public_folder: Path) -> None:
    write_zip(public_folder / "export.zip", {"a.json": b"1"}).chmod(0)
    with act_as_nobody(), pytest.raises(ExportError, match=r"export\.zip: .*found: Permission denied"):
        list_sources([public_folder])


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("x/2026/data/a.json", "y/2026/data/a.json", "y/2026/data/b.json"):
        write(tmp_path / name, b"1")
    assert list_names(tmp_path / "x/2026", tmp_path / "y/2026") == [
        "x/2026/data/a.json",
        "y/2026/data/a.json",
        "data/b.json",
    ]
    assert list_names(tmp_path / "x/2026/data/a.json", tmp_path / "y/2026/data") == [
        "x/2026/data/a.json",
        "y/2026/data/a.json",
        "b.json",
    ]


def test_a_store_among_the_files_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "events.json", b"1")
    write(tmp_path / "store/manifest.json", b'{"klavnb_store": 1}')
    write(tmp_path / "store/more/events.json", b"1")
    sources, skipped = list_sources([tmp_path])
    assert [source.name for source in sources] == ["events.json"]
    assert skipped == ["store (a store of klavnb)"]
    assert list_sources([tmp_path / "store"]) == ([], ["store (a store of klavnb)"])
