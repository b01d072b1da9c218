"""Holds the includes of all C files against the layers, and CMake's links too.

usage: check_layers.py [ROOT]. Prints one line for each broken rule; exit
status 1 when there is one. Rules:
- a file of a layer includes only its own layer and those in LAYERS;
- each fst_layer line of CMakeLists.txt links exactly what LAYERS allows, and
  each folder with C files under shared, coordinator and agent is a layer;
- a library's header is included only in the layers that FOREIGN names;
- main.c includes nothing of the other program, and nothing includes a main.c;
- a .c file includes its own header first;
- a pure layer includes and calls nothing that reads the world or changes it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# Layer (its folder) -> the layers that it may include and link.
LAYERS: dict[str, tuple[str, ...]] = {
    "shared/base": (),
    "shared/json": ("shared/base",),
    "shared/config": ("shared/base",),
    "shared/checkout": ("shared/base",),
    "shared/proto": ("shared/base", "shared/json"),
    "shared/loop": ("shared/base",),
    "shared/trust": ("shared/base",),
    "shared/net": ("shared/base", "shared/loop", "shared/proto", "shared/trust"),
    "coordinator/discover": ("shared/base", "shared/config"),
    "coordinator/core": ("shared/base", "shared/proto"),
    "coordinator/store": ("shared/base", "coordinator/core"),
    "coordinator/report": ("shared/base", "shared/json", "shared/proto", "coordinator/core"),
    "coordinator/cli": (
        "shared/base",
        "shared/json",
        "shared/config",
        "shared/checkout",
        "shared/proto",
        "shared/loop",
        "shared/trust",
        "shared/net",
        "coordinator/discover",
        "coordinator/core",
        "coordinator/store",
        "coordinator/report",
    ),
    "agent/core": ("shared/base", "shared/proto"),
    "agent/pool": ("shared/base", "shared/loop", "shared/proto"),
    "agent/program": (
        "shared/base",
        "shared/config",
        "shared/checkout",
        "shared/proto",
        "shared/loop",
        "shared/trust",
        "shared/net",
        "agent/core",
        "agent/pool",
    ),
}

# What a library's include begins with -> the only layers that may have it.
FOREIGN: dict[str, tuple[str, ...]] = {
    "cJSON": ("shared/json",),
    "cjson/": ("shared/json",),
    "nng/": ("shared/net",),
    "sqlite3": ("coordinator/store",),
    "mbedtls/": ("shared/trust",),
    "tree_sitter/": ("coordinator/discover", "shared/config"),
    # Others have it through shared/loop/loop.h.
    "uv.h": ("shared/loop",),
    "uv/": ("shared/loop",),
}

# Grammar -> the only layer that may name its entry point.
GRAMMARS = {
    "tree_sitter_python": "coordinator/discover",
    "tree_sitter_toml": "shared/config",
}

PURE = ("coordinator/core", "agent/core")
# C's own headers that can't reach the world, or (stdio, stdlib) hold much else.
PURE_HEADERS = {
    f"{name}.h"
    for name in (
        "ctype errno inttypes limits math stdalign stdarg stdbool stddef stdint stdio stdlib"
        " string uthash utlist"
    ).split()
}
PURE_OWN_FORBIDDEN = {"shared/base/log.h"}
PURE_CALLS = re.compile(
    r"\b(?:\w*getenv|setenv|putenv|system|popen|exit|_exit|atexit|s?rand(?:_r|om)?|[dlm]rand48"
    r"|arc4random|getrandom|time|clock|clock_gettime|gettimeofday|f?open|freopen|fdopen|tmpfile"
    r"|v?f?printf|dprintf|puts|fputs|putchar|fputc|putc|fwrite|fread|fgets|getline|getchar|scanf"
    r"|fscanf|perror|remove|rename|read|write|fst_(?:log|error|warn|info|debug))\s*\("
    r"|\bstd(?:in|out|err)\b"
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>\n]+>|"[^"\n]+")', re.MULTILINE)
LAYER_LINE = re.compile(r"^fst_layer\((\w+)\s+(\S+)\s*([^)]*)\)", re.MULTILINE)
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def layer_of(path: str) -> str | None:
    """The layer of a file or include, a path from the root; None outside."""
    folder = path.rpartition("/")[0]
    return folder if folder in LAYERS else None


def check_cmake(root: Path) -> Iterator[str]:
    """What CMakeLists.txt links against what the table allows."""
    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    lines = LAYER_LINE.findall(text)
    folders = {f"fst_{name}": folder for name, folder, _ in lines}
    for name, folder, links in lines:
        linked = {folders.get(link, link) for link in links.split() if link.startswith("fst_")}
        allowed = set(LAYERS.get(folder, ()))
        if folder not in LAYERS:
            yield f"CMakeLists.txt: {folder}: not a layer of check_layers.py"
        for extra in sorted(linked - allowed):
            yield f"CMakeLists.txt: fst_{name} links {extra}, which {folder} may not use"
        for missing in sorted(allowed - linked):
            yield f"CMakeLists.txt: fst_{name} doesn't link {missing}, which {folder} may use"
    for folder in sorted(set(LAYERS) - set(folders.values())):
        yield f"CMakeLists.txt: no fst_layer line for {folder}"


def check_include(path: str, include: str) -> str | None:
    """What is wrong with an include of the file, or None."""
    if include.endswith("main.c"):
        return "includes a main.c"
    own = layer_of(path)
    target = layer_of(include)
    if target:
        # A program's main.c wires everything of its own side.
        program = path.partition("/")[0]
        if own is None:
            allowed = target.partition("/")[0] in ("shared", program)
        else:
            allowed = target == own or target in LAYERS[own]
        return None if allowed else f"includes {target}"
    for prefix, layers in FOREIGN.items():
        if include.startswith(prefix) and own not in layers:
            return f"includes <{include}>"
    return None


def check_pure(path: str, text: str, includes: list[str]) -> Iterator[str]:
    """The rules of the layers that see the world only through arguments."""
    for include in includes:
        if include in PURE_OWN_FORBIDDEN:
            yield f"{path}: pure, but includes {include}"
        elif layer_of(include) is None and include not in PURE_HEADERS:
            yield f"{path}: pure, but includes <{include}>"
    code = COMMENT_OR_STRING.sub(" ", text)
    for call in PURE_CALLS.finditer(code):
        yield f"{path}: pure, but uses {call.group().rstrip('( ')}"


def check_file(root: Path, file: Path) -> Iterator[str]:
    """All rules on one C file of a layer or program."""
    path = file.relative_to(root).as_posix()
    text = file.read_text(encoding="utf-8")
    includes = [found[1:-1] for found in INCLUDE.findall(text)]
    own = layer_of(path)
    if own is None and file.name != "main.c":
        yield f"{path}: in no layer"
        return
    for include in includes:
        problem = check_include(path, include)
        if problem:
            yield f"{path}: {problem}"
    header = path.removesuffix(".c") + ".h"
    if file.suffix == ".c" and (root / header).exists() and includes[:1] != [header]:
        yield f"{path}: its own header isn't its first include"
    for grammar, layer in GRAMMARS.items():
        if layer != own and re.search(rf"\b{grammar}\b", text):
            yield f"{path}: names {grammar}, which belongs to {layer}"
    if own in PURE:
        yield from check_pure(path, text, includes)


def check(root: Path) -> list[str]:
    """Every broken rule under the root, a line each."""
    problems = list(check_cmake(root))
    for program in ("shared", "coordinator", "agent"):
        for file in sorted((root / program).rglob("*.[ch]")):
            problems += check_file(root, file)
    return problems


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    print("\n".join(problems) or "layers: every include keeps to its layer")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
