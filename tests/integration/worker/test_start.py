"""How a worker starts: what tests find in their process, and what keeps it from starting."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from runners import PYTHON, TREES, environment, write_files
from standin import worker


def pytest_says(root: Path, *args: str) -> tuple[int, str]:
    """Exit status and output of the `pytest` command."""
    done = subprocess.run(
        [PYTHON, "-P", "-c", "import sys, pytest; sys.argv[0] = 'pytest'; sys.exit(pytest.main())"]
        + ["-o", "addopts=", *args],
        cwd=root,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def test_state_up_says_what_was_configured(tmp_path: Path) -> None:
    write_files(tmp_path, {"sub/pytest.ini": "[pytest]\n"})
    with worker(tmp_path, cwd="sub", slot=3, slots=4) as one:
        state = one.wait("STATE")
        assert (state["state"], state["slot"], state["pid"]) == ("up", 3, one.process.pid)
        assert state["rootdir"] == str(tmp_path / "sub")
        assert state["inifile"] == "pytest.ini"
        assert TREES or any(name.startswith("xdist-") for name in state["plugins"])
        assert one.drain() == 0
        assert one.output() == ""


def test_pytests_own_plugins_leave_the_files_to_us(tmp_path: Path) -> None:
    with worker(tmp_path, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}) as one:
        assert not one.wait("STATE").get("list")


def test_a_plugin_that_collects_files_is_told(tmp_path: Path) -> None:
    write_files(tmp_path, {"plug.py": "def pytest_collect_file(): pass\n"})
    with worker(tmp_path, "-p", "plug", env={"PYTHONPATH": str(tmp_path)}) as one:
        assert one.wait("STATE")["list"]


def test_tests_find_the_process_that_pytest_would_be(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import __main__, multiprocessing, os, signal, sys, threading
def test_argv(): assert sys.argv == ["pytest", "-o", "addopts=", "test_x.py"]
def test_path():
    assert not [p for p in sys.path if "fastest" in p or p in ("", os.getcwd()) and p not in
                (os.path.dirname(__file__),)]
def test_main():
    assert __main__.__name__ == "__main__" and "fastest" not in __main__.__file__
def square(n): return n * n
def test_spawn():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(square, [3]) == [9]
def test_threads(): assert threading.active_count() == 1
def test_sigint(): assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
def test_descriptors():
    assert os.environ["PYTEST_XDIST_WORKER"] == "gw1"
    assert os.get_inheritable(0) and not [
        fd for fd in map(int, os.listdir("/proc/self/fd")) if fd > 2 and is_inheritable(fd)]
def is_inheritable(fd):
    try: return os.get_inheritable(fd)
    except OSError: return False
def test_xdist(worker_id, testrun_uid, pytestconfig, request):
    assert (worker_id, testrun_uid) == ("gw1", "run1")
    assert pytestconfig.workerinput["workercount"] == 2
    assert os.environ["FASTEST_ATTEMPT"] == "2"
def test_reporter(pytestconfig):
    pytestconfig.pluginmanager.get_plugin("terminalreporter").write_line("x")
"""
        },
    )
    for args in ((), ("-p", "no:xdist", "--dist", "load")):
        if args:
            text = (tmp_path / "test_x.py").read_text()
            text = text.replace('"test_x.py"]', '"test_x.py", "-p", "no:xdist", "--dist", "load"]')
            (tmp_path / "test_x.py").write_text(text)
        with worker(tmp_path, "test_x.py", *args, slot=1, slots=2) as one:
            one.lease("test_x.py", attempt=2)
            assert one.drain() == 0
            bad = [r for r in one.results() if r["outcome"] != "passed"]
            assert not bad, bad[0]["phases"]
            assert len(one.results()) == 9


def test_tmp_path_lies_under_the_runs_directory_and_only_when_asked_for(tmp_path: Path) -> None:
    root = write_files(
        tmp_path / "project",
        {
            "test_x.py": "def test_x(): pass\n",
            "test_y.py": "def test_y(tmp_path): open('place', 'a').write(f'{tmp_path}\\n')\n",
        },
    )
    env = {"PYTEST_DEBUG_TEMPROOT": str(tmp_path)}
    with worker(root, env=env) as one, worker(root, slot=1, env=env) as two:
        one.lease("test_x.py")
        one.wait("RESULTS")
        assert not list(tmp_path.glob("pytest-of-*/*"))
        for number, each in enumerate((one, two)):
            each.lease("test_y.py")
            each.wait("RESULTS")
            places = (root / "place").read_text().splitlines()
            assert Path(places[number]).parent.name == f"popen-gw{number}"
        assert one.drain() == two.drain() == 0
    assert len({Path(place).parent.parent for place in places}) == 1
    assert [p.name for p in tmp_path.glob("pytest-of-*/fastest-*")] == []


