"""Agents of other places: they join, prove themselves, are lost, and the verdict is pytest's."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from live import is_alive, wait_for
from runners import BIN, PYTHON, environment, fastest_command, plain, read_outcomes, write_files

TESTS = """
import os, pathlib, pytest, time

@pytest.mark.parametrize("n", range(6))
def test_slow(n):
    log = pathlib.Path(os.environ["RAN"])
    with open(log, "a") as file:
        file.write(f"{os.environ.get('FASTEST_AGENT', '')} {__name__}-{n}\\n")
    assert "FASTEST_TOKEN" not in os.environ
    time.sleep(0.05)
    assert n != 3

class TestGroup:
    def test_a(self): pass
    def test_b(self): assert 0
"""
# Runs only when the file "gate" is there; whoever has it says so.
GATED = """
import os, pathlib, time
def test_waits():
    ran = pathlib.Path(os.environ["RAN"])
    if "FASTEST_AGENT" in os.environ:
        (ran.parent / ("at-" + os.environ["FASTEST_AGENT"])).write_text(str(os.getpid()))
        end = time.monotonic() + 60
        while not (ran.parent / "gate").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
"""
FILES = {"pytest.ini": "[pytest]\n", **{f"test_{n}.py": TESTS for n in range(4)}}
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


class Relay:
    """Stands between agents and a coordinator, and can be cut."""

    def __init__(self, port: int) -> None:
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.pairs: dict[socket.socket, socket.socket] = {}
        self.whole, self.over = True, False
        self.cuts = 0
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _take(self) -> None:
        one, _ = self.listener.accept()
        if not self.whole:
            one.close()
            return
        other = socket.create_connection(("127.0.0.1", self.to))
        self.pairs |= {one: other, other: one}

    def _work(self) -> None:
        while not self.over:
            ready, _, _ = select.select([self.listener, *self.pairs], [], [], 0.02)
            for end in ready:
                if end is self.listener:
                    self._take()
                elif end in self.pairs:
                    self._pass(end)
            if not self.whole:
                self._close()
        self._close()
        self.listener.close()

    def _pass(self, end: socket.socket) -> None:
        try:
            data = end.recv(65536)
            if data:
                self.pairs[end].sendall(data)
                return
        except OSError:
            pass
        other = self.pairs.pop(end)
        del self.pairs[other]
        end.close()
        other.close()

    def _close(self) -> None:
        self.cuts += len(self.pairs) // 2
        for end in self.pairs:
            end.close()
        self.pairs = {}

    def cut(self) -> None:
        before, self.whole = self.cuts, False
        wait_for("the cut", lambda: self.cuts > before)

    def mend(self) -> None:
        self.whole = True

    def end(self) -> None:
        self.over = True
        self.thread.join()


class Farm:
    """A coordinator and its agents, each with a checkout of its own."""

    scheme = "tcp"

    def __init__(self, root: Path, files: dict[str, str], stack: ExitStack) -> None:
        self.root = root
        self.stack = stack
        self.log = root / "ran"
        self.log.write_text("")
        self.project = write_files(root / "here" / "project", files)
        self.env = environment(RAN=str(self.log), TMPDIR=str(root), XDG_RUNTIME_DIR="", **BARE)
        self.agents: dict[str, subprocess.Popen[str]] = {}

    def spawn(self, command: list[str], cwd: Path, name: str) -> subprocess.Popen[str]:
        out = self.stack.enter_context(open(self.root / f"{name}.out", "w"))
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            text=True,
        )

        def end() -> None:
            process.kill()
            process.wait()

        self.stack.callback(end)
        return process

    def start(self, *args: str, workers: int = 1, port: int = 0, name: str = "run") -> None:
        self.name = name
        self.report = self.root / f"{name}.json"
        listen = f"{self.scheme}://127.0.0.1:{port}"
        command = fastest_command(
            "--report-json", str(self.report), "--listen", listen, *args, workers=workers
        )
        self.run = self.spawn(command, self.project, name)
        found = wait_for("its port", lambda: re.search(r"listening at (\S+),", self.said(name)))
        self.url = found[1]  # type: ignore[index]

    def said(self, name: str) -> str:
        return (self.root / f"{name}.out").read_text()

    def checkout(self, name: str) -> Path:
        place = self.root / name / "elsewhere"
        if not place.exists():
            shutil.copytree(self.project, place, ignore=shutil.ignore_patterns(".fastest"))
        return place

    def agent(
        self, name: str, *args: str, token: Path | None = None, workers: int = 1
    ) -> subprocess.Popen[str]:
        token = token or self.project / ".fastest" / "token"
        command = [str(BIN / "fastest-agent"), "--connect", self.url, "--name", name]
        command += ["-n", str(workers), "--python", PYTHON, "--token-file", str(token), *args]
        self.agents[name] = self.spawn(command, self.checkout(name), name)
        return self.agents[name]

    def joined(self, name: str) -> None:
        wait_for(f"{name} to join", lambda: f"agent {name} joins" in self.said(self.name))

    def at(self, name: str) -> int:
        path = self.root / f"at-{name}"
        return int(str(wait_for(f"the test at {name}", lambda: path.exists() and path.read_text())))

    def open_gate(self) -> None:
        (self.root / "gate").touch()

    def end(self) -> tuple[int, dict[str, str]]:
        status = self.run.wait(timeout=120)
        return status, read_outcomes(json.loads(self.report.read_text()))

    def holds(self) -> None:
        """The verdict is plain pytest's."""
        status, outcomes = self.end()
        ran = self.log.read_text()
        expected = plain(self.project, env={"RAN": str(self.log), **BARE})
        self.log.write_text(ran)
        assert outcomes == expected.outcomes, self.said(self.name)
        assert status == expected.status

    def ran(self) -> list[str]:
        return self.log.read_text().splitlines()


