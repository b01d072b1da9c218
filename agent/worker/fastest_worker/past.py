"""What earlier runs say of selection and order, for pytest's own --lf, --ff, --nf and --sw.

The coordinator knows how the tests ended; pytest's plugins read that from the cache while they are
configured. For so long the cache answers with what the coordinator has sent. Nothing is written by
a worker, since several would: the coordinator does, but for --sw, which has one worker.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from _pytest.cacheprovider import Cache

FAILED = "cache/lastfailed"
KNOWN = "cache/nodeids"


class Past:
    """The cache as the run's history has it, until plugins have read it."""

    def __init__(self, config_message: Dict[str, Any]) -> None:
        self.values: Dict[str, Any] = {}
        failed = config_message.get("failed", [])
        if failed:
            self.values[FAILED] = dict.fromkeys(failed, True)
        known = config_message.get("known", [])
        if known:
            self.values[KNOWN] = list(known)
        self.original: Optional[Callable[..., Any]] = None

    def tell(self) -> None:
        if not self.values:
            return
        original, values = Cache.get, self.values
        self.original = original

        def get(cache: Cache, key: str, default: Any) -> Any:
            return values[key] if key in values else original(cache, key, default)

        setattr(Cache, "get", get)

    def withdraw(self) -> None:
        if self.original is not None:
            setattr(Cache, "get", self.original)
            self.original = None


def keep_stepwise(config: Any) -> None:
    """The one worker of --sw keeps where it stopped, as plain pytest does."""
    plugin = config.pluginmanager.get_plugin("stepwiseplugin")
    if plugin is None:
        return
    mark = config.workerinput
    del config.workerinput  # pytest leaves it to xdist's controller
    try:
        plugin.pytest_sessionfinish()
    finally:
        config.workerinput = mark


def leave_cache(config: Any) -> None:
    """The host runs no test: what its plugins would write is not what has happened."""
    for name in ("lfplugin-collwrapper", "lfplugin", "nfplugin", "stepwiseplugin"):
        if config.pluginmanager.has_plugin(name):
            config.pluginmanager.unregister(name=name)


def lines_said(session: Any) -> List[str]:
    """What pytest's terminal prints once all is collected."""
    config = session.config
    answers = config.hook.pytest_report_collectionfinish(
        config=config, start_path=config.invocation_params.dir, items=session.items
    )
    lines: List[str] = []
    for answer in reversed(answers):
        lines.extend([answer] if isinstance(answer, str) else answer)
    return [str(line) for line in lines]
