"""What ends a run, wherever it stands: pytest.exit and KeyboardInterrupt, and errors that don't."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners import Ended, fastest, plain, write_files

BEFORE = "def test_before(): pass\n"
STOPS = {
    "KeyboardInterrupt in a test": {
        "test_b.py": BEFORE + "def test_stops(): raise KeyboardInterrupt\n"
    },
    "KeyboardInterrupt in a fixture": {
        "test_b.py": "import pytest\n@pytest.fixture\ndef f(): raise KeyboardInterrupt\n"
        + BEFORE
        + "def test_stops(f): pass\n"
    },
    "pytest.exit in a fixture's tear-down": {
        "test_b.py": "import pytest\n@pytest.fixture\ndef f():\n    yield\n"
        "    pytest.exit('enough', 9)\n" + BEFORE + "def test_stops(f): pass\n"
    },
    "pytest.exit in a hook": {
        "conftest.py": "import pytest\ndef pytest_runtest_setup(item):\n"
        "    if item.name == 'test_stops': pytest.exit('enough', 9)\n",
        "test_b.py": BEFORE + "def test_stops(): pass\n",
    },
    "shouldstop": {
        "test_b.py": BEFORE + "def test_stops(request): request.session.shouldstop = 'enough'\n"
    },
    "shouldfail": {
        "test_b.py": BEFORE + "def test_stops(request): request.session.shouldfail = 'enough'\n"
    },
}


def compare(root: Path) -> tuple[Ended, Ended]:
    expected, ours = plain(root), fastest(root, workers=0)
    assert ours.status == expected.status, expected.out + expected.err + ours.out + ours.err
    return expected, ours


@pytest.mark.parametrize("name", STOPS)
def test_the_run_stops_where_plain_pytest_stops(tmp_path: Path, name: str) -> None:
    files = {"test_a.py": "def test_a(): pass\n", "test_c.py": "def test_c(): pass\n"}
    expected, ours = compare(write_files(tmp_path, {**files, **STOPS[name]}))
    assert ours.outcomes == expected.outcomes, ours.out
    assert "test_c.py::test_c" in ours.report["not_run"]


START = {
    "pytest.exit in the first conftest": {
        "conftest.py": "import pytest\npytest.exit('enough', 9)\n"
    },
    "SystemExit in the first conftest": {"conftest.py": "import sys\nsys.exit(7)\n"},
    "pytest_configure raises": {"conftest.py": "def pytest_configure(): raise ValueError('no')\n"},
    "pytest_sessionstart exits": {
        "conftest.py": "import pytest\ndef pytest_sessionstart(): pytest.exit('enough', 9)\n"
    },
    "a plugin that is not there": {"pytest.ini": "[pytest]\naddopts = -p nothing_like_it\n"},
    "an option that is not there": {"pytest.ini": "[pytest]\naddopts = --nothing-like-it\n"},
}


@pytest.mark.parametrize("name", START)
def test_a_session_that_cannot_start_ends_with_pytests_code(tmp_path: Path, name: str) -> None:
    files = {"test_a.py": "open('ran', 'w')\ndef test_a(): pass\n"}
    _, ours = compare(write_files(tmp_path, {**files, **START[name]}))
    assert ours.outcomes == {} and ours.status != 0
    assert not (tmp_path / "ran").exists()


IMPORT = {
    "pytest.exit at import": "import pytest\npytest.exit('enough', 9)\n",
    "KeyboardInterrupt at import": "raise KeyboardInterrupt\n",
}


@pytest.mark.parametrize("name", IMPORT)
def test_an_import_that_stops_plain_pytest_stops_the_run(tmp_path: Path, name: str) -> None:
    """pytest 7 makes an error of both, pytest 8 stops: before the first test, since it imports
    all before it; here the tests of earlier files have run."""
    files = {"test_a.py": "def test_a(): pass\n", "test_b.py": IMPORT[name]}
    files["test_c.py"] = "def test_c(): pass\n"
    expected, ours = compare(write_files(tmp_path, files))
    if expected.outcomes:
        assert ours.outcomes == expected.outcomes
    else:
        assert "test_c.py::test_c" in ours.report["not_run"]


GOES_ON = {
    "a conftest below the roots is broken": (
        {
            "a/conftest.py": "raise ValueError('broken')\n",
            "a/test_a.py": "def test_a(): pass\n",
            "a/b/test_b.py": "def test_b(): pass\n",
        },
        {"a": "error"},
    ),
    "a file can't be collected": (
        {"a/test_a.py": "def test_a(): pass\n1/0\n"},
        {"a/test_a.py": "error"},
    ),
}


@pytest.mark.parametrize("how", ["lazy", "full"])
@pytest.mark.parametrize("name", GOES_ON)
def test_what_can_not_be_collected_does_not_stop_the_rest(
    tmp_path: Path, name: str, how: str
) -> None:
    files, bad = GOES_ON[name]
    write_files(tmp_path, {**files, "c/test_c.py": "def test_c(): pass\n"})
    ours = fastest(tmp_path, "--collect", how)
    assert ours.outcomes == {**bad, "c/test_c.py::test_c": "passed"}
    assert ours.status == 1
