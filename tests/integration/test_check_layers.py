"""tests/check_layers.py finds each kind of broken rule, and only those."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = ROOT / "tests" / "check_layers.py"


def found(root: Path) -> list[str]:
    """The lines of a check that found something; none when all is well."""
    done = subprocess.run(
        [sys.executable, str(CHECK), str(root)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert done.returncode == (0 if lines[0].startswith("layers: ") else 1)
    return [] if done.returncode == 0 else lines


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with this project's CMake lines and two well-behaved files."""
    (tmp_path / "CMakeLists.txt").write_text((ROOT / "CMakeLists.txt").read_text())
    add(tmp_path, "shared/net/conn.h", '#include <nng/nng.h>\n#include "shared/loop/loop.h"\n')
    add(tmp_path, "shared/net/conn.c", '#include "shared/net/conn.h"\n')
    return tmp_path


def add(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_tree_that_keeps_the_rules_passes(tree: Path) -> None:
    assert found(tree) == []


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("shared/base/a.c", '#include "shared/json/json.h"\n', "includes shared/json"),
        ("coordinator/core/a.c", '#include "shared/net/conn.h"\n', "includes shared/net"),
        ("agent/core/a.c", '#include "coordinator/core/core.h"\n', "includes coordinator/core"),
        ("coordinator/main.c", '#include "agent/core/slots.h"\n', "includes agent/core"),
        ("agent/main.c", '#include "coordinator/main.c"\n', "includes a main.c"),
        ("shared/proto/a.c", "#include <cjson/cJSON.h>\n", "includes <cjson/cJSON.h>"),
        ("shared/loop/a.h", "#  include <nng/nng.h>\n", "includes <nng/nng.h>"),
        ("shared/net/a.c", "#include <uv.h>\n", "includes <uv.h>"),
        ("agent/pool/a.c", "#include <tree_sitter/api.h>\n", "includes <tree_sitter/api.h>"),
        ("shared/config/a.c", "int tree_sitter_python;\n", "names tree_sitter_python"),
        ("coordinator/core/a.c", "#include <unistd.h>\n", "pure, but includes <unistd.h>"),
        ("agent/core/a.h", "#include <time.h>\n", "pure, but includes <time.h>"),
        ("agent/core/a.c", "int f(void)\n{\n    return rand();\n}\n", "pure, but uses rand"),
        ("agent/core/a.c", "void f(void)\n{\n    fopen(0, 0);\n}\n", "pure, but uses fopen"),
        ("coordinator/core/a.c", '#include "shared/base/log.h"\n', "pure, but includes shared/"),
        ("shared/net/conn.c", '#include <stdio.h>\n#include "shared/net/conn.h"\n', "own header"),
        ("shared/extra/a.c", "\n", "in no layer"),
    ],
)
def test_a_broken_rule_is_found(tree: Path, path: str, text: str, problem: str) -> None:
    add(tree, path, text)
    lines = found(tree)
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}: ")
    assert problem in lines[0]


def test_what_comments_and_strings_say_is_not_a_call(tree: Path) -> None:
    add(tree, "agent/core/a.c", '/* never time(NULL) */\nchar *s = "rand()";\n')
    assert found(tree) == []


def test_a_link_that_the_layers_do_not_allow_is_found(tree: Path) -> None:
    cmake = tree / "CMakeLists.txt"
    text = cmake.read_text()
    line = "fst_layer(loop shared/loop fst_base"
    assert line in text
    cmake.write_text(text.replace(line, line + " fst_json"))
    assert found(tree) == [
        "CMakeLists.txt: fst_loop links shared/json, which shared/loop may not use"
    ]


def test_a_link_that_is_missing_is_found(tree: Path) -> None:
    cmake = tree / "CMakeLists.txt"
    cmake.write_text(cmake.read_text().replace("shared/loop fst_base", "shared/loop"))
    assert found(tree) == [
        "CMakeLists.txt: fst_loop doesn't link shared/base, which shared/loop may use"
    ]
