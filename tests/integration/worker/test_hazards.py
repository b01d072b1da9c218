"""What tests do to their process, and what the worker makes of it."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path

import pytest
from live import wait_for
from runners import write_files
from standin import HEADER, NAMES, Worker, deal, worker


def outcomes(one: Worker) -> dict[str, str]:
    return {r["id"].partition("::")[2]: r["outcome"] for r in one.results()}


def pending(one: Worker) -> list[str]:
    """The types of the frames that the page still holds."""
    (length,) = struct.unpack_from("<I", one.page, 32)
    data, found = one.page[4096 : 4096 + length], []
    while data:
        size, kind, _, _ = HEADER.unpack_from(data)
        json.loads(data[HEADER.size : HEADER.size + size])
        found.append(NAMES[kind])
        data = data[HEADER.size + size :]
    return found


@pytest.mark.parametrize(
    "body, phase",
    [
        ("def test_dies(): os._exit(3)", 1),
        ("@pytest.fixture\ndef f(): os._exit(3)\ndef test_dies(f): pass", 0),
        ("@pytest.fixture\ndef f():\n    yield\n    os._exit(3)\ndef test_dies(f): pass", 2),
    ],
)
def test_the_page_names_the_test_and_phase_that_killed_its_worker(
    body: str, phase: int, tmp_path: Path
) -> None:
    write_files(tmp_path, {"test_x.py": f"import os, pytest\ndef test_a(): pass\n{body}\n"})
    with worker(tmp_path) as one:
        number = one.lease("test_x.py")
        assert one.join() == 3
        assert one.status() == (2, phase, "test_x.py::test_dies", number)
        assert outcomes(one) == {"test_a": "passed"}


def test_the_page_names_the_file_whose_import_killed_its_worker(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_x.py": "import os\nos._exit(4)\n"})
    with worker(tmp_path) as one:
        number = one.lease("test_x.py")
        assert one.join() == 4
        assert one.status() == (1, 0, "test_x.py", number)


def test_what_was_not_sent_yet_is_in_the_page(tmp_path: Path) -> None:
    body = """
import os, pytest
@pytest.mark.parametrize("x", range(500))
def test_x(x):
    if x == 400: os._exit(3)
"""
    write_files(tmp_path, {"test_x.py": body})
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.join() == 3
        assert len(one.results()) + pending(one).count("RESULTS") == 400


@pytest.mark.parametrize(
    "statement, code, text",
    [
        ("pytest.exit('enough')", 2, "_pytest.outcomes.Exit: enough"),
        ("pytest.exit('enough', returncode=9)", 9, "_pytest.outcomes.Exit: enough"),
        ("raise KeyboardInterrupt", 2, "KeyboardInterrupt"),
        ("request.session.shouldstop = 'because'", 2, "Interrupted: because"),
        ("request.session.shouldfail = 'because'", 1, "because"),
    ],
)
def test_a_test_may_end_the_run(statement: str, code: int, text: str, tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "conftest.py": """
import pytest
@pytest.fixture(scope="session", autouse=True)
def s():
    yield
    open("torn-down", "w").close()
""",
            "test_x.py": f"""
import pytest
def test_a(): pass
def test_b(request): {statement}
def test_c(): pass
""",
        },
    )
    with worker(tmp_path) as one:
        number = one.lease("test_x.py")
        one.wait("STATE")
        stop = one.wait("STATE")
        assert (stop["state"], stop["exit_code"], stop["text"]) == ("stop", code, text)
        revoked = one.wait("REVOKED")
        assert revoked["lease"] == str(number) and revoked["rest"]
        assert one.drain() == 0
        assert "test_c" not in outcomes(one)
        assert one.messages[-1][0] == "BYE"
    assert (tmp_path / "torn-down").exists()


def test_an_interrupt_ends_the_running_test_and_tears_down(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import pytest, time
@pytest.fixture(scope="module")
def m():
    yield
    open("torn-down", "w").close()
def test_a(m): pass
def test_b(m):
    open("started", "w").close()
    while True: time.sleep(0.005)
def test_c(m): pass
""",
            "test_y.py": "def test_y(): pass\n",
        },
    )
    with worker(tmp_path) as one:
        numbers = [one.lease("test_x.py"), one.lease("test_y.py")]
        wait_for("test_b", (tmp_path / "started").exists)
        one.interrupt()
        assert one.join() == 0
        assert outcomes(one) == {"test_a": "passed"}
        revoked = one.all("REVOKED")
        assert [message["lease"] for message in revoked] == [str(n) for n in numbers]
        assert all(message["rest"] for message in revoked)
        assert one.messages[-1][0] == "BYE"
    assert (tmp_path / "torn-down").exists()


