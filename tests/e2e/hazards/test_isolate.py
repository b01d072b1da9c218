"""--isolate and --worker-lifetime: what leaks, crashes or stays behind in a test
reaches no other one, and the verdict is plain pytest's."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from runners import PYTHON, Ended, environment, fastest, fastest_command, plain, write_files

KINDS = pytest.mark.parametrize("kind", ["file", "test"])

LEAKS = {
    "test_a.py": """
import os, sys
import state

def test_sets_everything():
    state.value = 1
    os.environ["LEAKED"] = "yes"
    sys.modules["made_up"] = state
    sys.path.append("/nowhere")
    os.chdir("/")

def test_after():
    assert state.value == 0
    assert "LEAKED" not in os.environ and "made_up" not in sys.modules
""",
    "test_b.py": """
import os, sys
import state

def test_other_file():
    assert state.value == 0
    assert "LEAKED" not in os.environ and "made_up" not in sys.modules
    assert "/nowhere" not in sys.path and os.getcwd() != "/"
""",
    "state.py": "value = 0\n",
}

ORDINARY = {
    "conftest.py": """
import pytest

@pytest.fixture(scope="session")
def session_thing(tmp_path_factory):
    where = tmp_path_factory.mktemp("session")
    yield where
    assert where.exists()
""",
    "test_x.py": """
import os, sys, unittest, warnings
import pytest

@pytest.fixture(scope="module")
def module_thing():
    yield []
    print("module ends")

@pytest.fixture
def bad_teardown():
    yield
    raise RuntimeError("tear-down")

@pytest.mark.parametrize("n", range(4))
def test_n(n, module_thing, session_thing, tmp_path):
    module_thing.append(n)
    assert tmp_path.exists() and session_thing.exists()

def test_output(capsys):
    print("in")
    assert capsys.readouterr().out == "in\\n"

def test_fails():
    print("said before")
    assert 1 == 2

def test_warns():
    warnings.warn("careful")

@pytest.mark.skip(reason="why not")
def test_skipped(): pass

@pytest.mark.xfail
def test_xfails(): assert 0

@pytest.mark.xfail
def test_xpasses(): pass

def test_teardown_error(bad_teardown): pass

@pytest.fixture
def bad_setup(): raise RuntimeError("set-up")

def test_setup_error(bad_setup): pass

def test_forks():
    if os.fork() == 0:
        os._exit(0)
    os.wait()

def test_leaves_a_thread():
    import threading, time
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()

class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.made = True
    def test_one(self): self.assertTrue(self.made)
    def test_two(self):
        with self.subTest("x"): self.assertTrue(self.made)
