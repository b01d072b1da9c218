"""What is told of a test: reports of pytest become the wire's results.

The texts are rendered here, by pytest's own code, as its terminal would print
them; the coordinator only arranges them.
"""

from __future__ import annotations

import io
import os
from typing import Any, Dict, Iterable, List, Optional, Tuple

from _pytest._io import TerminalWriter
from _pytest.pathlib import absolutepath, bestrelpath

from fastest_worker.junit import Piece, recorder_of
from fastest_worker.pipe import clean, dumps
from fastest_worker.versions import LINE_BELOW_REPORT

OUTCOMES = ("passed", "skipped", "xfailed", "xpassed", "failed", "error")
RANK = {name: rank for rank, name in enumerate(OUTCOMES)}
SECTION_MAX = 8 << 20  # characters of one captured section that travel


def shorten(text: str) -> str:
    """Keeps both ends of what is too long."""
    if len(text) <= SECTION_MAX:
        return clean(text)
    half = SECTION_MAX // 2
    left_out = len(text) - 2 * half
    return clean(f"{text[:half]}\n[... {left_out} characters left out ...]\n{text[-half:]}")


def sections_of(sections: Iterable[Tuple[str, str]]) -> List[Dict[str, str]]:
    return [{"name": clean(name), "text": shorten(text)} for name, text in sections if text]


class Renderer:
    """Turns reports into phases, with the run's --tb, colour and width."""

    def __init__(self, config: Any, color: bool) -> None:
        self.config = config
        self.color = color
        self.tbstyle = config.getoption("tbstyle", "auto")
        self.junit = recorder_of(config)

    def category(self, report: Any) -> str:
        """What pytest's terminal counts the report under; "" for nothing."""
        status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
        if status:
            return str(status[0])
        # Without the terminal plugin nobody counts ordinary reports; what it would have said.
        if report.failed and report.when != "call":
            return "error"
        return "" if report.passed and report.when != "call" else str(report.outcome)

    def longrepr(self, report: Any, outcome: str) -> str:
        by_line = self.tbstyle == "line" and outcome == "failed"
        if by_line and not LINE_BELOW_REPORT:
            return clean(crash_line(report))
        file = io.StringIO()
        writer = TerminalWriter(file)
        writer.hasmarkup = self.color
        writer.code_highlight = self.config.getoption("code_highlight", "yes") == "yes"
        report.toterminal(writer)
        if by_line:
            self.write_sections(writer, report)
            writer.line(crash_line(report))
        return clean(file.getvalue().rstrip("\n"))

    def write_sections(self, writer: TerminalWriter, report: Any) -> None:
        """As the terminal's _outrep_summary."""
        wanted = self.config.getoption("showcapture", "all")
        for name, text in report.sections:
            if wanted != "no" and (wanted == "all" or wanted in name):
                writer.sep("-", name)
                writer.line(shorten(text[:-1] if text.endswith("\n") else text))

    def phase(self, report: Any, outcome: str) -> Dict[str, Any]:
        phase: Dict[str, Any] = {"when": report.when or "call", "outcome": outcome}
        if outcome in ("failed", "error"):
            phase["title"] = clean(getattr(report, "head_line", None) or "test session")
            phase["longrepr"] = self.longrepr(report, outcome)
            message = crash_message(report)
            if message:
                phase["message"] = clean(message)
            place = self.bad_place(report)
            if place:
                phase["location"] = clean(place)
        elif outcome == "skipped":
            location, reason = self.skip_place(report)
            phase["location"], phase["message"] = clean(location), clean(reason)
        elif outcome in ("xfailed", "xpassed"):
            phase["message"] = clean(str(getattr(report, "wasxfail", "")))
        sections = sections_of(report.sections)
        if sections:
            phase["sections"] = sections
        return phase

    def skip_place(self, report: Any) -> Tuple[str, str]:
        """("path:line", reason), by the rules of pytest's folded skips."""
        if not isinstance(report.longrepr, tuple):
            return "", str(report.longrepr)
        path, line, reason = report.longrepr
        path = self.shown_path(path)
        keywords = getattr(report, "keywords", {})
        if report.when == "setup" and "skip" in keywords and "pytestmark" not in keywords:
            line = None
        if reason.startswith("Skipped: "):
            reason = reason[9:]
        elif reason == "Skipped":
            reason = ""
        return (path if line is None else f"{path}:{line}"), reason

    def shown_path(self, path: str) -> str:
        invoked = self.config.invocation_params.dir
        return bestrelpath(invoked, absolutepath(os.path.join(invoked, path)))

    def bad_place(self, report: Any) -> str:
        """ "path:line" in the test itself where its traceback has more than one entry, else where
        it ends; "" where there is none."""
        place = getattr(report.longrepr, "reprcrash", None)
        entries = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", ())
        if len(entries) > 1:
            place = getattr(entries[0], "reprfileloc", None) or place
        return f"{self.shown_path(place.path)}:{place.lineno}" if place is not None else ""


