"""Agents as users have them: another root, folder, user, no HOME, temporary files elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from live import wait_for
from machines import Machines, machines, why_not
from runners import BIN, PYTHON, environment, fastest_command, plain, read_outcomes, write_files

NOBODY = 65534
SAYS = """
import os, pathlib, tempfile, time
import pytest

# Where it runs, relative to the root; the same everywhere.
HERE = pathlib.Path(__file__).parent

@pytest.mark.parametrize("n", range(2))
def test_where(n, tmp_path, request):
    assert os.path.samefile(os.getcwd(), request.config.rootpath / "docs")
    assert (HERE / "data.txt").read_text() == "data"
    assert (tmp_path / "x").write_text("x") == 1
    if "FASTEST_AGENT" not in os.environ:
        return
    gate = pathlib.Path(os.environ["GATE"])
    (gate / ("at-" + os.environ["FASTEST_AGENT"])).write_text(
        f"{os.getuid()} {tempfile.gettempdir()} {os.environ.get('HOME')} {request.config.rootpath}"
    )
    end = time.monotonic() + 30
    while len(list(gate.iterdir())) < 3:  # until each agent has been seen here
        assert time.monotonic() < end
        time.sleep(0.01)

def test_bad(): assert 0
"""
FILES = {
    "pytest.ini": "[pytest]\n",
    "conftest.py": "",
    **{f"part/test_where_{n}.py": SAYS for n in range(6)},
    "part/data.txt": "data",
    "docs/notes.txt": "",
    "other/test_not_asked.py": "def test_x(): pass\n",
}

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture
def open_path() -> Iterator[Path]:
    """Where other users may come to, as pytest's own tmp_path isn't."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


class Places:
    def __init__(self, root: Path, place: Machines, stack: ExitStack) -> None:
        self.root, self.place, self.stack = root, place, stack
        self.gate = root / "gate"
        self.gate.mkdir()
        self.gate.chmod(0o777)
        (root / "bin").mkdir()
        self.agent_program = shutil.copy(BIN / "fastest-agent", root / "bin")
        shutil.copytree(BIN.parent / "lib" / "fastest", root / "lib" / "fastest")

    def spawn(
        self, name: str, command: list[str], cwd: Path, env: dict[str, str], user: int = 0
    ) -> subprocess.Popen[bytes]:
        out = self.stack.enter_context(open(self.root / f"{name}.out", "wb"))
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        process = subprocess.Popen(
            self.place.command(name, [*(as_user if user else []), *command]),
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )

        def end() -> None:
            process.kill()
            process.wait()

        self.stack.callback(end)
        return process

    def said(self) -> str:
        return "\n".join(path.read_text() for path in self.root.glob("*.out"))


def surroundings(**extra: str | None) -> dict[str, str]:
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONDONTWRITEBYTECODE="1")
    for key, value in extra.items():
        env.pop(key, None)
        if value is not None:
            env[key] = value
    return env


def token(path: Path, owner: int) -> str:
    path.write_text("of-the-tests-only-0123456789abcdef\n")
    path.chmod(0o600)
    os.chown(path, owner, owner)
    return str(path)


def test_each_agent_has_its_own_root_user_and_surroundings(open_path: Path) -> None:
    root = open_path
    with ExitStack() as stack:
        place = stack.enter_context(machines("c", "deep", "nobody", "linked", "lacking"))
        one = Places(root, place, stack)
        project = write_files(root / "c" / "project", FILES)
        where = {
            "deep": root / "deep" / "a b" / "ünter" / "checkout",  # relative, with spaces
            "nobody": root / "nobody" / "checkout",
            "linked": root / "linked" / "checkout",
        }
        for path in where.values():
            shutil.copytree(project, path)
        (root / "linked" / "here").symlink_to("checkout")
        for name in ("tmp-c", "tmp-deep", "tmp-nobody", "tmp-linked"):
            (root / name).mkdir()
            (root / name).chmod(0o777)
        gate = {"GATE": str(one.gate)}
        expected = plain(project / "docs", "../part", env=gate)

        report = root / "report.json"
        run = one.spawn(
            "c",
            [
                *fastest_command("--listen", "tcp://10.77.0.1:0", "--insecure", workers=0),
                *("--agents", "3", "--token-file", token(root / "token-c", 0)),
                *("--report-json", str(report), "../part"),
            ],
            project / "docs",
            surroundings(TMPDIR=str(root / "tmp-c"), **gate),
        )
        out = root / "c.out"
        wait_for("its port", lambda: run.poll() is not None or "listening at" in out.read_text())
        url = out.read_text().partition("listening at ")[2].partition("\n")[0].split(",")[0]

        def agent(name: str, cwd: Path, said_root: str | None, user: int = 0, **env: str | None):
            command = [one.agent_program, "--connect", url, "--name", name, "-n", "1", "--once"]
            command += ["--python", PYTHON, "--token-file", token(root / f"token-{name}", user)]
            command += ["--root", said_root] if said_root else []
            env = {"TMPDIR": str(root / f"tmp-{name}"), **gate, **env}
            return one.spawn(name, command, cwd, surroundings(**env), user)

        # It lacks the folder that the run works in, and says so; the others go on.
        lacking = root / "lacking" / "checkout"
        shutil.copytree(project, lacking, ignore=shutil.ignore_patterns("docs"))
        assert agent("lacking", lacking, None).wait(timeout=60) == 4
        assert "the run's working directory, here" in (root / "lacking.out").read_text()

        agents = [
            agent("deep", where["deep"].parent.parent, "ünter/checkout", HOME=None),
            agent("nobody", where["nobody"], None, NOBODY, HOME=None, USER=None, LOGNAME=None),
            agent("linked", root / "linked", "here", HOME="/nowhere/at/all"),
        ]
        status = run.wait(timeout=120)
        assert report.exists(), one.said()
        outcomes = read_outcomes(json.loads(report.read_text()))
        assert outcomes == expected.outcomes, one.said()
        assert status == expected.status == 1
        assert [one.wait(timeout=60) for one in agents] == [0, 0, 0]
        seen = {path.name: path.read_text().split(" ", 3) for path in one.gate.iterdir()}
        assert seen["at-nobody"][0] == str(NOBODY) and seen["at-deep"][0] == "0"
        for name in where:
            assert seen[f"at-{name}"][1] == str(root / f"tmp-{name}")
            assert os.path.samefile(seen[f"at-{name}"][3], where[name])
        assert [seen[f"at-{name}"][2] for name in where] == ["None", "None", "/nowhere/at/all"]
