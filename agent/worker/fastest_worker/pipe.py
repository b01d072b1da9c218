"""The pipe to the agent and the page that both share.

Frames are those of shared/proto/frame.h, the page's layout stands in
docs/worker.md. Tests patch clocks and sockets, change directories, close
descriptors and fork, so what is needed is bound once, as attributes of the
pipe (tools that freeze time replace what they find in modules).
"""

from __future__ import annotations

import array
import fcntl
import json
import mmap
import os
import resource
import select
import signal
import socket
import struct
import time
from typing import Any, Dict, List, Optional, Tuple

from fastest_worker.live import Marker

WELCOME, CREDIT, LEASE, COLLECTED, LIST, LISTED, RESULTS = 4, 6, 7, 8, 9, 10, 11
REVOKE, REVOKED, STATE, DRAIN, BYE = 13, 14, 16, 17, 18
NODE, SUMMARY = 22, 23

IDLE, COLLECTING, TESTING, FINISHING, CUT_OFF = range(5)

MAGIC = 0x46535431
PAGE_SIZE, PENDING_SIZE, NAME_SIZE = 4096, 262144, 4032
FLUSH_SIZE = 65536
FLUSH_S = 0.005

HEADER = struct.Struct(">IBBH")
STATUS = struct.Struct("<IIIQd")  # from byte 4: state, phase, name length, lease, start
WORD = struct.Struct("<I")
PHASE_AT, PENDING_AT, CHILD_AT, NAME_AT = 8, 32, 36, 64

Message = Dict[str, Any]

