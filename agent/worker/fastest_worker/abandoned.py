"""Hook wrappers that a hook call has left open, and when they are closed.

Where a wrapper raises after its yield (under `-W error` pytest's own do: a
thread's exception is a warning), pluggy doesn't resume the ones around it.
They stay suspended, with what they hold in force (`threading.excepthook`,
`sys.unraisablehook`, capture), until the garbage collector closes them:
within any later test, which then loses its own. So plain pytest's outcome
depends on the collector's counters. Here they are closed between tests, the
last one that was entered first, which is what nearly every moment of the
collector amounts to.
"""

from __future__ import annotations

from typing import Any, List


def left_open(traceback: Any) -> List[Any]:
    """The suspended wrappers of the hook calls that the exception has left, outermost first."""
    found: List[Any] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name == "_multicall":
            for entry in frame.f_locals.get("teardowns", ()):
                wrapper = entry[0] if isinstance(entry, tuple) else entry  # pluggy 1.2 to 1.5
                if getattr(wrapper, "gi_frame", None) is not None:
                    found.append(wrapper)
        traceback = traceback.tb_next
    return found


def close(wrappers: List[Any]) -> None:
    while wrappers:
        try:
            wrappers.pop().close()
        except Exception:  # the collector wouldn't tell a test either
            pass
