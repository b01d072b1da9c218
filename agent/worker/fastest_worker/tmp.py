"""tmp_path's place: one numbered directory a run, in it one a worker, as under xdist."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import Any

from _pytest.pathlib import make_numbered_dir_with_cleanup
from _pytest.tmpdir import get_user

KEEP = 3  # pytest's default for tmp_path_retention_count
LOCK_TIMEOUT_S = 3 * 24 * 3600  # pytest's LOCK_TIMEOUT


def give_basetemp(config: Any, run: str, slot: int) -> None:
    """Sets option.basetemp to this worker's directory under the run's."""
    given = config.option.basetemp
    if given:
        base = Path(os.path.abspath(given))
        base.mkdir(parents=True, exist_ok=True)
    else:
        base = shared_directory(run)
    config.option.basetemp = str(base / f"popen-gw{slot}")


def shared_directory(run: str) -> Path:
    """The run's numbered directory; the first worker makes it and leaves a link for the others."""
    root = Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or temporary_root()).resolve()
    root = root / f"pytest-of-{get_user() or 'unknown'}"
    root.mkdir(mode=0o700, exist_ok=True)
    link = root / f"fastest-{run}"
    try:
        return Path(os.readlink(link))
    except FileNotFoundError:
        pass
    made = make_numbered_dir_with_cleanup(
        prefix="pytest-", root=root, keep=KEEP, lock_timeout=LOCK_TIMEOUT_S, mode=0o700
    )
    try:
        os.symlink(made, link)
    except FileExistsError:
        return Path(os.readlink(link))
    atexit.register(remove_link, link, os.getpid())
    return made


def remove_link(link: Path, owner: int) -> None:
    if os.getpid() == owner and link.is_symlink():
        link.unlink()


def temporary_root() -> str:
    import tempfile

    return tempfile.gettempdir()
