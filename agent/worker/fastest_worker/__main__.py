"""Started as `python <libdir>/fastest_worker PIPE PAGE` by the agent."""

import os
import sys
import types


def start() -> int:
    """Leaves the interpreter as the `pytest` command would find it, then works."""
    here = os.path.dirname(os.path.abspath(__file__))
    # The console script's own folder stands first on its path; ours must not.
    del sys.path[0]
    sys.path.insert(0, os.path.dirname(here))
    from fastest_worker import work

    del sys.path[0]
    pipe_fd, page_fd = int(sys.argv[1]), int(sys.argv[2])
    # Children of multiprocessing's spawn import __main__ again; there is nothing to import.
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = ["pytest"]
    return work.main(pipe_fd, page_fd)


if __name__ == "__main__":
    sys.exit(start())
