"""What suites and plugins written for pytest-xdist expect of a worker."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Dict, Tuple

import pytest

# Options of xdist as its own workers have them.
OPTIONS: Dict[str, Any] = {
    "numprocesses": None,
    "maxprocesses": None,
    "maxworkerrestart": None,
    "dist": "no",
    "tx": [],
    "distload": False,
    "looponfail": False,
    "usepdb": False,
    "loadgroup": False,
}


def make_input(run: str, slot: int, count: int) -> Dict[str, Any]:
    """config.workerinput, with what controllers of plugins would have added."""
    give_rerunfailures_a_memory()
    return {
        "workerid": f"gw{slot}",
        "workercount": count,
        "testrunuid": run,
        "mainargv": list(sys.argv),
        "cov_master_host": socket.gethostname(),
        "cov_master_topdir": os.getcwd(),
        "cov_master_rsync_roots": [],
        "sock_port": 0,
    }


def give_rerunfailures_a_memory() -> None:
    """pytest-rerunfailures' workers count through a socket of their controller; a test is re-run
    by the worker that ran it, so that each can count for itself."""
    plugin: Any = sys.modules.get("pytest_rerunfailures")
    if not hasattr(plugin, "ClientStatusDB"):
        return

    class LocalStatusDB(plugin.StatusDB):  # type: ignore[misc]
        def __init__(self, port: int) -> None:
            super().__init__()
            self.counts: Dict[Tuple[str, str], int] = {}

        def _set(self, test: str, key: str, value: int) -> None:
            self.counts[test, key] = value

        def _get(self, test: str, key: str) -> int:
            return self.counts.get((test, key), 0)

    plugin.ClientStatusDB = LocalStatusDB


def leave_coverage_context(config: Any) -> None:
    """What importing a file runs belongs to no test, but pytest-cov (--cov-context=test) is still
    in the tear-down of the last one: plain pytest imports all files before."""
    plugin = config.pluginmanager.get_plugin("_cov_contexts")
    if plugin is not None:
        cov = plugin.cov if hasattr(plugin, "cov") else plugin.cov_controller.cov
        cov.switch_context("")
        os.environ.pop("COV_CORE_CONTEXT", None)


class HookSpecs:
    """xdist's hooks, which plugins may implement: unknown hooks are an error to pytest."""

    @pytest.hookspec()
    def pytest_xdist_setupnodes(self, config: Any, specs: Any) -> None:
        ...

    @pytest.hookspec()
    def pytest_xdist_newgateway(self, gateway: Any) -> None:
        ...

    @pytest.hookspec()
    def pytest_xdist_rsyncstart(self, source: Any, gateways: Any) -> None:
        ...

    @pytest.hookspec()
    def pytest_xdist_rsyncfinish(self, source: Any, gateways: Any) -> None:
        ...

    @pytest.hookspec(firstresult=True)
    def pytest_xdist_getremotemodule(self) -> None:
        ...

    @pytest.hookspec()
    def pytest_configure_node(self, node: Any) -> None:
        ...

    @pytest.hookspec()
    def pytest_testnodeready(self, node: Any) -> None:
        ...

    @pytest.hookspec()
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        ...

    @pytest.hookspec()
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Any) -> None:
        ...

    @pytest.hookspec(firstresult=True)
    def pytest_xdist_make_scheduler(self, config: Any, log: Any) -> None:
        ...

    @pytest.hookspec(firstresult=True)
    def pytest_xdist_auto_num_workers(self, config: Any) -> None:
        ...

    @pytest.hookspec(firstresult=True)
    def pytest_handlecrashitem(self, crashitem: Any, report: Any, sched: Any) -> None:
        ...


class Substitute:
    """xdist's options, hooks, fixtures and marker, where xdist itself is switched off."""

    def pytest_addhooks(self, pluginmanager: Any) -> None:
        pluginmanager.add_hookspecs(HookSpecs)

    def pytest_addoption(self, parser: Any) -> None:
        group = parser.getgroup("xdist", "distributed and subprocess testing")
        group._addoption("-n", "--numprocesses", dest="numprocesses")
        group._addoption("-d", dest="distload", action="store_true")
        for name in ("--maxprocesses", "--max-worker-restart", "--dist", "--testrunuid"):
            group.addoption(name)
        for name in ("--tx", "--rsyncdir", "--rsyncignore"):
            group.addoption(name, action="append", default=[])
        for name in ("rsyncdirs", "rsyncignore", "looponfailroots"):
            parser.addini(name, "of pytest-xdist", type="paths")

    def pytest_configure(self, config: Any) -> None:
        config.addinivalue_line(
            "markers", "xdist_group: the tests of a group run in one worker, in order"
        )

    @pytest.fixture(scope="session")
    def worker_id(self, request: Any) -> str:
        return str(request.config.workerinput["workerid"])

    @pytest.fixture(scope="session")
    def testrun_uid(self, request: Any) -> str:
        return str(request.config.workerinput["testrunuid"])
