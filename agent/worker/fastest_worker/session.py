"""The plugin that makes a pytest session a worker: queue, fixtures, results.

Fixtures live as in one pytest process: the next test is told as `nextitem`
wherever it is known. Where nothing is known to follow, or what follows is a
file that was not opened yet, a *boundary* stands in for it, so that nothing is
torn down that the next test may share, and nothing is kept that it does not:
first tear down, then import.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Deque, Dict, Iterator, List, Optional, Set, Tuple

import pytest
from _pytest.runner import CallInfo
from _pytest.terminal import TerminalReporter

from fastest_worker import pipe as wire
from fastest_worker import tmp, work, xdist
from fastest_worker.collect import Collector, version
from fastest_worker.results import Gathering, Renderer

CREDIT_S = 0.02  # ask for more work when so little is left


class Boundary(pytest.Item):
    """Stands for an unknown next test below a node that both share."""

    def runtest(self) -> None:
        raise AssertionError("a boundary is never run")


class Silent(TerminalReporter):
    """There for plugins that ask for it; says nothing."""


for _name in dir(TerminalReporter):
    if _name.startswith("pytest_"):
        setattr(Silent, _name, None)


class Nowhere:
    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


class Lease:
    """Units of one file that the agent has handed over."""

    def __init__(self, message: wire.Message) -> None:
        self.number = int(message["lease"])
        self.file: str = message["file"]
        self.kind: str = message["kind"]
        self.attempt = str(message.get("attempt", 1))
        self.whole: bool = message.get("whole", False)
        self.units: List[Dict[str, Any]] = message.get("units", [])
        self.selectors: List[str] = message.get("selectors", [])
        self.earlier: List[str] = message.get("earlier", [])
        self.target: Optional[str] = message.get("target")
        self.known: str = message.get("digest", "")
        self.revoked: Set[str] = set()


class Worker:
    def __init__(self, pipe: wire.Pipe, welcome: wire.Message, backlog: List[Any]) -> None:
        self.pipe = pipe
        self.config_message = welcome["config"]
        self.run_id: str = welcome["run"]
        self.slot: int = welcome["slots"][0]
        self.pid = os.getpid()
        self.inbox: Deque[Any] = deque(backlog)
        self.started = False
        self.draining = False
        self.waiting: Deque[Lease] = deque()  # not opened
        self.ready: Deque[Tuple[Lease, Any, str]] = deque()  # items of opened leases
        self.lists: Deque[wire.Message] = deque()
        self.boundaries: Dict[Any, Boundary] = {}
        self.gathering: Optional[Gathering] = None
        self.last_item: Any = None
        self.last_lease: Optional[Lease] = None
        self.credited = False
        self.tests_run = 0
        self.busy_s = 0.0

    # ---- starting

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: Any, parser: Any) -> None:
        if not early_config.pluginmanager.hasplugin("xdist"):
            early_config.pluginmanager.register(xdist.Fixtures(), "fastest-xdist-fixtures")

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> None:
        count = self.config_message["slot_count"]
        config.workerinput = xdist.make_input(self.run_id, self.slot, count, config)
        config.workeroutput = {}
        for name, value in xdist.OPTIONS.items():
            setattr(config.option, name, value)
        tmp.give_basetemp(config, self.run_id, self.slot)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: Any) -> None:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        config.pluginmanager.unregister(reporter)
        silent = Silent(config, Nowhere())  # type: ignore[arg-type]
        silent._tw.hasmarkup = bool(self.config_message.get("color"))
        config.pluginmanager.register(silent, "terminalreporter")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: Any) -> None:
        # What would collect everything at once opens nothing yet.
        session.items = []
        session.perform_collect = lambda *args, **kwargs: []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        config = session.config
        self.session = session
        self.renderer = Renderer(config, bool(self.config_message.get("color")))
        root = Path(self.config_message["root"])
        self.collector = Collector(session, root, self.renderer)
        config.pluginmanager.register(self.collector, "fastest-collector")
        self.capture = config.pluginmanager.getplugin("capturemanager")
        self.started = True
        lists = work.decides_files(config) is not None
        self.pipe.send(wire.STATE, work.describe(config, self.slot, lists))
        try:
            self._loop()
        except (KeyboardInterrupt, pytest.exit.Exception) as error:
            self._stop(error)
            raise
        return True

    def _stop(self, error: BaseException) -> None:
        code = getattr(error, "returncode", None)
        text = getattr(error, "msg", None) or type(error).__name__
        if isinstance(error, pytest.exit.Exception):
            text = f"_pytest.outcomes.Exit: {text}"
        self._say_stop(text, 2 if code is None else code)
        numbers = {lease.number for lease in self.waiting}
        numbers |= {lease.number for lease, _, _ in self.ready}
        if self.gathering is not None and self.last_lease is not None:
            numbers.add(self.last_lease.number)
        self.waiting.clear()
        self.ready.clear()
        for number in sorted(numbers):
            self._revoked(number, [], rest=True)
        self.pipe.flush()

    def _say_stop(self, text: str, code: int) -> None:
        message = {"slot": self.slot, "state": "stop", "pid": self.pid}
        message.update(text=wire.clean(text), exit_code=int(code))
        self.pipe.send(wire.STATE, message)

    # ---- messages

    def _messages(self, block: bool) -> Iterator[Any]:
        self.inbox.extend(self.pipe.receive(block and not self.inbox))
        while self.inbox:
            yield self.inbox.popleft()

    def _pump(self, block: bool) -> None:
        for kind, message in self._messages(block):
            if kind == wire.LEASE:
                self.waiting.append(Lease(message))
                self.credited = False
            elif kind == wire.REVOKE:
                self._revoke(int(message["lease"]), set(message["items"]))
            elif kind == wire.LIST:
                self.lists.append(message)
            elif kind == wire.DRAIN:
                self.draining = True
        if self.pipe.closed:
            self.draining = True
            self.waiting.clear()
            self.ready.clear()

    def _revoke(self, number: int, ids: Set[str]) -> None:
        """Gives back what has not started; what has is not mentioned."""
        kept: Deque[Tuple[Lease, Any, str]] = deque()
        given: List[str] = []
        for entry in self.ready:
            if entry[0].number == number and entry[2] in ids:
                given.append(entry[2])
            else:
                kept.append(entry)
        self.ready = kept
        for lease in self.waiting:
            if lease.number == number:
                lease.revoked |= ids
                given.extend(sorted(ids))
        self._revoked(number, given, rest=False)
        self.pipe.flush()

    def _revoked(self, number: int, items: List[str], rest: bool) -> None:
        message: wire.Message = {"lease": str(number), "slot": self.slot, "items": items}
        if rest:
            message["rest"] = True
        self.pipe.frame(wire.REVOKED, wire.dumps(message).encode())

    # ---- the loop

    def _loop(self) -> None:
        while True:
            self._pump(block=False)
            if self.lists:
                self._answer_list(self.lists.popleft())
            elif self.ready:
                self._run_next()
            elif self.waiting:
                self._open_next()
            elif self.draining:
                break
            else:
                self._credit()
                self.pipe.status(wire.IDLE)
                self._pump(block=True)
        self.pipe.status(wire.FINISHING, getattr(self.last_item, "nodeid", ""))
        self._tear_down(None)
        self.pipe.flush()

    def _credit(self) -> None:
        if self.credited or self.draining:
            return
        self.credited = True
        left = len(self.ready) * self._mean_s()
        message = {"slot": self.slot, "left_ms": int(left * 1000)}
        self.pipe.send(wire.CREDIT, message)

    def _mean_s(self) -> float:
        return self.busy_s / self.tests_run if self.tests_run else 0.1

    def _answer_list(self, message: wire.Message) -> None:
        number = int(message["lease"])
        self.pipe.status(wire.COLLECTING, "LIST", number)
        files = self.collector.list_files(message["dirs"])
        answer = {"lease": str(number), "slot": self.slot, "files": files}
        self.pipe.send(wire.LISTED, answer)

    def _open_next(self) -> None:
        """Opens the next lease's file and queues what the lease names."""
        lease = self.waiting.popleft()
        self.pipe.status(wire.COLLECTING, lease.file, lease.number)
        self.pipe.flush()
        found = self.collector.open(lease.file, lease.selectors, lease.earlier)
        if lease.kind != "confirm":
            message = self.collector.message(
                lease.file, found, lease.number, self.slot, lease.known
            )
            self.pipe.send(wire.COLLECTED, message)
        if lease.kind == "collect":
            return
        seen: Set[str] = set()
        for item, nodeid in self._wanted(lease, found):
            if nodeid not in lease.revoked and nodeid not in seen:
                seen.add(nodeid)
                self.ready.append((lease, item, nodeid))
        # Tests that this file shares an id with can't be told apart; they run as one.
        self._report_absent(lease, seen)

    def _wanted(self, lease: Lease, found: Any) -> List[Tuple[Any, str]]:
        pairs = list(zip(found.items, found.ids))
        if lease.whole:
            return pairs
        functions = {unit["id"] for unit in lease.units if unit["kind"] == "function"}
        items = {unit["id"] for unit in lease.units if unit["kind"] == "item"}
        return [
            (item, nodeid)
            for item, nodeid in pairs
            if nodeid in items or nodeid in functions or nodeid.split("[")[0] in functions
        ]

    def _report_absent(self, lease: Lease, seen: Set[str]) -> None:
        if lease.whole or lease.kind == "confirm":
            return
        functions = {nodeid.split("[")[0] for nodeid in seen}
        for unit in lease.units:
            nodeid = unit["id"]
            there = nodeid in seen or (unit["kind"] == "function" and nodeid in functions)
            if not there and nodeid not in lease.revoked:
                self._results(
                    f'{{"lease":"{lease.number}","slot":{self.slot},'
                    f'"id":{wire.dumps(nodeid)},"outcome":"absent"}}'
                )

    # ---- one test

    def _run_next(self) -> None:
        lease, item, nodeid = self.ready.popleft()
        if len(self.ready) * self._mean_s() < CREDIT_S and not self.waiting:
            self._credit()
            self._pump(block=False)
        self._tear_down(item)
        following = self._following(item)
        os.environ["FASTEST_ATTEMPT"] = lease.attempt
        self.last_item, self.last_lease = item, lease
        begun = wire.clock()
        start = self.pipe.status(wire.TESTING, nodeid, lease.number)
        self.gathering = gathering = Gathering(nodeid, start)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if lease.target is None or lease.target == nodeid:
            text = gathering.encode(lease.number, self.slot, self.pid, self.renderer)
            self._results(text)
        self.gathering = None
        self.tests_run += 1
        self.busy_s += wire.clock() - begun
        if gathering.outcome in ("failed", "error") or self._mean_s() > 0.0005:
            self.pipe.flush()
        else:
            self.pipe.flush_if_due()
        self._check_stop()

    def _results(self, *results: str) -> None:
        payload = '{"seq":"0","results":[' + ",".join(results) + "]}"
        self.pipe.frame(wire.RESULTS, payload.encode())

    def _check_stop(self) -> None:
        why = self.session.shouldfail or self.session.shouldstop
        if not why:
            return
        self._say_stop(str(why), 1 if self.session.shouldfail else 2)
        self.session.shouldfail = self.session.shouldstop = False

    def _following(self, item: Any) -> Any:
        """The next test of this worker, or what stands in for it."""
        while not self.ready and self.waiting:
            lease = self.waiting[0]
            if lease.file not in self.collector.files:
                path = self.collector.path_of(lease.file)
                shared = version.deepest_shared(self.session, path, self.collector.directories)
                chain = item.listchain()
                return self._boundary(shared if shared in chain else self.session)
            self._open_next()
        if self.ready:
            return self.ready[0][1]
        return self._boundary(item.parent)

    def _boundary(self, parent: Any) -> Boundary:
        if parent not in self.boundaries:
            self.boundaries[parent] = Boundary.from_parent(parent, name="fastest-boundary")
        return self.boundaries[parent]

    def _tear_down(self, following: Any) -> None:
        """Ends what the last test has left set up and the next one doesn't share."""
        state = self.session._setupstate
        stack = list(state.stack) if hasattr(state, "stack") else []
        needed = following.listchain() if following is not None else []
        if not stack or stack == needed[: len(stack)]:
            return
        last = self.last_item
        capture = self.capture.item_capture("teardown", last) if self.capture else nullcontext()
        with capture:
            call = CallInfo.from_call(
                lambda: state.teardown_exact(following),
                when="teardown",
                reraise=(KeyboardInterrupt, pytest.exit.Exception),
            )
        if call.excinfo is None or self.last_lease is None:
            return
        self.gathering = gathering = Gathering(wire.clean(last.nodeid), wire.now())
        report = last.ihook.pytest_runtest_makereport(item=last, call=call)
        last.ihook.pytest_runtest_logreport(report=report)
        self.gathering = None
        number = self.last_lease.number
        text = gathering.encode(number, self.slot, self.pid, self.renderer)
        self._results(text[:-1] + ',"amend":true}')
        self.pipe.flush()

    # ---- hooks

    def pytest_runtest_logreport(self, report: Any) -> None:
        if self.gathering is None:
            return
        self.gathering.add(report, self.renderer)
        if report.when == "setup":
            self.pipe.phase(1 if report.passed else 2)
        elif report.when == "call":
            self.pipe.phase(2)

    def pytest_warning_recorded(
        self, warning_message: Any, nodeid: str, location: Optional[Tuple[str, int, str]]
    ) -> None:
        from _pytest.warnings import warning_record_to_str

        warning: Dict[str, Any] = {
            "message": wire.clean(warning_record_to_str(warning_message)),
            "category": warning_message.category.__name__,
            "file": wire.clean(str(warning_message.filename)),
            "line": max(0, int(warning_message.lineno or 0)),
        }
        if nodeid:
            warning["nodeid"] = wire.clean(nodeid)
        payload = wire.dumps({"seq": "0", "warnings": [warning]})
        self.pipe.frame(wire.RESULTS, payload.encode())
