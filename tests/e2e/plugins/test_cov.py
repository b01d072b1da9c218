"""pytest-cov: what is measured, written and printed is what plain pytest gives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from extra import plugin_env
from runners import PYTHON, Ended, fastest, plain, write_files

LIB = """
def sign(n):
    if n < 0:
        return -1
    elif n > 0:
        return 1
    return 0
def other():
    return 1
def never():
    return 2
if __name__ == "__main__":
    never()
"""
PROJECT = {
    "lib/__init__.py": LIB,
    "lib/more.py": "def more():\n    return 3\nX = [n for n in range(3)]\n",
    "lib/unseen.py": "Y = 1\n",
    "tests/conftest.py": (
        "import lib, pytest\nlib.other()\n"
        "@pytest.fixture(scope='session')\ndef late():\n    yield\n    lib.sign(0)\n"
    ),
    "tests/test_d.py": "def test_late(late): pass\n",
    "tests/test_a.py": "import lib\ndef test_up(): assert lib.sign(3) == 1\ndef test_x(): pass\n",
    "tests/test_b.py": "import lib\ndef test_down(): assert lib.sign(-3) == -1\n",
    "tests/test_c.py": "from lib.more import more\ndef test_more(): assert more() == 3\n",
    "pytest.ini": "[pytest]\npythonpath = .\n",
}
READ = """
import json, os, sys
from coverage import CoverageData
data = CoverageData(basename=sys.argv[1])
data.read()
found = {}
for name in data.measured_files():
    found[os.path.relpath(name)] = {
        "lines": sorted(data.lines(name) or ()),
        "arcs": sorted(data.arcs(name) or ()),
        "contexts": {
            line: sorted(names) for line, names in sorted(data.contexts_by_lineno(name).items())
        },
    }