""",
    "test_broken.py": "import no_such_module\n",
    "test_doc.txt": ">>> 1 + 1\n2\n>>> 1 + 1\n3\n",
}


@KINDS
def test_an_ordinary_suite_has_plain_pytests_verdict(tmp_path: Path, kind: str) -> None:
    root = write_files(tmp_path, ORDINARY)
    _, ours = compare(root, kind)
    by_id = {test["nodeid"]: test for test in ours.report["tests"]}
    assert "said before" in by_id["test_x.py::test_fails"]["stdout"]
    assert "assert 1 == 2" in by_id["test_x.py::test_fails"]["longrepr"]
    assert any("careful" in warning["message"] for warning in ours.report["warnings"])


def compare(root: Path, kind: str, *args: str) -> tuple[Ended, Ended]:
    expected, ours = plain(root, *args), fastest(root, "--isolate", kind, *args)
    assert ours.outcomes == expected.outcomes, ours.out + ours.err
    assert ours.status == expected.status, ours.out + ours.err
    return expected, ours


def alone(root: Path, nodeids: list[str]) -> dict[str, str]:
    """Each selection in a plain pytest of its own."""
    outcomes: dict[str, str] = {}
    for nodeid in nodeids:
        outcomes.update(plain(root, nodeid).outcomes)
    return outcomes


def test_tests_that_leak_pass_as_if_each_ran_alone(tmp_path: Path) -> None:
    root = write_files(tmp_path, LEAKS)
    ours = fastest(root, "--isolate", "test")
    assert set(plain(root).outcomes.values()) != {"passed"}
    assert ours.outcomes == alone(root, sorted(ours.outcomes)), ours.out
    assert set(ours.outcomes.values()) == {"passed"}
    pids = [test["worker_pid"] for test in ours.report["tests"]]
    assert len(set(pids)) == len(pids)


def test_files_that_leak_pass_as_if_each_ran_alone(tmp_path: Path) -> None:
    root = write_files(tmp_path, LEAKS)
    ours = fastest(root, "--isolate", "file", "--confirm", "none", workers=0)
    assert ours.outcomes == alone(root, ["test_a.py", "test_b.py"]), ours.out
    assert ours.outcomes["test_a.py::test_after"] == "failed"
    assert ours.outcomes["test_b.py::test_other_file"] == "passed"


DEATHS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
    "os-exit": ("os._exit(0)", "exited with status 0"),
    "sigkill": ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
    "abort": ("os.abort()", "killed by SIGABRT"),
}


@KINDS
@pytest.mark.parametrize("how", sorted(DEATHS))
def test_a_crash_costs_one_test_and_no_worker(tmp_path: Path, kind: str, how: str) -> None:
    code, words = DEATHS[how]
    text = f"import os\ndef test_1(): pass\ndef test_2():\n    print('last words')\n    {code}\n"
    root = write_files(
        tmp_path, {"test_a.py": text + "def test_3(): pass\n", "test_b.py": "def test_4(): pass\n"}
    )
    ours = fastest(root, "--isolate", kind, workers=1)
    assert ours.outcomes == {
        "test_a.py::test_1": "passed",
        "test_a.py::test_2": "failed",
        "test_a.py::test_3": "passed",
        "test_b.py::test_4": "passed",
    }, ours.out
    crashed = next(t for t in ours.report["tests"] if t["nodeid"].endswith("test_2"))
    assert f"{words} during call" in crashed["longrepr"]
    assert "worker 'gw0'" in crashed["longrepr"] and ours.status == 1
    assert "last words" in crashed["stdout"]


@KINDS
def test_a_worker_survives_the_death_of_its_child(tmp_path: Path, kind: str) -> None:
    conftest = "import os\nopen('workers', 'a').write(f'{os.getpid()} ')\n"
    text = "import os\ndef test_1(): os._exit(7)\ndef test_2(): pass\n"
    root = write_files(tmp_path, {"conftest.py": conftest, "test_a.py": text})
    ours = fastest(root, "--isolate", kind, workers=1)
    assert sorted(ours.outcomes.values()) == ["failed", "passed"]
    assert len((root / "workers").read_text().split()) == 1


@KINDS
def test_a_test_that_closes_descriptors_costs_no_other(tmp_path: Path, kind: str) -> None:
    text = "import os\ndef test_1(): os.closerange(5, 4096)\ndef test_2(): pass\n"
    root = write_files(tmp_path, {"test_a.py": text, "test_b.py": "def test_3(): pass\n"})
    ours = fastest(root, "--isolate", kind, workers=1)
    assert len(ours.outcomes) == 3, ours.out
    assert ours.outcomes["test_a.py::test_2"] == ours.outcomes["test_b.py::test_3"] == "passed"


@KINDS
def test_a_fork_that_returns_has_nothing_to_say(tmp_path: Path, kind: str) -> None:
    text = "import os\ndef test_1():\n    if os.fork(): os.wait()\ndef test_2(): pass\n"
    ours = fastest(write_files(tmp_path, {"test_a.py": text}), "--isolate", kind)
    assert ours.outcomes == {"test_a.py::test_1": "passed", "test_a.py::test_2": "passed"}


def test_a_crash_while_a_file_is_imported_is_its_error(tmp_path: Path) -> None:
    files = {"test_a.py": "import os\nos._exit(5)\n", "test_b.py": "def test_b(): pass\n"}
    ours = fastest(write_files(tmp_path, files), "--isolate", "file")
    assert ours.outcomes == {"test_a.py": "error", "test_b.py::test_b": "passed"}


@KINDS
def test_the_first_failure_stops_the_run(tmp_path: Path, kind: str) -> None:
    text = "def test_1(): pass\ndef test_2(): assert 0\n"
    text += "".join(f"def test_{n}(): pass\n" for n in range(3, 30))
    _, ours = compare_stopped(write_files(tmp_path, {"test_a.py": text}), kind, "-x")
    assert ours.report["summary"]["not_run"] == 27


def compare_stopped(root: Path, kind: str, *args: str) -> tuple[Ended, Ended]:
    expected, ours = plain(root, *args), fastest(root, "--isolate", kind, *args, workers=1)
    assert ours.outcomes == expected.outcomes, ours.out + ours.err
    assert ours.status == 1
    return expected, ours


@KINDS
def test_pytest_exit_ends_the_run_with_its_code(tmp_path: Path, kind: str) -> None:
    text = "import pytest\ndef test_1(): pass\ndef test_2(): pytest.exit('enough', 9)\n"
    root = write_files(tmp_path, {"test_a.py": text + "def test_3(): pass\n"})
    expected, ours = plain(root), fastest(root, "--isolate", kind, workers=1)
    assert (
        (ours.status, ours.outcomes)
        == (expected.status, expected.outcomes)
        == (
            9,
            {"test_a.py::test_1": "passed"},
        )
    )


@KINDS
def test_an_interrupt_reaches_the_child_and_tears_its_fixtures_down(
    tmp_path: Path, kind: str
) -> None:
    text = """
