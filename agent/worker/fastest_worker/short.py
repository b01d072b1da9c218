"""The short protocol: pytest's runtestprotocol for tests that have nothing to say.

Most tests pass, print nothing and use no fixture. For them the hooks around
set-up, call and tear-down change nothing that anybody could see, and cost
most of the time. So the phases run without hooks where every implementation
is understood (known.py):

- set-up, when only the item itself is set up and it needs no fixture;
- the call, under the same conditions (quiet.py) as ever;
- tear-down, when the next test has the same parent and nobody added a finalizer.

Any other phase is an ordinary call of pytest's hook. A call that turns out to
have something to say (it raised, wrote, logged, returned, left an exception
behind, or was marked) is *replayed*: pytest's hook runs with a stand-in for
the test function that raises the same exception, writes the same log and
returns the same result, so that reports are made by pytest's own code.
"""

from __future__ import annotations

import inspect
import os
import sys
from types import FunctionType, MethodType
from typing import Any, Callable, Dict, FrozenSet, Optional

import pytest
from _pytest import runner, timing
from _pytest.assertion import pytest_runtest_protocol as compare_assertions
from _pytest.faulthandler import get_timeout_config_value
from _pytest.logging import _LiveLoggingNullHandler, caplog_handler_key, caplog_records_key

from fastest_worker import known, quiet
from fastest_worker.junit import Recorder
from fastest_worker.pipe import Pipe
from fastest_worker.proxies import Proxies
from fastest_worker.results import Gathering

CURRENT = "PYTEST_CURRENT_TEST"
LAST_ERROR = ("last_type", "last_value", "last_traceback")
ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
NOT_PLAIN = ("setupshow", "setuponly", "setupplan", "usepdb", "trace", "fulltrace")
OWN = frozenset(("runtest", "setup", "teardown", "listchain", "ihook"))
FUNCTION_METHODS = {name: getattr(pytest.Function, name) for name in ("runtest", "setup")}
FUNCTION_METHODS["teardown"] = pytest.Function.teardown


def why_not(config: Any) -> str:
    """Why no item of this session could qualify, or ""."""
    if not known.supports_short():
        return f"pytest {pytest.__version__} is none of {known.SUPPORTED}"
    if not quiet.Warnings.usable:
        return f"Python {sys.version_info[0]}.{sys.version_info[1]} keeps warnings in contexts"
    for name in NOT_PLAIN:
        if config.getoption(name, False):
            return f"the option {name} is set"
    needed = ("capturemanager", "warnings", "skipping", "unraisableexception", "threadexception")
    for name in (*needed, "assertion", "logging-plugin"):
        if not config.pluginmanager.hasplugin(name):
            return f"pytest's plugin {name} is switched off"
    logging = config.pluginmanager.getplugin("logging-plugin")
    if type(logging.log_cli_handler) is not _LiveLoggingNullHandler:
        return "log_cli is set"
    if config.pluginmanager.hasplugin("faulthandler") and get_timeout_config_value(config):
        return "faulthandler_timeout is set"
    return ""


class Plan:
    """What is the same for all items of one parent."""

    __slots__ = ("parent", "chain", "generation", "terms", "nose")

    def __init__(self, parent: Any, generation: int, terms: Optional[known.Terms]) -> None:
        self.parent = parent
        self.chain = parent.listchain()
        self.generation = generation
        self.terms = terms  # None: an implementation is not understood
        self.nose = parent.config.pluginmanager.hasplugin("nose")


