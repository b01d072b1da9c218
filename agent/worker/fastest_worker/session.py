"""The plugin that makes a pytest session a worker."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from signal import SIGINT
from signal import signal as set_handler
from typing import Any, Dict, List, Optional, Tuple

import pytest
from _pytest.warnings import warning_record_to_str

from fastest_worker import abandoned, controller, crash, describe, hotspots, junit, past, short
from fastest_worker import tmp, xdist
from fastest_worker import pipe as wire
from fastest_worker.collect import Collector
from fastest_worker.proxies import Proxies
from fastest_worker.results import Renderer
from fastest_worker.run import Runner
from fastest_worker.versions import why_unsure


class Nowhere:
    """A file for the terminal reporter, which plugins ask for and nobody reads."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


class Worker:
    """One worker's session, from its configuration to its end."""

    def __init__(
        self,
        pipe: wire.Pipe,
        welcome: wire.Message,
        backlog: List[Tuple[int, wire.Message]],
    ) -> None:
        self.pipe = pipe
        self.config_message = welcome["config"]
        self.past = past.Past(self.config_message)
        self.run_id: str = welcome["run"]
        self.slot: int = welcome["slots"][0]
        self.backlog = backlog
        self.has_host = bool(welcome.get("node"))
        self.node: Optional[wire.Message] = None  # what the host has made of this worker
        self.warnings: List[Dict[str, Any]] = []  # from before the session runs
        self.began = False  # pytest is configured: what ends the session is no start's failure
        self.runner: Optional[Runner] = None
        self.sharing = False  # a fixture of wider scope is being set up
        self.failure: Optional[str] = None  # pytest's words for what ended the session

    # ---- starting

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> Any:
        self._stand_in_for_xdist(early_config)
        # pytest-cov erases what is there, which other workers may have written: the host's task.
        early_config.known_args_namespace.cov_append = True
        yield

    def _stand_in_for_xdist(self, early_config: Any) -> None:
        plugins = early_config.pluginmanager
        if not plugins.hasplugin("xdist"):
            plugins.register(xdist.Substitute(), "fastest-xdist")

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> None:
        count = self.config_message["slot_count"]
        config.workerinput = xdist.make_input(self.run_id, self.slot, count)
        # xdist's workers, too, have loaded their conftest files before they hear who they are.
        if self.has_host or controller.will_need_host(config):
            self._await_node()
        if self.node is not None:
            config.workerinput.update(controller.decode(self.node.get("data", "")))
        config.slaveinput = config.workerinput
        config.workeroutput = {}
        for name, value in xdist.OPTIONS.items():
            setattr(config.option, name, value)
        self.past.tell()

    def _await_node(self) -> None:
        """What comes meanwhile stays in the backlog."""
        self.backlog.extend(self.pipe.receive(block=False))
        asked = False
        while self.node is None and not self.pipe.closed:
            for at, (kind, message) in enumerate(self.backlog):
                if kind == wire.NODE:
                    self.node = self.backlog.pop(at)[1]
                    return
            if not asked:
                self.pipe.send(wire.NODE, {"slot": self.slot, "event": "wanted"})
                asked = True
            self.backlog.extend(self.pipe.receive(block=True))

    def pytest_configure(self, config: Any) -> None:
        junit.install(config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: Any) -> None:
        self.past.withdraw()
        tmp.use_shared_base(session.config, self.run_id, self.slot)
        self._silence(session.config)
        # What would collect everything at once opens nothing yet.
        session.items = []
        session.perform_collect = lambda *args, **kwargs: []

    def _silence(self, config: Any) -> None:
        """The reporter stays for plugins that ask for it, but neither hears nor says anything."""
        reporter = config.pluginmanager.unregister(name="terminalreporter")
        if reporter is None:
            return
        for name in dir(reporter):
            if name.startswith("pytest_"):
                setattr(reporter, name, None)
        reporter._tw._file = Nowhere()
        reporter._tw.hasmarkup = bool(self.config_message.get("color"))
        config.pluginmanager.register(reporter, "terminalreporter")

    # ---- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        config = session.config
        renderer = Renderer(config, bool(self.config_message.get("color")))
        try:
            root = Path(self.config_message["root"])
            collector = Collector(session, root, renderer, self._warn)
            collector.groups = bool(self.config_message.get("groups"))
            collector.scopes = bool(self.config_message.get("scopes"))
            collector.order_seed = self.config_message.get("order_seed")
            config.pluginmanager.register(collector, "fastest-collector")
            self.runner = runner = Runner(
                session, self.pipe, self.slot, collector, renderer, self.backlog
            )
            by_hooks = ""
            if not self.config_message.get("pytest_protocol"):
                hotspots.install()
                proxies = Proxies(session)
                by_hooks = short.why_not(config)
                if not by_hooks:
                    runner.short = short.Short(session, self.pipe, proxies, renderer.junit)
            self.began = True
            runner.maxfail = self.config_message.get("maxfail", 0)
            runner.lifetime = self.config_message.get("worker_lifetime", 0)
            runner.isolate = self.config_message.get("isolate") or "none"
            state = describe.state_up(config, self.slot)
            if by_hooks:
                state["by_hooks"] = by_hooks
            if self.node is None and controller.needs_host(config):
                # Found in pytest_configure: it will be told to end, and come again after the host.
                state["host"] = runner.credited = True
            unsure = why_unsure()
            if unsure:
                state["full"] = unsure
                self._warn(f"{unsure}: each worker collects the whole selection")
            self.pipe.send_with_files(wire.STATE, state, crash.capture_files(config))
            self._send_warnings()
            try:
                runner.loop()
            except (KeyboardInterrupt, pytest.exit.Exception, session.Failed) as error:
                # What follows is tearing down, which the agent's SIGINT to all must not end.
                set_handler(SIGINT, lambda number, frame: None)
                if isinstance(error, pytest.exit.Exception):
                    runner.tell_called()
                runner.stop(exception_line(error), exit_code_of(error))
                raise
        except pytest.UsageError as error:
            self.failure = "\n".join(f"ERROR: {text}\n" for text in error.args)
            raise
        # A worker that was given nothing has not failed to find tests.
        session.testscollected = max(1, session.testscollected)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: Any) -> None:
        if call.excinfo is not None and self.runner is not None:
            self.runner.open_wrappers += abandoned.left_open(call.excinfo.tb)

    def pytest_runtest_logreport(self, report: Any) -> None:
        runner = self.runner
        if runner is None or runner.gathering is None:
            return
        runner.gathering.add(report, runner.renderer)
        if report.when == "setup":
            self.pipe.phase(1 if report.passed else 2)
        elif report.when == "call":
            self.pipe.phase(2)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """What a fixture costs that outlives its test is told apart from the test's own time. One
        that asks for another while it is set up is the outermost, and counts for both."""
        gathering = self.runner.gathering if self.runner is not None else None
        if gathering is None or self.sharing or fixturedef.scope == "function":
            yield
            return
        self.sharing = True
        begun = self.pipe.clock()
        yield
        gathering.shared += self.pipe.clock() - begun
        self.sharing = False

    def pytest_warning_recorded(
        self,
        warning_message: Any,
        when: str,
        nodeid: str,
        location: Optional[Tuple[str, int, str]],
    ) -> None:
        current = self.runner.current if self.runner else None
        if when == "runtest" and current is not None and current.lease.kind == "confirm":
            return  # what has warned before
        warning: Dict[str, Any] = {
            "message": wire.clean(self._at_home(warning_record_to_str(warning_message))),
            "category": warning_message.category.__name__,
            "file": wire.clean(self._at_home(str(warning_message.filename))),
            "line": max(0, int(warning_message.lineno or 0)),
        }
        if nodeid:
            warning["nodeid"] = wire.clean(nodeid)
        self.warnings.append(warning)
        if self.runner is not None:
            self._send_warnings()

    def _at_home(self, text: str) -> str:
        """The path at its begin as the coordinator has it: what several machines warn of is one
        warning, at a place that exists where it is read."""
        root = os.path.join(self.config_message["root"], "")
        home = self.config_message.get("home")
        if not home or not text.startswith(root):
            return text
        return os.path.join(home, text[len(root) :])

    def _warn(self, text: str) -> None:
        """A warning of ours, which no filter of the suite's makes an error."""
        self.warnings.append({"message": wire.clean(text), "category": "PytestWarning"})
        if self.runner is not None:
            self._send_warnings()

    def _send_warnings(self) -> None:
        if self.warnings:
            payload = wire.dumps({"warnings": self.warnings})
            self.pipe.frame(wire.RESULTS, payload.encode())
            self.warnings = []

    # ---- ending

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> Any:
        """What plugins leave for xdist's controller goes to the host."""
        session.config.workeroutput["exitstatus"] = int(exitstatus)
        yield
        past.keep_stepwise(session.config)
        if self.node is None:
            return
        try:
            data = controller.encode(session.config.workeroutput, f"workeroutput of gw{self.slot}")
        except pytest.UsageError as error:
            self.failure = f"ERROR: {error}\n"
            raise
        self.pipe.send(wire.NODE, {"slot": self.slot, "event": "down", "data": data})

    def pytest_internalerror(self, excrepr: Any) -> None:
        lines = str(excrepr).split("\n")
        self.failure = "\n".join(f"INTERNALERROR> {line}" for line in lines)


def exception_line(error: BaseException) -> str:
    """As pytest's terminal names what stopped it: "_pytest.outcomes.Exit: why"."""
    return traceback.format_exception_only(type(error), error)[-1].strip()


def exit_code_of(error: BaseException) -> int:
    if isinstance(error, pytest.exit.Exception):
        return 2 if error.returncode is None else int(error.returncode)
    return 2 if isinstance(error, KeyboardInterrupt) else 1
