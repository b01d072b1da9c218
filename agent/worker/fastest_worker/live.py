"""With --capture=no or tee-sys what tests write is shown as it comes, line by line.

The agent reads it from a pipe of its own. A mark there says where a result was sent, so that
a test's output is shown before its result and never on one line with the next test's.
"""

from __future__ import annotations

import fcntl
import os
import sys
from typing import Any

MARK = b"\x1d\x1e\x1f\x1c"  # docs/worker.md
HIGH = 500  # tests close low descriptors

# Tests patch what they like in os.
_fstat, _write = os.fstat, os.write


class Marker:
    """The log under a descriptor that tests don't know."""

    def __init__(self) -> None:
        self.fd = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, HIGH)
        self.is_same = (_fstat(self.fd).st_dev, _fstat(self.fd).st_ino)

    def mark(self) -> None:
        """Nothing where the descriptor was closed, or is another file's by now."""
        try:
            found = _fstat(self.fd)
            if (found.st_dev, found.st_ino) == self.is_same:
                _write(self.fd, MARK)
        except OSError:
            pass


def begin() -> Marker:
    """Before pytest looks at the streams: from now on nothing that is written waits here."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True, write_through=True)
    return Marker()
