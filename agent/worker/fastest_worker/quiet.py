"""What surrounds the call of a test, without pytest's generators and hooks.

Each class does what an implementation of pytest's would do as long as nothing
happens: no warning filters but the configured ones, no output, no log record,
no exception that nobody caught. Whoever uses them looks afterwards whether
something did.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from typing import Any, List, Tuple

from _pytest.capture import FDCapture, SysCapture
from _pytest.logging import catching_logs
from _pytest.warnings import catch_warnings_for_item


class Warnings:
    """`catch_warnings_for_item` for items without marks: the filters are computed once."""

    # Python 3.14 keeps filters in a context of their own.
    usable = hasattr(warnings, "_filters_mutated") and not hasattr(warnings, "_warnings_context")

    def __init__(self, config: Any) -> None:
        self.config = config
        self.key: Any = None  # what the filters were computed from
        self.filters: List[Any] = []
        self.log: List[Any] = []

    def _compute(self, key: Any) -> None:
        with catch_warnings_for_item(self.config, self.config.hook, "runtest", None):
            self.filters = warnings.filters[:]
        self.key = key

    def enter(self) -> Tuple[Any, ...]:
        module: Any = warnings
        key = (module.filters, self.config.getini("filterwarnings"), sys.warnoptions)
        if key != self.key:
            self._compute(tuple(list(part) for part in key))
        saved = (module.filters, module.showwarning, module._showwarnmsg_impl)
        module.filters = self.filters[:]
        module._filters_mutated()
        self.log = log = []
        module._showwarnmsg_impl = log.append
        module.showwarning = module._showwarning_orig
        return saved

    def leave(self, saved: Tuple[Any, ...], item: Any) -> None:
        """Tells what was warned of, as the last act under the filters."""
        module: Any = warnings
        try:
            for message in self.log:
                item.ihook.pytest_warning_recorded.call_historic(
                    kwargs=dict(
                        warning_message=message, nodeid=item.nodeid, when="runtest", location=None
                    )
                )
        finally:
            module.filters, module.showwarning, module._showwarnmsg_impl = saved
            module._filters_mutated()


class Output:
    """The global capture: whether something was written since it was last read."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self._lseek = os.lseek

    def is_known(self) -> bool:
        """Only the methods whose files can be asked; no capture fixture is active."""
        manager = self.manager
        both = manager._global_capturing
        if both is None or manager._capture_fixture is not None:
            return False
        if both.out is None and both.err is None:  # -s
            return True
        return type(both.out) in (FDCapture, SysCapture) and type(both.err) is type(both.out)

    def leave(self) -> bool:
        """Stops capturing; False where the test has broken that: pytest will say how."""
        try:
            self.manager.deactivate_fixture()
            self.manager.suspend_global_capture(in_=False)
        except Exception:
            return False
        return True

    def has_text(self) -> bool:
        """Whether something waits to be read (or can't be asked)."""
        both = self.manager._global_capturing
        if both is None:
            return True
        for capture in (both.out, both.err):
            if capture is None:
                continue
            if type(capture) is FDCapture:
                # To the end: an empty file is left as reading it would leave it.
                try:
                    if self._lseek(capture.tmpfile.fileno(), 0, os.SEEK_END):
                        return True
                except (OSError, ValueError):  # closed by the test
                    return True
            elif capture.tmpfile.closed or capture.tmpfile.getvalue():
                return True
        return False


class Logs:
    """The two handlers of pytest's logging plugin."""

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin
        self.catchers = [
            catching_logs(plugin.caplog_handler, level=plugin.log_level),
            catching_logs(plugin.report_handler, level=plugin.log_level),
        ]

    def enter(self) -> None:
        for catcher in self.catchers:
            catcher.__enter__()
        self.plugin.caplog_handler.reset()
        self.plugin.report_handler.reset()

    def leave(self) -> None:
        for catcher in reversed(self.catchers):
            catcher.__exit__(None, None, None)


class Strays:
    """Exceptions that nobody could catch: of finalizers and of threads."""

    def __init__(self) -> None:
        self.seen: List[Tuple[str, Any]] = []
        self._on_unraisable = self._unraisable
        self._on_thread = self._thread

    def _unraisable(self, args: Any) -> None:
        self.seen.append(("unraisable", args))

    def _thread(self, args: Any) -> None:
        self.seen.append(("thread", args))

    def enter(self) -> Tuple[Any, Any]:
        saved = (threading.excepthook, sys.unraisablehook)
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable
        return saved

    def leave(self, saved: Tuple[Any, Any]) -> None:
        threading.excepthook, sys.unraisablehook = saved


def repeat_stray(kind: str, args: Any) -> None:
    """Tells whoever listens now."""
    if kind == "thread":
        threading.excepthook(args)
    else:
        sys.unraisablehook(args)
