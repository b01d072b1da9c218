"""The host: a session without tests in which xdist's controller hooks run, once an agent.

To conftest files and plugins it is xdist's controller: no `config.workerinput`, `dist` is
"load", a node for each worker. It fills each worker's `workerinput`, hears of its end, and says
at the end what plugins have to say (pytest_terminal_summary).
"""

from __future__ import annotations

import io
import os
import sys
from collections import deque
from types import SimpleNamespace
from typing import Any, Deque, Dict, List, Tuple

import pytest

from fastest_worker import controller, covered, past, tmp, xdist
from fastest_worker import pipe as wire
from fastest_worker.session import Worker


class Spec:
    """A node's execution specification: execnet's "popen", with nothing else set."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.popen = True
        self.env: Dict[str, str] = {}

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):
            raise AttributeError(name)
        return None

    def __str__(self) -> str:
        return f"popen//id={self.id}"


class Gateway:
    """What is known of a worker's interpreter."""

    def __init__(self, spec: Spec) -> None:
        self.id = spec.id
        self.spec = spec

    def _rinfo(self, update: bool = False) -> SimpleNamespace:
        return SimpleNamespace(
            executable=sys.executable,
            version_info=tuple(sys.version_info),
            platform=sys.platform,
            cwd=os.getcwd(),
            pid=os.getpid(),
        )

    def __repr__(self) -> str:
        return f"<Gateway id={self.id!r}>"


class Node:
    """A worker, as xdist's hooks are given it (WorkerController)."""

    def __init__(self, manager: SimpleNamespace, spec: Spec) -> None:
        self.nodemanager = manager
        self.config = manager.config
        self.gateway = Gateway(spec)
        self.gateway.node = self  # type: ignore[attr-defined]
        self.workerinput: Dict[str, Any] = {
            "workerid": spec.id,
            "workercount": len(manager.specs),
            "testrunuid": manager.testrunuid,
            "mainargv": list(sys.argv),
        }
        self.slaveinput = self.workerinput

    def give(self, output: Dict[str, Any]) -> None:
        """At its end; a node that died has no such attribute, as xdist's."""
        self.workeroutput = self.slaveoutput = output

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.gateway.id}>"


