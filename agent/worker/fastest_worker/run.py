"""Takes leases from the pipe and runs their tests, in order, one after the other.

Fixtures live as in one pytest process: the next test is told as `nextitem`
wherever it is known. Where nothing is known to follow, or what follows is a
file that was not opened yet, a *boundary* stands in for it, so that nothing is
torn down that the next test may share, and nothing is kept that it does not:
first tear down, then import.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from functools import partial
from typing import Any, Callable, Deque, Dict, List, Optional, Set, Tuple

import pytest
from _pytest.logging import caplog_records_key
from _pytest.runner import CallInfo
from _pytest.warnings import catch_warnings_for_item

from fastest_worker import abandoned, isolate
from fastest_worker import pipe as wire
from fastest_worker.affinity import group_of
from fastest_worker.collect import Collector, bind_of
from fastest_worker.junit import Piece
from fastest_worker.lease import Entry, Lease, entries, function_of
from fastest_worker.past import lines_said
from fastest_worker.results import Gathering, Renderer, collect_result
from fastest_worker.short import Short
from fastest_worker.whole import in_list_order
from fastest_worker.xdist import leave_coverage_context

CREDIT_S = 0.02  # ask for more work when so little is left
STOP_S = 1.0  # with --maxfail: so long may a failure take to stop the run
QUICK_S = 0.001  # after so quick tests results may wait a little before they leave
QUICK_TESTS = 8  # how many of a file must have been quick for that,
QUICK_RUN = 64  # or of any files, where a slow one takes back three quarters


class Boundary(pytest.Item):
    """Stands for an unknown next test below a node that both share."""

    def runtest(self) -> None:
        raise AssertionError("a boundary is never run")


def is_builtin(plugin: Any) -> bool:
    name = getattr(plugin, "__module__", None) or getattr(plugin, "__name__", None)
    return str(name).startswith("_pytest.")


class Runner:
    """The queue of one session."""

    def __init__(
        self,
        session: Any,
        pipe: wire.Pipe,
        slot: int,
        collector: Collector,
        renderer: Renderer,
        backlog: List[Tuple[int, wire.Message]],
    ) -> None:
        self.session = session
        self.pipe = pipe
        self.slot = slot
        self.collector = collector
        self.renderer = renderer
        self.inbox: Deque[Tuple[int, wire.Message]] = deque(backlog)
        self.pid = os.getpid()
        self.draining = False
        self.waiting: Deque[Lease] = deque()  # not opened
        self.ready: Deque[Entry] = deque()  # of opened leases
        self.lists: Deque[wire.Message] = deque()
        self.boundaries: Dict[Any, Boundary] = {}
        self.gathering: Optional[Gathering] = None  # of the test that is running
        self.partial: Dict[Tuple[int, str], Gathering] = {}  # more items of this id follow
        self.current: Optional[Entry] = None  # not in the queue any more, without a result yet
        self.last: Optional[Entry] = None  # whose fixtures may still be set up
        self.attempt = ""
        self.credited = False
        self.short: Optional[Short] = None  # --protocol fast, where it can be
        self.quick = 0  # so many tests of this file were quick, the last ones without exception
        self.quick_file = ""
        self.quick_run = 0  # so many of any files
        self.pumped = 0.0
        self.maxfail = 0
        self.failures = 0
        self.tests_run = 0
        self.busy_s = 0.0
        self.lifetime = 0  # tests after which a fresh worker is wanted; 0: never
        self.recycling = False
        self.stopped = False  # the run is to end: leases that were under way are not begun
        self.isolate = "none"
        self.only_file: Optional[str] = None  # of the file's child that this is
        self.heard = 0  # messages
        self.awaits_more = False  # the last lease is not to be run alone
        self.last_junit: List[Piece] = []  # of self.last
        self.open_wrappers: List[Any] = []  # of hook calls that raised, while this test runs

    # ---- messages

    def _pump(self, block: bool) -> None:
        self.inbox.extend(self.pipe.receive(block and not self.inbox))
        self.pumped = self.pipe.clock()
        while self.inbox:
            kind, message = self.inbox.popleft()
            self.heard += 1
            if kind == wire.LEASE:
                self.waiting.append(Lease(message))
                self.awaits_more = self.waiting[-1].more
                self.credited = False
            elif kind == wire.REVOKE:
                self._revoke(int(message["lease"]), list(message.get("items", ())))
            elif kind == wire.LIST:
                self.lists.append(message)
            elif kind == wire.DRAIN:
                self.draining = True
                self.awaits_more = False
        if self.pipe.closed:
            self.draining = True
            self.awaits_more = False
            self.waiting.clear()
            self.ready.clear()

    def _revoke(self, number: int, ids: List[str]) -> None:
        """Gives back what has not started; what has is not mentioned. No ids: all of it."""
        if not ids:
            self._revoke_all(number)
            return
        given: List[str] = []
        held = self.current is not None and self.current.lease.number == number
        for lease in self.waiting:
            if lease.number == number:
                held = True
                lease.revoked.update(ids)
                given = ids
        wanted = set(ids)
        kept: Deque[Entry] = deque()
        for entry in self.ready:
            started = (number, entry.nodeid) in self.partial
            if entry.lease.number == number and entry.nodeid in wanted and not started:
                given.append(entry.nodeid)
                held = True
            else:
                kept.append(entry)
                held = held or entry.lease.number == number
        self.ready = kept
        self._revoked(number, list(dict.fromkeys(given)), rest=not held)
        self.pipe.flush()

    def _revoke_all(self, number: int) -> None:
        """All of a lease that has not started; `rest` where nothing has."""
        started = self.current is not None and self.current.lease.number == number
        given: List[str] = []
        for entry in self.ready:
            if entry.lease.number == number and (number, entry.nodeid) not in self.partial:
                given.append(entry.nodeid)
        self.waiting = deque(lease for lease in self.waiting if lease.number != number)
        self.ready = deque(
            entry
            for entry in self.ready
            if entry.lease.number != number or (number, entry.nodeid) in self.partial
        )
        started = started or any(entry.lease.number == number for entry in self.ready)
        self._revoked(number, list(dict.fromkeys(given)), rest=not started)
        self.pipe.flush()

    def _revoked(self, number: int, items: List[str], rest: bool) -> None:
        message: wire.Message = {"lease": str(number), "slot": self.slot, "items": items}
        if rest:
            message["rest"] = True
        self.pipe.frame(wire.REVOKED, wire.dumps(message).encode())

    def hand_back(self) -> None:
        """Every lease is over: what has no result will not run here."""
        numbers: Set[int] = {lease.number for lease in self.waiting}
        numbers |= {entry.lease.number for entry in self.ready}
        numbers |= {number for number, _ in self.partial}
        if self.current is not None:
            numbers.add(self.current.lease.number)
        self.current = self.gathering = None
        self.waiting.clear()
        self.ready.clear()
        self.partial.clear()
        for number in sorted(numbers):
            self._revoked(number, [], rest=True)
        self.pipe.flush()

    def tell_called(self) -> None:
        """A test that was called and whose tear-down then ended the run has its outcome."""
        entry, gathering = self.current, self.gathering
        if entry is None or gathering is None or gathering.outcome is None:
            return
        self._take_junit(gathering)
        if entry.lease.reports(entry.nodeid):
            self._tell(gathering, entry.lease.number, self.pid)

    def stop(self, text: str, exit_code: int) -> None:
        """A test or plugin ends the run."""
        message: wire.Message = {"slot": self.slot, "state": "stop", "pid": self.pid}
        message.update(text=wire.clean(text), exit_code=exit_code)
        self.pipe.send(wire.STATE, message)
        self.stopped = True
        self.hand_back()

    def _credit(self) -> None:
        if self.credited or self.draining:
            return
        self.credited = True
        left = len(self.ready) * self._mean_s()
        self.pipe.send(wire.CREDIT, {"slot": self.slot, "left_ms": int(left * 1000)})

    def _mean_s(self) -> float:
        return self.busy_s / self.tests_run if self.tests_run else 1.0

    # ---- the loop

    def loop(self) -> None:
        """Until the agent says DRAIN or is gone, or as long as this process is to serve."""
        while not self.recycling:
            # Between quick tests not each time: that is a system call.
            if not self.ready or self.pipe.clock() - self.pumped >= QUICK_S:
                self._pump(block=False)
            if self.stopped and (self.waiting or self.ready):
                self.hand_back()
            elif self._is_old():
                self.recycling = True
                self.hand_back()
            elif self.lists:
                self._answer_list(self.lists.popleft())
            elif self._may_open():
                self._open_next()
            elif self.awaits_more:
                self._pump(block=True)
            elif self.ready:
                self._run_next()
            elif self.waiting and self.isolate == "file" and self.only_file is None:
                isolate.FileChildren(self).run()
            elif self.waiting:
                break
            elif self.draining:
                break
            else:
                self.pipe.status(wire.IDLE)
                self._credit()
                self._pump(block=True)
        self.pipe.status(wire.FINISHING, self.last.nodeid if self.last else "")
        self._tear_down(None)
        self.pipe.flush()

    def _may_open(self) -> bool:
        """The next lease's file is to be opened now, and by this process."""
        if not self.waiting or (self.ready and not self.collector.whole):
            return False
        return self.isolate != "file" or self.waiting[0].file == self.only_file

    def _is_old(self) -> bool:
        """--worker-lifetime is over and something is left for a fresh worker. A class that shares
        a fixture stays in one process, and so does what a confirmation runs."""
        if not self.lifetime or self.tests_run < self.lifetime:
            return False
        if not self.ready:
            return bool(self.waiting) and self.waiting[0].kind != "confirm"
        entry, last = self.ready[0], self.last
        if entry.lease.kind == "confirm" or (entry.lease.number, entry.nodeid) in self.partial:
            return False
        bound = bind_of(entry.item)
        return bound is None or last is None or bound != bind_of(last.item)

    def _answer_list(self, message: wire.Message) -> None:
        number = int(message["lease"])
        self.pipe.status(wire.COLLECTING, "", number)
        if message.get("full"):
            files, reports = self.collector.list_whole(self._naming(number))
        else:
            files, reports = self.collector.list_files(message.get("dirs", []))
        answer: wire.Message = {"lease": str(number), "slot": self.slot, "files": files}
        answer["reports"] = [
            collect_result(report, self.renderer, number, self.slot) for report in reports
        ]
        if message.get("full"):
            answer["said"] = [wire.clean(line) for line in lines_said(self.session)]
        self.pipe.send(wire.LISTED, answer)

    def _naming(self, number: int) -> Callable[[str], Any]:
        """Says on the page which file is being collected for that lease."""
        return partial(self.pipe.status, wire.COLLECTING, lease=number)

    def _open_next(self) -> None:
        """Opens the next lease's file and queues what the lease names."""
        lease = self.waiting[0]
        self.pipe.flush()
        if lease.full:
            self.collector.collect_whole(self._naming(lease.number))
        if not self.collector.is_open(lease.file, lease.selectors):
            self._tear_down(self._boundary_before(lease.file))
        self.pipe.status(wire.COLLECTING, lease.file, lease.number)
        leave_coverage_context(self.session.config)
        found = self.collector.open(lease.file, lease.selectors, lease.earlier)
        self.waiting.popleft()
        message = self.collector.message(lease.file, found, lease.number, self.slot, lease.known)
        self.pipe.send(wire.COLLECTED, message)
        if lease.kind == "collect":
            return
        picked, absent = lease.pick(found.ids)
        if lease.whole and self.collector.groups:
            picked = [one for one in picked if group_of(found.items[one[0]]) is None]
        self.ready.extend(entries(lease, picked, found.items))
        if self.collector.whole:
            self.ready = deque(in_list_order(self.ready, self.collector.whole.place))
        for nodeid in absent:
            if lease.reports(nodeid):
                self._result(
                    f'{{"lease":"{lease.number}","slot":{self.slot},'
                    f'"id":{wire.dumps(nodeid)},"outcome":"absent"}}'
                )
        if lease.target is not None and lease.target not in {name for _, name in picked}:
            self._revoked(lease.number, [], rest=True)
        self._check_stop()

    # ---- one test

    def _run_next(self) -> None:
        self.current = entry = self.ready.popleft()
        lease, item, nodeid = entry.lease, entry.item, entry.nodeid
        if not self.credited and not self.waiting:
            if not self.ready or len(self.ready) * self._mean_s() < CREDIT_S:
                self._credit()
        self._tear_down(item)
        following = self._following(item)
        if lease.attempt != self.attempt:
            self.attempt = os.environ["FASTEST_ATTEMPT"] = lease.attempt
        self.last = entry
        begun = self.pipe.clock()
        start = self.pipe.status(wire.TESTING, nodeid, lease.number)
        gathering = self.partial.pop((lease.number, nodeid), None) or Gathering(nodeid, start)
        self.gathering = gathering
        if self.renderer.junit is not None:
            self.renderer.junit.begin(alone=entry.last and gathering.outcome is None)
        pid = self.pid
        if self.isolate == "test":
            pid = isolate.run_test(self.session, self.pipe, item, gathering, self.slot)
        elif self.short is None or not self.short.run(item, following, gathering):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        self.gathering = None
        abandoned.close(self.open_wrappers)
        self._take_junit(gathering)
        self.last_junit = gathering.junit
        if not entry.last:
            self.partial[lease.number, nodeid] = gathering
        elif lease.reports(nodeid):
            self._tell(gathering, lease.number, pid)
        self.current = None
        took = self.pipe.clock() - begun
        self.tests_run += 1
        self.busy_s += took
        self.quick = self.quick + 1 if took < QUICK_S and self.quick_file == lease.file else 0
        self.quick_file = lease.file
        quick = self.quick_run
        self.quick_run = min(quick + 1, 4 * QUICK_RUN) if took < QUICK_S else quick // 4
        if gathering.is_good() and self._is_next_quick(entry, took):
            self.pipe.flush_if_due()
        else:
            self.pipe.flush()
        self._check_stop()
        if gathering.outcome in ("failed", "error"):
            self.failures += 1
            if self.maxfail and self.failures >= self.maxfail:
                self._await_the_end()

    def _await_the_end(self) -> None:
        """This failure most likely ends the run: SIGINT is on its way. Where it doesn't (it is to
        be confirmed elsewhere), the coordinator's next lease or the time says so."""
        end = self.pipe.clock() + STOP_S
        held = len(self.waiting)
        while self.pipe.clock() < end and len(self.waiting) <= held and not self.draining:
            self.pipe.wait(end - self.pipe.clock())
            self._pump(block=False)

    def _is_next_quick(self, entry: Entry, took: float) -> bool:
        """The next test is most likely as quick as this one and those before it: another
        instance of its function, one more of a file of quick tests, or after many quick ones.
        Live output waits for no result."""
        if took >= QUICK_S or not self.ready or self.pipe.marker is not None:
            return False
        if self.quick_run >= QUICK_RUN:
            return True
        following = self.ready[0]
        if self.quick >= QUICK_TESTS and following.lease.file == entry.lease.file:
            return True
        return function_of(following.nodeid) == function_of(entry.nodeid)

    def _take_junit(self, gathering: Gathering) -> None:
        piece = self.renderer.junit.take() if self.renderer.junit is not None else None
        if piece is not None:
            gathering.junit.append(piece)

    def _tell(self, gathering: Gathering, lease: int, pid: int, more: str = "") -> None:
        """more: members of the result."""
        junit = self.renderer.junit
        properties = junit.properties() if junit is not None else ""
        text = gathering.encode(lease, self.slot, pid, properties)
        self._result(text[:-1] + more + "}" if more else text)

    def _result(self, *results: str) -> None:
        payload = '{"results":[' + ",".join(results) + "]}"
        self.pipe.frame(wire.RESULTS, payload.encode())

    def _check_stop(self) -> None:
        session = self.session
        if session.shouldfail:
            text, exit_code = str(session.shouldfail), 1
        elif session.shouldstop:
            text, exit_code = f"Interrupted: {session.shouldstop}", 2
        else:
            return
        session.shouldfail = session.shouldstop = False
        self.stop(text, exit_code)

    def _following(self, item: Any) -> Any:
        """The next test of this worker, or what stands in for it."""
        while not self.ready and self.waiting:
            lease = self.waiting[0]
            opened = self.collector.is_open(lease.file, lease.selectors)
            if not opened or not self._may_open():
                return self._boundary_before(lease.file, item)
            self._open_next()
        return self.ready[0].item if self.ready else self._boundary(item.parent)

    def _boundary_before(self, file: str, item: Any = None) -> Boundary:
        """For a file that is to be opened after the item (else after the last test): only what
        is set up for directories that it shares stays."""
        if item is None and self.last is not None:
            item = self.last.item
        shared = self.collector.deepest_shared(file)
        chain = item.listchain() if item is not None else []
        return self._boundary(shared if shared in chain else self.session)

    def _boundary(self, parent: Any) -> Boundary:
        if parent not in self.boundaries:
            self.boundaries[parent] = Boundary.from_parent(parent, name="fastest-boundary")
        return self.boundaries[parent]

    # ---- tearing down between tests

    def _tear_down(self, following: Any) -> None:
        """Ends what the last test has left set up and the next one doesn't share."""
        stack = self.session._setupstate.stack
        if stack and following is not None and next(reversed(stack)) is following.parent:
            return
        stack = list(stack)
        needed = following.listchain() if following is not None else []
        if not stack or self.last is None or stack == needed[: len(stack)]:
            return
        item = self.last.item
        if following is not None:  # else the session ends, as the page says already
            # What hangs or crashes here is the last test's, also after an idle while.
            self.pipe.status(wire.TESTING, self.last.nodeid, self.last.lease.number)
            self.pipe.phase(2)
        call = CallInfo.from_call(
            lambda: self._call_builtin_teardown(item, following),
            when="teardown",
            reraise=(KeyboardInterrupt, pytest.exit.Exception),
        )
        if call.excinfo is not None:
            self._blame(call)

    def _call_builtin_teardown(self, item: Any, following: Any) -> None:
        """As at the end of a test, but without other plugins: they have seen it end."""
        config = item.config
        foreign = [x for x in config.pluginmanager.get_plugins() if not is_builtin(x)]
        call = config.pluginmanager.subset_hook_caller("pytest_runtest_teardown", foreign)
        item.stash.setdefault(caplog_records_key, {})
        with catch_warnings_for_item(config, config.hook, "runtest", item):
            call(item=item, nextitem=following)

    def _blame(self, call: Any) -> None:
        """An error that came after the last test's result worsens it."""
        assert self.last is not None
        lease, item, nodeid = self.last.lease, self.last.item, self.last.nodeid
        self.gathering = gathering = Gathering(nodeid, self.pipe.clock())
        junit = self.renderer.junit
        if junit is not None:
            junit.amending = True
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)
        self.gathering = None
        abandoned.close(self.open_wrappers)
        if junit is not None:
            junit.amending = False
            piece = junit.amended()
            gathering.junit = self.last_junit[:-1] + ([piece] if piece is not None else [])
        if lease.reports(nodeid):
            self._tell(gathering, lease.number, self.pid, ',"amend":true')
        self.pipe.flush()

    def blame_last(self, error: BaseException) -> bool:
        """The session could not finish; False where there is no test to blame."""
        if self.last is None or not self.last.lease.reports(self.last.nodeid):
            return False
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        phase = {
            "when": "teardown",
            "outcome": "error",
            "title": wire.clean(self.last.nodeid.partition("::")[2].replace("::", ".")),
            "longrepr": wire.clean(text.rstrip("\n")),
            "message": wire.clean(f"{type(error).__name__}: {error}"),
        }
        result = {
            "lease": str(self.last.lease.number),
            "slot": self.slot,
            "pid": self.pid,
            "id": self.last.nodeid,
            "outcome": "error",
            "amend": True,
            "phases": [phase],
        }
        self._result(wire.dumps(result))
        self.pipe.flush()
        return True