print(json.dumps(found))
"""


@pytest.fixture(autouse=True)
def present() -> None:
    plugin_env("pytest_cov")


def read(root: Path, name: str = ".coverage") -> dict:
    done = subprocess.run(
        [PYTHON, "-c", READ, name], cwd=root, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def both(
    tmp_path: Path, *args: str, files: dict[str, str] | None = None, env: dict | None = None
) -> tuple[Ended, Ended, Path, Path]:
    """Two copies of the project, one run by each."""
    roots = [tmp_path / "plain" / "project", tmp_path / "ours" / "project"]
    for root in roots:
        write_files(root, {**PROJECT, **(files or {})})
    expected = plain(roots[0], *args, env=env)
    ours = fastest(roots[1], "--", *args, env=env)
    assert ours.outcomes == expected.outcomes, ours.out + ours.err
    assert ours.status == expected.status, ours.out + ours.err + expected.out
    return expected, ours, roots[0], roots[1]


def section(out: str) -> list[str]:
    """What pytest-cov prints at the end."""
    lines = out.splitlines()
    start = next(n for n, line in enumerate(lines) if "- coverage: " in line)
    end = next(n for n, line in enumerate(lines) if n > start and line.startswith("==="))
    return [line for line in lines[start:end] if line]


def left_over(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob(".coverage*"))


@pytest.mark.parametrize(
    "args",
    [
        ("--cov=lib",),
        ("--cov=lib", "--cov-branch"),
        ("--cov=lib", "--cov-report=term-missing:skip-covered"),
        ("--cov=lib", "--cov-context=test", "-k", "not late"),
        ("--cov", "--cov-report="),
    ],
    ids=" ".join,
)
def test_data_and_report_are_plain_pytests(tmp_path: Path, args: tuple[str, ...]) -> None:
    expected, ours, there, here = both(tmp_path, *args)
    found, wanted = read(here), read(there)
    # The recorder of the plain run lies outside of the project.
    wanted = {name: lines for name, lines in wanted.items() if not name.startswith("..")}
    found = {name: lines for name, lines in found.items() if not name.startswith("..")}
    assert found == wanted
    assert "lib/__init__.py" in found
    if "--cov-report=" not in args:
        assert section(ours.out) == section(expected.out)
    assert left_over(here) == [".coverage"]


def test_every_kind_of_report_is_written_once(tmp_path: Path) -> None:
    kinds = ("xml:c.xml", "html:c.html", "lcov:c.lcov", "annotate:c.annotated")
    args = ["--cov=lib", *(f"--cov-report={kind}" for kind in kinds)]
    expected, ours, there, here = both(tmp_path, *args)
    assert section(ours.out) == section(expected.out)
    for name in ("c.lcov", "c.annotated", "c.html"):
        assert (there / name).exists()
    assert (here / "c.lcov").read_text() == (there / "c.lcov").read_text()
    names = sorted(path.name for path in (there / "c.annotated").iterdir())
    assert names == sorted(path.name for path in (here / "c.annotated").iterdir())
    for name in names:
        one, other = there / "c.annotated" / name, here / "c.annotated" / name
        assert one.read_text() == other.read_text()
    rate = 'line-rate="'
    texts = [(root / "c.xml").read_text() for root in (there, here)]
    assert texts[0].count(rate) > 2
    assert [text.split(rate)[1:] for text in texts][0][0][:6] == texts[1].split(rate)[1][:6]


@pytest.mark.parametrize("minimum, status", [("50", 0), ("99", 1)])
def test_fail_under_decides_the_exit_code(tmp_path: Path, minimum: str, status: int) -> None:
    args = ("--cov=lib", "--cov-report=", f"--cov-fail-under={minimum}")
    expected, ours, _, _ = both(tmp_path, *args)
    assert ours.status == status
    line = next(line for line in expected.out.splitlines() if "Required test coverage" in line)
    assert line in ours.out.splitlines()


def test_fail_under_and_a_source_by_the_configuration(tmp_path: Path) -> None:
    files = {
        ".coveragerc": "[run]\nbranch = true\nparallel = true\ndata_file = data/.mine\n"
        "[report]\nfail_under = 99\n",
        "data/x": "",
        "pytest.ini": "[pytest]\npythonpath = .\naddopts = --cov=lib --cov-report=term\n",
    }
    expected, ours, there, here = both(tmp_path, files=files)
    assert ours.status == 1
    assert read(here, "data/.mine") == read(there, "data/.mine")
    assert section(ours.out) == section(expected.out)
    assert sorted(path.name for path in (here / "data").iterdir()) == [".mine", "x"]


def test_configuration_in_pyproject_and_another_file(tmp_path: Path) -> None:
    pyproject = '[tool.coverage.run]\nbranch = true\nomit = ["lib/more.py"]\n'
    args = ("--cov=lib", "--cov-config=pyproject.toml")
    expected, ours, there, here = both(tmp_path, *args, files={"pyproject.toml": pyproject})
    assert "lib/more.py" not in read(here)
    assert read(here) == read(there)
    assert section(ours.out) == section(expected.out)


def test_the_data_file_of_the_environment(tmp_path: Path) -> None:
    env = {"COVERAGE_FILE": "elsewhere.dat"}
    _, _, there, here = both(tmp_path, "--cov=lib", env=env)
    assert read(here, "elsewhere.dat") == read(there, "elsewhere.dat")
    assert left_over(here) == []


def test_appends_only_when_asked(tmp_path: Path) -> None:
    _, _, _, root = both(tmp_path, "--cov=lib", "tests/test_a.py")
    only_a = read(root)["lib/__init__.py"]["lines"]
    fastest(root, "--", "--cov=lib", "tests/test_b.py", "--cov-append")
    appended = read(root)["lib/__init__.py"]["lines"]
    fastest(root, "--", "--cov=lib", "tests/test_b.py")
    only_b = read(root)["lib/__init__.py"]["lines"]
    assert sorted({*only_a, *only_b}) == appended
    assert only_a != appended != only_b


def test_is_switched_off_by_no_cov(tmp_path: Path) -> None:
    _, ours, _, root = both(tmp_path, "--cov=lib", "--no-cov")
    assert left_over(root) == []
    assert "coverage:" not in ours.out


def test_reports_nothing_of_a_failed_run_when_told_so(tmp_path: Path) -> None:
    files = {"tests/test_bad.py": "def test_bad(): assert 0\n"}
    args = ("--cov=lib", "--no-cov-on-fail", "--cov-fail-under=99")
    _, ours, _, _ = both(tmp_path, *args, files=files)
    assert "coverage:" not in ours.out
    assert ours.status == 1


def test_children_of_tests_are_measured(tmp_path: Path) -> None:
    files = {
        "tests/test_child.py": "import subprocess, sys\n"
        "def test_child():\n"
        "    subprocess.run([sys.executable, '-c', 'import lib; lib.never()'], check=True)\n"
    }
    _, _, there, here = both(tmp_path, "--cov=lib", files=files)
    assert read(here)["lib/__init__.py"]["lines"] == read(there)["lib/__init__.py"]["lines"]


def test_a_crash_loses_only_what_that_worker_measured(tmp_path: Path) -> None:
    root = write_files(
        tmp_path, {**PROJECT, "tests/test_crash.py": "import os\ndef test_crash(): os._exit(3)\n"}
    )
    ours = fastest(root, "--", "--cov=lib")
    assert ours.status == 1
    assert ours.outcomes["tests/test_crash.py::test_crash"] == "failed"
    assert ours.report["summary"]["passed"] == 5
    assert "The following workers failed to return coverage data" in ours.out
    assert 12 in read(root)["lib/__init__.py"]["lines"]
