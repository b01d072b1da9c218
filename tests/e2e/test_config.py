"""Where settings come from, which of them goes before which, and what a mistake is told."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from runners import BIN, HERE, PYTHON, Ended, environment, fastest, needs_plugins, write_files


def show(cwd: Path, *args: str, **env: str) -> Ended:
    command = [str(BIN / "fastest-coord"), "config", "show", *args]
    done = subprocess.run(command, cwd=cwd, env=environment(**env), capture_output=True, text=True)
    return Ended(done.returncode, done.stdout, done.stderr)


def settings(cwd: Path, *args: str, **env: str) -> dict[str, Any]:
    ended = show(cwd, "--format", "json", *args, **env)
    assert (ended.status, ended.err) == (0, ""), ended
    return json.loads(ended.out)


# The weakest first.
SOURCES = [
    "addopts",
    "PYTEST_ADDOPTS",
    "behind --",
    "pyproject.toml:2",
    "FASTEST_{}",
    "command line",
]
VALUES = {
    "maxfail": ("--maxfail", ["1", "2", "3", "4", "5", "6"]),
    "dist": ("--dist", ["load", "loadfile", "loadscope", "loadgroup", "worksteal", "no"]),
    "keyword": ("-k", ["a", "b", "c", "d", "e", "f"]),
    "workers": ("-n", ["1", "2", "3", "4", "5", "6"]),
    "tb": ("--tb", ["long", "short", "line", "native", "no", "auto"]),
}


@pytest.mark.parametrize("key", VALUES)
def test_each_source_goes_before_the_one_that_is_weaker(tmp_path: Path, key: str) -> None:
    option, values = VALUES[key]
    for strongest in range(len(SOURCES)):
        files = {"pytest.ini": f"[pytest]\naddopts = {option}={values[0]}\n"}
        env: dict[str, str] = {}
        args: list[str] = []
        if strongest >= 1:
            env["PYTEST_ADDOPTS"] = f"{option}={values[1]}"
        if strongest >= 3:
            value = values[3] if values[3].isdigit() else f'"{values[3]}"'
            files["pyproject.toml"] = f"[tool.fastest]\n{key} = {value}\n"
        if strongest >= 4:
            env[f"FASTEST_{key.upper()}"] = values[4]
        if strongest >= 5:
            args += [option, values[5]]
        if strongest >= 2:
            args += ["--", f"{option}={values[2]}"]
        found = settings(write_files(tmp_path, files), *args, **env)["settings"][key]
        assert str(found["value"]) == values[strongest]
        assert found["from"] == SOURCES[strongest].format(key.upper())


def test_lists_add_up_and_spellings_of_one_setting_are_one(tmp_path: Path) -> None:
    ini = "[pytest]\naddopts = --ignore=a -v --maxfail=3\ntestpaths = t u\npython_files = x.py\n"
    toml = '[tool.fastest]\nignore = ["b", "c d"]\nmax-memory = "50%"\ntest-timeout = 1.5\n'
    write_files(tmp_path, {"pytest.ini": ini, "pyproject.toml": toml})
    args = ["-vx", "--ignore=e", "-o", "python_files=y.py", "some", "--", "--pdbcls=a:b"]
    found = settings(tmp_path, *args, FASTEST_EXITFIRST="0")
    ours, theirs = found["settings"], found["ini"]
    assert ours["ignore"] == {"value": ["a", "b", "c d", "e"], "from": "command line"}
    assert ours["verbose"] == {"value": 2, "from": "command line"}
    assert ours["maxfail"] == {"value": 1, "from": "command line"}
    assert not {"exitfirst", "quiet", "s", "help", "version", "format"} & set(ours)
    assert ours["max-memory"] == {"value": "50%", "from": "pyproject.toml:3"}
    assert ours["test-timeout"] == {"value": 1.5, "from": "pyproject.toml:4"}
    assert ours["no-header"] == {"value": False, "from": "default"}
    assert ours["history"] == {"value": None, "from": "default"}
    assert theirs["testpaths"] == {"value": ["t", "u"], "from": "pytest.ini"}
    assert theirs["python_files"] == {"value": ["y.py"], "from": "-o"}
    assert theirs["python_classes"] == {"value": ["Test"], "from": "default"}
    assert found["rootdir"] == str(tmp_path) and found["inifile"] == str(tmp_path / "pytest.ini")
    assert found["paths"] == ["some"]
    assert found["pytest_args"][:2] == ["-o", "addopts="]
    assert found["warnings"] == ["behind --: --pdbcls was left out: fastest has no such option yet"]
    text = show(tmp_path, *args).out
    assert "\nignore                   a b 'c d' e                  command line\n" in text
    assert "\npytest in the workers gets: -o addopts= " in text
    assert "\nwarning: behind --: --pdbcls " in text


MISTAKES = [
    ("workrs = 3", "workrs is no option of fastest (did you mean workers?)"),
    ('workers = "many"', 'workers: "many" is not accepted: expected a number from 0 to 4096, auto'),
    ("maxfail = true", "maxfail: expected a number, not a boolean"),
    ("retries = 101", "retries: "),
    ('dist = "loadfiles"', "(did you mean loadfile?)"),
    ("ignore = [1]", "ignore: expected a string or an array of strings, not an array"),
    ('no-header = "yes"', "no-header: expected true or false, not a string"),
    ('rootdir = "x"', "rootdir belongs on the command line"),
]


def test_a_mistake_in_pyproject_names_file_line_key_and_what_is_accepted(tmp_path: Path) -> None:
    for line, words in MISTAKES:
        write_files(tmp_path, {"pyproject.toml": f"[tool.fastest]\n{line}\n"})
        ended = show(tmp_path)
        assert ended.status == 4 and ended.err.count("\n") == 1
        assert ended.err.startswith(f"ERROR: {tmp_path}/pyproject.toml:2: [tool.fastest]")
        assert words in ended.err


def test_a_mistake_elsewhere_names_its_source(tmp_path: Path) -> None:
    for args, env, words in (
        ([], {"FASTEST_MAXFAIL": "-1"}, 'FASTEST_MAXFAIL: "-1" is not accepted: expected a number'),
        ([], {"FASTEST_NO_HEADER": "maybe"}, 'FASTEST_NO_HEADER: "maybe" is not accepted'),
        ([], {"PYTEST_ADDOPTS": "--maxfail=x"}, 'PYTEST_ADDOPTS: --maxfail: "x" is not accepted'),
        (["--maxfial=3"], {}, "unknown option --maxfial (did you mean --maxfail?)"),
        (["--", "--maxfail=x"], {}, 'behind --: --maxfail: "x" is not accepted'),
    ):
        ended = show(tmp_path, *args, **env)
        assert ended.status == 4 and words in ended.err, ended


def test_a_variable_that_nobody_reads_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    names = {"FASTEST_RUN_ID", "FASTEST_AGENT", "FASTEST_SLOT", "FASTEST_ATTEMPT", "FASTEST_BIN"}
    for command in (["fastest-agent"], ["fastest-coord", "history"]):
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:], "--help=all"],
            capture_output=True,
            text=True,
        )
        options = re.findall(r"^  .*?--([a-z-]+)", done.stdout, re.MULTILINE)
        assert len(options) > 4
        names |= {"FASTEST_" + option.upper().replace("-", "_") for option in options}
    names -= {"FASTEST_HELP", "FASTEST_VERSION"}
    env = dict.fromkeys(names, "") | {"FASTEST_MAXFIAL": "3", "FASTEST_QQQQQQQQQQQQQQQ": "1"}
    assert sorted(settings(tmp_path, **env)["warnings"]) == [
        "FASTEST_MAXFIAL is no setting of fastest (did you mean FASTEST_MAXFAIL?)",
        "FASTEST_QQQQQQQQQQQQQQQ is no setting of fastest",
    ]


def test_the_local_agent_is_not_told_by_the_environment_how_many_workers(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_a.py": "def test_a(): pass\n"})
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "FASTEST_WORKERS": "0"}
    ours = fastest(tmp_path, "--no-history", workers=None, env=env)
    assert (ours.status, ours.err) == (0, "")
    assert [agent["slots"] for agent in ours.report["agents"]] == [1]


def listed() -> list[tuple[list[str], str]]:
    """docs/options.md: the spellings of each option, "--tb=style" as "--tb", and what it is."""
    text = (HERE.parents[1] / "docs" / "options.md").read_text()
    rows = re.findall(r"^\| (`-.*?`) \| (.*?) \|", text, re.MULTILINE)
    return [(re.findall(r"`(-[\w-]+|--[\w-]+)", names), what) for names, what in rows]


@needs_plugins
def test_the_list_of_options_has_all_of_pytest_and_xdist() -> None:
    command = [PYTHON, "-m", "pytest", "--help", "-p", "xdist.plugin", "-p", "xdist.looponfail"]
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    done = subprocess.run(command, cwd=BIN, env=env, capture_output=True, text=True, check=True)
    text = done.stdout.split("\n[pytest] ini-options")[0]
    heads = re.findall(r"^  (-\S.*?)(?:   |$)", text, re.MULTILINE)
    theirs = {name for head in heads for name in re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", head)}
    assert len(theirs) > 90
    assert theirs <= {name for names, _ in listed() for name in names}


SAMPLES = {"-c": "pytest.ini", "-o": "a=b", "--override-ini": "a=b", "--capture": "sys"}
SAMPLES |= {"--lfnf": "all", "--last-failed-no-failures": "all", "--tb": "short", "--color": "no"}
SAMPLES |= {"--dist": "load", "--import-mode": "append", "--rootdir": ".", "-p": "no:x", "-r": "A"}
SAMPLES |= {"--show-capture": "no"}
ALONE = {"--help", "-h", "--version"}


def is_taken(cwd: Path, option: str, behind: bool) -> Ended:
    """Alone, or with a value where it needs one."""
    ended = None
    for value in ([], [SAMPLES.get(option, "1")]):
        ended = show(cwd, *(["--", option, *value] if behind else [option, *value]))
        if ended.status == 0 or "needs a value" not in ended.err:
            break
    assert ended
    return ended


def test_each_option_is_taken_left_out_or_refused_as_the_list_says(tmp_path: Path) -> None:
    write_files(tmp_path, {"pytest.ini": "[pytest]\n"})
    seen = set()
    for names, what in listed():
        seen.add(what)
        for name in names:
            behind = is_taken(tmp_path, name, behind=True)
            typed = None if what in ("after `--`", "unseen") else is_taken(tmp_path, name, False)
            warned = f"warning: behind --: {name} " in behind.out
            told = (behind.status, warned, typed and typed.status)
            expected = {
                "same": (0, False, 0),
                "different": (4 if name in ALONE else 0, False, 0),
                "after `--`": (0, False, None),
                "unseen": (0, True, None),
                "left out": (0, True, 4),
                "refused": (4, False, 4),
            }[what]
            assert told == expected, (name, what, behind, typed)
            if what in ("left out", "refused"):
                assert typed and typed.err.startswith(f"ERROR: {name}: ")
    assert len(seen) == 6
