"""Workers that are forked from a zygote are as those that start an interpreter, and the verdict
is plain pytest's, whatever becomes of the zygote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runners import fastest, plain, write_files

# From the first worker on; else only where a zygote pays.
FORK = {"FASTEST_WORKER_START": "fork"}

# What a test can see of its process, but for what no two processes share.
LOOK = """
import gc, json, locale, os, pathlib, resource, signal, sys, threading, time, warnings

OWN = ("PYTEST_XDIST_TESTRUNUID", "FASTEST_RUN_ID", "PYTEST_DEBUG_TEMPROOT", "FASTEST_WORKER_START")

def handler(number):
    found = signal.getsignal(number)
    return getattr(found, "__name__", None) or str(found)

def test_look():
    umask = os.umask(0)
    os.umask(umask)
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            kind = os.readlink("/proc/self/fd/" + fd)
        except OSError:
            continue  # the listing's own
        fds[fd] = kind.split(":")[0].partition("/#")[0].partition(" (")[0]
        fds[fd] = fds[fd].partition("/tmp")[0]
    seen = {
        "environ": {k: v for k, v in os.environ.items() if k not in OWN},
        "environ order": [k for k in os.environ if k not in OWN],
        "C environ": sorted(
            line for line in os.popen("env").read().splitlines()
            if not line.startswith((*OWN, "_="))
        ),
        "path": sys.path,
        "argv": sys.argv,
        "orig_argv": sys.orig_argv,
        "flags": repr(sys.flags),
        "xoptions": sys._xoptions,
        "main": {k: str(v) for k, v in vars(sys.modules["__main__"]).items()},
        "modules": sorted(sys.modules),
        "meta_path": [str(getattr(x, "__name__", type(x).__name__)) for x in sys.meta_path],
        "hash": hash("text"),
        "name": pathlib.Path("/proc/self/comm").read_text(),
        "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
        "limit": sys.getrecursionlimit(),
        "handlers": {n: handler(n) for n in range(1, 32) if n not in (9, 19)},
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "limits": [resource.getrlimit(n) for n in range(16)],
        "filters": [str(f) for f in warnings.filters],
        "threads": [threading.current_thread().name, threading.main_thread().name,
                    threading.active_count(), len(os.listdir("/proc/self/task")),
                    threading.get_native_id() == os.getpid()],
        "leader": os.getpid() == os.getsid(0) == os.getpgid(0),
        "cwd": os.getcwd(),
        "umask": umask,
        "locale": locale.setlocale(locale.LC_ALL),
        "fds": fds,
        "streams": [(s.encoding, s.errors, s.line_buffering, s.isatty(), s.fileno(), s.seekable())
                    for s in (sys.__stdin__, sys.__stdout__, sys.__stderr__)],
        "hooks": [sys.excepthook.__name__, sys.displayhook.__name__, str(sys.gettrace())],
        "cpu is its own": time.process_time() < 60,
    }
    forked = b"\\0zygote\\0" in pathlib.Path("/proc/self/cmdline").read_bytes()
    pathlib.Path("seen-%s" % ("forked" if forked else "cold")).write_text(json.dumps(seen))
"""


def test_a_forked_worker_finds_what_a_cold_one_finds(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_look.py": LOOK})
    for how in ("cold", "fork"):
        env = {"FASTEST_WORKER_START": how, "PYTHONHASHSEED": "42"}
        ended = fastest(tmp_path, "-k", "look", workers=1, env=env)
        assert ended.status == 0, ended.out + ended.err
    cold = json.loads((tmp_path / "seen-cold").read_text())
    forked = json.loads((tmp_path / "seen-forked").read_text())
    different = {name for name, value in cold.items() if forked[name] != value}
    assert not different, {name: (cold[name], forked[name]) for name in different}


# Which process a test ran in, and what a module of the project took from it at import.
AT_IMPORT = """
import os, random, tempfile, uuid, threading, pathlib, json
worker = os.environ["PYTEST_XDIST_WORKER"]
folder = tempfile.mkdtemp()
number = uuid.uuid4().hex
pid = os.getpid()
stream = random.random()
beating = threading.Event()
threading.Thread(target=beating.set, daemon=True).start()
"""
OF_WORKERS = """
import json, os, pathlib, time
import pytest, conftest

def tell():
    facts = {name: getattr(conftest, name) for name in ("worker", "folder", "number", "stream")}
    try:
        import numpy
        facts["numpy"] = int(numpy.random.randint(2**31))
    except ImportError:
        pass
    pathlib.Path("facts-%s" % os.getpid()).write_text(json.dumps(facts))

@pytest.mark.parametrize("n", range(20))
def test_own(n):
    assert conftest.beating.wait(60)
    assert conftest.worker == os.environ["PYTEST_XDIST_WORKER"]
    assert conftest.pid == os.getpid()
    tell()

