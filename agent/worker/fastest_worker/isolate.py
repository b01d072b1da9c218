"""--isolate: a forked child of the warm worker for each test, or for each file.

`test`: the worker collects, a child runs one test with all its fixtures and
ends; the worker repeats the child's reports to its own plugins. `file`: a child
opens the file and runs what is leased of it, speaking for the worker, until a
lease of another file is next. Either way a child that dies costs the test that
it was running, and the worker lives on.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import struct
import sys
import traceback
from typing import Any, Dict, List, Optional, Tuple

import pytest

from fastest_worker import pipe as wire
from fastest_worker.junit import recorder_of
from fastest_worker.lease import Lease
from fastest_worker.results import Gathering, sections_of

LENGTH = struct.Struct(">Q")
PHASES = ("setup", "call", "teardown")
NO_PIDFD_S = 0.02  # Python before 3.9: how often to look whether the child lives
Answer = Dict[str, Any]
dumps, loads, PickleError = pickle.dumps, pickle.loads, pickle.PickleError
exit_now, getpid, kill, waitpid = os._exit, os.getpid, os.kill, os.waitpid
read, write, close, make_pipe = os.read, os.write, os.close, os.pipe
sigmask = signal.pthread_sigmask
SIGINT = (signal.SIGINT,)
ENDINGS = {"exit", "interrupt", "failed"}  # keys of an answer
CARRIED = ("draining", "credited", "recycling", "failures", "tests_run", "busy_s")


def how_it_ended(status: int) -> str:
    """In the agent's words (agent/core/crash.c)."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"killed by {signal.Signals(number).name}"
        except ValueError:
            return f"killed by signal {number}"
    return f"exited with status {os.WEXITSTATUS(status)}"


def describe(error: BaseException) -> Answer:
    """What ends the worker's session, for the other side of the fork."""
    if isinstance(error, pytest.exit.Exception):
        return {"exit": (str(error.msg), error.returncode)}
    if isinstance(error, KeyboardInterrupt):
        return {"interrupt": True}
    return {"failed": str(error)}


def raise_again(answer: Answer, session: Any) -> None:
    for name in ("shouldstop", "shouldfail"):
        if answer.get(name):
            setattr(session, name, answer[name])
    if "exit" in answer:
        raise pytest.exit.Exception(*answer["exit"])
    if "interrupt" in answer:
        raise KeyboardInterrupt
    if "failed" in answer:
        raise session.Failed(answer["failed"])


def save_coverage() -> None:
    """A child ends without its exit handlers; what it measured lies in a file of its own."""
    coverage = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage is not None else None
    if current is not None:
        current.stop()
        current.save()


class Child:
    """A forked child that answers once, when it has finished."""

    def __init__(self, pipe: wire.Pipe) -> None:
        self.answer_fd, write_fd = make_pipe()
        self.write_fd = wire.move_up(write_fd)  # tests close descriptors
        self.incoming = bytearray()
        self.status: Optional[int] = None
        self.pidfd = -1
        self.interrupted = False
        before = sigmask(signal.SIG_BLOCK, SIGINT)  # either side is ready for it, or none
        try:
            self.pid = pipe.fork()
            if self.pid:
                self.page_child = pipe.child
                pipe.child(self.pid)
                close(self.write_fd)
                if hasattr(os, "pidfd_open"):
                    self.pidfd = os.pidfd_open(self.pid)
            else:
                self.pid = getpid()
                self.is_child = True
                close(self.answer_fd)
                return
        finally:
            sigmask(signal.SIG_SETMASK, before)
        self.is_child = False

    # ---- in the child

    def end(self, answer: Answer) -> None:
        """Says the answer and ends the process; a grandchild that came here has none to give."""
        try:
            if getpid() == self.pid:
                save_coverage()
                sys.stdout.flush()
                sys.stderr.flush()
                data = dumps(answer)
                data = LENGTH.pack(len(data)) + data
                while data:
                    data = data[write(self.write_fd, data) :]
        except BaseException:
            traceback.print_exc()
            exit_now(1)
        exit_now(0)

    # ---- in the parent

    def _take(self, block: bool) -> bool:
        """Reads; False at the end."""
        os.set_blocking(self.answer_fd, block)
        try:
            data = read(self.answer_fd, 1 << 16)
        except BlockingIOError:
            return True
        self.incoming += data
        return bool(data)

    def _answer(self) -> Optional[Answer]:
        if len(self.incoming) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self.incoming)
        data = bytes(self.incoming[LENGTH.size : LENGTH.size + length])
        return loads(data) if len(data) == length else None

    def _has_ended(self, wait: bool) -> bool:
        if self.status is None:
            try:
                pid, status = waitpid(self.pid, 0 if wait else os.WNOHANG)
            except ChildProcessError:  # somebody's SIGCHLD handler was faster
                pid, status = self.pid, 0
            if pid:
                self.status = status
        return self.status is not None

    def finish(self, poll: Any, other: Any = None, on_other: Any = None) -> Optional[Answer]:
        """Until it has ended; its answer, None where it died. Meanwhile on_other() whenever
        there is something to read at `other`; it returns False to hear no more. SIGINT goes on
        to the child."""
        sources: List[Any] = [self.answer_fd] + ([self.pidfd] if self.pidfd >= 0 else [])
        if other is not None:
            sources.append(other)
        pause = None if self.pidfd >= 0 else NO_PIDFD_S
        while True:
            try:
                ready = poll(sources, [], [], pause)[0]
                if other in ready and on_other is not None and not on_other():
                    sources.remove(other)
                if self.answer_fd in ready and not self._take(block=False):
                    sources.remove(self.answer_fd)
                answer = self._answer()
                if answer is not None or self._has_ended(wait=False):
                    break
            except KeyboardInterrupt:
                self.interrupted = True
                if self.status is None:
                    kill(self.pid, signal.SIGINT)
        before = sigmask(signal.SIG_BLOCK, SIGINT)
        self._has_ended(wait=True)
        self.page_child(0)
        while self._answer() is None and self.answer_fd in sources:
            size = len(self.incoming)
            if not self._take(block=False) or len(self.incoming) == size:
                break
        close(self.answer_fd)
        if self.pidfd >= 0:
            close(self.pidfd)
        sigmask(signal.SIG_SETMASK, before)
        answer = self._answer()
        if self.interrupted:
            answer = answer or {"reports": [], "frames": []}
            answer["interrupt"] = True
        return answer


