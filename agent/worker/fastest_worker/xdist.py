"""What suites and plugins written for pytest-xdist expect of a worker."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Dict

import pytest

OPTIONS = {
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


class WorkerInput(Dict[str, Any]):
    """config.workerinput; what a plugin's controller half would have added is made on demand."""

    def __missing__(self, key: str) -> Any:
        if key == "sock_port":
            # pytest-rerunfailures counts through a server of its controller; here each worker
            # has one of its own, since a test is re-run by the worker that ran it.
            database = sys.modules["pytest_rerunfailures"].ServerStatusDB()  # type: ignore[attr-defined]
            self["sock_database"] = database
            self[key] = database.sock_port
            return self[key]
        raise KeyError(key)


def make_input(run: str, slot: int, count: int, config: Any) -> WorkerInput:
    return WorkerInput(
        workerid=f"gw{slot}",
        workercount=count,
        testrunuid=run,
        mainargv=list(sys.argv),
        cov_master_host=socket.gethostname(),
        cov_master_topdir=os.getcwd(),
        cov_master_rsync_roots=[],
    )


class Fixtures:
    """xdist's fixtures and marker, where xdist itself is switched off."""

    @pytest.fixture(scope="session")
    def worker_id(self, request: pytest.FixtureRequest) -> str:
        return str(request.config.workerinput["workerid"])  # type: ignore[attr-defined]

    @pytest.fixture(scope="session")
    def testrun_uid(self, request: pytest.FixtureRequest) -> str:
        return str(request.config.workerinput["testrunuid"])  # type: ignore[attr-defined]

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line(
            "markers", "xdist_group: the tests of a group run in one worker, in order"
        )
