"""The process that workers are forked from: `python <libdir>/fastest_worker zygote 3 ROOT`.

It has imported what each worker imports before it hears of a project, and nothing of the
project: pytest and our own modules. docs/worker.md, "The zygote", says what it and the agent
tell each other.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
import time
from typing import Any, List, Tuple

NUMBER = struct.Struct("=I")
ANSWER = struct.Struct("=Ii")
FDS = struct.Struct("=3i")
PID = struct.Struct("=i")
REQUEST_MOST = 128 * 1024
HIGH = 16  # descriptors from here on are out of the way of those that a worker has
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
NAME = b"fastest-zygote"  # as ps shows it

# What measures or changes the interpreter from its start to its end, process by process.
FOREIGN_STARTS = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "PYTHONPROFILEIMPORTTIME")


class Unfit(Exception):
    """No worker can be forked from this interpreter; says why."""


def serve(control_fd: int) -> Tuple[int, int]:
    """Forks workers as long as the agent asks; returns in each worker, its pipe and page."""
    control = socket.socket(fileno=control_fd)
    try:
        prctl = prepare()
    except Unfit as why:
        control.send(NUMBER.pack(0) + str(why).encode("utf-8", "backslashreplace"))
        os._exit(0)
    prctl(PR_SET_NAME, NAME, 0, 0, 0)
    gc.collect()
    gc.freeze()
    agent = os.getppid()
    while True:
        number, own, fds = receive(control)
        place = fork(control, number, agent, prctl)
        if place:
            return become(control, own, fds)
        for fd in fds:
            os.close(fd)


def prepare() -> Any:
    """Imports; what is left in the interpreter is what a worker of its own would have."""
    for name in FOREIGN_STARTS:
        if os.environ.get(name):
            raise Unfit(f"{name} is set")
    if sys.gettrace() or sys.getprofile():
        raise Unfit("the interpreter is traced from its start")
    from fastest_worker import work

    if work.why_unfit():
        raise Unfit("pytest is missing or too old")
    import_pytest()
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        raise Unfit(f"the interpreter starts with {threads} threads")
    before = set(sys.modules)
    try:
        import ctypes

        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (ImportError, OSError, AttributeError) as error:
        raise Unfit(f"ctypes: {error}") from error
    # A test may see which modules are there.
    for name in (__name__, *(set(sys.modules) - before)):
        del sys.modules[name]
    return prctl


def import_pytest() -> None:
    """All that a session imports before it reads any configuration."""
    import importlib

    import _pytest.config

    for name in _pytest.config.default_plugins:
        # These pytest itself rewrites, when they are asked for.
        if not name.startswith("pytester"):
            importlib.import_module(f"_pytest.{name}")
    import fastest_worker.session  # noqa: F401


def receive(control: socket.socket) -> Tuple[int, List[bytes], List[int]]:
    """One request: its number, the worker's variables, its log, pipe and page. Ends with the
    agent."""
    data, extra, _, _ = control.recvmsg(
        REQUEST_MOST, socket.CMSG_SPACE(FDS.size), socket.MSG_CMSG_CLOEXEC
    )
    if not data or not extra:
        os._exit(0)
    fds = list(FDS.unpack(extra[0][2]))
    return NUMBER.unpack_from(data)[0], data[NUMBER.size :].split(b"\0")[:-1], fds


def fork(control: socket.socket, number: int, agent: int, prctl: Any) -> bool:
    """True in the worker. A process between us and it ends at once, so that the agent becomes its
    parent; only then is its pid told."""
    ready, tell = os.pipe()
    own_name = os.path.basename(os.fsencode(sys.executable))[:15]
    middle = os.fork()
    if middle == 0:
        middle = os.getpid()
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            os._exit(1)
        lead_group()
        while os.getppid() == middle:
            time.sleep(0.0002)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(PR_SET_NAME, own_name, 0, 0, 0)
        if os.getppid() != agent:
            os._exit(1)
        os.write(tell, PID.pack(os.getpid()))
        os.close(tell)
        os.close(ready)
        return True
    os.close(tell)
    told = os.read(ready, PID.size)
    os.close(ready)
    os.waitpid(middle, 0)
    control.send(ANSWER.pack(number, PID.unpack(told)[0] if len(told) == PID.size else 0))
    return False


def lead_group() -> None:
    """As shared/loop/child.c does for `our_session`."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        os.setpgid(0, 0)
    else:
        os.setsid()


def become(control: socket.socket, own: List[bytes], fds: List[int]) -> Tuple[int, int]:
    """Leaves the process as the agent would have started it."""
    import fcntl

    # Out of the way first: their numbers may be those that are wanted.
    log, pipe, page = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH) for fd in fds)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    control.detach()
    os.closerange(3, HIGH)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(pipe, 3)
    os.dup2(page, 4)
    for fd in (log, pipe, page):
        os.close(fd)
    if hasattr(sys, "orig_argv"):  # since 3.10
        sys.orig_argv[-3:] = ["3", "4"]
    for entry in own:
        name, _, value = entry.partition(b"=")
        os.environb[name] = value
    return 3, 4
