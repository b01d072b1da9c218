"""What tests do to their process: a worker goes on where plain pytest does."""

from __future__ import annotations

from pathlib import Path

import pytest
import survived
from runners import Ended, assert_same_verdict, fastest, plain, write_files

Both = tuple[dict[str, str], Ended, Ended]


def ids_of(outcomes: dict[str, str], file: str) -> dict[str, str]:
    return {key: value for key, value in outcomes.items() if key.startswith(f"{file}::")}


@pytest.fixture(scope="module", params=survived.PROJECTS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """One run by plain pytest, one by ours, of a whole project."""
    files = survived.PROJECTS[request.param]
    root = write_files(tmp_path_factory.mktemp(request.param), files)
    args = ("-p", "pytester")
    return files, plain(root, *args), fastest(root, *args)


def test_what_is_left_behind_changes_no_verdict(both: Both) -> None:
    files, expected, ours = both
    for file in files:
        found = ids_of(ours.outcomes, file)
        assert found == ids_of(expected.outcomes, file), ours.out + ours.err
        assert found.get(f"{file}::test_after", "passed") == "passed"
    assert ours.outcomes == expected.outcomes
    assert ours.status == expected.status


def test_no_worker_crashed(both: Both) -> None:
    _, _, ours = both
    assert "crashed" not in ours.out
    assert not ours.report["not_run"]


CLOSED = {
    "pytest.ini": "[pytest]\naddopts = --capture=sys\n",
    "test_a.py": """
import os
def test_before(): pass
def test_closes_all(): os.closerange(3, 4096)
def test_next(): pass
def test_closes_each():
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try: os.close(int(name))
            except OSError: pass
def test_takes_their_numbers():
    files = [os.open(os.devnull, os.O_RDWR) for _ in range(1010)]
    for file in files: os.write(file, b"not for the agent")
def test_last(): pass
""",
    "test_b.py": "def test_b(): pass\n",
}


def test_closed_descriptors_change_no_verdict(tmp_path: Path) -> None:
    """With --capture=sys: pytest's own capturing does not survive it."""
    _, ours = assert_same_verdict(write_files(tmp_path, CLOSED))
    assert set(ours.outcomes.values()) == {"passed"}
