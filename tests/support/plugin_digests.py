"""Prints which installed plugins stand around each test, and whether they were read.

A line: module (and class), digest of its file, its hooks, "known" or
"foreign". A foreign one that was read may get an entry in
agent/worker/fastest_worker/transparent.py, and a test.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "agent" / "worker"))
from fastest_worker import known, transparent  # noqa: E402


class Lister:
    """Looks at a configured session and ends it."""

    def __init__(self) -> None:
        self.hooks: dict[str, set[str]] = {}

    def pytest_sessionstart(self, session: Any) -> None:
        for hook in known.BUILTIN:
            for implementation in getattr(session.config.hook, hook).get_hookimpls():
                name = transparent.name_of(implementation)
                if not name.startswith("_pytest.") and implementation.plugin is not self:
                    self.hooks.setdefault(name, set()).add(hook)

    def pytest_collection(self) -> None:
        pytest.exit("seen", returncode=0)


def main() -> int:
    lister = Lister()
    with tempfile.TemporaryDirectory() as empty, contextlib.redirect_stdout(io.StringIO()):
        arguments = ["-p", "no:cacheprovider", "--rootdir", empty, "-c", "/dev/null", *sys.argv[1:]]
        status = int(pytest.main([*arguments, empty], plugins=[lister]))
    for name, hooks in sorted(lister.hooks.items()):
        digest = transparent.digest_of(name.partition(":")[0])
        entry = transparent.TABLE.get(name)
        is_known = entry is not None and digest in entry.digests and hooks <= entry.hooks
        print(name, digest, ",".join(sorted(hooks)), "known" if is_known else "foreign")
    return status


if __name__ == "__main__":
    sys.exit(main())
