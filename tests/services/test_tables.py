"""CSV as spreadsheets of different countries write it, and what is none."""

from __future__ import annotations

import pytest

from recognition.services.errors import Invalid
from recognition.services.tables import read_table

COLUMNS = {"person_id": ("id",), "name": ()}
NAMES = ["José", "Nguyễn Văn A", "O'Neil; Bob", 'Ann "A", Lee']


@pytest.fixture
def table(tmp_path):
    def table(content, columns=COLUMNS):
        file = tmp_path / "list.csv"
        file.write_bytes(content)
        return read_table(file, columns)

    return table


def written(separator, names=NAMES, header="person_id,name", ending="\r\n"):
    rows = [header.replace(",", separator)]
    quoted = ('"{}"'.format(name.replace('"', '""')) for name in names)
    return ending.join([*rows, *(f"{n}{separator}{name}" for n, name in enumerate(quoted))]) + ending


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_separators_and_encodings(table, separator, encoding, ending):
    found = table(written(separator, ending=ending).encode(encoding))
    assert [row["name"] for _, row in found.rows] == NAMES
    assert [line for line, _ in found.rows] == [2, 3, 4, 5]
    assert {",": "commas", ";": "semicolons", "\t": "tabs"}[separator] in found.understood


def test_windows_1252_is_read_with_a_note(table):
    found = table(written(";", ["José", "Müller", "Žižek"]).encode("cp1252"))
    assert [row["name"] for _, row in found.rows] == ["José", "Müller", "Žižek"]
    assert "read as cp1252, since it is no UTF-8: check the names" in found.understood


def test_a_line_that_names_the_separator(table):
    found = table(b"sep=|\r\nperson_id|name\r\n7|Ann\r\n")
    assert found.rows == [(3, {"person_id": "7", "name": "Ann"})]
    assert "'|' between the columns" in found.understood


def test_the_exact_name_of_a_column_goes_before_others(table):
    assert table(b"id,person_id,name\n1,2,Ann\n").rows == [(2, {"person_id": "2", "name": "Ann"})]


def test_empty_lines_and_short_rows(table):
    assert table(b"name,person_id\n\n ,\nAnn\n").rows == [(4, {"person_id": "", "name": "Ann"})]


def test_commas_in_the_names_do_not_make_it_a_file_of_commas(table):
    found = table(b"id;name, first and last\n1;Lee, Ann\n", {"id": (), "name,_first_and_last": ()})
    assert found.rows == [(2, {"id": "1", "name,_first_and_last": "Lee, Ann"})]


def test_missing_columns_are_named_beside_what_is_there(table):
    with pytest.raises(Invalid, match=r"lacks the columns name.*names 'person_id', 'surname'") as caught:
        table(b"person_id;surname\n1;Lee\n")
    assert caught.value.code == "wrong_columns"


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 50,
        b"\xff\xfe\x00",
        b"person_id,name\n1,a\x00b\n",
        b"\x81\x8d",
        b"person_id,name\n1," + b"x" * 200_000 + b"\n",
    ],
)
def test_what_is_no_csv(table, content):
    with pytest.raises(Invalid) as caught:
        table(content)
    assert caught.value.code == "not_csv"


def test_a_first_line_without_an_end(table):
    with pytest.raises(Invalid):
        table(b"x" * 3_000_000)


def test_a_file_that_is_too_large(table, monkeypatch):
    monkeypatch.setattr("recognition.services.tables.MOST_BYTES", 20)
    with pytest.raises(Invalid, match="Divide it"):
        table(b"person_id,name\n1,Ann\n")
