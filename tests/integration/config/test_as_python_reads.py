"""The configuration readers against Python's own: iniconfig, tomllib, shlex, pytest.

Each reads the same bytes: written cases, and cases made of pieces by a seeded generator.
FASTEST_BIN names the folder of the built programs.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import iniconfig
import pytest

import runners

ROOT = Path(__file__).resolve().parents[3]
DUMP = Path(os.environ.get("FASTEST_BIN", ROOT / "build/release/bin")).resolve() / "config_dump"


def dump(mode: str, *args: str, cwd: Path | None = None) -> list[list[str] | None]:
    """Of each file its fields, None where the reader refused it (in one line each)."""
    done = subprocess.run([DUMP, mode, *args], capture_output=True, cwd=cwd, timeout=60)
    assert done.returncode == 0, done.stderr
    read: list[list[str] | None] = []
    fields: list[str] = []
    for field in done.stdout.decode().split("\0")[:-1]:
        if field in ("\nread", "\nrefused"):
            read.append(fields if field == "\nread" else None)
            fields = []
        else:
            fields.append(field)
    assert done.stderr.count(b"\n") == read.count(None)
    return read


def write(folder: Path, texts: list[str]) -> list[Path]:
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode())
    return paths


def ini_by_python(path: Path) -> list[str] | None:
    try:
        config = iniconfig.IniConfig(str(path))
    except iniconfig.ParseError:
        return None
    return [
        field
        for section in config
        for name, value in section.items()
        for field in (section.name, name, value)
    ]


INI_PIECES = [
    *("[s]", "[t]", "[s", "[]", "[ s ]", "[s] # c", "[s];c", "s]", "[a#b]", "[]]", "[[s]]"),
    *("a", "b", " ", "  ", "\t", "=", ":", " = ", "a=1", "b : 2", "a = b = c", "a:b=c", "a=b:c"),
    *("#", ";", "# c", " ; c", "a = 1 ; c", "a = 1 # c", "x" * 300, "\u00a0", "\u3000", "\x0b"),
    *("\u2028", "\x85", "\x1c", "é", "'", '"', "\\", "%(a)s", "\ufeff", "=b", ":b", "c =", "d:"),
]


def random_ini(rng: random.Random) -> str:
    lines = ["[s]"] if rng.random() < 0.8 else []
    for index in range(rng.randrange(8)):
        line = "".join(rng.choices(INI_PIECES, k=rng.randrange(4)))
        if rng.random() < 0.6:
            line = rng.choice(["", "", " ", "\t"]) + f"k{index}" + rng.choice(["=", ": "]) + line
        lines.append(line)
    return rng.choice(["\n", "\n", "\r\n", "\r"]).join(lines) + rng.choice(["", "\n"])


@pytest.mark.parametrize("seed", range(10))
def test_ini_files_are_read_as_iniconfig_reads_them(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    texts = [random_ini(rng) for _ in range(200)]
    paths = write(tmp_path, texts)
    expected = [ini_by_python(path) for path in paths]
    assert 20 < expected.count(None) < 180, "cases of one kind show nothing"
    for text, wanted, got in zip(texts, expected, dump("ini", *map(str, paths)), strict=True):
        assert got == wanted, text


def toml_by_fields(fields: list[str]) -> Any:
    """The value that config_dump printed, taken off the front."""
    kind = fields.pop(0)
    if kind in "SBIO":
        text = fields.pop(0)
        if kind == "O":
            return tomllib.loads(f"v = {text}")["v"]
        return int(text) if kind == "I" else text == "true" if kind == "B" else text
    table: dict[str, Any] = {}
    array: list[Any] = []
    while fields[0] != "\n.":
        if kind == "T":
            key = fields.pop(0)
            table[key] = toml_by_fields(fields)
        else:
            array.append(toml_by_fields(fields))
    fields.pop(0)
    return table if kind == "T" else array


TOML_LINES = [
    *("[a]", "[a.b]", "[a.b.c]", "[b]", "[[t]]", "[[t.u]]", "[t.v]", "[a] # c", '["a"]', "['a'.b]"),
    *("[ a . b ]", "[]", "[a", "[[a]", "[a]]", "[a.]", "# c", "", "  ", "\t# é"),
    *("x = 1", "x = 2", "y = 'q'", "z.w = 1", "z.v = 2", "z = {}", "z = { w = 1, v.u = 2 }"),
    *("a.b = 1", "b.c.d = true", '"" = 1', "'k k' = 1", "é = 1", "1 = 2", "1.2 = 3", "-_- = 4"),
    *("p = [1, 'b', [true], {c = 1}]", "p = [\n  1, # c\n\n  2,\n]", "p = [,]", "p = [1,,2]"),
    *('q = """\na\\\n  b"c"""', "q = '''\na'b'''", 'q = """"a""""', "q = 'a\\b'", 'q = "\\x"'),
    *('q = "\\u00e9\\U0001F600\\t"', 'q = "\\ud800"', 'q = "a', "q = a", "q = 'a' b", 'q = "\x7f"'),
    *(
        "r = 0x_1",
        "r = 0xfF",
        "r = 0o7",
        "r = 0b1",
        "r = 1_0",
        "r = 1__0",
        "r = 01",
        "r = +1",
        "r = -0",
    ),
    *("s = 1.5", "s = 1e3", "s = 1.", "s = .5", "s = inf", "s = -nan", "s = 1979-05-27"),
    *(
        "s = 07:32:00",
        "s = 1979-05-27T07:32:00Z",
        "s = 1979-05-27 07:32:00.5",
        "s = tru",
        "u = {a = 1,}",
    ),
    *(
        "u = {a = 1, a = 2}",
        "u = {\na = 1}",
        "t = []",
        "t.u = 1",
        "a = {}",
        "a.b.c = 1",
        "[z]",
        "[z.w]",
    ),
]