@contextmanager
def farm(root: Path, files: dict[str, str] | None = None) -> Iterator[Farm]:
    with ExitStack() as stack:
        yield Farm(root, files or FILES, stack)


WARNS = """
import warnings


def test_warns():
    warnings.warn("odd")
"""


def test_agents_join_and_the_verdict_is_pytests(tmp_path: Path) -> None:
    with farm(tmp_path, {**FILES, **{f"test_warns_{n}.py": WARNS for n in range(3)}}) as one:
        events = tmp_path / "events"
        one.start("--agents", "2", "--events", str(events), workers=1)
        token = one.project / ".fastest" / "token"
        assert token.stat().st_mode & 0o777 == 0o600
        one.agent("a", "--once")
        # Two that are ready share the files, however late the third is.
        wait_for("two workers", lambda: events.read_text().count('"worker_started"') == 2)
        assert one.ran() == []  # it waits for two
        one.agent("b", "--once")
        one.holds()
        one_of = {line.split()[0] for line in one.ran()}
        assert len(one_of) > 1 and one_of <= {"local", "a", "b"}, one_of
        assert [one.agents[name].wait(timeout=30) for name in "ab"] == [0, 0]
        text = one.said("run") + one.said("a") + one.said("b")
        assert token.read_text().strip() not in text
        assert "is lost" not in text
        warnings = json.loads(one.report.read_text())["warnings"]
        places = {warning["file"] for warning in warnings}
        assert places == {str(one.project / f"test_warns_{n}.py") for n in range(3)}
        assert all(warning["message"].startswith(warning["file"]) for warning in warnings)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_an_agent_that_goes_costs_nothing(how: signal.Signals, tmp_path: Path) -> None:
    """Killed, frozen, told to leave; each time in the midst of a test."""
    with farm(tmp_path, {**FILES, "test_.py": GATED}) as one:
        one.start(
            "--agents", "1", "--dead-after", "1", "--grace", "0.5", "--order", "file", workers=0
        )
        agent = one.agent("a", "--once", "--dead-after", "1", "--retry", "1")
        worker = one.at("a")
        agent.send_signal(how)
        if how == signal.SIGTERM:
            one.open_gate()
            assert agent.wait(timeout=60) == 0
            wait_for("the goodbye", lambda: "agent a has left" in one.said("run"))
        else:
            wait_for("the loss", lambda: "agent a is lost" in one.said("run"))
            one.open_gate()
        one.agent("b", "--once")
        one.holds()
        if how == signal.SIGSTOP:
            agent.send_signal(signal.SIGCONT)
            assert agent.wait(timeout=60) == 3
        wait_for("the worker's end", lambda: not is_alive(worker))


def test_a_cut_connection_costs_nothing(tmp_path: Path) -> None:
    """The test that runs goes on, what it says comes later; nothing runs twice."""
    with farm(tmp_path, {**FILES, "test_.py": GATED}) as one:
        one.start("--agents", "1", "--grace", "60", "--order", "file", workers=0)
        relay = Relay(int(one.url.rpartition(":")[2]))
        one.stack.callback(relay.end)
        one.url = relay.url
        agent = one.agent("a", "--once")
        worker = one.at("a")
        relay.cut()
        wait_for("the news", lambda: "it has 60 s to come back" in one.said("run"))
        wait_for("its news", lambda: "what runs goes on" in one.said("a"))
        one.open_gate()
        wait_for("tests that run meanwhile", lambda: one.ran())
        relay.mend()
        wait_for("its return", lambda: "agent a is back" in one.said("run"))
        assert is_alive(worker) or one.run.poll() is not None
        one.holds()
        assert agent.wait(timeout=30) == 0
        ran = one.ran()
        assert len(set(ran)) == len(ran) == 24
        assert "is lost" not in one.said("run").replace("connection to the coordinator is lost", "")


