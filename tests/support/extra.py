"""Plugins of pytest beyond those of the interpreter: unpacked, one folder a package.

FASTEST_TEST_PLUGINS names their folder (default: build/plugins, which tests/run.sh fills).
"""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

import pytest
from runners import HERE, PYTHON, TREES, environment

FOLDER = Path(os.environ.get("FASTEST_TEST_PLUGINS", HERE.parents[1] / "build" / "plugins"))


@functools.lru_cache(maxsize=None)
def _importable(module: str, path: str) -> bool:
    command = [PYTHON, "-c", f"import {module}"]
    env = environment(PYTHONPATH=path)
    return subprocess.run(command, env=env, capture_output=True).returncode == 0


def plugin_env(module: str, *packages: str) -> dict[str, str]:
    """The environment in which pytest loads what `packages` bring; skips where the plugin's
    module can't be imported, and under a pytest that it wasn't made for."""
    if TREES:
        pytest.skip("with PYTEST_TREE no plugins are loaded")
    folders = [FOLDER / f"python3-{name}" / "usr/lib/python3/dist-packages" for name in packages]
    path = os.pathsep.join(str(folder) for folder in folders)
    if not _importable(module, path):
        pytest.skip(f"{module} is not there: packages {', '.join(packages) or module}")
    return {"PYTHONPATH": path} if path else {}
