"""The manual pages say what the programs say, and no text names what isn't there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("FASTEST_BIN", ROOT / "build" / "dev" / "bin"))
PYTHON = os.environ.get("FASTEST_TEST_PYTHON", "/usr/bin/python3")
COMMANDS = {
    "run": ["fastest-coord", "run"],
    "discover": ["fastest-coord", "discover"],
    "history": ["fastest-coord", "history"],
    "cert": ["fastest-coord", "cert"],
    "agent": ["fastest-agent"],
}
SPELLING = re.compile(r"(?<![\w/-])--?[a-z][a-z-]*", re.IGNORECASE)
LINK = re.compile(r"\]\(([^)#:]+)\)")
SOURCE = re.compile(r"`([\w./-]+\.(?:c|h|py|sh|sql|json|cmake))`")
LONG = re.compile(r"(?<![\w/-])--[a-z][a-z-]*[a-z]")
# What the texts name of cmake, of our scripts, and of plugins that aren't installed.
FOREIGN = {"--install", "--prefix", "--preset", "--build", "--build-only"}
FOREIGN |= {"--benchmark-disable", "--benchmark-save", "--create-db", "--reuse-db"}
FOREIGN |= {"--only", "--rounds"}  # of the benchmarks


def page(name: str) -> str:
    """The page as text, in roff, without the breaks that mean nothing."""
    return (BIN.parent / "share" / "man" / "man1" / name).read_text().replace("\\&", "")


def help_of(*command: str) -> str:
    words = [str(BIN / command[0]), *command[1:], "--help", "all"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def told_by_help(*command: str) -> set[str]:
    heads = re.findall(r"^  (-\S.*?)(?:  |$)", help_of(*command), re.MULTILINE)
    return {spelling for head in heads for spelling in SPELLING.findall(head)}


def told_by_page(name: str, section: str) -> set[str]:
    """The options that head a paragraph of the section, whose groups stand once each."""
    text = re.split(r"^\.SH ", page(name), flags=re.MULTILINE)
    (found,) = [part for part in text if part.startswith(section + "\n")]
    groups = re.findall(r"^\.SS .*$", found, re.MULTILINE)
    assert len(groups) == len(set(groups)) > 0, groups
    heads = re.findall(r"^\\fB-.*$", found, re.MULTILINE)
    return {
        re.sub(r"\\f.", "", spelling) for h in heads for spelling in re.findall(r"\\fB(-[^\\]*)", h)
    }


@pytest.mark.parametrize("command", ["run", "discover", "history", "cert"])
def test_the_page_of_the_coordinator_has_the_options_of_its_help(command: str) -> None:
    options = told_by_help(*COMMANDS[command])
    assert {"--help"} < options
    assert told_by_page("fastest-coord.1", command.upper()) == options


def test_the_page_of_the_agent_has_the_options_of_its_help() -> None:
    options = told_by_help("fastest-agent")
    assert {"--connect", "--help"} < options
    assert told_by_page("fastest-agent.1", "OPTIONS") == options


@pytest.mark.parametrize(
    "name, statuses", [("fastest-coord.1", "012345"), ("fastest-agent.1", "034")]
)
def test_the_page_has_the_exit_statuses(name: str, statuses: str) -> None:
    section = page(name).split("\n.SH EXIT STATUS\n")[1].split("\n.SH ")[0]
    assert "".join(re.findall(r"^\\fB(\d)\\fR$", section, re.MULTILINE)) == statuses


def texts() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_no_text_names_an_option_that_nobody_has() -> None:
    known = set(FOREIGN)
    for command in COMMANDS.values():
        known |= told_by_help(*command)
    pytest_help = subprocess.run(
        [PYTHON, "-m", "pytest", "--help"],
        cwd=BIN,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    known |= set(LONG.findall(pytest_help))
    pages = "".join(page(f"{name}.1") for name in ("fastest", "fastest-coord", "fastest-agent"))
    named = {(option, "a manual page") for option in LONG.findall(re.sub(r"\\f.", "", pages))}
    for text in texts():
        named |= {(option, text.name) for option in LONG.findall(text.read_text())}
    assert named
    assert not {(option, text) for option, text in named if option not in known}


def test_links_lead_to_files_that_are_there() -> None:
    found = [
        (text.name, link)
        for text in [*texts(), *(ROOT / "docs" / "decisions").glob("*.md")]
        for link in LINK.findall(text.read_text())
        if not (text.parent / link).exists()
    ]
    assert not found


def test_the_tour_of_the_code_names_files_that_are_there() -> None:
    tour = ROOT / "docs" / "ARCHITECTURE.md"
    named = SOURCE.findall(tour.read_text())
    assert len(named) > 20
    folders = "agent bench coordinator deploy docs schema shared tests".split()
    files = [str(path) for folder in folders for path in (ROOT / folder).rglob("*.*")]
    assert [name for name in named if not any(f.endswith("/" + name) for f in files)] == []