def test_a_lost_connection_is_told_at_once(tmp_path: Path) -> None:
    """Also where nothing else happens: the only test is gone with it."""
    with farm(tmp_path, {"pytest.ini": "[pytest]\n", "test_.py": GATED}) as one:
        one.start("--agents", "1", "--grace", "600", workers=0)
        agent = one.agent("a")
        one.at("a")
        agent.kill()
        wait_for("the news", lambda: "it has 600 s to come back" in one.said("run"))


def test_the_local_agent_and_another_share_a_run_until_one_is_killed(tmp_path: Path) -> None:
    with farm(tmp_path, {**FILES, "test_gated.py": GATED}) as one:
        one.start("--agents", "1", workers=1)
        agent = one.agent("a", "--once")
        gated = wait_for("somebody at the gate", lambda: list(tmp_path.glob("at-*")))
        assert gated
        agent.kill()
        wait_for("the loss", lambda: "agent a is lost" in one.said("run"))
        one.open_gate()
        one.holds()


def test_an_agent_serves_one_run_after_the_other(tmp_path: Path) -> None:
    with farm(tmp_path) as one:
        one.start("--agents", "1", workers=0, name="first")
        agent = one.agent("a")
        one.holds()
        port = int(one.url.rpartition(":")[2])
        one.start("--agents", "1", workers=0, port=port, name="second")
        one.holds()
        agent.terminate()
        assert agent.wait(timeout=30) == 0


# The second test of each file waits, and its tear-down, of the module, fails.
HALFWAY = """
import os, pathlib, pytest, time
ran = pathlib.Path(os.environ["RAN"])
here = "FASTEST_AGENT" in os.environ

@pytest.fixture(scope="module", autouse=True)
def module():
    yield
    assert 0, "torn down"

@pytest.mark.parametrize("n", range(6))
def test_slow(n):
    with open(ran, "a") as file:
        file.write(f"{__name__}-{n} {os.getpid()}\\n")
    if n == 3 and here:
        (ran.parent / f"at-{__name__}").write_text(str(os.getpid()))
        end = time.monotonic() + 60
        while not (ran.parent / "gate").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
    assert n != 4
"""


def test_after_a_coordinators_death_what_runs_goes_on(tmp_path: Path) -> None:
    """The next one finds its agents by itself; nothing that had begun is begun again."""
    files = {"pytest.ini": "[pytest]\n", "test_0.py": HALFWAY, "test_1.py": HALFWAY}
    with farm(tmp_path, files) as one:
        one.start("--dist", "loadfile", workers=0, name="first")
        agents = [one.agent(name, "--once", workers=2) for name in "ab"]
        wait_for("a gate", lambda: list(tmp_path.glob("at-test_*")))
        for name in "ab":
            one.joined(name)
        one.run.kill()
        one.run.wait()
        port = int(one.url.rpartition(":")[2])
        one.start("--resume", "--dist", "loadfile", workers=0, port=port, name="second")
        for name in "ab":
            wait_for(f"{name}'s return", lambda: f"agent {name} joins" in one.said("second"))
        before = [line.split() for line in one.ran()]
        assert all(is_alive(int(pid)) for _, pid in before)
        one.open_gate()
        one.holds()
        assert [agent.wait(timeout=30) for agent in agents] == [0, 0]
        assert "is lost" not in one.said("second")
        ran = [line.split() for line in one.ran()]
        assert len(ran) == len({name for name, _ in ran}) == 12, ran
        workers = {name.rpartition("-")[0]: pid for name, pid in ran}
        assert all(workers[name.rpartition("-")[0]] == pid for name, pid in before)
        assert one.said("second").count("listening at") == 1


def test_who_may_not_join(tmp_path: Path) -> None:
    """A wrong token, one that others may read, none; the run minds none."""
    with farm(tmp_path, {**FILES, "test_gated.py": GATED}) as one:
        one.start(workers=1)
        wrong = tmp_path / "token-of-another"
        wrong.write_text("0123456789abcdef0123456789abcdef\n")
        wrong.chmod(0o600)
        assert one.agent("wrong", token=wrong).wait(timeout=60) == 4
        assert "doesn't know the token" in one.said("wrong")
        wrong.chmod(0o644)
        assert one.agent("open", token=wrong).wait(timeout=60) == 4
        assert "others may read this token" in one.said("open")
        wrong.write_text("short")
        wrong.chmod(0o600)
        assert one.agent("short", token=wrong).wait(timeout=60) == 4
        assert "5 bytes; at least 16" in one.said("short")
        command = [str(BIN / "fastest-agent"), "--connect", one.url]
        assert one.spawn(command, one.checkout("none"), "none").wait(timeout=60) == 4
        assert "needs the farm's token" in one.said("none")
        one.open_gate()
        one.holds()


