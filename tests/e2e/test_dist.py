"""--dist and --order: which tests share a worker, and in which order they run."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from runners import Ended, fastest, needs_plugins, plain, write_files


CONFTEST = """
import pathlib, pytest, time
here = pathlib.Path(__file__).parent / "workers"

@pytest.fixture(autouse=True)
def met(worker_id):
    here.mkdir(exist_ok=True)
    (here / worker_id).touch()

@pytest.fixture
def company(worker_id, met):
    \"\"\"Another worker has begun a test, or won't.\"\"\"
    end = time.monotonic() + 30
    while worker_id != "master" and len(list(here.iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.005)
"""
GROUPED = """
import pytest, time

@pytest.mark.xdist_group(name="{0}")
def test_{0}():
    time.sleep(0.3)  # so that another worker seems to pay

def test_free_{0}(company):
    pass

@pytest.mark.xdist_group("other")
class TestOther:
    def test_method(self):
        pass
"""
SCOPED = """
import pytest, time

def test_before():
    pass

@pytest.mark.parametrize("x", range(4))
class TestOne:
    def test_method(self, x):
        time.sleep(0.2)

class TestTwo(TestOne):
    pass
"""


def project(root: Path, files: dict[str, str]) -> Path:
    return write_files(root, {"pytest.ini": "[pytest]\n", "conftest.py": CONFTEST, **files})


def together(cwd: Path, dist: str) -> Ended:
    """A run with --dist by several workers, with plain pytest's verdict."""
    shutil.rmtree(cwd / "workers", ignore_errors=True)
    expected = plain(cwd)
    shutil.rmtree(cwd / "workers", ignore_errors=True)
    ours = fastest(cwd, "--dist", dist, "--no-history", workers=3)
    assert (ours.outcomes, ours.status) == (expected.outcomes, 0), ours.out + ours.err
    return ours


def slots(ended: Ended) -> dict[str, int]:
    return {test["nodeid"]: test["slot"] for test in ended.report["tests"]}


def by_worker(cwd: Path, *args: str) -> dict[str, str]:
    """xdist's own: {node id: worker}."""
    found = plain(cwd, "-v", "-n", "3", *args).out
    ran: dict[str, str] = {}
    for line in found.splitlines():
        if line.startswith("[gw") and "PASSED" in line:
            ran[line.split("PASSED ", 1)[1].split("@")[0].strip()] = line[1:4]
    return ran


def parted(ran: dict, group) -> dict[str, set]:
    found: dict[str, set] = defaultdict(set)
    for nodeid, where in ran.items():
        if group(nodeid):
            found[group(nodeid)].add(where)
    return {name: places for name, places in found.items() if len(places) > 1}


@needs_plugins
def test_a_group_shares_a_worker_over_files(tmp_path: Path) -> None:
    project(
        tmp_path,
        {f"test_{n}.py": GROUPED.format("even" if n % 2 else "odd") for n in range(6)},
    )

    def group(nodeid: str) -> str:
        name = nodeid.split("::", 1)[1]
        return "" if "free" in name else name.replace("TestOther::test_method", "other")

    assert not parted(by_worker(tmp_path, "--dist", "loadgroup"), group)
    for dist in ("auto", "loadgroup"):
        ran = slots(together(tmp_path, dist))
        assert not parted(ran, group)
        assert len(set(ran.values())) > 1


def test_no_distribution_is_one_worker_in_order(tmp_path: Path) -> None:
    grouped = GROUPED.replace("(company)", "()")
    write_files(tmp_path, {"pytest.ini": "[pytest]\n", "test_it.py": grouped.format("x")})
    ours = fastest(tmp_path, "--dist", "no", "-v", workers=3)
    lines = [line for line in ours.out.splitlines() if " PASSED " in line]
    ran = [line.split(" PASSED ")[0].split("::", 1)[1] for line in lines]
    assert ran == ["test_x", "test_free_x", "TestOther::test_method"]
    assert ours.report["agents"][0]["slots"] == 1


@needs_plugins
def test_scopes_and_files_are_not_parted(tmp_path: Path) -> None:
    project(tmp_path, {"test_a.py": SCOPED, "test_b.py": SCOPED})
    for dist, group in (
        ("loadscope", lambda nodeid: nodeid.rsplit("::", 1)[0]),
        ("loadfile", lambda nodeid: nodeid.split("::")[0]),
    ):
        assert not parted(slots(together(tmp_path, dist)), group), dist


ORDERED = "".join(f"def test_{name}():\n    pass\n\n" for name in "abcdef")


def order(cwd: Path, *args: str) -> tuple[list[str], str]:
    ours = fastest(cwd, "-v", "-n", "0", *args, workers=None)
    assert ours.status == 0, ours.out + ours.err
    lines = ours.out.splitlines()
    said = [line for line in lines if line.startswith("order: ")]
    ran = [line.split(" PASSED ")[0] for line in lines if " PASSED " in line]
    return ran, "".join(said)


def test_a_shuffled_order_comes_again_by_its_seed(tmp_path: Path) -> None:
    names = [f"test_{name}.py" for name in "stuvwx"]
    write_files(tmp_path, {"pytest.ini": "[pytest]\n", **dict.fromkeys(names, ORDERED)})
    plainly, said = order(tmp_path, "--order", "file")
    assert plainly == [f"{name}::test_{x}" for name in names for x in "abcdef"] and not said
    shuffled, said = order(tmp_path, "--order", "random")
    assert sorted(shuffled) == sorted(plainly) and shuffled != plainly
    assert said.startswith("order: random:")
    again, _ = order(tmp_path, "--order", said.split(": ", 1)[1])
    assert again == shuffled
    part, _ = order(tmp_path, "--order", said.split(": ", 1)[1], "test_t.py")
    assert part == [nodeid for nodeid in shuffled if nodeid.startswith("test_t.py")]
    whole, _ = order(tmp_path, "--order", "random:7", "--collect", "full")
    assert sorted(whole) == sorted(plainly) and whole != plainly


def test_what_leans_on_the_order_fails_in_another(tmp_path: Path) -> None:
    leaning = "made = []\n" + "".join(
        f"def test_{n}():\n    assert len(made) == {n}\n    made.append({n})\n\n" for n in range(6)
    )
    write_files(tmp_path, {"pytest.ini": "[pytest]\n", "test_it.py": leaning})
    assert fastest(tmp_path).status == 0
    assert fastest(tmp_path, "--order", "random:1").status == 1


@pytest.mark.parametrize(
    "args", [["--order", "alphabetic"], ["--order", "random:"], ["--dist", "each"]]
)
def test_what_is_no_order_is_refused(tmp_path: Path, args: list[str]) -> None:
    ours = fastest(tmp_path, *args)
    assert ours.status == 4
    assert args[0] in ours.err and ours.err.count("\n") == 1
