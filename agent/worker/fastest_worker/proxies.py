"""The hooks of a path, looked up once.

pytest computes which conftest files speak for a path anew for each hook call
of each item. What it finds changes only when a plugin comes or goes.
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
        find, known = session.gethookproxy, self.known

        def gethookproxy(fspath: Any) -> Any:
            proxy = known.get(fspath)
            if proxy is None:
                proxy = find(fspath)  # may import conftest files, which forgets what is known
                known[fspath] = proxy
            return proxy

        session.gethookproxy = gethookproxy

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