def test_a_second_interrupt_does_not_end_the_tear_down(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import os, pytest, time
@pytest.fixture(scope="session")
def s():
    yield
    open("ending", "w").close()
    while not os.path.exists("go"): time.sleep(0.005)
    open("torn-down", "w").close()
def test_a(s): pytest.exit("enough")
"""
        },
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        wait_for("tear-down", (tmp_path / "ending").exists)
        one.interrupt()
        (tmp_path / "go").touch()
        assert one.join() == 0
        assert one.results() == [] and one.messages[-1][0] == "BYE"
    assert (tmp_path / "torn-down").exists()


def test_an_interrupt_ends_an_idle_worker(tmp_path: Path) -> None:
    with worker(tmp_path) as one:
        one.wait("CREDIT")
        one.interrupt()
        assert one.join() == 0
        assert one.messages[-1][0] == "BYE"


def test_a_worker_ends_with_its_agent(tmp_path: Path) -> None:
    with worker(tmp_path) as one:
        one.wait("CREDIT")
        one.sock.close()
        assert one.process.wait(30) == 0


def test_an_interrupt_that_a_test_expects_is_its_own(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import os, pytest, signal
def test_a():
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
def test_b(): pass
"""
        },
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        assert outcomes(one) == {"test_a": "passed", "test_b": "passed"}


NASTY = """
import os, signal, socket, sys, time, pytest, threading
def test_chdir(): os.chdir("/")
def test_environ():
    for name in set(os.environ) - {"PYTEST_CURRENT_TEST"}: del os.environ[name]
def test_patched(): socket.socket = os.fstat = None
def test_clock(): time.time = time.perf_counter = lambda: 0.0
def test_modules():
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if hasattr(module, "__dict__") else ():
            if value is REAL_CLOCK and not module.__name__.startswith("_pytest"):
                setattr(module, name, lambda: 0.0)
def test_path(): sys.path.reverse()
def test_forked_child_leaves():
    pid = os.fork()
    if not pid: os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
def test_forked_child_exits():
    pid = os.fork()
    if not pid: sys.exit(0)
    os.waitpid(pid, 0)
def test_thread(): threading.Thread(target=time.sleep, args=(0.01,)).start()
def test_alarm(): signal.signal(signal.SIGALRM, signal.SIG_IGN)
def test_last(): pass
"""


def test_a_worker_survives_what_tests_do_to_their_process(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "conftest.py": "import builtins, time\nbuiltins.REAL_CLOCK = time.time\n",
            "test_x.py": NASTY,
            "test_y.py": "def test_y(): pass\n",
        },
    )
    begun = time.monotonic()
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        one.lease("test_y.py")
        assert one.drain() == 0, one.output()
        found = outcomes(one)
        assert set(found.values()) == {"passed"} and len(found) == 12, one.results()
        assert all(begun < result["start_s"] < time.monotonic() for result in one.results())


def test_a_child_that_returns_into_pytest_says_nothing(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import os
def test_a():
    pid = os.fork()
    if pid: os.waitpid(pid, 0)
def test_b(): pass
"""
        },
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        assert [r["id"] for r in one.results()] == ["test_x.py::test_a", "test_x.py::test_b"]
        assert one.all("BYE") == [{}]


def test_closed_descriptors_end_the_worker_and_lose_no_result(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import os
def test_a(): pass
def test_b():
    files = [os.open(os.devnull, os.O_RDWR) for _ in range(3)]
    os.closerange(3, 4096)
    open("one", "w").close()
def test_c(): pass
"""
        },
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.join() == 0
        assert "test_a" in outcomes(one)
        assert pending(one)[0] == "RESULTS" and pending(one)[-1] == "BYE"
        assert one.status()[0] == 4


def test_low_descriptors_may_be_closed(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"test_x.py": "import os\ndef test_a(): os.closerange(60, 256)\ndef test_b(): pass\n"},
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        assert outcomes(one) == {"test_a": "passed", "test_b": "passed"}


def test_a_set_up_module_is_torn_down_before_the_next_file_is_imported(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "state.py": "current = None\n",
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "test_a.py": """
import state
def setup_module(): state.current = "a"
def teardown_module(): state.current = None
def test_a(): assert state.current == "a"
""",
            "test_b.py": "import state\nassert state.current is None\ndef test_b(): pass\n",
        },
    )
    one = Worker(tmp_path)
    try:
        assert set(deal([one], ["test_a.py", "test_b.py"]).values()) == {"passed"}
    finally:
        one.close()


def test_a_file_that_has_gone_is_an_error(tmp_path: Path) -> None:
    with worker(tmp_path) as one:
        one.lease("test_gone.py")
        assert one.drain() == 0
        report = one.result("test_gone.py")
        assert report["outcome"] == "error"
        assert "not there any more" in report["phases"][0]["longrepr"]


def test_nothing_is_written_into_the_project(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_x.py": "def test_x(): assert 0\n"})
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
    assert os.listdir(tmp_path) == ["test_x.py"]


def test_what_is_torn_down_after_an_idle_while_is_the_last_tests(tmp_path: Path) -> None:
    text = """
import os, pytest
@pytest.fixture(scope="module")
def slow():
    yield
    os._exit(7)
def test_x(slow): pass
"""
    write_files(tmp_path, {"test_x.py": text, "test_y.py": "def test_y(): pass\n"})
    with worker(tmp_path) as one:
        lease = one.lease("test_x.py")
        one.wait("RESULTS")
        wait_for("it to be idle", lambda: one.status()[0] == 0)
        one.lease("test_y.py")
        assert one.join() == 7
        assert one.status() == (2, 2, "test_x.py::test_x", lease)
