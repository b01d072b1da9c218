"""--collect: which tests there are, and in which order, where a hook or plugin needs them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runners import assert_same_verdict, fastest, plain, write_files

TWO = "def test_1(): pass\ndef test_2(): pass\n"
FILES = {f"{name}.py": TWO for name in ("test_a", "test_b", "sub/test_c")}
HOOK = "def pytest_collection_modifyitems(config, items):\n"
WHY = "each worker collects the whole selection: "

HOOKS = {
    "the last is cut": HOOK + "    del items[-1:]\n",
    "the last is deselected": HOOK
    + "    config.hook.pytest_deselected(items=items[-1:])\n    items[:] = items[:-1]\n",
    "one of three by its place": HOOK + "    items[:] = items[::3]\n",
    "only where there are many": HOOK
    + "    if len(items) > 3:\n        for item in items: item.add_marker('skip')\n",
    "all are dropped": HOOK + "    items.clear()\n",
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_conftest_that_works_on_the_list_gets_all_of_it(tmp_path: Path, name: str) -> None:
    write_files(tmp_path, {**FILES, "conftest.py": HOOKS[name]})
    _, ours = assert_same_verdict(tmp_path, "-v")
    assert sum(WHY + "conftest.py " in line for line in ours.out.splitlines()) == 1


def test_a_hook_that_looks_at_each_test_leaves_files_to_be_collected_one_by_one(
    tmp_path: Path,
) -> None:
    hook = "import pytest\n" + HOOK + "    for x in items:\n"
    hook += "        if x.name == 'test_2': x.add_marker(pytest.mark.skip)\n"
    write_files(tmp_path, {**FILES, "conftest.py": hook})
    _, ours = assert_same_verdict(tmp_path, "-v")
    assert WHY not in ours.out
    assert not ours.report["warnings"]


def test_a_late_hook_reaches_the_tests_of_other_folders(tmp_path: Path) -> None:
    hook = HOOK + "    for x in items: x.add_marker('skip')\n"
    write_files(tmp_path, {**FILES, "sub/conftest.py": hook})
    _, ours = assert_same_verdict(tmp_path, "-v")
    assert set(ours.outcomes.values()) == {"skipped"}
    assert WHY + "sub/conftest.py is loaded late" in ours.out


def order_of(ours_notes: Path) -> list[str]:
    return ours_notes.read_text().split()


SHUFFLE = (
    HOOK + "    items.sort(key=lambda x: (x.name, x.nodeid), reverse=True)\n"
    "import pytest, os\n"
    "@pytest.fixture(autouse=True)\n"
    "def note(request):\n"
    "    open(os.environ['NOTES'], 'a').write(request.node.nodeid + '\\n')\n"
)


def test_one_worker_runs_in_the_order_of_the_list_across_files(tmp_path: Path) -> None:
    write_files(tmp_path, {**FILES, "conftest.py": SHUFFLE})
    plain(tmp_path, env={"NOTES": str(tmp_path / "plain")})
    ours = fastest(tmp_path, workers=0, env={"NOTES": str(tmp_path / "ours")})
    assert ours.status == 0
    expected = order_of(tmp_path / "plain")
    assert expected[0] == "test_b.py::test_2" and expected[1] == "test_a.py::test_2"
    assert order_of(tmp_path / "ours") == expected


def test_a_worker_that_dies_between_tests_of_several_files_loses_none(tmp_path: Path) -> None:
    files = {**FILES, "conftest.py": SHUFFLE}
    files["test_b.py"] = "import os\ndef test_1(): os._exit(1)\ndef test_2(): pass\n"
    write_files(tmp_path, files)
    ours = fastest(tmp_path, workers=0, env={"NOTES": str(tmp_path / "ours")})
    assert ours.outcomes == {
        f"{file}::{test}": "failed" if file + test == "test_b.pytest_1" else "passed"
        for file in FILES
        for test in ("test_1", "test_2")
    }
    assert len(order_of(tmp_path / "ours")) == 6


def test_workers_run_what_they_hold_of_a_file_in_the_order_of_the_list(tmp_path: Path) -> None:
    write_files(tmp_path, {**FILES, "conftest.py": SHUFFLE})
    ours = fastest(tmp_path, workers=2, env={"NOTES": str(tmp_path / "ours")})
    assert ours.status == 0
    ran = order_of(tmp_path / "ours")
    for file in FILES:
        assert [x for x in ran if x.startswith(file)] == [f"{file}::test_2", f"{file}::test_1"]


EVERYTHING = {
    **FILES,
    "sub/conftest.py": "import pytest\n@pytest.fixture\ndef f(): pass\n",
    "sub/test_c.py": "import pytest\n@pytest.mark.parametrize('x', [1, 2])\n"
    "def test_p(f, x): assert x != 2\n",
    "test_broken.py": "1/0\n",
    "test_skips.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
    "test_docs.txt": ">>> 1 + 1\n2\n",
    "test_unit.py": "import unittest\nclass TestU(unittest.TestCase):\n"
    "    def test_u(self): pass\n    def test_v(self): self.fail()\n",
    "empty/test_none.py": "",
    "pkg/__init__.py": "",
    "pkg/test_pkg.py": "from . import __name__ as name\ndef test_name(): assert name == 'pkg'\n",
}


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("-k", "test_1 or test_u or pkg"),
        ("--deselect", "test_a.py::test_1", "--deselect", "sub"),
        ("test_b.py::test_2", "test_a.py", "sub/test_c.py::test_p[2]", "test_b.py::test_1"),
        ("--ignore", "sub", "-k", "nothing"),
    ],
)
def test_full_collection_says_what_pytest_says(tmp_path: Path, args: tuple[str, ...]) -> None:
    write_files(tmp_path, EVERYTHING)
    expected, ours = assert_same_verdict(tmp_path, *args, options=("--collect", "full"))
    assert f"{expected.deselected} deselected" in ours.out or not expected.deselected


@pytest.mark.parametrize("nodeid", ["test_a.py::test_x"])
def test_full_collection_refuses_what_matches_nothing(tmp_path: Path, nodeid: str) -> None:
    write_files(tmp_path, FILES)
    expected = plain(tmp_path, "test_b.py", nodeid)
    ours = fastest(tmp_path, "--collect", "full", "test_b.py", nodeid)
    assert (expected.status, ours.status) == (4, 4)
    assert expected.outcomes == ours.outcomes == {}
    assert f"not found: {tmp_path}/{nodeid}" in ours.out + ours.err


def test_full_collection_finds_the_files_of_custom_collectors(tmp_path: Path) -> None:
    conftest = """
