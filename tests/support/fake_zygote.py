"""A zygote for the tests of agent/pool: `fake_zygote.py zygote 3 ROOT`; FAKE names what it does.

Written by hand after docs/worker.md, so that the agent is not held against our own zygote.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time

control = socket.socket(fileno=int(sys.argv[2]))


def hear() -> tuple[int, dict[str, str], list[int]]:
    data, extra, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(12))
    if not data:
        sys.exit(0)
    own = dict(entry.split("=", 1) for entry in data[4:].decode().split("\0")[:-1])
    return struct.unpack_from("=I", data)[0], own, list(struct.unpack("=3i", extra[0][2]))


def fork(number: int, own: dict[str, str], log: int) -> None:
    """A grandchild says what it was told on its log and sleeps or ends as the slot says."""
    ready, tell = os.pipe()
    middle = os.fork()
    if middle:
        pid = struct.unpack("=i", os.read(ready, 4))[0]
        os.waitpid(middle, 0)
        control.send(struct.pack("=Ii", number, pid))
        return
    middle = os.getpid()
    if os.fork():
        os._exit(0)
    os.setsid()
    while os.getppid() == middle:
        time.sleep(0.001)
    os.write(log, ("slot " + own["FASTEST_SLOT"] + "\n").encode())
    os.write(tell, struct.pack("=i", os.getpid()))
    if own["FASTEST_SLOT"] == "7":
        os._exit(7)
    time.sleep(600)


mode = os.environ["FAKE"]
if mode == "refuses":
    control.send(struct.pack("=I", 0) + b"no threads, please: \xff")
    time.sleep(600)
while True:
    number, own, fds = hear()
    if mode == "forks":
        fork(number, own, fds[0])
    elif mode == "dies":
        os._exit(9)
    elif mode == "can_not":
        control.send(struct.pack("=Ii", number, 0))
    elif mode == "babbles":
        control.send(b"?")
    for fd in fds:
        os.close(fd)
