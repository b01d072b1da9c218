"""One coverage report of a farm: what the agents' hosts have measured goes to pytest-cov once more,
in a session that has no tests and no plugins but it, where the coordinator was started.

Reads lines of JSON: the run's WELCOME, a SUMMARY of each agent, DRAIN. Prints a NUL and a SUMMARY,
whose `problem` says why there is no report.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Any, Dict, List, Tuple

import pytest

from fastest_worker import controller, covered
from fastest_worker import pipe as wire
from fastest_worker.host import Host


# Whose hooks run; of xdist's the host has taken what would start workers.
NEEDED = ("_pytest", "pytest_cov", "fastest_worker", "xdist")


class Kept:
    """In place of the agent's pipe: keeps what the host says at its end."""

    closed = False
    clock = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.said: Dict[str, Any] = {}

    def send(self, kind: int, message: wire.Message) -> None:
        if kind == wire.SUMMARY and not message.get("begun"):
            self.said = message

    def frame(self, kind: int, payload: bytes) -> None:
        """Warnings: the agents' hosts have had the same."""

    def status(self, state: int) -> None:
        pass


class Combiner(Host):
    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> None:
        super().pytest_cmdline_main(config)
        plugins = config.pluginmanager
        for plugin in list(plugins.get_plugins()):
            if plugin is not self and not is_needed(plugin):
                plugins.unregister(plugin)


def is_needed(plugin: Any) -> bool:
    """What is pytest's or pytest-cov's. The others' hooks have run in the agents' hosts."""
    name = getattr(plugin, "__name__", None) or type(plugin).__module__
    return str(name).partition(".")[0] in NEEDED


def combine(messages: List[wire.Message]) -> wire.Message:
    welcome, *summaries, drain = messages
    home = os.path.realpath(welcome["config"]["root"])
    inbox: List[Tuple[int, wire.Message]] = []
    for slot, summary in enumerate(summaries):
        data = covered.unpack(summary["coverage"], covered.mover(summary["root"], home))
        output = {
            "cov_worker_node_id": f"agent{slot}",
            "cov_worker_path": home,
            "cov_worker_data": data.dumps(),
        }
        encoded = controller.encode(output, "coverage")
        inbox.append((wire.NODE, {"slot": slot, "event": "configure"}))
        inbox.append((wire.NODE, {"slot": slot, "event": "down", "data": encoded}))
    inbox.append((wire.DRAIN, drain))
    welcome["slots"] = list(range(len(summaries)))
    kept: Any = Kept()
    args = list(welcome["config"]["args"])
    sys.argv[1:] = args
    host = Combiner(kept, welcome, inbox)
    status = pytest.main(args, plugins=[host])
    if not kept.said:
        return {"problem": f"pytest ended with {int(status)}: {host.failure or 'no report'}"}
    answer: wire.Message = kept.said
    return answer


def main() -> int:
    try:
        answer = combine([json.loads(line) for line in sys.stdin.buffer])
    except BaseException as error:
        answer = {"problem": traceback.format_exception_only(type(error), error)[-1].strip()}
    sys.stdout.flush()
    os.write(1, b"\0" + json.dumps(answer).encode())
    return 0