class Short:
    """Runs items of one session, those that qualify."""

    def __init__(
        self, session: Any, pipe: Pipe, proxies: Proxies, junit: Optional[Recorder]
    ) -> None:
        config = session.config
        self.session = session
        self.pipe = pipe
        self.proxies = proxies
        self.junit = junit
        self.plan: Optional[Plan] = None  # of the parent that came last
        self.terms: Dict[int, Any] = {}  # by the proxy's id, for one generation
        self.generation = -1
        self.manager = config.pluginmanager.getplugin("capturemanager")
        self.logging = config.pluginmanager.getplugin("logging-plugin")
        self.execute = config.pluginmanager._inner_hookexec
        self.warnings = quiet.Warnings(config)
        self.output = quiet.Output(self.manager)
        self.logs = quiet.Logs(self.logging)
        self.strays = quiet.Strays()
        self.now = timing.time
        self.clock = timing.perf_counter

    # ---- who qualifies

    def _plan_of(self, item: Any) -> Plan:
        plan, parent, generation = self.plan, item.parent, self.proxies.generation
        if plan is not None and plan.parent is parent and plan.generation == generation:
            return plan
        if self.generation != generation:
            self.terms.clear()
            self.generation = generation
        hooks = item.ihook
        if id(hooks) not in self.terms:
            # With the proxy itself, so that its id stays its own.
            self.terms[id(hooks)] = (known.terms(hooks, item.config), hooks)
        self.plan = Plan(parent, generation, self.terms[id(hooks)][0])
        return self.plan

    def _is_marked(self, item: Any, plan: Plan, names: FrozenSet[str] = known.MARKS) -> bool:
        for mark in item.own_markers:
            if mark.name in names:
                return True
        for node in plan.chain:
            for mark in node.own_markers:
                if mark.name in names:
                    return True
        return False

    def _qualifies(self, item: Any, plan: Plan) -> bool:
        terms = plan.terms
        if terms is None or self._is_marked(item, plan, terms.marks):
            return False
        if not OWN.isdisjoint(item.__dict__):
            return False
        if item.config.pluginmanager._inner_hookexec is not self.execute:  # traced
            return False
        test = item.obj
        if type(test) is MethodType:
            test = test.__func__
        if type(test) is not FunctionType or test.__code__.co_flags & ASYNC:
            return False
        if hasattr(test, "_is_coroutine") or hasattr(test, "_is_coroutine_mark"):
            return False
        if plan.nose and (hasattr(item.obj, "setup") or hasattr(item.obj, "teardown")):
            return False
        return all(condition(item) for condition in terms.conditions)

    # ---- running

    def run(self, item: Any, following: Any, gathering: Gathering) -> bool:
        """False: the item is left to pytest's protocol, and nothing was done."""
        if type(item) is not pytest.Function or any(
            getattr(pytest.Function, name) is not method
            for name, method in FUNCTION_METHODS.items()
        ):
            return False
        plan = self._plan_of(item)
        if not self._qualifies(item, plan):
            return False
        saved = self.warnings.enter()
        comparing = compare_assertions(item)
        next(comparing)
        try:
            if not item._request:
                item._initrequest()
            self._phases(item, following, gathering, plan)
            item._request = False
            item.funcargs = None
        finally:
            next(comparing, None)
            self.warnings.leave(saved, item)
        return True

    def _phases(self, item: Any, following: Any, gathering: Gathering, plan: Plan) -> None:
        begun = self.clock()
        if self._set_up(item, plan):
            self._passed(item, "setup", self.clock() - begun, gathering)
        elif not self._ordinary(item, "setup", gathering, plan):
            self._ordinary(item, "teardown", gathering, plan, nextitem=following)
            return
        self.pipe.phase(1)
        assert plan.terms is not None
        if self._is_marked(item, plan, plan.terms.marks) or not self.output.is_known():
            self._ordinary(item, "call", gathering, plan)
        else:
            self._call(item, gathering, plan)
        self.pipe.phase(2)
        begun = self.clock()
        if self._tear_down(item, following):
            self._passed(item, "teardown", self.clock() - begun, gathering)
        else:
            self._ordinary(item, "teardown", gathering, plan, nextitem=following)

    def _passed(self, item: Any, when: str, duration: float, gathering: Gathering) -> None:
        """A phase that has nothing to say, but perhaps to JUnit's report."""
        gathering.passed(when, duration)
        if self.junit is not None:
            self.junit.passed(item, when, duration)

    def _set_up(self, item: Any, plan: Plan) -> bool:
        """Puts the item on the stack, if no other node and no fixture has to be set up."""
        stack = self.session._setupstate.stack
        if len(stack) != len(plan.chain) or list(stack) != plan.chain:
            return False
        for _, error in stack.values():
            if error:
                return False
        given = item.funcargs
        for name in item.fixturenames:
            if name not in given:
                return False
        stack[item] = ([item.teardown], None)
        item.stash[caplog_records_key] = {}
        return True

    def _tear_down(self, item: Any, following: Any) -> bool:
        """Takes the item from the stack, if nothing else is to be done."""
        if following is None or following is item or following.parent is not item.parent:
            return False
        stack = self.session._setupstate.stack
        last, (finalizers, _) = next(reversed(stack.items()))
        if last is not item or len(finalizers) != 1 or item._report_sections:
            return False
        del stack[item]
        os.environ.pop(CURRENT, None)
        for key in (caplog_records_key, caplog_handler_key):
            if key in item.stash:
                del item.stash[key]
        return True

    def _call(self, item: Any, gathering: Gathering, plan: Plan) -> None:
        """The call without hooks; a replay where it has something to say."""
        os.environ[CURRENT] = f"{item.nodeid} (call)".replace("\x00", "(null)")
        for name in LAST_ERROR:
            sys.__dict__.pop(name, None)
        error: Optional[BaseException] = None
        result: Any = None
        test, funcargs = item.obj, item.funcargs
        arguments = {name: funcargs[name] for name in item._fixtureinfo.argnames}
        self.strays.seen.clear()
        saved = self.strays.enter()
        self.logs.enter()
        records = self.logging.caplog_handler.records
        item.stash[caplog_records_key]["call"] = records
        item.stash[caplog_handler_key] = self.logging.caplog_handler
        self.manager.resume_global_capture()
        start, begun = self.now(), self.clock()
        try:
            result = test(**arguments)
        except BaseException as raised:
            error = raised
        finally:
            took = self.clock() - begun
            whole = self.output.leave()
            self.logs.leave()
            self.strays.leave(saved)
        if (
            error is None
            and result is None
            and whole
            and not records
            and not self.logging.report_handler.records
            and not self.strays.seen
            and not self.output.has_text()
            and not self._is_marked(item, plan)
        ):
            self._passed(item, "call", took, gathering)
            return
        self._replay(item, error, result, gathering, plan, (start, took))

    def _ordinary(
        self,
        item: Any,
        when: str,
        gathering: Gathering,
        plan: Plan,
        times: Any = None,
        **more: Any,
    ) -> bool:
        """One phase by pytest's hook, with a report if there is something to say."""
        call: Any = runner.call_runtest_hook(item, when, **more)  # type: ignore[arg-type]
        if times is not None:
            call.start, call.duration = times
            call.stop = call.start + call.duration
        if call.excinfo is None and not item._report_sections and not self._is_marked(item, plan):
            self._passed(item, when, call.duration, gathering)
            return True
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)
        if runner.check_interactive_exception(call, report):
            item.ihook.pytest_exception_interact(node=item, call=call, report=report)
        return bool(report.passed)

    # ---- what has something to say

    def _replay(
        self,
        item: Any,
        error: Optional[BaseException],
        result: Any,
        gathering: Gathering,
        plan: Plan,
        times: Any,
    ) -> None:
        below = None
        if error is not None:
            assert error.__traceback__ is not None
            below = error.__traceback__.tb_next  # without our own frame
            if below is None and type(error) is TypeError:
                # The arguments don't fit, so that nothing ran: pytest shows its own frames.
                self._ordinary(item, "call", gathering, plan)
                return
        _ = item.location  # which the item keeps: the test's, not the stand-in's
        test = item.obj
        item.obj = self._stand_in(error, below, result)
        try:
            self._ordinary(item, "call", gathering, plan, times)
        finally:
            item.obj = test

    def _stand_in(self, error: Any, traceback: Any, result: Any) -> Callable[..., Any]:
        plugin, strays = self.logging, list(self.strays.seen)
        told = [
            (handler, list(handler.records), handler.stream.getvalue())
            for handler in (plugin.caplog_handler, plugin.report_handler)
        ]

        def stand_in(**arguments: Any) -> Any:
            __tracebackhide__ = True
            for handler, records, text in told:
                handler.records.extend(records)
                handler.stream.write(text)
            for kind, args in strays:
                quiet.repeat_stray(kind, args)
            if error is not None:
                raise error.with_traceback(traceback)
            return result

        return stand_in
