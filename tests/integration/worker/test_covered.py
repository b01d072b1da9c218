"""What pytest-cov has measured survives the way from an agent, and no lie does harm."""

from __future__ import annotations

import base64
import json
import sys
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "agent" / "worker"))

from fastest_worker import covered  # noqa: E402

coverage = pytest.importorskip("coverage", reason="python3-coverage")


def contents(data: coverage.CoverageData) -> dict[tuple[str, str], list[object]]:
    found = {}
    for context in data.measured_contexts():
        data.set_query_context(context)
        for file in data.measured_files():
            lines = data.arcs(file) if data.has_arcs() else data.lines(file)
            if lines:
                found[context, file] = sorted(lines)
    return found


@pytest.mark.parametrize("arcs", [False, True])
def test_there_and_back(arcs: bool) -> None:
    data = coverage.CoverageData(no_disk=True)
    add = data.add_arcs if arcs else data.add_lines
    for context, lines in ("", [1, 2]), ("test_a|run", [2, 9]):
        data.set_context(context)
        pairs = [(-1, line) for line in lines]
        add({"/a/one/x.py": pairs if arcs else lines, "/b/y.py": pairs if arcs else lines})
    add({"/a/one/never.py": []})
    data.add_file_tracers({"/b/y.py": "a.plugin"})
    there = covered.unpack(covered.pack(data), covered.mover("/a/one", "/c"))
    assert there.measured_files() == {"/c/x.py", "/b/y.py", "/c/never.py"}
    expected = {
        (context, file.replace("/a/one", "/c")): lines
        for (context, file), lines in contents(data).items()
    }
    assert len(expected) == 4 and contents(there) == expected
    assert there.file_tracer("/b/y.py") == "a.plugin"


def packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


@pytest.mark.parametrize(
    "text",
    [
        "%",
        base64.b64encode(b"x").decode(),
        packed("{"),
        packed("[]"),
        packed(json.dumps({"arcs": False, "files": {}})),
        packed(json.dumps({"arcs": True, "files": {}, "contexts": {"": {"/x": [1]}}})),
        packed(json.dumps({"arcs": False, "files": {}, "contexts": {"": {"/x": ["; DROP"]}}})),
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        covered.unpack(text, covered.mover("/a", "/b"))


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covered, "LARGEST", 1000)
    with pytest.raises(ValueError, match="too large"):
        covered.unpack(packed(" " * 2000), covered.mover("/a", "/b"))
