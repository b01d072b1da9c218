"""A suite with every outcome and what is hard to write down, and reports that can be compared."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ALL = """
import logging, sys, warnings
import pytest

@pytest.fixture
def broken():
    print("printed in set-up")
    raise ValueError("no set-up")

@pytest.fixture
def late():
    yield
    print("printed in tear-down")
    raise RuntimeError("no tear-down")

@pytest.fixture(scope="module")
def module_late():
    yield
    assert 0, "module's tear-down"

def test_passes(): pass

def test_prints():
    print("hello")
    print("complained", file=sys.stderr)
    logging.warning("logged")

def test_fails():
    print("printed by the test")
    left, right = [1, 2], [1, 3]
    assert left == right

class TestClass:
    def test_method(self):
        raise RuntimeError("two\\nlines <&> \\"quoted\\"")

    class TestInner:
        @pytest.mark.parametrize("x", ["a", "b/c.py::d[1]", "\\x01\\x7f", "\\U0001f600", "<&>\\"'"])
        def test_instance(self, x): pass

def test_set_up_errs(broken): pass
def test_tear_down_errs(late): pass
def test_fails_and_errs(late): assert 0
def test_skips(): pytest.skip("because <&>")
@pytest.mark.skip(reason="marked")
def test_is_skipped(): pass
@pytest.mark.xfail(reason="known")
def test_xfails(): assert 0
@pytest.mark.xfail(reason="known")
def test_xpasses(): pass
@pytest.mark.xfail(reason="known", strict=True)
def test_xpasses_strictly(): pass
def test_warns(): warnings.warn("careful")
def test_property(record_property, record_testsuite_property):
    record_property("key", 1)
    record_property("k<2", "a\\x02b")
    record_testsuite_property("ARCH", "PPC")
def test_second_property(record_testsuite_property):
    record_testsuite_property("OTHER", "x\\x03")
def test_attribute(record_xml_attribute):
    record_xml_attribute("assertions", "REQ-1234")
    record_xml_attribute("classname", "own")
def test_odd_text():
    print("\\x00\\x1b[31mred\\x1b[0m \\udc80 \\ud800 \\U0001f600 ]]> \\ufffe")
def test_odd_bytes():
    sys.stdout.buffer.write(b"\\xff\\xfe bytes\\n")
    assert "\\x0b" == "\\udcff"
def test_last(module_late, record_xml_attribute):
    record_xml_attribute("last", 1)
    print("in the last test")
"""
FILES = {
    "test_all.py": ALL,
    "test_broken.py": "import nothere\n",
    "test_skips_itself.py": "import pytest\npytest.skip('all of it', allow_module_level=True)\n",
    "sub/test_sub.py": "def test_a(): pass\nclass TestB:\n    def test_b(self): assert 0, 'x'\n",
}


def junit_of(path: Path) -> list[tuple[str, dict[str, str], str]]:
    """Its elements in order (tag, attributes, text), without times and addresses."""
    elements = []
    for element in ElementTree.parse(path).iter():
        attributes = {
            name: "" if name in ("time", "timestamp") else value
            for name, value in element.attrib.items()
        }
        text = re.sub(r"0x[0-9a-f]{6,}", "0x...", element.text or "")
        elements.append((element.tag, attributes, text))
    return elements


def names_of(path: Path) -> list[str]:
    return [attributes["name"] for tag, attributes, _ in junit_of(path) if tag == "testcase"]