class Host(Worker):
    def __init__(
        self, pipe: wire.Pipe, welcome: wire.Message, backlog: List[Tuple[int, wire.Message]]
    ) -> None:
        super().__init__(pipe, welcome, backlog)
        self.slots: List[int] = welcome["slots"]
        self.inbox: Deque[Tuple[int, wire.Message]] = deque(backlog)
        self.nodes: Dict[int, Node] = {}
        self.manager: Any = None
        self.text = io.StringIO()
        self.measuring: Any = None  # pytest-cov, where the coordinator makes its report
        self.expected = 0  # the exit code that the tests alone would give

    # ---- starting

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> Any:
        self._stand_in_for_xdist(early_config)
        # pytest-cov decides here by xdist's options what it is.
        options = early_config.known_args_namespace
        options.numprocesses = len(self.slots)
        for name in ("rsyncdir", "rsyncignore"):
            if not hasattr(options, name):
                setattr(options, name, [])
        yield

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> None:
        for name, value in xdist.OPTIONS.items():
            setattr(config.option, name, value)
        count = len(self.slots)
        config.option.numprocesses = count
        config.option.xmlpath = None  # the coordinator writes it
        config.option.dist = "load"
        config.option.tx = ["popen"] * count
        # xdist's own would make this a controller that starts workers.
        own = config.pluginmanager.get_plugin("xdist")
        if own is not None and any(
            impl.plugin is own for impl in config.hook.pytest_configure.get_hookimpls()
        ):
            config.hook.pytest_configure._remove_plugin(own)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: Any) -> None:
        tmp.use_shared_base(session.config, self.run_id, None)
        past.leave_cache(session.config)
        self._silence(session.config)
        if self.config_message.get("send_coverage"):
            self._measure(session.config)
        session.items = []
        session.perform_collect = lambda *args, **kwargs: []

    def _measure(self, config: Any) -> None:
        """The coordinator makes the report, of what all agents have measured."""
        self.measuring = config.pluginmanager.get_plugin("_cov")
        if self.measuring is not None:
            self.measuring._should_report = lambda: False

    def _measured(self) -> str:
        control = getattr(self.measuring, "cov_controller", None)
        return covered.pack(control.cov.get_data()) if control is not None else ""

    # ---- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        config = session.config
        self.began = True
        try:
            specs = [Spec(f"gw{slot}") for slot in self.slots]
            self.manager = SimpleNamespace(
                config=config, specs=specs, roots=[], testrunuid=self.run_id
            )
            config.hook.pytest_xdist_setupnodes(config=config, specs=specs)
            state = {"slot": self.slot, "state": "up", "pid": os.getpid()}
            self.pipe.send(wire.STATE, state)
            self._send_warnings()
            failures = self._serve(config)
        except pytest.UsageError as error:
            self.failure = "\n".join(f"ERROR: {text}\n" for text in error.args)
            raise
        hooks = controller.needs_host(config)
        self.pipe.send(wire.SUMMARY, {"begun": True, "hooks": hooks})
        session.testsfailed = failures
        session.testscollected = max(1, session.testscollected)
        self.expected = 1 if failures else 0
        self._listen_to_reporter(config)
        return True

    def _serve(self, config: Any) -> int:
        """Until the agent says DRAIN or is gone; how many tests have failed."""
        while True:
            while self.inbox:
                kind, message = self.inbox.popleft()
                if kind == wire.NODE:
                    self._take_node(config, message)
                elif kind == wire.DRAIN:
                    return int(message.get("failures", 0))
            if self.pipe.closed:
                return 0
            self.pipe.status(wire.IDLE)
            self.inbox.extend(self.pipe.receive(block=True))

    def _take_node(self, config: Any, message: wire.Message) -> None:
        slot, event = message["slot"], message["event"]
        if event == "configure":
            spec = self.manager.specs[self.slots.index(slot)]
            self.nodes[slot] = node = Node(self.manager, spec)
            config.hook.pytest_xdist_newgateway(gateway=node.gateway)
            config.hook.pytest_configure_node(node=node)
            data = controller.encode(node.workerinput, f"workerinput of {spec.id}")
            self.pipe.send(wire.NODE, {"slot": slot, "event": event, "data": data})
        elif event == "ready":
            config.hook.pytest_testnodeready(node=self.nodes[slot])
        else:
            node = self.nodes.pop(slot)
            if message.get("data"):
                node.give(controller.decode(message["data"]))
            call = config.hook.pytest_testnodedown
            if message.get("unused") and not message.get("data"):
                # Ended while it was starting: to pytest-cov it would be one that failed to return
                # its data.
                measuring = [config.pluginmanager.get_plugin("_cov")]
                call = config.pluginmanager.subset_hook_caller("pytest_testnodedown", measuring)
            call(node=node, error=message.get("error"))
        self._send_warnings()

    # ---- ending

    def _listen_to_reporter(self, config: Any) -> None:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter._tw._file = self.text

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> Any:
        yield
        config = session.config
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self.manager is not None:
            config.hook.pytest_terminal_summary(
                terminalreporter=reporter, exitstatus=session.exitstatus, config=config
            )
        self._send_warnings()
        status = int(session.exitstatus)
        summary: Dict[str, Any] = {"text": wire.clean(self.text.getvalue())}
        if status != self.expected:
            summary["exit_code"] = status
        data = self._measured()
        if data:
            summary.update(coverage=data, root=os.path.realpath(self.config_message["root"]))
        if self.failure is None:
            self.pipe.send(wire.SUMMARY, summary)

    def blame_last(self, error: BaseException) -> bool:
        return False
