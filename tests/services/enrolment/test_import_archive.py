"""Zips of people: what is understood, and what is not taken."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from recognition.engine.images import MAX_BYTES
from recognition.services import tables
from recognition.services.enrolment import open_plan
from recognition.services.enrolment.import_archive import Bounds
from recognition.services.errors import Invalid

TABLE = "person_id,name,path\nP1,Ann,photos/1.jpg\n"


@pytest.fixture
def archive(tmp_path):
    def archive(*entries: tuple[str | zipfile.ZipInfo, bytes | str]) -> Path:
        path = tmp_path / "people.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in entries:
                file.writestr(name, data, compress_type=zipfile.ZIP_DEFLATED)
        return path

    return archive


def refusal(path: Path, **how: object) -> Invalid:
    with pytest.raises(Invalid) as caught, open_plan(path, **how):
        pass
    return caught.value


@pytest.mark.parametrize("around", ["", "people/", "a/b/"])
def test_a_folder_with_or_without_one_around_it(archive, around):
    path = archive(
        (f"{around}ann/1.jpg", b"one"),
        (f"{around}ann/notes.txt", b"no photo"),
        (f"{around}ben_c/2.JPG", b"two"),
        (f"{around}.DS_Store", b"-"),
        (f"__MACOSX/{around}ann/._1.jpg", b"-"),
    )
    with open_plan(path) as (plan, root):
        assert [(one.name, [str(it.relative_to(root)) for it in one.paths]) for one in plan] == [
            ("ann", ["ann/1.jpg"]),
            ("ben c", ["ben_c/2.JPG"]),
        ]
        assert plan[0].paths[0].read_bytes() == b"one"
    assert not root.exists()


def test_one_person_alone(archive):
    with open_plan(archive(("ann/1.jpg", b"one"))) as (plan, _):
        assert [one.external_id for one in plan] == ["ann"]


@pytest.mark.parametrize("around", ["", "people/"])
def test_a_table_gives_the_names(archive, around):
    path = archive((f"{around}list.csv", TABLE), (f"{around}photos/1.jpg", b"one"))
    with open_plan(path) as (plan, root):
        assert [(one.name, one.paths) for one in plan] == [("Ann", [root / "photos/1.jpg"])]


def test_a_look_writes_no_photo(archive):
    """What the photos say they have counts all the same."""
    path = archive(("list.csv", TABLE), ("photos/1.jpg", bytes(5000)), ("photos/2.jpg", bytes(5000)))
    with open_plan(path, hollow=True) as (plan, root):
        assert [(one.name, one.paths) for one in plan] == [("Ann", [root / "photos/1.jpg"])]
        assert [photo.stat().st_size for photo in root.glob("photos/*")] == [0, 0]
    few = Bounds(unpacked_bytes=9000)
    assert (
        refusal(path, hollow=True, bounds=few).code == refusal(path, bounds=few).code == "archive_too_large"
    )


def test_folders_and_tables_are_as_before(tmp_path):
    (tmp_path / "ann").mkdir()
    with open_plan(tmp_path) as (plan, root):
        assert ([one.name for one in plan], root) == (["ann"], tmp_path)
    (tmp_path / "list.csv").write_text(TABLE)
    with open_plan(tmp_path / "list.csv") as (plan, root):
        assert ([one.name for one in plan], root) == (["Ann"], tmp_path)


@pytest.mark.parametrize("name", ["../out.jpg", "ann/../../out.jpg", "/out.jpg", "ann\\..\\out.jpg"])
def test_what_reaches_out_of_its_folder(archive, name, tmp_path):
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = name  # not tidied up
    assert refusal(archive(("ann/1.jpg", b"one"), (entry, b"out"))).code == "unsafe_archive"
    assert not list(tmp_path.rglob("out.jpg"))


def test_a_link(archive):
    entry = zipfile.ZipInfo("ann/1.jpg")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refusal(archive((entry, b"/etc/passwd"))).code == "unsafe_archive"


@pytest.mark.parametrize("written", ["../../secret.jpg", "/etc/secret.jpg"])
def test_a_table_that_names_files_of_the_site(archive, written):
    assert refusal(archive(("list.csv", TABLE.replace("photos/1.jpg", written)))).code == "unsafe_archive"


def test_a_bomb(archive):
    path = archive(*((f"ann/{number}.jpg", bytes(1 << 20)) for number in range(8)))
    assert path.stat().st_size < 1 << 16
    assert refusal(path, bounds=Bounds(unpacked_bytes=4 << 20)).code == "archive_too_large"
    assert refusal(path, bounds=Bounds(entries=7)).code == "archive_too_large"


def listing(*, entries: int, said: int, more: int = 0, zip64: bool = False) -> bytes:
    """The list of a zip and its end, which says how many entries it has. more: bytes of no entry."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    content = entry * entries + bytes(more)
    size = len(content)
    if not zip64:
        return content + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, said, said, size, 0, 0)
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, said, said, size, 0)
    place = struct.pack("<4sLQL", b"PK\x06\x07", 0, size, 1)
    none, all_of_it = 0xFFFF, 0xFFFFFFFF
    old = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, none, none, all_of_it, all_of_it, 0)
    return content + end + place + old


