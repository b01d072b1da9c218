"""A worker that misbehaves, for the tests of agent/pool: `fake_worker.py PIPE PAGE`.

FAKE in the environment names what it does. Frames and the page are written by
hand here, so that the agent is held against docs/worker.md and not against our
own worker.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

WELCOME, CREDIT, RESULTS, STATE, DRAIN, BYE = 4, 6, 11, 16, 17, 18
COLLECTING, TESTING = 1, 2

pipe = socket.socket(fileno=int(sys.argv[1]))
page = mmap.mmap(int(sys.argv[2]), 4096 + 262144)


def frame(kind: int, **fields: Any) -> bytes:
    payload = json.dumps(fields).encode()
    return struct.pack(">IBBH", len(payload), kind, 0, 0) + payload


def result(name: str) -> bytes:
    found = {"lease": "1", "slot": 0, "id": name, "outcome": "passed"}
    return frame(RESULTS, results=[found])


def receive() -> int:
    """The type of the next message."""
    header = pipe.recv(8, socket.MSG_WAITALL)
    if not header:
        return 0
    length, kind, _, _ = struct.unpack(">IBBH", header)
    pipe.recv(length, socket.MSG_WAITALL)
    return int(kind)


def status(state: int, phase: int, name: bytes, lease: int) -> None:
    struct.pack_into("<IIIIQd", page, 0, 0x46535431, state, phase, len(name), lease, 1.5)
    page[64 : 64 + len(name)] = name


def good() -> None:
    """Answers WELCOME, ends at DRAIN or when the agent is gone."""
    receive()
    pipe.sendall(frame(STATE, slot=0, state="up", pid=os.getpid()))
    while receive() not in (0, DRAIN):
        pass
    pipe.sendall(frame(BYE))


def says_environment() -> None:
    """Its environment, directory and descriptors, as one CREDIT a fact that holds."""
    facts = [
        os.environ.get("GIVEN") == "yes",
        os.getcwd() == "/",
        os.getpid() == os.getpgid(0),
        sys.stdin.read() == "",
        sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:5] == [0, 1, 2, 3, 4],
        not os.path.exists("/proc/self/fd/20"),
    ]
    for fact in facts:
        pipe.sendall(frame(CREDIT, slot=int(fact)))


def crashes() -> None:
    """Half a frame on the pipe, whole ones in the page, a test that runs."""
    print("last words: \\xe4".encode().decode("unicode_escape").encode("latin-1"), flush=True)
    os.write(2, b"bad \xff byte\n\n")
    pipe.sendall(result("a.py::one") + result("a.py::two")[:20])
    pending = result("a.py::two") + result("a.py::three")
    page[4096 : 4096 + len(pending)] = pending
    struct.pack_into("<I", page, 32, len(pending))
    status(TESTING, 1, "a.py::fünf".encode() + b"\xff", 7)
    os.kill(os.getpid(), signal.SIGSEGV)


def lies() -> None:
    """A page full of nonsense, but for the magic number."""
    page[:] = b"\xff" * len(page)
    struct.pack_into("<I", page, 0, 0x46535431)
    os._exit(3)


def floods() -> None:
    """More than any buffer holds, then its end, at once."""
    for number in range(20000):
        pipe.sendall(result(f"a.py::test_{number}"))
    os._exit(0)


def babbles() -> None:
    pipe.sendall(b"GET / HTTP/1.1\r\n\r\n")
    time.sleep(600)


def leaves_a_child() -> None:
    """A child that holds the pipe and the log when the worker has ended."""
    if os.fork() == 0:
        time.sleep(600)
    pipe.sendall(result("a.py::one"))
    os._exit(0)


def ignores_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pipe.sendall(frame(CREDIT, slot=0))
    time.sleep(600)


def takes_interrupts() -> None:
    try:
        pipe.sendall(frame(CREDIT, slot=0))
        time.sleep(600)
    except KeyboardInterrupt:
        pipe.sendall(frame(BYE))


def reads_nothing() -> None:
    pipe.sendall(frame(CREDIT, slot=0))
    time.sleep(600)


def writes_much() -> None:
    for number in range(10000):
        print(f"line {number}")
    sys.stdout.flush()
    os._exit(4)


def shrinks_the_page() -> None:
    """What a sealed page refuses; the agent must not die of it."""
    try:
        os.ftruncate(int(sys.argv[2]), 0)
    except OSError:
        pass
    os._exit(5)


if __name__ == "__main__":
    mode: Callable[[], None] = globals()[os.environ["FAKE"]]
    mode()