class Recorder:
    """In the child of a test: its reports, as they go to another process."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.reports: List[Any] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        hook = self.config.hook
        data = hook.pytest_report_to_serializable(config=self.config, report=report)
        try:
            dumps(data)
        except Exception:  # a plugin's property that can't travel
            data["user_properties"] = [(k, repr(v)) for k, v in data.get("user_properties", [])]
            data = {key: value for key, value in data.items() if travels(value)}
        self.reports.append(data)


def travels(value: Any) -> bool:
    try:
        dumps(value)
    except Exception:
        return False
    return True


def share_tmp_path(config: Any) -> None:
    """The worker's directory is made before the fork: children would each make their own."""
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        factory.getbasetemp()


def end_session(session: Any) -> None:
    """What was interrupted leaves its fixtures set up."""
    try:
        session._setupstate.teardown_exact(None)
    except BaseException:
        traceback.print_exc()


def run_test(session: Any, pipe: wire.Pipe, item: Any, gathering: Gathering, slot: int) -> int:
    """The test in a child of its own, its reports in `gathering`; the child's pid."""
    config = item.config
    if "tmp_path_factory" in getattr(item, "fixturenames", ()):
        share_tmp_path(config)
    child = Child(pipe)
    if child.is_child:
        _run_in_child(session, pipe, item, child)
    answer = child.finish(pipe.poll)
    if answer is None:
        assert child.status is not None
        add_crash(gathering, config, slot, how_it_ended(child.status), pipe.page_status()[1])
        return child.pid
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for data in answer["reports"]:
        report = config.hook.pytest_report_from_serializable(config=config, data=data)
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    junit = recorder_of(config)
    if junit is not None:
        junit.made = answer["junit"]
        junit.global_properties += answer["properties"]
    for kind, payload in answer["frames"]:
        pipe.frame(kind, payload)
    raise_again(answer, session)
    return child.pid


def _run_in_child(session: Any, pipe: wire.Pipe, item: Any, child: Child) -> None:
    recorder = Recorder(item.config)
    junit = recorder_of(item.config)
    known = len(junit.global_properties) if junit is not None else 0
    answer: Answer = {"reports": recorder.reports, "frames": pipe.keep_frames()}
    try:
        item.config.pluginmanager.register(recorder, "fastest-isolate")
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    except (KeyboardInterrupt, pytest.exit.Exception, session.Failed) as error:
        answer.update(describe(error))
        end_session(session)
    except BaseException:
        traceback.print_exc()
        exit_now(1)
    for name in ("shouldstop", "shouldfail"):
        answer[name] = str(getattr(session, name) or "")
    if junit is not None:
        answer["junit"], answer["properties"] = junit.take(), junit.global_properties[known:]
    child.end(answer)


def captured_sections(config: Any) -> List[Tuple[str, str]]:
    """What a dead child has written into pytest's capture files."""
    manager = config.pluginmanager.getplugin("capturemanager")
    try:
        out, err = manager.read_global_capture()
    except Exception:
        return []
    return [("Captured stdout", out), ("Captured stderr", err)]


