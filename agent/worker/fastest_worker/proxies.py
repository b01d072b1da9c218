"""The hooks of a path, looked up once.

pytest computes which conftest files speak for a path anew for each hook call
of each item. What it finds changes only when a plugin comes or goes, or (from
pytest 8 on) when a directory is opened and gets the conftest files above it.
"""

from __future__ import annotations

from typing import Any, Dict


class Proxies:
    """Remembers a session's hook proxies until a plugin is registered or unregistered."""

    def __init__(self, session: Any) -> None:
        self.generation = 0  # grows when plugins change
        self.known: Dict[Any, Any] = {}
        plugins = session.config.pluginmanager
        for name in ("register", "unregister"):
            setattr(plugins, name, self._announcing(getattr(plugins, name)))
        if hasattr(plugins, "_loadconftestmodules"):
            plugins._loadconftestmodules = self._counting(plugins)
        find, known = session.gethookproxy, self.known

        def gethookproxy(fspath: Any) -> Any:
            proxy = known.get(fspath)
            if proxy is None:
                proxy = find(fspath)  # may import conftest files, which forgets what is known
                known[fspath] = proxy
            return proxy

        session.gethookproxy = gethookproxy

    def _counting(self, plugins: Any) -> Any:
        """Forgets only if a directory is new: pytest asks again and again."""
        load, directories = plugins._loadconftestmodules, plugins._dirpath2confmods

        def loaded(*args: Any, **kwargs: Any) -> Any:
            before = len(directories)
            try:
                return load(*args, **kwargs)
            finally:
                if len(directories) != before:
                    self.generation += 1
                    self.known.clear()

        return loaded

    def _announcing(self, method: Any) -> Any:
        def change(*args: Any, **kwargs: Any) -> Any:
            self.generation += 1
            self.known.clear()
            try:
                return method(*args, **kwargs)
            finally:
                self.generation += 1
                self.known.clear()

        return change
