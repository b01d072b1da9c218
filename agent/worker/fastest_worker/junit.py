"""What --junitxml needs of a worker: pytest's own LogXML makes the testcase elements of one test
at a time, and the coordinator puts them into one file.

It stands where pytest and its plugins look for it (`config.stash[xml_key]`), so that the fixtures
record_property, record_xml_attribute and record_testsuite_property do here what they do in one
process. The file itself is never written here. A test that passed by the short protocol and has
nothing else to say is left to the coordinator, which knows as much.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from typing import Any, Dict, List, Optional, Tuple

from _pytest.junitxml import LogXML, bin_xml_escape, xml_key
from _pytest.reports import TestReport

SECTION_MAX = 8 << 20  # characters of one text that travel

Piece = Tuple[str, int]  # testcase elements, and how many tests pytest counts them as


def as_text(element: ET.Element) -> str:
    """Also what pytest leaves as it is (a path, a property's name) can be read by others."""
    for part in element.iter():
        if part.text is not None and len(part.text) > SECTION_MAX:
            half = SECTION_MAX // 2
            left_out = len(part.text) - 2 * half
            said = f"\n[... {left_out} characters left out ...]\n"
            part.text = part.text[:half] + said + part.text[-half:]
    return str(bin_xml_escape(ET.tostring(element, encoding="unicode")))


class Recorder(LogXML):
    """Hears reports as ever; asked for what it made after each test."""

    # Files that can't be collected are told by collected(), once each.
    pytest_collectreport: Any = None
    pytest_sessionfinish: Any = None
    pytest_terminal_summary: Any = None
    pytest_internalerror: Any = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reports: List[Any] = []  # of the last test
        self.attributes: Dict[str, str] = {}  # of the last test, by record_xml_attribute
        self.made: Optional[Piece] = None  # by another process
        self.amending = False
        self.quiet: List[Tuple[Any, str, float]] = []  # phases of the last test, without reports
        self.alone = True  # no other item has the last test's id
        # What the coordinator knows is all that a passed test's element says.
        self.brief = (self.family, self.logging, self.report_duration) == ("xunit2", "no", "total")

    def frame(self) -> str:
        """The file without tests."""
        fd = os.memfd_create("junit")
        try:
            self.logfile = f"/proc/self/fd/{fd}"
            super().pytest_sessionfinish()
            return bytes(os.pread(fd, 1 << 20, 0)).decode()
        finally:
            os.close(fd)

    # ---- a test

    def begin(self, alone: bool = False) -> None:
        self.alone = alone
        self.reports, self.attributes, self.made, self.quiet = [], {}, None, []
        self.node_reporters.clear()
        self.node_reporters_ordered.clear()
        self.open_reports.clear()
        self.stats.update(dict.fromkeys(self.stats, 0))
        self.cnt_double_fail_tests = 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._tell_quiet()
        self.reports.append(report)
        if self.amending:
            return
        reporter = self.node_reporters.get((report.nodeid, getattr(report, "node", None)))
        if reporter is not None and report.when == "teardown":
            self.attributes = dict(reporter.attrs)
        super().pytest_runtest_logreport(report)

    def passed(self, item: Any, when: str, duration: float) -> None:
        """A phase of which no report was made."""
        self.quiet.append((item, when, duration))

    def _tell_quiet(self) -> None:
        quiet, self.quiet = self.quiet, []
        for item, when, duration in quiet:
            report = TestReport(
                nodeid=item.nodeid,
                location=item.location,
                keywords={},
                outcome="passed",
                longrepr=None,
                when=when,  # type: ignore[arg-type]
                duration=duration,
                user_properties=item.user_properties,
            )
            self.pytest_runtest_logreport(report)

    def take(self) -> Optional[Piece]:
        """What the test's reports have become; None: the coordinator knows enough."""
        if self.made is not None:
            return self.made
        if self.brief and self.alone and not self.reports and not self.node_reporters:
            if not self.quiet or not self.quiet[0][0].user_properties:
                return None
        self._tell_quiet()
        if not self.node_reporters_ordered:
            return None
        text = "".join(as_text(reporter.to_xml()) for reporter in self.node_reporters_ordered)
        return text, sum(self.stats.values()) - self.cnt_double_fail_tests

    def amended(self) -> Optional[Piece]:
        """The last test's, whose tear-down has gone on and failed: as if it had been one."""
        reports, attributes = self.reports, self.attributes
        if len(reports) > 1 and reports[-2].when == "teardown" and reports[-2].passed:
            reports[-1].duration += reports.pop(-2).duration
        self.begin()
        if attributes:
            self.node_reporter(reports[-1].nodeid).attrs.update(attributes)
        for report in reports:
            self.pytest_runtest_logreport(report)
        return self.take()

    # ---- what is no test's

    def collected(self, report: Any) -> Optional[Piece]:
        """Of a file that can't be collected or skips itself."""
        self.begin()
        super().pytest_collectreport(report)
        return self.take()

    def properties(self) -> str:
        """Of the whole suite, since the last time."""
        said, self.global_properties = self.global_properties, []
        elements = (ET.Element("property", name=name, value=value) for name, value in said)
        return "".join(map(as_text, elements))


def install(config: Any) -> None:
    """As junitxml's pytest_configure, which makes none in a worker."""
    if not getattr(config.option, "xmlpath", None):
        return
    names = ("suite_name", "logging", "duration_report", "family", "log_passing_tests")
    recorder = Recorder(
        config.option.xmlpath,
        config.option.junitprefix,
        *(config.getini(f"junit_{name}") for name in names),
    )
    config.stash[xml_key] = recorder
    config.pluginmanager.register(recorder)


def recorder_of(config: Any) -> Optional[Recorder]:
    found = config.stash.get(xml_key, None)
    return found if isinstance(found, Recorder) else None
