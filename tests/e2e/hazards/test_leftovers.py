"""What tests leave running is named and ended with the run; plain pytest leaves it running.

The verdict is plain pytest's on the same project, whose daemons this test then ends itself.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from live import is_alive, running, wait_for
from runners import fastest, plain, write_files

HELPERS = """
import os, pathlib, subprocess, time
PIDS = pathlib.Path(os.environ["PIDS"])

def note(pid):
    (PIDS / str(pid)).write_text("")

def shell_daemon():
    # Gone from the group, the session and the family before the shell returns.
    script = "setsid sh -c 'echo $$ > %s/daemon; exec sleep 3600' </dev/null >/dev/null 2>&1 &"
    subprocess.run(["sh", "-c", script % PIDS])
    while not (PIDS / "daemon").exists() or not (PIDS / "daemon").read_text().strip():
        time.sleep(0.01)
    pid = int((PIDS / "daemon").read_text())
    (PIDS / "daemon").unlink()
    note(pid)

def forked_daemon():
    if os.fork() == 0:
        os.setsid()
        child = os.fork()
        if child == 0:
            os.closerange(0, 4096)  # our caller waits for the end of its pipes
            time.sleep(3600)
        note(child)
        os._exit(0)
    os.wait()

def plain_child():
    null = subprocess.DEVNULL
    note(subprocess.Popen(["sleep", "3600"], stdout=null, stderr=null).pid)
"""


def project(root: Path, what: str) -> Path:
    text = f"""
import helpers
def test_before(): pass
def test_leaves():
    helpers.{what}()
def test_after(): pass
"""
    return write_files(root, {"helpers.py": HELPERS, "test_x.py": text})


def pids(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir()]


def plain_verdict(root: Path, what: str) -> dict[str, str]:
    """Plain pytest's; ends what it left running."""
    folder = root / "plain-pids"
    folder.mkdir()
    expected = plain(project(root / "plain", what), env={"PIDS": str(folder)})
    for pid in pids(folder):
        os.kill(pid, signal.SIGKILL)
    return expected.outcomes


@pytest.mark.parametrize("what", ["shell_daemon", "forked_daemon", "plain_child"])
def test_what_a_test_leaves_running_ends_with_the_run(what: str, tmp_path: Path) -> None:
    expected = plain_verdict(tmp_path, what)
    folder = tmp_path / "pids"
    folder.mkdir()
    ours = fastest(project(tmp_path / "ours", what), env={"PIDS": str(folder)}, workers=1)
    assert ours.outcomes == expected
    assert ours.status == 0
    left = pids(folder)
    assert len(left) == 1
    wait_for("its end", lambda: not is_alive(left[0]))
    messages = [warning["message"] for warning in ours.report["warnings"]]
    if what == "shell_daemon":
        who = "left running by test_x.py::test_leaves: process "
        assert f"{who}{left[0]} (sleep 3600); ended" in messages
        assert f"{who}{left[0]}" in ours.out
    elif what == "forked_daemon":
        assert [text for text in messages if f"process {left[0]}" in text], messages


def test_a_daemon_lives_as_long_as_tests_may_want_it(tmp_path: Path) -> None:
    text = """
import helpers, os
def test_starts():
    helpers.shell_daemon()
def test_uses():
    [pid] = [int(name) for name in os.listdir(helpers.PIDS)]
    os.kill(pid, 0)
def test_crashes():
    os._exit(3)
def test_uses_it_again():
    test_uses()
"""
    (tmp_path / "pids").mkdir()
    suite = write_files(tmp_path / "suite", {"helpers.py": HELPERS, "test_x.py": text})
    ours = fastest(suite, env={"PIDS": str(tmp_path / "pids")}, workers=1)
    outcomes = {nodeid.partition("::")[2]: outcome for nodeid, outcome in ours.outcomes.items()}
    assert outcomes == {
        "test_starts": "passed",
        "test_uses": "passed",
        "test_crashes": "failed",
        "test_uses_it_again": "passed",
    }


def test_no_zombies_pile_up_and_nothing_is_said_of_what_has_ended(tmp_path: Path) -> None:
    text = """
import os
def test_orphans():
    for number in range(20):
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(0)
            os._exit(0)
        os.wait()
"""
    suite = write_files(tmp_path, {"test_x.py": text})
    expected, ours = plain(suite), fastest(suite, workers=1)
    assert ours.outcomes == expected.outcomes
    assert not [w for w in ours.report["warnings"] if "left running" in w["message"]]


def test_a_killed_coordinators_socket_is_removed_by_the_next_run(tmp_path: Path) -> None:
    text = "import helpers, time\ndef test_holds():\n    helpers.tell()\n    time.sleep(3600)\n"
    helpers = "import pathlib\ndef tell(): pathlib.Path('told').write_text('x')\n"
    write_files(tmp_path, {"helpers.py": helpers, "test_x.py": text})
    with running(tmp_path) as run:
        run.wait_file("told")
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.communicate()
    [folder] = tmp_path.glob("fastest-*")
    # Only what is old is taken for dead: a socket is not listened to right from its birth.
    os.utime(folder, (1, 1))
    suite = write_files(tmp_path / "next", {"test_x.py": "def test_x(): pass\n"})
    ours = fastest(suite, env={"TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": ""})
    assert ours.status == 0
    assert not list(tmp_path.glob("fastest-*"))


def test_a_living_coordinators_socket_is_left_alone(tmp_path: Path) -> None:
    text = """
import os, pathlib, time
def test_holds():
    pathlib.Path("told").write_text("x")
    while not os.path.exists("gate"): time.sleep(0.01)
"""
    write_files(tmp_path, {"test_x.py": text})
    with running(tmp_path) as run:
        run.wait_file("told")
        [folder] = tmp_path.glob("fastest-*")
        os.utime(folder, (1, 1))
        suite = write_files(tmp_path / "next", {"test_x.py": "def test_x(): pass\n"})
        ours = fastest(suite, env={"TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": ""})
        assert ours.status == 0
        assert folder.exists()
        (tmp_path / "gate").write_text("open")
        assert run.end()[0] == 0


@pytest.mark.parametrize("who", ["agent", "coordinator"])
def test_a_daemon_dies_with_whoever_is_killed_above_it(who: str, tmp_path: Path) -> None:
    folder = tmp_path / "pids"
    folder.mkdir()
    text = """
import helpers, os, pathlib, time
def test_holds():
    os.setpgid(0, 0)  # as in plain pytest: a worker leads no session
    helpers.shell_daemon()
    pathlib.Path("told").write_text("x")
    while not os.path.exists("gate"): time.sleep(0.01)
"""
    helpers = HELPERS.replace('os.environ["PIDS"]', repr(str(folder)))
    suite = write_files(tmp_path / "suite", {"helpers.py": helpers, "test_x.py": text})
    with running(suite) as run:
        run.wait_file("told")
        [daemon] = pids(folder)
        os.kill(run.agent() if who == "agent" else run.process.pid, signal.SIGKILL)
        wait_for("the daemon's end", lambda: not is_alive(daemon))
        (suite / "gate").write_text("open")
        if who == "agent":
            status, out, _ = run.end()
            assert status == 0, out
            assert f"left running by test_x.py::test_holds: process {daemon}" in out