import pytest
class Yaml(pytest.File):
    def collect(self): yield Item.from_parent(self, name="one")
class Item(pytest.Item):
    def runtest(self): assert "good" in self.path.read_text()
def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".yaml": return Yaml.from_parent(parent, path=file_path)
def pytest_collection_modifyitems(items): items.reverse()
"""
    files = {**FILES, "conftest.py": conftest, "a.yaml": "good", "sub/b.yaml": "bad"}
    _, ours = assert_same_verdict(write_files(tmp_path, files))
    assert ours.outcomes["sub/b.yaml::one"] == "failed"


def test_a_file_that_ends_the_process_leaves_files_to_be_collected_one_by_one(
    tmp_path: Path,
) -> None:
    write_files(tmp_path, {**FILES, "test_dies.py": "import os\nos._exit(9)\n"})
    ours = fastest(tmp_path, "--collect", "full")
    assert ours.outcomes.pop("test_dies.py") == "error"
    assert len(ours.outcomes) == 6 and set(ours.outcomes.values()) == {"passed"}
    assert "files are collected one by one" in ours.out


def test_collect_only_lists_what_full_collection_leaves(tmp_path: Path) -> None:
    write_files(tmp_path, {**FILES, "conftest.py": HOOK + "    items[:] = items[2:5]\n"})
    expected = plain(tmp_path, "--collect-only", "-q").out.split("\n\n")[0].splitlines()
    ours = fastest(tmp_path, "--collect-only", "-q")
    assert sorted(x for x in ours.out.splitlines() if "::" in x) == sorted(expected)


def test_lazy_collection_warns_of_a_hook_that_cuts_the_list(tmp_path: Path) -> None:
    write_files(tmp_path, {**FILES, "conftest.py": HOOKS["the last is cut"]})
    ours = fastest(tmp_path, "--collect", "lazy", "-v")
    assert len(ours.outcomes) == 3 and WHY not in ours.out
    texts = [x["message"] for x in ours.report["warnings"]]
    assert texts and all(
        x.startswith("conftest.py: ") and "--collect full" in x for x in texts
    ), json.dumps(texts)


SORTING_PLUGIN = (
    "def pytest_collection_modifyitems(items): items.reverse(); del items[0]\n"
    "def pytest_addoption(parser): pass\n"
)


def test_a_plugin_known_to_need_the_list_gets_it(tmp_path: Path) -> None:
    """A stand-in under the name of one: the table goes by the package."""
    write_files(tmp_path, {**FILES, "pytest_reverse.py": SORTING_PLUGIN})
    write_files(tmp_path, {"pytest.ini": "[pytest]\npythonpath = .\naddopts = -p pytest_reverse\n"})
    env = {"PYTHONPATH": str(tmp_path)}
    _, ours = assert_same_verdict(tmp_path, env=env, options=("-v",))
    assert len(ours.outcomes) == 5
    assert WHY + "pytest_reverse" in ours.out
    lazy = fastest(tmp_path, "-v", "--collect", "lazy", env=env)
    assert len(lazy.outcomes) == 3 and WHY not in lazy.out
    assert any("pytest_reverse: " in x["message"] for x in lazy.report["warnings"])
