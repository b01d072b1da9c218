"""--lf, --ff, --nf and --sw: the same steps in two copies of a project, by plain pytest and by
fastest, say and run the same; and each understands what the other has left behind."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Callable

from runners import Ended, fastest, needs_plugins, plain, write_files

ENV = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
CONFTEST = """
import pathlib
here = pathlib.Path(__file__).parent

def pytest_runtest_setup(item):
    with open(here / "ran", "a") as file:
        file.write(item.nodeid + "\\n")
"""
ONE = """
import pathlib, pytest
here = pathlib.Path(__file__).parent

def good(name):
    return not (here / name).exists()

def test_first():
    pass

def test_second():
    assert good("second")

@pytest.mark.parametrize("value", ["x", "y/z"])
def test_each(value):
    assert good(f"each-{value[0]}")

class TestKlass:
    def test_method(self):
        assert good("method")

    def test_other(self):
        pass
"""
TWO = """
import pathlib
here = pathlib.Path(__file__).parent
assert not (here / "broken").exists()

def test_before():
    pass

def test_after():
    assert not (here / "after").exists()
"""
FILES = {
    "pytest.ini": "[pytest]\n",
    "conftest.py": CONFTEST,
    "test_one.py": ONE,
    "test_two.py": TWO,
    "test_three.py": "def test_a():\n    pass\n\ndef test_b():\n    pass\n",
}


class Pair:
    """Both copies; a name that stands as a file makes its tests fail."""

    def __init__(self, root: Path) -> None:
        self.copies = [write_files(root / name / "project", FILES) for name in ("plain", "ours")]

    def both(self, change: Callable[[Path], object]) -> None:
        for copy in self.copies:
            change(copy)

    def bad(self, *names: str) -> None:
        self.both(lambda copy: [(copy / name).touch() for name in names])

    def fixed(self, *names: str) -> None:
        self.both(lambda copy: [(copy / name).unlink() for name in names])

    def run(self, *args: str, workers: int = 0, **env: str) -> Ended:
        """One step: what is run, in which order, and what is said of it agree."""
        ends, orders = [], []
        for copy in self.copies:
            (copy / "ran").write_text("")
        both = {**ENV, **env}
        ends.append(plain(self.copies[0], *args, env=both, cache=True))
        ends.append(fastest(self.copies[1], *args, workers=workers, env=both))
        for copy in self.copies:
            ran = (copy / "ran").read_text().splitlines()
            orders.append(ran if workers == 0 else sorted(ran))
        told = ends[0].out + ends[1].out + ends[1].err
        assert ends[1].outcomes == ends[0].outcomes, told
        assert orders[1] == orders[0], told
        assert ends[1].status == ends[0].status, told
        early = "-x" in args  # what a file not yet opened has deselected isn't known then
        assert said(ends[1], early) == said(ends[0], early), told
        assert cached(self.copies[1]) == cached(self.copies[0]), told
        return ends[1]


def said(ended: Ended, early: bool) -> list[str]:
    """The lines that are compared: of the plugins, and the last one without time and decoration,
    and `early` without what was deselected."""
    lines = re.findall(r"^(?:run-last-failure|stepwise): .*", ended.out, re.MULTILINE)
    last = re.sub(r", \d+ not run", "", ended.last_line.strip("= "))
    if early:
        last = re.sub(r", \d+ deselected", "", last)
    return [re.sub(r"cache from .* ago", "", line) for line in lines] + [
        re.sub(r" in [\d.]+s.*", "", last)
    ]


def cached(copy: Path) -> list[object]:
    found: list[object] = []
    for name in ("lastfailed", "nodeids"):
        path = copy / ".pytest_cache" / "v" / "cache" / name
        found.append(json.loads(path.read_text()) if path.exists() else None)
    return found


def test_last_failed_as_pytest_has_it(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.bad("second", "each-y", "method", "after")
    pair.run(workers=2)
    pair.run("--lf", workers=2)
    pair.run("--last-failed", "test_two.py")
    pair.run("--lf", "test_three.py")
    pair.run("--lf", "-k", "each or first")
    pair.run("--lf", "test_one.py::TestKlass")
    pair.fixed("second", "each-y", "after")
    pair.run("--lf", "--ff", workers=2)
    pair.run("--lf", "-q")
    pair.fixed("method")
    pair.run("--lf")
    pair.run("--lf", workers=2)
    assert pair.run("--lf", "--lfnf", "none").status == 5


def test_what_could_not_be_collected_has_failed(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.bad("broken", "second")
    pair.run()
    pair.run("--lf", workers=2)
    pair.bad("after")
    pair.fixed("broken")
    pair.run("--lf", "-x", "test_two.py", "test_three.py")
    pair.run("--lf")


def test_failed_and_new_ones_first(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.bad("each-y", "after")
    pair.run()
    pair.run("--ff")
    pair.run("--failed-first", workers=2)

    def add(copy: Path) -> None:
        (copy / "test_four.py").write_text("def test_new():\n    pass\n")
        for at, name in enumerate(("one", "two", "three", "four")):
            os.utime(copy / f"test_{name}.py", (2_000_000_000 - at, 2_000_000_000 - at))

    pair.both(add)
    pair.run("--nf", "--ff")
    pair.run("--new-first")


def test_stepwise_goes_on_where_it_stopped(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.bad("second", "method")
    assert pair.run("--sw").status == 2
    assert pair.run("--stepwise-skip").status == 2
    pair.fixed("second")
    pair.run("--sw")
    pair.fixed("method")
    pair.run("--sw")
    pair.bad("second")
    pair.run("--sw")
    pair.run()
    pair.run("--sw")


@needs_plugins
def test_the_host_does_not_forget_where_it_stopped(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_one.py": ONE, "pytest.ini": "[pytest]\n", "second": ""})
    for deselected in (0, 1):
        ours = fastest(tmp_path, "--sw", "--", "--cov=.", "--cov-report=")
        assert ours.status == 2
        assert ours.report["summary"]["deselected"] == deselected, ours.out


def test_wherever_pytest_would_hear_of_it(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    (tmp_path / "after").touch()
    assert fastest(tmp_path, env=ENV).status == 1
    behind = fastest(tmp_path, "--", "--lf", env=ENV)
    environment = fastest(tmp_path, env={**ENV, "PYTEST_ADDOPTS": "--lf"})
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --lf\n")
    for ours in (behind, environment, fastest(tmp_path, env=ENV)):
        assert ours.outcomes == {"test_two.py::test_after": "failed"}
        assert "warning" not in ours.out


def test_history_and_pytests_cache_tell_each_other(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    failed = {"test_two.py::test_after": "failed"}
    (tmp_path / "after").touch()
    assert plain(tmp_path, env=ENV, cache=True).status == 1
    assert fastest(tmp_path, "--lf", "--no-history", env=ENV).outcomes == failed
    assert not (tmp_path / ".fastest").exists()
    assert fastest(tmp_path, "--lf", env=ENV).outcomes == failed
    # The history's word goes before the cache's, and makes one where there is none.
    for name in ("lastfailed", "nodeids"):
        (tmp_path / ".pytest_cache" / "v" / "cache" / name).unlink()
    assert fastest(tmp_path, "--lf", env=ENV).outcomes == failed
    assert fastest(tmp_path, "test_one.py", "test_three.py", env=ENV).status == 0
    assert plain(tmp_path, "--lf", env=ENV, cache=True).outcomes == failed


def test_what_cannot_be_had_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    file = tmp_path / ".fastest" / "history.db"
    file.parent.mkdir()
    file.write_text("no database\n" * 100)
    for args, words in (
        (["--lf"], "history.db"),
        (["--lf", "--collect", "lazy", "--no-history"], "--collect lazy: "),
        (["--lfnf", "some"], "--lfnf"),
    ):
        ours = fastest(tmp_path, *args, env=ENV)
        assert ours.status == 4, ours.out
        assert words in ours.err and ours.err.count("\n") == 1, ours.err
    assert not (tmp_path / ".pytest_cache").exists()
