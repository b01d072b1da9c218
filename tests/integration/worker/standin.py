"""A small agent for tests: starts workers, deals files in order, keeps what they say.

It speaks docs/worker.md's side of the agent, without retries or restarts.
"""

from __future__ import annotations

import json
import mmap
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


from runners import PYTHON, environment, with_trees

PACKAGE = Path(__file__).resolve().parents[3] / "agent" / "worker" / "fastest_worker"
PAGE_BYTES = 4096 + 262144
HEADER = struct.Struct(">IBBH")
NAMES = {
    4: "WELCOME",
    6: "CREDIT",
    7: "LEASE",
    8: "COLLECTED",
    9: "LIST",
    10: "LISTED",
    11: "RESULTS",
    13: "REVOKE",
    14: "REVOKED",
    16: "STATE",
    17: "DRAIN",
    18: "BYE",
}
NUMBERS = {name: number for number, name in NAMES.items()}
RANK = {
    name: rank
    for rank, name in enumerate(("passed", "skipped", "xfailed", "xpassed", "failed", "error"))
}
PATIENCE_S = float(os.environ.get("FASTEST_TEST_PATIENCE", "60"))

Message = dict[str, Any]


class Worker:
    """One worker process and everything that it has said."""

    def __init__(
        self,
        root: Path,
        args: Sequence[str] = (),
        *,
        slot: int = 0,
        slots: int = 1,
        cwd: str = ".",
        color: bool = False,
        python: str = PYTHON,
        env: dict[str, str] | None = None,
        config: Message | None = None,
    ) -> None:
        """config: more of WELCOME's."""
        self.root, self.slot = root, slot
        self.messages: list[tuple[str, Message]] = []
        self.read = 0  # how many messages next() has given out
        self.incoming = b""
        self.ended = False
        self.numbers = iter(range(1 + slot * 1_000_000, 1 << 40))
        self.sock, theirs = socket.socketpair()
        page = os.memfd_create("page")
        os.ftruncate(page, PAGE_BYTES)
        self.page = mmap.mmap(page, PAGE_BYTES)
        self.log = tempfile.TemporaryFile()
        full = environment(
            PYTHONHASHSEED="0",
            PYTHONDONTWRITEBYTECODE="1",
            PYTEST_XDIST_WORKER=f"gw{slot}",
            PYTEST_XDIST_WORKER_COUNT=str(slots),
            PYTEST_XDIST_TESTRUNUID="run1",
            FASTEST_RUN_ID="run1",
            FASTEST_AGENT="standin",
            FASTEST_SLOT=str(slot),
        )
        full = with_trees({**full, **(env or {})})
        # 3 and 4 are made in the child: ours may have other numbers, or each other's.
        launch = (
            "import os, sys; a, b = map(int, sys.argv[1:3]); "
            "a, b = os.dup(a), os.dup(b); "
            "os.dup2(a, 203, True); os.dup2(b, 204, True); "
            "os.dup2(203, 3, True); os.dup2(204, 4, True); os.closerange(5, 1 << 16); "
            "os.execv(sys.argv[3], sys.argv[3:])"
        )
        command = [sys.executable, "-c", launch, str(theirs.fileno()), str(page)]
        self.process = subprocess.Popen(
            [*command, python, str(PACKAGE), "3", "4"],
            cwd=root / cwd,
            env=full,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            pass_fds=(theirs.fileno(), page),
            start_new_session=True,
        )
        theirs.close()
        os.close(page)
        config = {
            **(config or {}),
            "args": ["-o", "addopts=", *args],
            "root": str(root),
            "cwd": cwd,
            "hash_seed": "0",
            "slot_count": slots,
            "color": color,
        }
        self.send("WELCOME", run="run1", slots=[slot], agent="standin", config=config)

    # ---- talking

    def send(self, name: str, **fields: Any) -> None:
        payload = json.dumps(fields).encode()
        try:
            self.sock.sendall(HEADER.pack(len(payload), NUMBERS[name], 0, 0) + payload)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has ended; what it said can still be read

    def lease(self, file: str, *, kind: str = "plain", **fields: Any) -> int:
        """Without units or target the whole file; the lease's number."""
        number = next(self.numbers)
        fields.setdefault("whole", "units" not in fields)
        fields.setdefault("attempt", 1)
        self.send("LEASE", lease=str(number), slot=self.slot, file=file, kind=kind, **fields)
        return number

    def functions(self, file: str, *ids: str) -> int:
        units = [{"kind": "function", "id": name, "index": -1} for name in ids]
        return self.lease(file, units=units)

    def feed(self) -> None:
        """Reads once."""
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:  # it ended without having read all
            data = b""
        if not data:
            self.ended = True
        self.incoming += data
        while len(self.incoming) >= HEADER.size:
            length, kind, flags, zero = HEADER.unpack_from(self.incoming)
            assert (flags, zero) == (0, 0)
            end = HEADER.size + length
            if len(self.incoming) < end:
                break
            self.messages.append((NAMES[kind], json.loads(self.incoming[HEADER.size : end])))
            self.incoming = self.incoming[end:]

    def wait(self, *names: str) -> Message:
        """The next message of one of these names; fails when none comes."""
        end = time.monotonic() + PATIENCE_S
        while True:
            while self.read < len(self.messages):
                name, message = self.messages[self.read]
                self.read += 1
                if name in names:
                    return message
            left = end - time.monotonic()
            assert left > 0 and not self.ended, f"no {names}: {self.messages}\n{self.output()}"
            self.sock.settimeout(left)
            self.feed()

    def drain(self) -> int:
        """DRAIN; all that it still says; its exit status."""
        self.send("DRAIN")
        return self.join()

    def join(self) -> int:
        end = time.monotonic() + PATIENCE_S
        while not self.ended:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            self.feed()
        return self.process.wait(PATIENCE_S)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def close(self) -> None:
        self.sock.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.page.close()
        self.log.close()

    # ---- what it said

    def all(self, name: str) -> list[Message]:
        return [message for kind, message in self.messages if kind == name]

    def results(self) -> list[Message]:
        """Of tests and of collectors, in order of arrival."""
        found: list[Message] = []
        for name, message in self.messages:
            if name == "RESULTS":
                found += message.get("results", [])
            elif name in ("COLLECTED", "LISTED"):
                found += message.get("reports", [])
        return found

    def result(self, nodeid: str) -> Message:
        found = [result for result in self.results() if result["id"] == nodeid]
        assert len(found) == 1, found
        return found[0]

    def warnings(self) -> list[Message]:
        return [w for message in self.all("RESULTS") for w in message.get("warnings", [])]

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def status(self) -> tuple[int, int, str, int]:
        """(state, phase, name, lease) as the shared page has them."""
        state, phase, length, lease = struct.unpack_from("<IIIQ", self.page, 4)
        return state, phase, self.page[64 : 64 + length].decode(), lease


