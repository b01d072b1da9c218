"""A coordinator and its agents, each on a machine and with a checkout of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from live import wait_for
from machines import Machines
from runners import BIN, PYTHON, environment, fastest_command, write_files

RELAY = Path(__file__).resolve().parents[2] / "support" / "link" / "relay.py"
SET_CLOCK = BIN.parent / "lib" / "libset_clock.so"
PROBE = re.compile("[a-z0-9_]{8}")  # as tempfile names files
HOME = "c"  # the coordinator's machine
PORT = 4177
DEAD_AFTER_S = 1.0
GRACE_S = 1.0


def now_s() -> float:
    """By the one clock that all machines have in common."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Run:
    """One life of a coordinator."""

    process: subprocess.Popen[str]
    out: Path
    events: Path
    begun_s: float  # by now_s(), as the tests' notes

    def said(self) -> str:
        return self.out.read_text()

    def happened(self) -> list[dict]:
        """Its whole lines so far; a killed one may have left half of one."""
        if not self.events.exists():
            return []
        lines = self.events.read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in lines]


@dataclass
class Execution:
    nodeid: str
    pid: int
    begun_s: float


@dataclass
class Farm:
    root: Path
    machines: Machines
    files: dict[str, str]
    stack: ExitStack
    tls: bool = False
    clocks: bool = False  # machines' clocks can be set
    confirms: bool = False  # failures are tried again, as is the default
    package: Path | None = None  # a copy of it lies in the project
    runs: list[Run] = field(default_factory=list)
    agents: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    relays: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    gone: list[subprocess.Popen[str]] = field(default_factory=list)
    killed_workers: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.log = self.root / "ran"
        self.project = write_files(self.root / HOME / "project", self.files)
        if self.package:
            junk = shutil.ignore_patterns("__pycache__")
            shutil.copytree(self.package, self.project / self.package.name, ignore=junk)
        self.token = self.root / "token"
        self.token.write_text("of-the-tests-only-0123456789abcdef\n")
        self.token.chmod(0o600)
        self.certs = self.root / "certs"
        if self.tls:
            for words in (("init",), *(("agent", name) for name in self.machines.names)):
                command = [str(BIN / "fastest-coord"), "cert", *words, "--dir", str(self.certs)]
                subprocess.run(command, cwd=self.project, check=True, capture_output=True)
        for name in self.machines.names:
            for folder in ("tmp", "home"):
                (self.root / name / folder).mkdir(parents=True)
            if name != HOME:
                shutil.copytree(self.project, self.root / name / "project")

    # ---- processes

    def clock(self, name: str) -> Path:
        return self.root / name / "clock"

    def set_clock(self, name: str, ahead_s: int) -> None:
        """The wall clock of all that runs on the machine; in place: it is mapped."""
        fd = os.open(self.clock(name), os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, ahead_s.to_bytes(8, sys.byteorder, signed=True), 0)
        os.close(fd)

    def environment(self, name: str) -> dict[str, str]:
        here = self.root / name
        env = environment(
            RAN=str(self.log),
            TMPDIR=str(here / "tmp"),
            HOME=str(here / "home"),
            XDG_RUNTIME_DIR="",
            PYTHONDONTWRITEBYTECODE="1",
            PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        )
        if self.clocks:
            if not self.clock(name).exists():
                self.set_clock(name, 0)
            env |= {"LD_PRELOAD": str(SET_CLOCK), "SET_CLOCK": str(self.clock(name))}
        return env

    def spawn(self, name: str, command: list[str], out: Path) -> subprocess.Popen[str]:
        file = self.stack.enter_context(open(out, "a"))
        process = subprocess.Popen(
            self.machines.command(name, [*self.machines.time(name), *command]),
            cwd=self.root / name / "project",
            env=self.environment(name),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )

        def end() -> None:
            process.kill()
            process.wait()

        self.stack.callback(end)
        return process

    def start(self, *args: str, workers: int = 0) -> None:
        self.args, self.workers = args, workers
        n = len(self.runs)
        out, events = self.root / f"run-{n}.out", self.root / f"events-{n}"
        self.report = self.root / f"report-{n}.json"
        scheme = "tls+tcp" if self.tls else "tcp"
        where = f"{scheme}://{self.machines.address[HOME]}:{PORT}"
        command = fastest_command("--listen", where, *self.trust(HOME), workers=workers)
        command += ["--dead-after", str(DEAD_AFTER_S), "--grace", str(GRACE_S)]
        command += ["--report-json", str(self.report), "--events", str(events)]
        command += [] if self.confirms else ["--confirm", "none"]
        command += ["--tb", "no", "--no-summary", *args]
        begun = now_s()
        run = Run(self.spawn(HOME, command, out), out, events, begun)
        self.runs.append(run)
        wait_for("the port", lambda: "listening at" in run.said() or run.process.poll() is not None)

    def resume(self) -> None:
        """A killed run goes on; one that was killed before it had begun begins again."""
        self.start("--resume", *self.args, workers=self.workers)

    def trust(self, name: str) -> list[str]:
        if not self.tls:
            alone = ["--insecure"] if name == HOME else []
            return ["--token-file", str(self.token), *alone]
        mine = "coordinator" if name == HOME else name
        named = {"ca": "ca.pem", "cert": f"{mine}.pem", "key": f"{mine}-key.pem"}
        return [
            word
            for kind, file in named.items()
            for word in (f"--tls-{kind}", str(self.certs / file))
        ]

    def relay(self, name: str) -> None:
        """Between the coordinator and the agents of this machine that come from now on."""
        command = [PYTHON, str(RELAY), self.machines.address[HOME], str(PORT)]
        process = subprocess.Popen(
            self.machines.command(name, command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def end() -> None:
            process.communicate(timeout=60)

        self.stack.callback(end)
        self.relays[name] = process

    def relay_pids(self) -> set[int]:
        return {relay.pid for relay in self.relays.values()}

    def link(self, name: str, order: str) -> None:
        relay = self.relays[name]
        assert relay.stdin and relay.stdout
        print(order, file=relay.stdin, flush=True)
        assert relay.stdout.readline() == "done\n"

    def agent(self, name: str, *args: str, workers: int = 1) -> None:
        if name in self.agents:
            self.gone.append(self.agents[name])
        scheme = "tls+tcp" if self.tls else "tcp"
        place = f"{self.machines.address[HOME]}:{PORT}"
        if name in self.relays and name not in self.agents:
            line = self.relays[name].stdout.readline()  # type: ignore[union-attr]
            self.relayed = f"127.0.0.1:{line.split()[-1]}"
        if name in self.relays:
            place = self.relayed
        command = [str(BIN / "fastest-agent"), "--connect", f"{scheme}://{place}"]
        called = f"{name}-{len(self.gone)}"  # nobody has had that name
        command += ["--name", called, "-n", str(workers), "--python", PYTHON, *self.trust(name)]
        command += ["--dead-after", str(DEAD_AFTER_S), *args]
        self.agents[name] = self.spawn(name, command, self.root / f"{name}.out")

    # ---- what is to be seen

    def notes(self) -> list[list[str]]:
        text = self.log.read_text() if self.log.exists() else ""
        return [line.split(" ", 3) for line in text.splitlines()]

    def executions(self) -> list[Execution]:
        return [
            Execution(nodeid, int(pid), float(at))
            for at, pid, what, nodeid in self.notes()
            if what == "begin"
        ]

    def running(self, name: str) -> list[int]:
        """Workers on this machine in the midst of a test."""
        here = set(self.machines.pids(name))
        last = {int(pid): what for _, pid, what, _ in self.notes()}
        return [pid for pid, what in last.items() if what == "begin" and pid in here]

    def tell_to_leave(self, name: str) -> None:
        """SIGTERM, once it can hear that."""
        agent, bit = self.agents[name], 1 << (signal.SIGTERM - 1)

        def hears() -> bool:
            status = Path(f"/proc/{agent.pid}/status").read_text()
            caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
            return bool(int(caught.split()[1], 16) & bit)

        wait_for(f"{name} to hear signals", lambda: agent.poll() is not None or hears())
        agent.terminate()

    def end(self) -> tuple[int, dict]:
        """Of the newest run: its status and report; then all agents leave."""
        status = self.runs[-1].process.wait(timeout=120)
        for name, agent in self.agents.items():
            self.tell_to_leave(name)
            ended = agent.wait(timeout=60)
            assert ended == 0, f"{name} ended with {ended}\n{self.said()}"
        assert self.report.exists(), self.said()
        return status, json.loads(self.report.read_text())

    def said(self) -> str:
        texts = [run.out for run in self.runs]
        texts += [self.root / f"{name}.out" for name in self.agents]
        return "\n".join(f"--- {path.stem}\n{path.read_text()}" for path in texts)

    def leaves_nothing(self) -> None:
        mine = self.relay_pids()
        left: list[Path] = []
        for name in self.machines.names:
            wait_for(f"the end of all on {name}", lambda: set(self.machines.pids(name)) <= mine)
            folders = [self.root / name / "tmp"]
            if not self.package:  # what a package keeps at home is its own business
                folders.append(self.root / name / "home")
            left += [path for folder in folders for path in folder.rglob("*")]
        killed = any(process.returncode == -signal.SIGKILL for process in self.gone)
        if killed:  # in the midst of Python's own try whether it can write there
            left = [path for path in left if not PROBE.fullmatch(path.name)]
        if len(self.runs) > 1:  # a killed coordinator can't remove its socket
            left = [path for path in left if not path.is_relative_to(self.root / HOME)]
        assert not left, left