@pytest.mark.skipif(bool(TREES), reason="PYTEST_TREE gives any interpreter a pytest")
def test_an_interpreter_without_pytest_is_told(tmp_path: Path) -> None:
    environment_dir = tmp_path / "venv"
    subprocess.run(
        [PYTHON, "-m", "venv", "--without-pip", str(environment_dir)], check=True, timeout=60
    )
    python = str(environment_dir / "bin" / "python")
    with worker(tmp_path, python=python) as one:
        state = one.wait("STATE")
        assert (state["state"], state["exit_code"]) == ("fatal", 4)
        assert state["text"].startswith(f"{python} has no pytest: ")
        assert "\n" not in state["text"]
        assert one.join() == 4


BROKEN: dict[str, tuple[dict[str, str], list[str]]] = {
    "an option that is unknown": ({}, ["--no-such-option"]),
    "a path that is not there": ({}, ["nowhere"]),
    "a conftest that raises": ({"conftest.py": "def f():\n    raise ValueError('x')\nf()\n"}, []),
    "a conftest with a syntax error": ({"conftest.py": "def f(:\n"}, []),
    "an ini file that is none": ({"pytest.ini": "no section\n"}, []),
    "a plugin that is not there": ({}, ["-p", "no_such_plugin"]),
    "an unknown ini key that is an error": (
        {"pytest.ini": "[pytest]\nfoo = 1\n"},
        ["--strict-config"],
    ),
    "pytest_configure that raises": (
        {"conftest.py": "def pytest_configure(): raise ValueError('x')\n"},
        [],
    ),
    "pytest_configure that refuses": (
        {"conftest.py": "import pytest\ndef pytest_configure(): raise pytest.UsageError('x')\n"},
        [],
    ),
    "pytest_sessionstart that raises": (
        {"conftest.py": "def pytest_sessionstart(): raise ValueError('x')\n"},
        [],
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_keeps_pytest_from_starting_is_told_in_its_words(what: str, tmp_path: Path) -> None:
    files, args = BROKEN[what]
    write_files(tmp_path, {"test_x.py": "def test_x(): pass\n", **files})
    status, text = pytest_says(tmp_path, *args)
    with worker(tmp_path, *args) as one:
        state = one.wait("STATE")
        assert one.join() == status
        assert (state["state"], state["exit_code"]) == ("fatal", status), state
        last = [line for line in text.splitlines() if line.strip(" =")][-1]
        if "no tests ran" in last:
            last = next(line for line in text.splitlines() if "ERROR" in line)
        said = state["text"] or one.output()
        assert last.strip() in said, (text, said)


@pytest.mark.parametrize("args", [["-k", "a b ("], ["-m", "("]])
def test_an_expression_that_pytest_refuses_is_fatal(args: list[str], tmp_path: Path) -> None:
    write_files(tmp_path, {"test_x.py": "def test_x(): pass\n"})
    status, text = pytest_says(tmp_path, *args)
    assert status == 4
    with worker(tmp_path, *args) as one:
        assert one.wait("STATE")["state"] == "up"
        one.lease("test_x.py")
        state = one.wait("STATE")
        assert (state["state"], state["exit_code"]) == ("fatal", 4)
        assert state["text"] in text


def test_a_hook_that_breaks_in_mid_run_is_fatal(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "conftest.py": "def pytest_runtest_logfinish(): raise ValueError('broken hook')\n",
            "test_x.py": "def test_x(): pass\n",
        },
    )
    with worker(tmp_path) as one:
        one.wait("STATE")
        one.lease("test_x.py")
        state = one.wait("STATE")
        assert (state["state"], state["exit_code"]) == ("fatal", 3)
        assert state["text"].startswith("INTERNALERROR> Traceback")
        assert "broken hook" in state["text"]
