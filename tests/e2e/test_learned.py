"""Lists that earlier runs have learned are planned by, and change no verdict."""

from __future__ import annotations

from pathlib import Path

from runners import PYTHON, fastest, write_files

FILES = {
    "pytest.ini": "[pytest]\n",
    "conftest.py": """
LETTERS = "abc"
def pytest_generate_tests(metafunc):
    if "letter" in metafunc.fixturenames:
        metafunc.parametrize("letter", LETTERS)
""",
    "helper.py": "WORDS = ['one', 'two']\n",
    "data.txt": "7 8",
    "test_letters.py": "def test_letter(letter): pass\n",
    "test_words.py": """
import pytest
from helper import WORDS
@pytest.mark.parametrize("word", WORDS)
def test_word(word): assert word != "three"
""",
    "test_data.py": """
import pathlib, pytest
DATA = pathlib.Path(__file__).with_name("data.txt").read_text().split()
@pytest.mark.parametrize("number", DATA)
def test_number(number): pass
""",
    "test_set.py": """
import pytest
@pytest.mark.parametrize("name", list({"p", "q", "r", "s", "t", "u", "v", "w"}))
def test_name(name): pass
""",
}
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def expected(letters: str = "abc", words: str = "one two", data: str = "7 8") -> dict[str, str]:
    names = [f"test_letters.py::test_letter[{x}]" for x in letters]
    names += [f"test_words.py::test_word[{x}]" for x in words.split()]
    names += [f"test_data.py::test_number[{x}]" for x in data.split()]
    names += [f"test_set.py::test_name[{x}]" for x in "pqrstuvw"]
    return {name: "failed" if name.endswith("[three]") else "passed" for name in names}


def test_what_is_learned_is_known_until_something_changes(tmp_path: Path) -> None:
    """4 functions make 3 + 2 + 2 + 8 tests; the last file's list is never twice the same."""
    write_files(tmp_path, FILES)

    def known(*args: str, **changed: str) -> int:
        run = fastest(tmp_path, *args, env=ALONE)
        assert run.outcomes == expected(**changed)
        return run.report["discovery"]["tests"]

    assert known() == 4
    assert known() == 3 + 2 + 2 + 8
    assert known() == 3 + 2 + 2 + 1
    (tmp_path / "helper.py").write_text("WORDS = ['one', 'two', 'three']\n")
    now = {"words": "one two three"}
    assert known(**now) == 3 + 1 + 2 + 1
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {PYTHON} "$@"\n')
    other.chmod(0o755)
    assert known("--python", str(other), **now) == 4
    # A stale list: nobody sees that the tests depend on this file.
    (tmp_path / "data.txt").write_text("8 9 10")
    now["data"] = "8 9 10"
    assert known(**now) == 3 + 3 + 2 + 1
    assert known(**now) == 3 + 3 + 1 + 1
    conftest = tmp_path / "conftest.py"
    conftest.write_text(conftest.read_text().replace("abc", "abcd"))
    now["letters"] = "abcd"
    assert known(**now) == 4


def test_a_part_of_a_file_is_not_learned(tmp_path: Path) -> None:
    write_files(tmp_path, {"pytest.ini": "[pytest]\n", "test_words.py": FILES["test_words.py"]})
    write_files(tmp_path, {"helper.py": FILES["helper.py"]})
    one, two = "test_words.py::test_word[one]", "test_words.py::test_word[two]"
    for args in (["-k", "two"], ["--deselect", one], [two]):
        assert fastest(tmp_path, *args, env=ALONE).outcomes == {two: "passed"}
    run = fastest(tmp_path, env=ALONE)
    assert run.report["discovery"]["tests"] == 1
    run = fastest(tmp_path, "-k", "two", env=ALONE)
    assert run.outcomes == {two: "passed"} and run.report["discovery"]["tests"] == 1
    assert fastest(tmp_path, env=ALONE).report["discovery"]["tests"] == 2
