"""What an agent's host has measured with pytest-cov, on its way to the coordinator.

As lines and arcs in JSON, not as coverage's own dump: that is SQL, which whoever reads it runs.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from typing import Any, Callable, Dict, List

LARGEST = 1 << 30  # bytes of JSON


def pack(data: Any) -> str:
    """A coverage.CoverageData as text for the wire."""
    arcs = bool(data.has_arcs())
    contexts: Dict[str, Dict[str, List[Any]]] = {}
    for context in sorted(data.measured_contexts()):
        data.set_query_context(context)
        found = contexts[context] = {}
        for file in data.measured_files():
            lines = data.arcs(file) if arcs else data.lines(file)
            if lines:
                found[file] = list(lines)
    data.set_query_contexts(None)
    files = {file: data.file_tracer(file) or "" for file in data.measured_files()}
    text = json.dumps({"arcs": arcs, "files": files, "contexts": contexts})
    return base64.b64encode(zlib.compress(text.encode())).decode()


def unpack(text: str, moved: Callable[[str], str]) -> Any:
    """The coverage.CoverageData, its files at the paths that `moved` gives. ValueError where the
    text is none of pack()'s."""
    from coverage import CoverageData

    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(base64.b64decode(text, validate=True), LARGEST)
        if reader.unconsumed_tail:
            raise ValueError("it is too large")
        found = json.loads(plain)
        data = CoverageData(no_disk=True)
        add = data.add_arcs if found["arcs"] else data.add_lines
        for context, files in found["contexts"].items():
            data.set_context(context)
            for file, lines in files.items():
                pairs = [tuple(map(int, pair)) for pair in lines] if found["arcs"] else lines
                add({moved(file): pairs})
        for file, tracer in found["files"].items():
            if not found["arcs"]:
                data.add_lines({moved(file): []})
            else:
                data.add_arcs({moved(file): []})
            if tracer:
                data.add_file_tracers({moved(file): tracer})
    except (zlib.error, KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error
    return data


def mover(root: str, home: str) -> Callable[[str], str]:
    """From one checkout's paths to another's; what lies outside stays."""
    root = os.path.join(root, "")

    def moved(path: str) -> str:
        return os.path.join(home, path[len(root) :]) if path.startswith(root) else path

    return moved
