"""What `fastest-coord discover` prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runners import write_files
from test_discover_as_pytest import discover

SOURCE = """import pytest

@pytest.mark.slow
@pytest.mark.parametrize("x", [1, 2])
def test_a(x, tmp_path): pass

class TestB:
    def test_c(self): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return write_files(tmp_path, {"test_x.py": SOURCE})


def test_text_is_one_id_a_line(suite: Path) -> None:
    ended = discover(suite)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "test_x.py::test_a\ntest_x.py::TestB::test_c\n"
    assert discover(suite, "--format", "text").out == ended.out


def test_count_is_a_number_alone(suite: Path) -> None:
    assert discover(suite, "--format", "count").out == "2\n"
    assert discover(suite, "--format", "count", "--deselect", "test_x.py::TestB").out == "1\n"


def test_json_says_all_that_is_known(suite: Path) -> None:
    (suite / "test_bad.py").write_bytes(b"\0")
    ended = discover(suite, "--format", "json")
    found = json.loads(ended.out)
    assert set(found) == {"tests", "files", "errors", "duration_s"}
    assert found["files"] == 2
    assert found["errors"] == [{"path": "test_bad.py", "text": "holds NUL bytes"}]
    assert 0 < found["duration_s"] < 60
    first, second = found["tests"]
    assert len(first.pop("digest")) == 16
    assert first == {
        "id": "test_x.py::test_a",
        "file": "test_x.py",
        "line": 5,
        "class": None,
        "function": "test_a",
        "markers": ["slow", "parametrize"],
        "params": 2,
        "fixtures": ["tmp_path"],
    }
    assert (second["class"], second["line"]) == ("TestB", 8)


def test_nothing_found_is_exit_5(tmp_path: Path) -> None:
    assert discover(tmp_path).status == 5
    ended = discover(tmp_path, "--format", "count")
    assert (ended.status, ended.out) == (5, "0\n")


@pytest.mark.parametrize(
    ("arg", "words"),
    [
        ("nowhere.py", "file or directory not found: nowhere.py"),
        ("test_x.py::nope", "not found: test_x.py::nope"),
        (".::test_a", "directory argument cannot contain :: selection parts: .::test_a"),
    ],
)
def test_what_is_not_there_is_exit_4(suite: Path, arg: str, words: str) -> None:
    ended = discover(suite, arg)
    assert (ended.status, ended.out) == (4, "")
    assert ended.err == f"ERROR: {words}\n"


def test_a_skipped_file_is_one_warning(suite: Path) -> None:
    (suite / "test_bad.py").write_bytes(b"\xff\xff")
    ended = discover(suite)
    assert ended.status == 0
    assert len(ended.out.splitlines()) == 2
    assert ended.err.count("\n") == 1
    assert "test_bad.py: not UTF-8 (line 1)" in ended.err