def test_a_coordinator_that_is_none_is_not_followed(tmp_path: Path) -> None:
    """Whoever listens there can't prove that it knows the token."""
    with farm(tmp_path) as one, socket.create_server(("127.0.0.1", 0)) as listener:
        token = tmp_path / "token"
        token.write_text("0123456789abcdef0123456789abcdef\n")
        token.chmod(0o600)
        one.url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        agent = one.agent("a", token=token)
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(60)
            assert peer.recv(4096)[4] == 1  # HELLO
            forged = b'{"nonce":"00","proof":"%s"}' % (b"0" * 64)
            peer.sendall(struct.pack(">IBBH", len(forged), 2, 0, 0) + forged)
            assert agent.wait(timeout=60) == 4
        assert "doesn't know the token" in one.said("a")


def test_a_coordinator_that_says_nothing_is_dialed_again(tmp_path: Path) -> None:
    """What is lost with a connection, and its end, may be the first answer."""
    with farm(tmp_path) as one, socket.create_server(("127.0.0.1", 0)) as listener:
        token = tmp_path / "token"
        token.write_text("0123456789abcdef0123456789abcdef\n")
        token.chmod(0o600)
        one.url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        one.agent("a", "--dead-after", "0.2", token=token)
        listener.settimeout(60)
        first, _ = listener.accept()
        with first:
            second, _ = listener.accept()
            second.close()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--listen", "tcp://0.0.0.0:0"), "--insecure"),
        (("--listen", "tls+tcp://127.0.0.1:0"), "needs --tls-cert and --tls-key"),
        (("--listen", "nowhere"), "not a place such as"),
        (("--agents", "2"), "only with --listen"),
        (("--listen", "tcp://127.0.0.1:0", "--token-file", "missing"), "missing"),
    ],
)
def test_places_that_cannot_be_used(args: tuple[str, ...], says: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": "def test_a(): pass\n"})
    ended = subprocess.run(
        fastest_command(*args), cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert ended.returncode == 4, ended.stdout + ended.stderr
    assert says in ended.stderr and ended.stderr.count("\n") == 1


COVERED = {
    "pytest.ini": "[pytest]\n",
    "covered.py": "def which(n):\n    if n:\n        return 1\n    return 0\n",
    **{
        f"test_{n}.py": f"""
import covered
from test_waits import test_waits


def test_which():
    assert covered.which({n}) == {n}
"""
        for n in range(2)
    },
    "test_waits.py": GATED,
}


def test_coverage_is_the_farms(tmp_path: Path) -> None:
    """One report, of what all agents have run, where the coordinator is."""
    pytest.importorskip("pytest_cov", reason="python3-pytest-cov")
    with farm(tmp_path, COVERED) as one:
        options = ["-p", "pytest_cov", "--cov=covered", "--cov-report=term-missing"]
        one.start("--agents", "2", "--", *options, "--cov-fail-under=100", workers=0)
        for name in "ab":
            one.agent(name, "--once")
        for name in "ab":
            one.at(name)  # each has one of the files
        one.open_gate()
        status, outcomes = one.end()
        assert (status, set(outcomes.values())) == (0, {"passed"}), one.said("run")
        said = one.said("run")
        expected = plain(one.project, *options, env={"RAN": str(one.log), **BARE})
        (total,) = re.findall(r"^covered.py .*$", expected.out, re.MULTILINE)
        assert re.findall(r"^covered.py .*$", said, re.MULTILINE) == [total]
        assert said.count("Required test coverage of 100% reached") == 1
        assert (one.project / ".coverage").exists()


def test_nobody_comes(tmp_path: Path) -> None:
    with farm(tmp_path) as one:
        one.start("--agents-timeout", "1", workers=0)
        status, outcomes = one.end()
        assert (status, outcomes) == (3, {})
        assert "waiting for 1 agent, 1 s at most (--agents-timeout)" in one.said("run")
        assert "no agent for 1 s (--agents-timeout)" in one.said("run")
        assert "no agent is left" not in one.said("run")


def test_nobody_is_left(tmp_path: Path) -> None:
    with farm(tmp_path, {"test_gated.py": GATED}) as one:
        one.start("--agents-timeout", "1", "--grace", "0", workers=0)
        one.agent("a")
        one.at("a")
        one.agents["a"].kill()
        assert one.end() == (3, {})
        said = one.said("run")
        assert "no agent is left; the run waits 1 s for one (--agents-timeout)" in said
        assert "no agent for 1 s (--agents-timeout)" in said
