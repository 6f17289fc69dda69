"""Reading who is to be imported."""

from __future__ import annotations

import os
from pathlib import PurePath

import pytest

from recognition.services.enrolment.import_plan import read_plan
from recognition.services.errors import Invalid


def code_of(path):
    with pytest.raises(Invalid) as caught:
        read_plan(path)
    return caught.value.code


class TestFolder:
    def test_one_person_a_sub_folder(self, tmp_path):
        for name in (
            "b/2.JPG",
            "b/1.png",
            "a_c/x.webp",
            "a_c/notes.txt",
            "a_c/.hidden.jpg",
            ".git/x.jpg",
            "top.jpg",
        ):
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
            file.touch()
        (tmp_path / "a_c" / "sub.jpg").mkdir()
        found = [(p.external_id, p.name, [x.name for x in p.paths]) for p in read_plan(tmp_path)]
        assert found == [("a_c", "a c", ["x.webp"]), ("b", "b", ["1.png", "2.JPG"])]

    def test_nobody(self, tmp_path):
        assert code_of(tmp_path) == "nobody"
        (tmp_path / "only.jpg").touch()
        assert code_of(tmp_path) == "nobody"

    def test_nothing_there(self, tmp_path):
        assert code_of(tmp_path / "missing") == "no_such_path"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_folder_that_may_not_be_read(self, tmp_path):
        (tmp_path / "locked").mkdir(mode=0)
        assert code_of(tmp_path) == "unreadable_path"


class TestCsv:
    def write(self, tmp_path, text, encoding="utf-8"):
        path = tmp_path / "data.csv"
        path.write_bytes(text.encode(encoding))
        return path

    def test_rows_of_a_person_come_together(self, tmp_path):
        path = self.write(
            tmp_path,
            "person_id,name,path\nP2,Ben,2/a.jpg\nP1,Ann,1/a.jpg\nP2,Benjamin,2/b.jpg\nP2,,2/a.jpg\nP3,,\n",
        )
        found = [(p.external_id, p.name, p.paths) for p in read_plan(path)]
        assert found == [
            ("P2", "Ben", [tmp_path / "2/a.jpg", tmp_path / "2/b.jpg"]),
            ("P1", "Ann", [tmp_path / "1/a.jpg"]),
            ("P3", "P3", []),
        ]

    def test_many_photos_of_one_person(self, tmp_path, monkeypatch):
        """Each is not compared with all before it."""
        file = tmp_path / "people.csv"
        file.write_text("person_id,name,path\n" + "".join(f"1,,{number}.jpg\n" for number in range(300)))
        compared, same = [], PurePath.__eq__
        monkeypatch.setattr(PurePath, "__eq__", lambda *both: compared.append(1) or same(*both))
        assert len(read_plan(file)[0].paths) == 300
        assert len(compared) < 300

    def test_as_spreadsheets_write_it(self, tmp_path):
        text = '\ufeffpath,extra,name,person_id\r\n"a, b.jpg",1, José ,P1\r\n'
        (person,) = read_plan(self.write(tmp_path, text))
        assert (person.external_id, person.name, person.paths) == ("P1", "José", [tmp_path / "a, b.jpg"])

    def test_absolute_paths_and_short_rows(self, tmp_path):
        (person,) = read_plan(self.write(tmp_path, "person_id,name,path\nP1,Ann,/x/a.jpg\nP1\n"))
        assert [str(path) for path in person.paths] == ["/x/a.jpg"]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "wrong_columns"),
            ("\n", "wrong_columns"),
            ("person_id|name|path\nP1|Ann|a.jpg\n", "wrong_columns"),
            ("number,name,path\nP1,Ann,a.jpg\n", "wrong_columns"),
            ("person_id,name,path\n", "nobody"),
            ("person_id,name,path\n,Ann,a.jpg\n", "no_person_id"),
            ('person_id,name,path\nP1,"' + "x" * 200_000 + '",a.jpg\n', "not_csv"),
        ],
    )
    def test_what_cannot_be_read(self, tmp_path, text, code):
        assert code_of(self.write(tmp_path, text)) == code

    def test_the_message_says_which_columns_and_which_line(self, tmp_path):
        with pytest.raises(Invalid, match="lacks the columns person_id, path"):
            read_plan(self.write(tmp_path, "number,name\n"))
        with pytest.raises(Invalid, match="line 3: person_id is empty"):
            read_plan(self.write(tmp_path, "person_id,name,path\nP1,Ann,a.jpg\n ,Ben,b.jpg\n"))

    def test_another_encoding_or_a_picture(self, tmp_path):
        broken = "person_id,name,path\nP1,Jos\x81,a.jpg\n"  # no letter of Windows-1252 either
        assert code_of(self.write(tmp_path, broken, "latin-1")) == "not_csv"
        picture = tmp_path / "face.jpg"
        picture.write_bytes(b"\xff\xd8\xff\xe0" * 100)
        assert code_of(picture) == "not_csv"

    def test_backslashes_of_windows(self, tmp_path):
        (person,) = read_plan(self.write(tmp_path, "person_id,name,path\nP1,Ann,Ann\\2026\\a.jpg\n"))
        assert person.paths == [tmp_path / "Ann/2026/a.jpg"]
        (tmp_path / "a\\b.jpg").touch()
        (person,) = read_plan(self.write(tmp_path, "person_id,name,path\nP1,Ann,a\\b.jpg\n"))
        assert person.paths == [tmp_path / "a\\b.jpg"]

    def test_other_names_of_columns(self, tmp_path):
        said = []
        text = "External ID;Name;Photo\nP1;Nguyễn, An;a.jpg\n"
        (person,) = read_plan(self.write(tmp_path, text), tell=said.append)
        assert (person.external_id, person.name, person.paths) == ("P1", "Nguyễn, An", [tmp_path / "a.jpg"])
        assert said == [
            "data.csv: 1 row, semicolons between the columns, UTF-8, person_id from 'External ID', "
            "path from 'Photo'"
        ]
