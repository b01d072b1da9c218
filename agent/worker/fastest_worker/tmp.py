"""tmp_path's place: one numbered directory a run, in it one a worker, as under xdist.

Made when a test first asks for it: a run without tmp_path must not push older
runs' directories out.
"""

from __future__ import annotations

import atexit
import inspect
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Optional

from _pytest.pathlib import make_numbered_dir_with_cleanup
from _pytest.tmpdir import get_user

KEEP = 3  # pytest's default for tmp_path_retention_count
LOCK_TIMEOUT_S = 3 * 24 * 3600  # pytest's LOCK_TIMEOUT
# From 9.1 on the caller says who cleans up; before, it was always this.
ASKS = "register" in inspect.signature(make_numbered_dir_with_cleanup).parameters
AT_THE_END: Dict[str, Any] = {"register": atexit.register} if ASKS else {}


def use_shared_base(config: Any, run: str, slot: Optional[int]) -> None:
    """Lets the session's factory find this worker's directory under the run's; the host (slot
    None) has the run's own."""
    factory: Any = getattr(config, "_tmp_path_factory", None)
    if factory is None:  # -p no:tmpdir
        return
    given: Optional[Path] = factory._given_basetemp

    def getbasetemp() -> Path:
        del factory.getbasetemp
        base = given or shared_directory(run)
        if base is not None:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            own = base if slot is None else free_place(base, f"popen-gw{slot}")
            factory._given_basetemp = factory._basetemp = own
            own.mkdir(mode=0o700, exist_ok=True)
        return Path(factory.getbasetemp())

    factory.getbasetemp = getbasetemp


def free_place(base: Path, name: str) -> Path:
    """base/name; where an earlier worker of the slot has been, with our pid behind it."""
    place = base / name
    return base / f"{name}-{os.getpid()}" if place.exists() else place


def shared_directory(run: str) -> Optional[Path]:
    """The run's numbered directory; the first worker makes it and leaves a link for the others.

    None where pytest had better decide: it refuses a directory of another user.
    """
    temproot = Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()).resolve()
    root = temproot / f"pytest-of-{get_user() or 'unknown'}"
    try:
        root.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    if root.stat().st_uid != os.getuid():
        return None
    link = root / f"fastest-{run}"
    if link.is_symlink():
        return Path(os.readlink(link))
    make: Any = make_numbered_dir_with_cleanup
    made = make(
        prefix="pytest-",
        root=root,
        keep=KEEP,
        lock_timeout=LOCK_TIMEOUT_S,
        mode=0o700,
        **AT_THE_END,
    )
    try:
        os.symlink(made, link)
    except FileExistsError:
        shutil.rmtree(made, ignore_errors=True)
        return Path(os.readlink(link))
    atexit.register(remove_link, link, os.getpid())
    return made


def remove_link(link: Path, owner: int) -> None:
    if os.getpid() == owner and link.is_symlink():
        link.unlink()
