"""Parameter ids that differ between processes: every test runs once, under one name."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from runners import fastest, plain, write_files

UNSTABLE = """
import os, random, time, uuid
import pytest
class Thing: pass
@pytest.mark.parametrize("x", [random.random() for _ in range(8)])
def test_random(x): assert 0 <= x < 1
@pytest.mark.parametrize("x", [f"{uuid.uuid4()}" for _ in range(8)])
def test_uuid(x): pass
@pytest.mark.parametrize("x", [str(Thing()) for _ in range(8)])
def test_address(x): pass
@pytest.mark.parametrize("x", [time.time_ns(), os.getpid()])
def test_time(x): pass
@pytest.mark.parametrize("x", list({"a", "b", "c", "d", "e", "f"}))
def test_set(x): assert x != "c"
def test_stable(): assert 0
"""


def shape(outcomes: dict[str, str]) -> Counter[tuple[str, str]]:
    """How often each function has which outcome."""
    return Counter((re.sub(r"\[.*", "", key), value) for key, value in outcomes.items())


def test_ids_that_differ_between_processes_run_once_each(tmp_path: Path) -> None:
    files = {"test_a.py": UNSTABLE, "test_b.py": UNSTABLE}
    write_files(tmp_path, files)
    expected, ours = plain(tmp_path), fastest(tmp_path)
    assert shape(ours.outcomes) == shape(expected.outcomes), ours.out
    assert ours.status == expected.status == 1
    assert not ours.report["not_run"]


def test_the_order_of_sets_is_one_for_all_workers(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.parametrize('x', list({'a', 'b', 'c', 'd'}))\n"
    text += "def test_x(x): pass\n"
    write_files(tmp_path, {f"test_{i}.py": text for i in range(4)})
    ours = fastest(tmp_path)
    order = {re.sub(r"test_\d", "", test["nodeid"]) for test in ours.report["tests"]}
    assert len(order) == 4 and len(ours.outcomes) == 16