dumps = json.dumps
loads = json.loads


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
    """The same open file on a high descriptor that no child inherits."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lowest = 1000 if limit > 1024 or limit == resource.RLIM_INFINITY else max(5, limit - 24)
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
    os.close(fd)
    return high


class Pipe:
    """Frames in both directions; those to the agent wait in the shared page."""

    def __init__(self, pipe_fd: int, page_fd: int) -> None:
        self.fd = move_up(pipe_fd)
        self.sock = socket.socket(fileno=self.fd)
        self.sock.setblocking(True)
        self.page: Any = mmap.mmap(page_fd, PAGE_SIZE + PENDING_SIZE)
        os.close(page_fd)
        WORD.pack_into(self.page, 0, MAGIC)
        self.incoming = bytearray()
        self.pending = 0
        self.pending_since = 0.0
        self.marker: Optional[Marker] = None  # where output is shown live
        self.closed = False
        self.cut = False  # a test has closed the descriptor
        self.clock = time.monotonic  # the agent's clock, too
        self.source: Any = self.sock  # what is read; see listen_at()
        self._recv = self.sock.recv
        self.poll = select.select
        self._sendall = self.sock.sendall
        self._fstat = os.fstat
        self._sigmask = signal.pthread_sigmask
        self._exit = os._exit
        self._fork = os.fork
        self._keep = False
        self._inode = os.fstat(self.fd).st_ino
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A child of a test must not speak for the worker."""
        if self._keep:
            return
        self.closed = True
        self.sock.close()
        self.page = bytearray(PAGE_SIZE + PENDING_SIZE)

    # ---- children of the worker's own

    def fork(self) -> int:
        """As os.fork(), but the child keeps pipe and page."""
        self.flush()
        self._keep = True
        try:
            return self._fork()
        finally:
            self._keep = False

    def keep_frames(self) -> List[Tuple[int, bytes]]:
        """In a child that doesn't speak: what would be sent is kept in the list."""
        frames: List[Tuple[int, bytes]] = []
        setattr(self, "frame", lambda kind, payload: frames.append((kind, payload)))
        setattr(self, "flush", lambda: None)
        setattr(self, "flush_if_due", lambda: None)
        return frames

    def listen_at(self, source: socket.socket) -> None:
        """In a child that speaks for the worker: the worker passes on what it hears."""
        self.source = source
        self._recv = source.recv
        self.incoming = bytearray()

    def adopt_pending(self) -> None:
        """Sends what a child that died had not."""
        (self.pending,) = WORD.unpack_from(self.page, PENDING_AT)
        self.flush()

    def page_status(self) -> Tuple[int, int, str, int, float]:
        """State, phase, name, lease and start, as a child has left them."""
        state, phase, size, lease, start = STATUS.unpack_from(self.page, 4)
        name = bytes(self.page[NAME_AT : NAME_AT + size]).decode("utf-8", "replace")
        return state, phase, name, lease, start

    def _check(self) -> bool:
        """False where a test has closed the descriptor (and another file may have its number):
        nothing is said any more, what is pending stays in the page, where the agent looks for it
        when the worker has ended, as it soon does."""
        try:
            if self._fstat(self.fd).st_ino == self._inode:
                return True
        except OSError:
            pass
        self.closed = self.cut = True
        return False

    def leave(self) -> None:
        """The last act of a worker that can say no BYE: what it had to say is in the page."""
        if self.cut:
            self.status(CUT_OFF)

    # ---- sending

    def frame(self, kind: int, payload: bytes) -> None:
        """Queues one frame; it leaves at the next flush."""
        if self.marker and kind == RESULTS:
            self.marker.mark()
        data = HEADER.pack(len(payload), kind, 0, 0) + payload
        if self.pending + len(data) > PENDING_SIZE:
            self.flush()
        if len(data) > PENDING_SIZE:
            self._send(data)
            if self.cut:
                self._exit(3)  # there is no place for it: the agent is to blame the test
            return
        if self.pending + len(data) > PENDING_SIZE:
            return  # cut off: what comes now is the tearing down's
        start = PAGE_SIZE + self.pending
        self.page[start : start + len(data)] = data
        if not self.pending:
            self.pending_since = self.clock()
        self.pending += len(data)
        WORD.pack_into(self.page, PENDING_AT, self.pending)
        if self.pending >= FLUSH_SIZE:
            self.flush()

    def send(self, kind: int, message: Message) -> None:
        """Queues and sends at once."""
        self.frame(kind, dumps(message).encode())
        self.flush()

    def _send(self, data: bytes) -> None:
        """Whole, whatever interrupts: half a frame would end the conversation."""
        if self.closed:
            return
        if not self._check():
            return
        mask = self._sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            self._sendall(data)
        except OSError:
            self.closed = True
        finally:
            self.pending = 0
            WORD.pack_into(self.page, PENDING_AT, 0)
            self._sigmask(signal.SIG_SETMASK, mask)

    def send_with_files(self, kind: int, message: Message, fds: List[int]) -> None:
        """As send(); the agent gets the open files too."""
        self.flush()
        payload = dumps(message).encode()
        data = HEADER.pack(len(payload), kind, 0, 0) + payload
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            sent = self.sock.sendmsg([data[:1]], rights)
        except OSError:
            self.closed = True
            return
        self._send(data[sent:])

    def flush(self) -> None:
        if self.pending:
            self._send(self.page[PAGE_SIZE : PAGE_SIZE + self.pending])

    def flush_if_due(self) -> None:
        if self.pending and (self.marker or self.clock() - self.pending_since >= FLUSH_S):
            self.flush()

    # ---- receiving

    def receive(self, block: bool) -> List[Tuple[int, Message]]:
        """Whole messages that are there; with block at least one, none at the end."""
        if block:
            self.flush()
        messages: List[Tuple[int, Message]] = []
        while not self.closed:
            if not self._check():
                break
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

    def wait(self, seconds: float) -> None:
        """Until the agent has something to say, at most so long."""
        if not self.closed:
            self.poll([self.source], [], [], seconds)

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
        """Says what is going on from now on (returned)."""
        start = self.clock()
        data = name.encode("utf-8", "replace")[:NAME_SIZE]
        self.page[NAME_AT : NAME_AT + len(data)] = data
        STATUS.pack_into(self.page, 4, state, 0, len(data), lease, start)
        return start

    def child(self, pid: int) -> None:
        """Who is asked for its stacks in the worker's place; 0: nobody."""
        WORD.pack_into(self.page, CHILD_AT, pid)

    def phase(self, number: int) -> None:
        WORD.pack_into(self.page, PHASE_AT, number)