@pytest.mark.parametrize(
    "content",
    [
        listing(entries=101, said=101),
        listing(entries=101, said=1),
        listing(entries=101, said=101, zip64=True),
        listing(entries=1, said=1, more=100_000),
    ],
    ids=["many", "says one", "ZIP64", "long"],
)
def test_a_long_list_is_not_read(tmp_path, content, monkeypatch):
    path = tmp_path / "people.zip"
    path.write_bytes(content)
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *args: pytest.fail("an entry was read"))
    assert refusal(path, bounds=Bounds(entries=100)).code == "archive_too_large"


def test_a_table_with_too_many_rows_is_not_read_to_its_end(archive, monkeypatch):
    rows = "".join(f"P1,,photos/{number}.jpg\n" for number in range(100))
    path = archive(("list.csv", f"person_id,name,path\n{rows}"))
    with open_plan(path, bounds=Bounds(rows=100)) as (plan, _):
        assert len(plan[0].paths) == 100
    cells, cell = [], tables._cell
    monkeypatch.setattr(tables, "_cell", lambda *args: cells.append(1) or cell(*args))
    refused = refusal(path, bounds=Bounds(rows=10))
    assert (refused.code, len(cells)) == ("too_many", 10 * 3)
    assert str(refused) == "list.csv has more than 10 rows. Divide it into several files."


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_would_unpack_without_end_is_not_opened(tmp_path, way, monkeypatch):
    """These answer with all that a piece holds, not with as much as was asked for."""
    path = tmp_path / "people.zip"
    with zipfile.ZipFile(path, "w", way) as file:
        file.writestr("people.csv", b"\n" * (8 << 20))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *args: pytest.fail("it was opened"))
    assert refusal(path).code == "bad_archive"


def test_a_photo_that_is_too_large_is_not_written_whole(archive):
    """The import says of it that it is too large."""
    with open_plan(archive(("ann/1.jpg", bytes(MAX_BYTES + (5 << 20))))) as (plan, _):
        assert plan[0].paths[0].stat().st_size == MAX_BYTES + 1


def test_a_table_that_is_too_large(archive):
    assert refusal(archive(("list.csv", bytes(MAX_BYTES + 1)))).code == "archive_too_large"


def test_a_damaged_one(archive):
    path = archive(("ann/1.jpg", b"one" * 1000))
    data = bytearray(path.read_bytes())
    data[40:50] = bytes(10)
    path.write_bytes(data)
    assert refusal(path).code == "bad_archive"


def test_the_same_name_twice(archive):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = archive(("ann/1.jpg", b"one"), ("ann/1.jpg", b"two"))
    assert refusal(path).code == "bad_archive"


def test_several_tables(archive):
    refused = refusal(archive(("a.csv", TABLE), ("b.csv", TABLE)))
    assert (refused.code, "a.csv, b.csv" in str(refused)) == ("several_tables", True)


def test_nobody_is_said_in_words_of_the_file(archive):
    refused = refusal(archive(("readme.txt", b"hello")))
    assert refused.code == "nobody"
    assert str(refused).startswith("people.zip names nobody.")


def test_a_faulty_table_is_named_as_in_the_zip(archive):
    assert "list.csv line 2: person_id is empty." in str(
        refusal(archive(("list.csv", "person_id,name,path\n,Ann,1.jpg\n")))
    )
