"""What pytest makes of a project's configuration: asked line by line, by the pytest under test.

A line of standard input is JSON, [folder, rootdir, inifile, arguments]; the answer a list of
fields (as config_dump's), or null where pytest refuses.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from pathlib import Path

import pytest
from _pytest.config import UsageError
from _pytest.config.findpaths import determine_setup
from _pytest.outcomes import Failed

VALUES = ["testpaths", "norecursedirs", "python_files", "python_classes", "python_functions"]


def find(cwd: str, rootdir: str, inifile: str, args: list[str]) -> tuple:
    """determine_setup(), whose arguments are the versions' own."""
    wanted = {
        "inifile": inifile or None,
        "args": args,
        "rootdir_cmd_arg": rootdir or None,
        "invocation_dir": Path(cwd),
        "override_ini": None,
    }
    known = inspect.signature(determine_setup).parameters
    return determine_setup(**{name: wanted[name] for name in wanted if name in known})[:3]


def read(cwd: str, rootdir: str, inifile: str, args: list[str]) -> list[str] | None:
    os.chdir("/")  # it reads the configuration that it finds here
    config = pytest.Config.fromdictargs({}, [])
    config._override_ini = ()
    os.chdir(cwd)
    try:
        root, ini, values = find(cwd, rootdir, inifile, args)
        config._inipath = ini
        setattr(config, "_inicfg" if hasattr(config, "_inicfg") else "inicfg", values)
        config._inicache.clear()
        fields = [str(root), str(ini or "")]
        for name in [*VALUES, "pythonpath", "addopts"]:
            items = [] if name == "pythonpath" and name not in values else config.getini(name)
            fields += [name, str(len(items)), *map(str, items)]
        return fields
    except (UsageError, Failed, TypeError):  # TypeError: a value of the wrong type, by pytest 9
        return None
    finally:
        config._ensure_unconfigure()  # ends the output capture that it began


answers = os.fdopen(os.dup(1), "w")
for line in sys.stdin:
    print(json.dumps(read(*json.loads(line))), file=answers, flush=True)
