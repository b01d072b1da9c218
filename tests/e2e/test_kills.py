"""Whoever is killed in mid-run, nothing is lost and nothing counted twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from live import is_alive, running, wait_for
from runners import fastest, write_files

# Tests that say who they are, and a gate that holds one until the test opens it.
HELPERS = """
import os, pathlib, time
here = pathlib.Path(__file__).parent

def ran(name):
    with open(here / "executions", "a") as file:
        file.write(name + "\\n")

def tell(name):
    (here / (name + ".tmp")).write_text(str(os.getpid()))
    os.rename(here / (name + ".tmp"), here / name)

def hold(gate):
    while not (here / gate).exists():
        time.sleep(0.005)
"""


def quick(count: int) -> str:
    body = "from helpers import ran\n"
    return body + "".join(f"def test_q{i}():\n    ran(__name__ + '.q{i}')\n" for i in range(count))


HELD = """
from helpers import hold, ran, tell

def test_before():
    ran("held.before")

def test_held():
    ran("held.held")
    tell("held-pid")
    hold("gate")

def test_after():
    ran("held.after")
"""


def project(root: Path) -> Path:
    files = {f"test_q{i}.py": quick(20) for i in range(6)}
    return write_files(root, {"helpers.py": HELPERS, "test_held.py": HELD, **files})


def all_ids() -> set[str]:
    ids = {f"test_q{i}.py::test_q{j}" for i in range(6) for j in range(20)}
    return ids | {f"test_held.py::test_{name}" for name in ("before", "held", "after")}


def test_a_killed_worker_fails_the_test_it_ran_and_no_other(tmp_path: Path) -> None:
    with running(project(tmp_path)) as run:
        os.kill(int(run.wait_file("held-pid")), signal.SIGKILL)
        status, out, outcomes = run.end()
    assert status == 1
    assert set(outcomes) == all_ids()
    assert {nodeid for nodeid, outcome in outcomes.items() if outcome != "passed"} == {
        "test_held.py::test_held"
    }
    assert outcomes["test_held.py::test_held"] == "failed"
    assert "crashed while running 'test_held.py::test_held'" in out
    assert "SIGKILL" in out
    executions = (tmp_path / "executions").read_text().split()
    assert len(executions) == len(set(executions)) == len(all_ids())


def test_both_workers_killed_leave_a_complete_report(tmp_path: Path) -> None:
    other = HELD.replace("held-pid", "other-pid").replace("held.", "other.")
    project(tmp_path)
    write_files(tmp_path, {"test_other.py": other})
    with running(tmp_path) as run:
        for name in ("held-pid", "other-pid"):
            os.kill(int(run.wait_file(name)), signal.SIGKILL)
        status, _, outcomes = run.end()
    assert status == 1
    bad = {nodeid for nodeid, outcome in outcomes.items() if outcome != "passed"}
    assert bad == {"test_held.py::test_held", "test_other.py::test_held"}
    assert len(outcomes) == len(all_ids()) + 3


def test_a_killed_agent_is_started_again_and_nothing_is_lost(tmp_path: Path) -> None:
    with running(project(tmp_path)) as run:
        worker = int(run.wait_file("held-pid"))
        agent = run.agent()
        os.kill(agent, signal.SIGKILL)
        wait_for("the worker's end", lambda: not is_alive(worker))
        (tmp_path / "gate").write_text("open")
        status, out, outcomes = run.end()
    assert status == 0, out
    assert outcomes == dict.fromkeys(all_ids(), "passed")
    assert "the local agent was killed by signal 9" in out


def test_the_workers_die_with_a_killed_coordinator(tmp_path: Path) -> None:
    with running(project(tmp_path)) as run:
        worker = int(run.wait_file("held-pid"))
        agent = run.agent()
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.communicate()
        wait_for("the agent's and the worker's end", lambda: not is_alive(agent))
        wait_for("the worker's end", lambda: not is_alive(worker))


def test_a_test_that_ends_its_process_is_blamed_and_the_rest_of_its_file_runs(
    tmp_path: Path,
) -> None:
    text = (
        "import os\n"
        "def test_a():\n    pass\n"
        "def test_exits():\n    print('last words'); os._exit(3)\n"
        "def test_c():\n    pass\n"
        "def test_segfaults():\n    os.kill(os.getpid(), 11)\n"
        "def test_e():\n    pass\n"
    )
    ours = fastest(write_files(tmp_path, {"test_a.py": text}))
    assert ours.status == 1
    ids = {name: f"test_a.py::test_{name}" for name in ("a", "exits", "c", "segfaults", "e")}
    assert ours.outcomes == {
        ids["a"]: "passed",
        ids["exits"]: "failed",
        ids["c"]: "passed",
        ids["segfaults"]: "failed",
        ids["e"]: "passed",
    }
    assert "exited with status 3" in ours.out
    assert "SIGSEGV" in ours.out


def test_a_file_whose_import_ends_the_process_is_one_collection_error(tmp_path: Path) -> None:
    files = {
        "test_a.py": "def test_a():\n    pass\n",
        "test_b.py": "import os\nos._exit(9)\ndef test_b():\n    pass\n",
        "test_c.py": "def test_c():\n    pass\n",
    }
    ours = fastest(write_files(tmp_path, files))
    assert ours.status == 1
    assert ours.outcomes == {
        "test_a.py::test_a": "passed",
        "test_b.py": "error",
        "test_c.py::test_c": "passed",
    }


def test_nothing_is_left_behind_in_the_temporary_folder(tmp_path: Path) -> None:
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    suite = write_files(tmp_path / "suite", {"test_a.py": "def test_a():\n    pass\n"})
    ours = fastest(suite, env={"TMPDIR": str(sockets), "XDG_RUNTIME_DIR": ""})
    assert ours.status == 0
    assert not [path.name for path in sockets.iterdir() if path.name.startswith("fastest-")]