def add_crash(gathering: Gathering, config: Any, slot: int, how: str, phase: int) -> None:
    when = PHASES[phase] if phase < len(PHASES) else "call"
    name = gathering.nodeid
    head = f"worker 'gw{slot}' crashed while running '{name}': its child was {how} during {when}"
    head = head.replace("its child was exited", "its child exited")
    title = name.partition("::")[2].split("[", 1)
    title[0] = title[0].replace("::", ".")
    gathering.outcome = "failed"
    gathering.crashed = True
    gathering.phases = [
        {
            "when": when,
            "outcome": "failed",
            "title": wire.clean("[".join(title)),
            "longrepr": wire.clean(head),
            "message": wire.clean(head),
            "sections": sections_of(captured_sections(config)),
        }
    ]


class FileChildren:
    """--isolate file: what the worker does instead of opening files itself."""

    def __init__(self, runner: Any) -> None:
        self.runner = runner
        self.relay: Any = None
        self.forwarded: List[Tuple[int, wire.Message]] = []

    def run(self) -> None:
        """A child for the file of the next lease, until it has ended."""
        runner, pipe = self.runner, self.runner.pipe
        share_tmp_path(runner.session.config)
        self.relay, theirs = socket.socketpair()
        self.forwarded = [(wire.LEASE, lease.message) for lease in runner.waiting]
        runner.heard = len(self.forwarded)
        child = Child(pipe)
        if child.is_child:
            self.relay.close()
            pipe.listen_at(theirs)
            _serve(runner, child)
        theirs.close()
        answer = child.finish(pipe.poll, pipe.sock, self._forward)
        self.relay.close()
        if answer is None:
            assert child.status is not None
            self._after_death(child)
            return
        runner.waiting.clear()
        if ENDINGS & set(answer):  # all goes back
            runner.waiting.extend(self._leases())
        elif answer["cut"]:  # a test has closed the child's pipe
            pipe.adopt_pending()
            self._hand_back()
        else:
            for name in CARRIED:
                setattr(runner, name, answer[name])
            runner.waiting.extend(answer["waiting"])
            runner.inbox.extend(self.forwarded[answer["heard"] :])
        raise_again(answer, runner.session)

    def _leases(self) -> List[Lease]:
        return [Lease(message) for kind, message in self.forwarded if kind == wire.LEASE]

    def _forward(self) -> bool:
        """What the agent says is for the child."""
        pipe = self.runner.pipe
        for kind, message in pipe.receive(block=False):
            self.forwarded.append((kind, message))
            data = wire.dumps(message).encode()
            try:
                self.relay.sendall(wire.HEADER.pack(len(data), kind, 0, 0) + data)
            except OSError:  # it has ended, or will
                pass
        if pipe.closed:
            self.relay.close()
        return not pipe.closed

    def _after_death(self, child: Child) -> None:
        """The test that was running failed; whatever the child had goes back. Where it was not
        running a test, the worker ends as the child did, for the agent to tell."""
        runner, pipe = self.runner, self.runner.pipe
        state, phase, name, lease, start = pipe.page_status()
        assert child.status is not None
        if state != wire.TESTING:
            die_alike(child.status)
        pipe.adopt_pending()
        gathering = Gathering(name, start)
        add_crash(gathering, runner.session.config, runner.slot, how_it_ended(child.status), phase)
        runner._result(gathering.encode(lease, runner.slot, child.pid))
        self._hand_back()

    def _hand_back(self) -> None:
        """Without a word of the child's on what it has heard."""
        runner = self.runner
        runner.waiting.clear()
        runner.waiting.extend(self._leases())
        for kind, message in self.forwarded:
            if kind == wire.LIST:
                runner.lists.append(message)
            runner.draining = runner.draining or kind == wire.DRAIN
        runner.credited = False
        runner.hand_back()
        runner.pipe.status(wire.IDLE)


def _serve(runner: Any, child: Child) -> None:
    """The child of a file: the worker's loop until another file is next."""
    first = runner.waiting[0]
    runner.pid = child.pid
    runner.only_file = first.file
    answer: Answer = {}
    try:
        runner.loop()
    except (KeyboardInterrupt, pytest.exit.Exception, runner.session.Failed) as error:
        answer.update(describe(error))
        end_session(runner.session)
        runner.pipe.flush()
    except BaseException:
        traceback.print_exc()
        exit_now(1)
    answer["cut"] = runner.pipe.cut
    answer["waiting"] = list(runner.waiting)
    answer["heard"] = runner.heard
    for name in CARRIED:
        answer[name] = getattr(runner, name)
    for name in ("shouldstop", "shouldfail"):
        answer[name] = str(getattr(runner.session, name) or "")
    child.end(answer)


def die_alike(status: int) -> None:
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        kill(getpid(), os.WTERMSIG(status))
    exit_now(os.WEXITSTATUS(status) or 1)
