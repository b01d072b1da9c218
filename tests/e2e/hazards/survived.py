"""What tests do to their process and leave behind, each file with a test that comes after it.

Plain pytest survives it, and so must a worker.
"""

from __future__ import annotations

# What makes others' tests fail (a pool of processes waits by the clock) stands apart.
TAME: dict[str, str] = {}
HOSTILE: dict[str, str] = {}
PROJECTS = {"tame": TAME, "hostile": HOSTILE}
HOSTILE_NAMES = ("environment", "signals", "limits", "imports", "clocks", "patched")


def leaves(name: str, text: str) -> None:
    files = HOSTILE if name in HOSTILE_NAMES else TAME
    files[f"test_{name}.py"] = text.lstrip() + "\ndef test_after(): pass\n"


leaves(
    "chdir",
    """
import os, shutil, tempfile
def test_gone():
    where = tempfile.mkdtemp()
    os.chdir(where)
    shutil.rmtree(where)
def test_still_gone():
    try:
        os.getcwd()
    except FileNotFoundError:
        return
    raise AssertionError
def test_away(): os.chdir("/")
""",
)
leaves(
    "environment",
    """
import os
def test_emptied():
    for name in set(os.environ) - {"PYTEST_CURRENT_TEST"}: del os.environ[name]
""",
)
leaves(
    "signals",
    """
import signal
def test_ignored():
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1, signal.SIGPIPE, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
def test_blocked(): signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
def test_unblocked(): signal.pthread_sigmask(signal.SIG_UNBLOCK, range(1, 32))
def test_handled(): signal.signal(signal.SIGINT, lambda number, frame: None)
def test_timer():
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    for _ in range(3): signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)
""",
)
leaves(
    "limits",
    """
import os, resource, sys
def test_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
def test_core(): resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def test_recursion(): sys.setrecursionlimit(250)
def test_deep():
    def f(n): return f(n + 1)
    try: f(0)
    except RecursionError: return
def test_mask(): os.umask(0o777); os.umask(0o022)
def test_switch(): sys.setswitchinterval(1e-6)
""",
)
leaves(
    "imports",
    """
import sys
def test_path(): sys.path.reverse(); sys.path.insert(0, "/nowhere")
def test_modules():
    for name in ("json", "socket", "select", "traceback", "hashlib"): sys.modules.pop(name, None)
def test_hook():
    class Finder:
        def find_spec(self, *args): return None
    sys.meta_path.insert(0, Finder())
def test_excepthook(): sys.excepthook = sys.unraisablehook = lambda *args: None
""",
)
leaves(
    "clocks",
    """
import datetime, sys, time
def test_patched():
    REAL = {time.time, time.monotonic, time.perf_counter, time.sleep}
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            try:
                frozen = value in REAL and not module.__name__.startswith(("_pytest", "pytest"))
            except TypeError:
                continue
            if frozen: setattr(module, name, lambda *args: 0.0)
def test_still(): assert time.time() == 0.0
""",
)
leaves(
    "streams",
    """
import io, os, sys
import pytest
def test_replaced(): sys.stdout = io.StringIO(); sys.stderr = io.StringIO()
def test_none(): sys.stdout = None
def test_input():
    with pytest.raises(OSError): input()
def test_stdin(): assert os.read(0, 10) == b""
def test_noise(): os.write(1, b"\\x00\\xff"); os.write(2, b"noise")
def test_detached(): sys.__stdout__ = sys.__stderr__ = None
""",
)
leaves(
    "patched",
    """
import builtins, json, mmap, os, pickle, select, socket, struct
def test_modules():
    socket.socket = select.select = json.dumps = json.loads = None
    struct.Struct = mmap.mmap = os.fstat = os._exit = None
def test_builtins(): builtins.print = builtins.input = None
""",
)
leaves(
    "forks",
    """
import os, subprocess, sys
def test_leaves():
    pid = os.fork()
    if not pid: os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
def test_outlives(): subprocess.Popen(["sleep", "2"])
def test_outlives_its_parent():
    pid = os.fork()
    if not pid:
        if not os.fork():
            os.execvp("sleep", ["sleep", "2"])
        os._exit(0)
    os.waitpid(pid, 0)
def test_zombie():
    if not os.fork(): os._exit(0)
""",
)
leaves(
    "processes",
    """
import multiprocessing
import pytest
def work(queue): queue.put(1)
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_process(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    assert queue.get(timeout=60) == 1
    process.join()
    assert process.exitcode == 0
def test_pool():
    with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]
def test_executor():
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(1) as pool: assert pool.submit(abs, -3).result() == 3
""",
)
leaves(
    "threads",
    """
import atexit, threading, time
def test_left(): threading.Thread(target=time.sleep, args=(0.2,)).start()
def test_daemon(): threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
def test_busy_daemon():
    def work():
        while True: sum(range(1000)); time.sleep(0.001)
    threading.Thread(target=work, daemon=True).start()
def test_raises():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
def test_atexit(): atexit.register(lambda: 1 / 0)
def test_trace(): threading.settrace(lambda *args: None); threading.setprofile(lambda *args: None)
""",
)
leaves(
    "tracing",
    """
import gc, sys
def test_settrace(): sys.settrace(lambda *args: None)
def test_setprofile(): sys.setprofile(lambda *args: None)
def test_untraced(): sys.settrace(None); sys.setprofile(None)
def test_gc(): gc.disable(); gc.set_threshold(0)
def test_frozen(): gc.freeze()
""",
)
leaves(
    "logs",
    """
import logging, warnings
def test_disabled(): logging.disable(logging.CRITICAL)
def test_bare():
    for handler in list(logging.root.handlers): logging.root.removeHandler(handler)
def test_shut(): logging.shutdown()
def test_forced(): logging.basicConfig(force=True, level=1)
def test_enabled(caplog):
    logging.disable(logging.NOTSET)
    logging.error("x")
    assert caplog.messages == ["x"]
def test_filters(): warnings.resetwarnings(); warnings.simplefilter("error")
def test_warns(): warnings.warn("not an error here")
""",
)
leaves(
    "loops",
    """
import asyncio
def test_left(): asyncio.set_event_loop(asyncio.new_event_loop())
def test_none(): asyncio.set_event_loop(None)
def test_task():
    async def forever(): await asyncio.sleep(3600)
    loop = asyncio.new_event_loop()
    task = loop.create_task(forever())
    loop.run_until_complete(asyncio.sleep(0))
def test_policy(): asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
def test_run(): asyncio.run(asyncio.sleep(0))
""",
)
leaves(
    "exits",
    """
import os, sys
import pytest
@pytest.mark.parametrize("code", [None, 0, 3, "text"])
def test_exits(code): sys.exit(code)
@pytest.fixture
def exits_late():
    yield
    sys.exit(4)
def test_fixture(exits_late): pass
def test_generator(): raise GeneratorExit
def test_base():
    class Odd(BaseException): pass
    raise Odd("odd")
def test_unprintable():
    class Bad(Exception):
        def __str__(self): raise ValueError
        __repr__ = __str__
    raise Bad
def test_expects_interrupt():
    with pytest.raises(KeyboardInterrupt): os.kill(os.getpid(), 2)
""",
)
TAME[
    "test_collected_twice.py"
] = """
import pytest
from test_exits import test_after as test_again
def test_one(): assert 0
def test_one(): pass
class TestA:
    def test_x(self): pass
class TestA:
    def test_y(self): pass
TestB = TestA
class TestC(TestA):
    def test_y(self): assert 0
"""
TAME[
    "test_files.py"
] = """
def test_paths(tmp_path, tmpdir, tmp_path_factory, testdir):
    assert tmp_path.is_dir() and tmpdir.check()
    assert tmp_path_factory.getbasetemp() in tmp_path.parents
    assert tmp_path_factory.mktemp("x").name == "x0"
def test_removed(tmp_path):
    import shutil
    shutil.rmtree(tmp_path.parent)
def test_again(tmp_path): assert tmp_path.is_dir()
"""