def toml_by_python(path: Path) -> str | None:
    try:
        return repr(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError:
        return None


@pytest.mark.parametrize("seed", range(10))
def test_toml_files_are_read_as_tomllib_reads_them(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    texts = list(TOML_LINES) if seed == 0 else []
    for _ in range(200):
        lines = rng.choices(TOML_LINES, k=rng.randrange(1, 6))
        texts.append(rng.choice(["\n", "\r\n"]).join(lines))
    paths = write(tmp_path, texts)
    expected = [toml_by_python(path) for path in paths]
    assert 20 < expected.count(None) < 180, "cases of one kind show nothing"
    for text, wanted, got in zip(texts, expected, dump("toml", *map(str, paths)), strict=True):
        assert (got and repr(toml_by_fields(got))) == wanted, text
        assert not got, "fields behind the last value"


def words_by_python(text: str) -> list[str] | None:
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    return ["words", str(len(words)), *words]


@pytest.mark.parametrize("seed", range(5))
def test_words_are_split_as_shlex_splits_them(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    texts = ["".join(rng.choices("ab  \t\n'\"\\#-=é", k=rng.randrange(16))) for _ in range(300)]
    got = dump("words", *map(str, write(tmp_path, texts)))
    for text, words in zip(texts, got, strict=True):
        assert words == words_by_python(text), text


INI = "[pytest]\ntestpaths = a 'b c'\npython_files =\n  x_*.py\n  *_y.py\naddopts = -k 'a b'\n"
TOML = "[tool.pytest.ini_options]\npython_classes = ['A', 'B']\npythonpath = 'src lib'\n"
NATIVE = "testpaths = ['a b']\naddopts = ['-k', 'a b']\nstrict = true\n"
NATIVES = [
    "",
    "[pytest]\n",
    "[pytest]\n" + NATIVE,
    "[pytest]\npython_files = 'x.py'\n",
    "[x]\n",
    TOML,
]
FILES = {
    "pytest.toml": NATIVES,
    ".pytest.toml": NATIVES,
    "pytest.ini": ["", INI, "[other]\n", "[pytest]\npythonpath = . src\n"],
    ".pytest.ini": ["", INI],
    "pyproject.toml": [
        *("", TOML, "[tool.black]\n", "[project]\nname = 'x'\n", "broken = [\n", "[tool.pytest]\n"),
        *("[tool.pytest]\n" + NATIVE, "[tool.pytest]\nlog_cli = true\n" + TOML),
        "[tool.pytest]\naddopts = '-k x'\n[tool.pytest.ini_options]\n",
    ],
    "tox.ini": ["[tox]\n", INI, "[pytest]\n[pytest]\n"],
    "setup.cfg": ["[metadata]\n", INI.replace("pytest", "tool:pytest")],
    "setup.py": [""],
    "test_a.py": [""],
}
FOLDERS = ["", "a", "a/b", "c"]
ARGUMENTS = ["a", "a/b", "c", "a/test_a.py", "a/b/test_a.py::x", "..", "nowhere", ".", "c/../a", ""]


@pytest.fixture(scope="module")
def pytest_reads() -> Iterator[Callable[..., list[str] | None]]:
    """Asks the pytest under test, in one process for all of this file."""
    command = [runners.PYTHON, str(runners.HERE / "pytest_config.py")]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=runners.environment(),
        text=True,
    )
    assert process.stdin and process.stdout

    def ask(*question: object) -> list[str] | None:
        print(json.dumps(question), file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    assert process.wait() == 0


@pytest.mark.parametrize("seed", range(24))
def test_root_and_values_are_found_as_pytest_finds_them(
    tmp_path: Path, seed: int, pytest_reads: Callable[..., list[str] | None]
) -> None:
    rng = random.Random(seed)
    version = ".".join(map(str, runners.pytest_version()))
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, texts in FILES.items():
            if rng.random() < 0.12:
                (tmp_path / folder / name).write_text(rng.choice(texts))
    for _ in range(5):
        cwd = tmp_path / rng.choice(FOLDERS)
        args = rng.sample(ARGUMENTS, k=rng.choice([0, 1, 1, 2, 3]))
        rootdir = rng.choice(["", "", "", ".", "$PWD_IS_NOT_SET", str(tmp_path)])
        inis = [name for name in FILES if (cwd / name).is_file() and name != "test_a.py"]
        inifile = rng.choice(["", "", *inis])
        expected = pytest_reads(str(cwd), rootdir, inifile, args)
        got = dump("pytest", version, rootdir, inifile, *args, cwd=cwd)
        assert got == [expected], (cwd, rootdir, inifile, args)