def test_both_came():  # a worker's first test it may be, too
    tell()
    end = time.monotonic() + 60
    while len(list(pathlib.Path().glob("facts-*"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
"""


def test_what_a_conftest_takes_at_import_is_each_workers_own(tmp_path: Path) -> None:
    files = {f"test_{n}.py": OF_WORKERS for n in range(6)}
    write_files(tmp_path, {"conftest.py": AT_IMPORT, **files})
    ended = fastest(tmp_path, env=FORK)
    assert ended.status == 0, ended.out + ended.err
    found = [json.loads(path.read_text()) for path in tmp_path.glob("facts-*")]
    assert len(found) == 2
    for name in found[0]:
        assert found[0][name] != found[1][name], name


SETS_ENVIRON = """
import os
os.environ["SET_BY_CONFTEST"] = "yes"
"""
READS_ENVIRON = """
import os, subprocess, sys
def test_set():
    assert os.environ["SET_BY_CONFTEST"] == "yes"
    out = subprocess.run([sys.executable, "-c", "import os; print(os.environ['SET_BY_CONFTEST'])"],
                         capture_output=True, text=True)
    assert out.stdout == "yes\\n"
"""
WARNS = """
import warnings
warnings.warn("at import", DeprecationWarning)
def test_never(): pass
"""
SPAWNS = """
import multiprocessing
def double(n):
    return 2 * n
def test_spawn():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(double, [1, 2]) == [2, 4]
def test_fork():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(double, [1, 2]) == [2, 4]
"""


@pytest.mark.parametrize(
    ("files", "args"),
    [
        ({"conftest.py": SETS_ENVIRON, "test_a.py": READS_ENVIRON}, ()),
        ({"test_a.py": WARNS, "test_b.py": "def test_b(): pass\n"}, ("-W", "error")),
        ({"test_a.py": SPAWNS}, ()),
    ],
    ids=["conftest sets os.environ", "-W error", "multiprocessing"],
)
def test_the_verdict_is_plain_pytests(
    files: dict[str, str], args: tuple[str, ...], tmp_path: Path
) -> None:
    write_files(tmp_path, files)
    expected, ours = plain(tmp_path, *args), fastest(tmp_path, *args, env=FORK)
    assert ours.outcomes == expected.outcomes, ours.out + ours.err
    assert ours.status == expected.status, ours.out + ours.err


KILLS = """
import contextlib, os, pathlib, signal
import pytest

def zygotes():
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name = (path / "comm").read_text().strip()
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if name == "fastest-zygote" and parent == os.getppid():
            yield int(path.name)

@pytest.mark.parametrize("n", range(5))
def test_kills_the_zygote(n):
    for pid in zygotes():
        with contextlib.suppress(ProcessLookupError):  # another test was faster
            os.kill(pid, signal.SIGKILL)

def test_dies():
    if "FASTEST_SLOT" in os.environ:
        os._exit(1)
    assert 0
"""


def test_a_killed_zygote_costs_nothing(tmp_path: Path) -> None:
    """Each file needs a new worker afterwards."""
    write_files(tmp_path, {f"test_{n}.py": KILLS for n in range(5)})
    expected, ours = plain(tmp_path), fastest(tmp_path, env=FORK)
    assert ours.outcomes == expected.outcomes, ours.out + ours.err
    assert ours.status == expected.status == 1


REFUSED = """
import os, pathlib, time

def zygotes():
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getppid() and b"\\0zygote\\0" in (path / "cmdline").read_bytes():
                yield path.name
        except OSError:
            pass

def test_cold():
    assert str(os.getpid()) not in list(zygotes())
    end = time.monotonic() + 60
    while list(zygotes()):
        assert time.monotonic() < end
        time.sleep(0.01)
"""


@pytest.mark.parametrize("name", ["COVERAGE_PROCESS_START", "PYTHONPROFILEIMPORTTIME"])
def test_what_starts_with_the_interpreter_is_not_forked(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": REFUSED})
    ended = fastest(tmp_path, "--log-level", "info", env={**FORK, name: "1"})
    assert ended.status == 0, ended.out + ended.err
    assert f"workers are not forked: {name} is set" in ended.err


DAEMON = """
import os, time
def test_it_is_gone():
    ready, tell = os.pipe()
    if os.fork() == 0:
        daemon = os.fork()
        if daemon:
            os.write(tell, b"%d" % daemon)
        os._exit(0)
    os.wait()
    pid = int(os.read(ready, 20))
    end = time.monotonic() + 60
    while os.path.exists("/proc/%d" % pid):
        assert time.monotonic() < end
        time.sleep(0.01)
"""


def test_a_daemon_that_has_ended_is_no_zombie_of_the_agent(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": DAEMON})
    ended = fastest(tmp_path, env=FORK)
    assert ended.status == 0, ended.out + ended.err


def test_by_itself_only_the_third_worker_is_forked(tmp_path: Path) -> None:
    text = """
import os, pathlib
def test_dies():
    forked = b"\\0zygote\\0" in pathlib.Path("/proc/self/cmdline").read_bytes()
    with open("order", "a") as file:
        file.write("forked " if forked else "cold ")
    os._exit(1)
"""
    write_files(tmp_path, {f"test_{n}.py": text for n in range(4)})
    fastest(tmp_path, workers=1)
    assert (tmp_path / "order").read_text() == "cold cold forked forked "