import pathlib, time, pytest

@pytest.fixture(scope="session", autouse=True)
def thing():
    yield
    pathlib.Path("torn_down").touch()

def test_waits():
    pathlib.Path("waits").touch()
    time.sleep(600)
"""
    root = write_files(tmp_path, {"test_a.py": text})
    run = subprocess.Popen(
        fastest_command("--isolate", kind, workers=1),
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    while not (root / "waits").exists() and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 2
    assert (root / "torn_down").exists()


@KINDS
def test_coverage_of_children_is_saved(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("coverage")
    files = {
        "conftest.py": "import coverage\n"
        "cov = coverage.Coverage(data_file='.coverage', data_suffix=True, include='*mine.py')\n"
        "cov.start()\n",
        "mine.py": "def a():\n    return 1\n\n\ndef b():\n    return 2\n",
        "test_a.py": "import mine\ndef test_a(): mine.a()\ndef test_b(): mine.b()\n",
    }
    root = write_files(tmp_path, files)
    assert fastest(root, "--isolate", kind, workers=1).status == 0
    script = (
        "import coverage; c = coverage.Coverage(); c.combine(); d = c.get_data();"
        "print(sorted(n for f in d.measured_files() for n in d.lines(f)))"
    )
    done = subprocess.run([PYTHON, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "[1, 2, 5, 6]", done.stderr


def test_a_fresh_worker_comes_after_so_many_tests(tmp_path: Path) -> None:
    files = {
        f"test_{name}.py": "".join(f"def test_{n}(): pass\n" for n in range(5)) for name in "abcd"
    }
    root = write_files(tmp_path, files)
    expected, ours = plain(root), fastest(root, "--worker-lifetime", "4", workers=1)
    assert ours.outcomes == expected.outcomes and ours.status == 0
    counts: dict[int, int] = {}
    for test in ours.report["tests"]:
        counts[test["worker_pid"]] = counts.get(test["worker_pid"], 0) + 1
    assert sorted(counts.values()) == [4, 4, 4, 4, 4]


def test_a_fresh_worker_sets_fixtures_up_anew_and_keeps_classes_whole(tmp_path: Path) -> None:
    text = """
import unittest, pytest
@pytest.fixture(scope="module")
def seen(): return []
@pytest.mark.parametrize("n", range(3))
def test_n(seen, n): seen.append(n); assert len(seen) <= 2
class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.seen = []
    def test_1(self): self.seen.append(1)
    def test_2(self): assert self.seen == [1]
    def test_3(self): pass
"""
    root = write_files(tmp_path, {"test_a.py": text})
    ours = fastest(root, "--worker-lifetime", "2", workers=1)
    classes = [t["worker_pid"] for t in ours.report["tests"] if "TestCase" in t["nodeid"]]
    assert set(ours.outcomes.values()) == {"passed"}, ours.out
    assert len(set(classes)) == 1


def test_tests_that_lean_on_each_other_pass_though_their_worker_was_replaced(
    tmp_path: Path,
) -> None:
    text = "seen = []\n" + "".join(
        f"def test_{n}():\n    seen.append({n})\n    assert seen == list(range({n} + 1))\n"
        for n in range(6)
    )
    root = write_files(tmp_path, {"test_a.py": text})
    expected, ours = plain(root), fastest(root, "--worker-lifetime", "2", workers=1)
    assert ours.outcomes == expected.outcomes
    assert set(ours.outcomes.values()) == {"passed"}


@KINDS
def test_a_lifetime_holds_where_tests_have_children(tmp_path: Path, kind: str) -> None:
    text = "".join(f"def test_{n}(): pass\n" for n in range(6))
    root = write_files(tmp_path, {"test_a.py": text})
    ours = fastest(root, "--isolate", kind, "--worker-lifetime", "3", workers=1)
    assert set(ours.outcomes.values()) == {"passed"} and len(ours.outcomes) == 6


def test_unknown_words_are_refused(tmp_path: Path) -> None:
    done = fastest(tmp_path, "--isolate", "class")
    assert done.status == 4 and "--isolate" in done.err


@KINDS
def test_a_hung_child_is_shown_and_not_the_worker_that_waits(tmp_path: Path, kind: str) -> None:
    text = "import time\ndef test_hangs():\n    while True: time.sleep(60)\ndef test_b(): pass\n"
    root = write_files(tmp_path, {"test_a.py": text})
    ours = fastest(root, "--isolate", kind, "--test-timeout", "2.5", workers=1)
    assert ours.outcomes == {"test_a.py::test_hangs": "failed", "test_a.py::test_b": "passed"}
    [hung] = [test for test in ours.report["tests"] if test["outcome"] == "failed"]
    assert "in test_hangs" in hung["longrepr"]
