"""A pytest plugin that writes what plain pytest says of a suite.

Loaded with `-p verdict_recorder` into plain pytest; the file named by
VERDICT_RECORD gets {"outcomes": {node id: outcome}, "deselected": count}.
The outcome of a node id is the worst of its reports, by the category under
which pytest's terminal counts it; what can't be collected counts under its
file's (or directory's) path.
"""

from __future__ import annotations

import json
import os
from typing import Any

OUTCOMES = ("passed", "skipped", "xfailed", "xpassed", "failed", "error")
RANK = {name: rank for rank, name in enumerate(OUTCOMES)}

RECORD = os.environ["VERDICT_RECORD"]  # tests may empty the environment

outcomes: dict[str, str] = {}
deselected: list[str] = []


def note(nodeid: str, category: str) -> None:
    if category in RANK and RANK[category] >= RANK[outcomes.get(nodeid, "passed")]:
        outcomes[nodeid] = category


class Recorder:
    def __init__(self, config: Any) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: Any) -> None:
        status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
        note(report.nodeid, status[0])

    def pytest_collectreport(self, report: Any) -> None:
        if not report.passed:
            note(report.nodeid.split("::")[0], "error" if report.failed else "skipped")

    def pytest_deselected(self, items: Any) -> None:
        deselected.extend(item.nodeid for item in items)

    def pytest_sessionfinish(self) -> None:
        with open(RECORD, "w") as file:
            json.dump({"outcomes": outcomes, "deselected": len(deselected)}, file)


def pytest_configure(config: Any) -> None:
    config.pluginmanager.register(Recorder(config), "verdict-recorder")
