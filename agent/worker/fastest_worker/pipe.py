"""The pipe to the agent and the page that both share.

Frames are those of shared/proto/frame.h, the page's layout stands in
docs/worker.md. What is needed is bound at import: tests patch clocks and
sockets, change directories and close descriptors.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import socket
import struct
import time
from typing import Any, Dict, List, Optional, Tuple

WELCOME, CREDIT, LEASE, COLLECTED, LIST, LISTED, RESULTS = 4, 6, 7, 8, 9, 10, 11
REVOKE, REVOKED, STATE, DRAIN, BYE = 13, 14, 16, 17, 18

IDLE, COLLECTING, TESTING, FINISHING = range(4)

MAGIC = 0x46535431
PAGE_SIZE, PENDING_SIZE, NAME_SIZE = 4096, 262144, 4032
FLUSH_SIZE = 65536
FLUSH_S = 0.005
HIGHEST_FD = 250

HEADER = struct.Struct(">IBBH")
STATUS = struct.Struct("<IIIQd")  # from byte 4: state, phase, name length, lease, start
PHASE = struct.Struct("<I")
PENDING = struct.Struct("<I")

Message = Dict[str, Any]

dumps = json.dumps
loads = json.loads
now = time.time
clock = time.perf_counter


def clean(text: str) -> str:
    """Text that survives JSON and C strings: no lone surrogates, no NUL."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def move_up(fd: int) -> int:
    """The same open file on a high descriptor that a child doesn't inherit."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGHEST_FD)
    os.close(fd)
    return high


class Pipe:
    """Frames in both directions, results buffered in the shared page."""

    def __init__(self, pipe_fd: int, page_fd: int) -> None:
        self.sock = socket.socket(fileno=move_up(pipe_fd))
        self.sock.setblocking(True)
        self.page = mmap.mmap(page_fd, PAGE_SIZE + PENDING_SIZE)
        os.close(page_fd)
        PENDING.pack_into(self.page, 0, MAGIC)
        self.incoming = bytearray()
        self.pending = 0
        self.pending_since = 0.0
        self.closed = False
        self._recv = self.sock.recv
        self._sendall = self.sock.sendall
        self.owner = os.getpid()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A child of a test must not speak for the worker."""
        self.closed = True
        self.sock.close()

    # ---- sending

    def frame(self, kind: int, payload: bytes) -> None:
        """Queues one frame; it leaves at the next flush."""
        data = HEADER.pack(len(payload), kind, 0, 0) + payload
        if self.pending + len(data) > PENDING_SIZE:
            self.flush()
        if len(data) > PENDING_SIZE:
            if not self.closed:
                self._sendall(data)
            return
        start = PAGE_SIZE + self.pending
        self.page[start : start + len(data)] = data
        if not self.pending:
            self.pending_since = clock()
        self.pending += len(data)
        PENDING.pack_into(self.page, 32, self.pending)
        if self.pending >= FLUSH_SIZE:
            self.flush()

    def send(self, kind: int, message: Message) -> None:
        """Queues and sends at once."""
        self.frame(kind, dumps(message).encode())
        self.flush()

    def flush(self) -> None:
        if self.pending and not self.closed:
            self._sendall(self.page[PAGE_SIZE : PAGE_SIZE + self.pending])
            self.pending = 0
            PENDING.pack_into(self.page, 32, 0)

    def flush_if_due(self) -> None:
        if self.pending and clock() - self.pending_since >= FLUSH_S:
            self.flush()

    # ---- receiving

    def receive(self, block: bool) -> List[Tuple[int, Message]]:
        """Whole messages that are there; with block at least one, none at the end."""
        if block:
            self.flush()
        messages: List[Tuple[int, Message]] = []
        while not self.closed:
            flags = 0 if block and not messages else socket.MSG_DONTWAIT
            try:
                data = self._recv(FLUSH_SIZE, flags)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                data = b""
            if not data:
                self.closed = True
                break
            self.incoming += data
            self._take(messages)
        return messages

    def _take(self, messages: List[Tuple[int, Message]]) -> None:
        at, incoming = 0, self.incoming
        while len(incoming) - at >= HEADER.size:
            length, kind, _, _ = HEADER.unpack_from(incoming, at)
            end = at + HEADER.size + length
            if len(incoming) < end:
                break
            messages.append((kind, loads(bytes(incoming[at + HEADER.size : end]) or b"{}")))
            at = end
        del incoming[:at]

    # ---- the page

    def status(self, state: int, name: str = "", lease: int = 0) -> float:
        """Says what is going on from now (Unix time, returned)."""
        start = now()
        data = name.encode("utf-8", "replace")[:NAME_SIZE]
        self.page[64 : 64 + len(data)] = data
        STATUS.pack_into(self.page, 4, state, 0, len(data), lease, start)
        return start

    def phase(self, number: int) -> None:
        PHASE.pack_into(self.page, 8, number)


def read_log(limit: int = 65536) -> Optional[str]:
    """What was written to standard output and error so far, as far as it can be read back."""
    try:
        size = os.fstat(2).st_size
        data = os.pread(2, limit, max(0, size - limit))
    except OSError:
        return None
    return data.decode("utf-8", "replace")