def crash_line(report: Any) -> str:
    try:
        return str(report.longrepr.reprcrash)
    except AttributeError:
        return str(report.longrepr)[:50]


def crash_message(report: Any) -> str:
    try:
        return str(report.longrepr.reprcrash.message)
    except AttributeError:
        return ""


class Gathering:
    """The reports of one test while it runs."""

    __slots__ = ("nodeid", "start", "outcome", "times", "phases", "captured", "crashed")
    __slots__ += ("shared", "junit", "reruns")

    def __init__(self, nodeid: str, start: float) -> None:
        self.nodeid = nodeid
        self.start = start
        self.outcome: Optional[str] = None  # the worst so far
        self.times = {"setup": 0.0, "call": 0.0, "teardown": 0.0}
        self.phases: List[Dict[str, Any]] = []
        self.captured: Any = None  # the last report without bad news but with sections
        self.crashed = False  # its own process has died
        self.shared = 0.0  # seconds of its phases that set up fixtures for further tests, too
        self.junit: List[Piece] = []
        self.reruns = 0  # tries that pytest-rerunfailures made no verdict of

    def add(self, report: Any, renderer: Renderer) -> None:
        category = renderer.category(report)
        if report.when in self.times:
            self.times[report.when] += report.duration
        if category in RANK:
            if self.outcome is None or RANK[category] > RANK[self.outcome]:
                self.outcome = category
            if category != "passed":
                self.phases.append(renderer.phase(report, category))
                return
        elif category == "rerun":
            self.reruns += 1
        if report.passed and report.sections:
            self.captured = report

    def passed(self, when: str, duration: float) -> None:
        """A phase that has nothing else to say."""
        self.times[when] += duration
        if when == "call" and self.outcome is None:
            self.outcome = "passed"

    def is_good(self) -> bool:
        return self.outcome not in ("failed", "error")

    def _add_captured(self) -> None:
        """What a passed test wrote; of one with bad news what came after that."""
        sections = self.captured.sections
        when = "call"
        if self.phases:
            when = "teardown"
            sections = [section for section in sections if "teardown" in section[0]]
        told = sections_of(sections)
        if told:
            self.phases.append({"when": when, "outcome": "passed", "sections": told})

    def encode(self, lease: int, slot: int, pid: int, properties: str = "") -> str:
        """One element of RESULTS.results; "absent" for a test that nothing was reported of.
        properties: JUnit's, of the whole suite."""
        if self.captured is not None:
            self._add_captured()
        times = self.times
        text = (
            f'{{"lease":"{lease}","slot":{slot},"pid":{pid},"id":{dumps(self.nodeid)},'
            f'"outcome":"{self.outcome or "absent"}","setup_s":{times["setup"]:.6f},'
            f'"call_s":{times["call"]:.6f},"teardown_s":{times["teardown"]:.6f},'
            f'"start_s":{self.start:.6f}'
        )
        if self.shared:
            text += f',"shared_s":{self.shared:.6f}'
        if self.crashed:
            text += ',"crashed":true'
        if self.reruns:
            text += f',"reruns":{self.reruns}'
        if properties:
            text += f',"junit_properties":{dumps(properties)}'
        if self.junit:
            junit = junit_of(self.junit)
            text += f',"junit":{dumps(junit["junit"])},"junit_tests":{junit["junit_tests"]}'
        return text + (f',"phases":{dumps(self.phases)}}}' if self.phases else "}")


def junit_of(pieces: Iterable[Piece]) -> Dict[str, Any]:
    texts, tests = zip(*pieces)
    return {"junit": "".join(texts), "junit_tests": sum(tests)}


def collect_result(report: Any, renderer: Renderer, lease: int, slot: int) -> Dict[str, Any]:
    """A collector's bad news, under the path of its file or directory."""
    outcome = "error" if report.failed else "skipped"
    phase = renderer.phase(report, outcome)
    phase["when"] = "collect"
    path = clean(report.nodeid.split("::")[0])
    result = {"lease": str(lease), "slot": slot, "id": path, "outcome": outcome, "phases": [phase]}
    piece = renderer.junit.collected(report) if renderer.junit else None
    if piece:
        result.update(junit_of([piece]))
    return result
