"""Started as `python <libdir>/fastest_worker PIPE PAGE` by the agent, or as its zygote; as
`combine` by the coordinator."""

import os
import sys
import types


def start() -> int:
    """Leaves the interpreter as the `pytest` command would find it, then works."""
    # The console script's own folder stands first on its path; ours must not.
    del sys.path[0]
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from fastest_worker import work

    if sys.argv[1] == "combine":
        from fastest_worker import combine

        del sys.path[0]
        sys.argv = ["pytest"]
        return combine.main()
    if sys.argv[1] == "zygote":
        from fastest_worker import zygote

        del sys.path[0]
        pipe_fd, page_fd = zygote.serve(int(sys.argv[2]))
    else:
        del sys.path[0]
        pipe_fd, page_fd = int(sys.argv[1]), int(sys.argv[2])
    main_module = types.ModuleType("__main__")
    sys.modules["__main__"] = main_module
    sys.argv = ["pytest"]
    return work.main(pipe_fd, page_fd, main_module)


if __name__ == "__main__":
    sys.exit(start())