def merge(outcomes: dict[str, str], results: Iterable[Message]) -> dict[str, str]:
    """Adds results as the coordinator does: an amendment can only worsen."""
    for result in results:
        nodeid, outcome = result["id"], result["outcome"]
        if outcome == "absent":
            continue
        if nodeid not in outcomes or RANK[outcome] > RANK[outcomes[nodeid]]:
            outcomes[nodeid] = outcome
    return outcomes


@contextmanager
def worker(root: Path, *args: str, **options: Any) -> Iterator[Worker]:
    """A worker that is ended whatever happens."""
    started = Worker(root, args, **options)
    try:
        yield started
    finally:
        started.close()


def deal(workers: Sequence[Worker], files: Sequence[str]) -> dict[str, str]:
    """Whole files in order to whoever asks for work; the outcomes, once all have ended."""
    waiting = list(files)
    live = list(workers)
    with selectors.DefaultSelector() as selector:
        for one in workers:
            selector.register(one.sock, selectors.EVENT_READ, one)
        while live:
            for one in live:
                while one.read < len(one.messages):
                    hungry = one.messages[one.read][0] == "CREDIT"
                    one.read += 1
                    if hungry and waiting:
                        one.lease(waiting.pop(0))
                    elif hungry:
                        one.send("DRAIN")
            ready = selector.select(PATIENCE_S)
            assert ready, [one.status() for one in live]
            for key, _ in ready:
                key.data.feed()
                if key.data.ended:
                    selector.unregister(key.data.sock)
                    live.remove(key.data)
    outcomes: dict[str, str] = {}
    for one in workers:
        assert one.process.wait(PATIENCE_S) == 0, one.output()
        merge(outcomes, one.results())
    return outcomes
