"""fastest-agent as a command: what it can't use is said in one line, with the right exit status."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from live import wait_for
from runners import BIN, PYTHON, environment, fastest_command, write_files

NOBODY = ("--connect", "tcp://127.0.0.1:1", "--retry", "0")
SOCKET = ("--connect", "ipc:///nowhere/socket", "--retry", "0")
REFUSED = [
    ((), "--connect URL is missing"),
    (("--connect", ""), "--connect URL is missing"),
    (("--connect", "tcp://127.0.0.1"), "--connect: tcp://127.0.0.1: not a place such as"),
    (("--connect", "tcp://127.0.0.1:65536"), "not a place such as"),
    (("--connect", "tcp://::1:4177"), "tcp://[IPV6]:PORT"),
    (("--connect", "tcp://127.0.0.1:0"), "port 0 is nobody's"),
    ((*NOBODY, "here"), "here: an agent takes options only"),
    ((*NOBODY, "-n", "0"), '-n: "0" is not accepted: expected a number from 1'),
    ((*NOBODY, "--retry", "-1"), '--retry: "-1" is not accepted'),
    ((*NOBODY, "--root", "nowhere"), "--root nowhere: No such file or directory"),
    ((*NOBODY, "--root", "token"), "--root token: Not a directory"),
    ((*NOBODY, "--python", "nowhere"), "nowhere: no such interpreter"),
    ((*NOBODY, "--python", "bare"), "bare has no pytest: install it there"),
    ((*NOBODY, "--name", ""), "--name: a name has 1 to 128 bytes"),
    ((*NOBODY, "--name", "n" * 129), "this one 129"),
    ((*NOBODY, "--name", "a\x1b[31m"), "without control characters"),
    ((*NOBODY, "--name", "a\x9b"), "without control characters"),
    ((*NOBODY, "--label", "gpu"), "--label gpu: expected KEY=VALUE"),
    ((*NOBODY, "--label", "=1"), "--label =1: expected KEY=VALUE"),
    ((*NOBODY, "--label", "a b=1"), "--label a b=1: expected KEY=VALUE"),
    ((*NOBODY, "--label", "a=\n"), "without control characters"),
    ((*NOBODY, "--label", "a=" + "b" * 2047), "together they may have 2048 bytes"),
    ((*NOBODY, "--tls-key", "token"), "--tls-key: only with --connect tls+tcp://"),
    ((*SOCKET, "--token-file", "token"), "--token-file: ipc:///nowhere/socket needs none"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_files(
        tmp_path_factory.mktemp("agent"),
        {"token": "0123456789abcdef\n", "bare": "#!/bin/sh\necho versions: 3.99.0\n"},
    )
    (place / "token").chmod(0o600)
    (place / "bare").chmod(0o700)
    return place


def agent(
    place: Path, *args: str, token: bool = True, err: int = subprocess.PIPE, **env: str
) -> subprocess.Popen[str]:
    env.setdefault("FASTEST_PYTHON", PYTHON)
    env["PATH"] = f"{place}:{os.environ['PATH']}"
    if token:
        env.setdefault("FASTEST_TOKEN_FILE", "token")
    return subprocess.Popen(
        [str(BIN / "fastest-agent"), *args],
        cwd=place,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=err,
        text=True,
    )


def ends(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status, and the one line that it says."""
    out, err = process.communicate(timeout=60)
    assert out == "" and err.count("\n") == 1 and err.endswith("\n"), out + err
    return process.returncode, err


@pytest.mark.parametrize(("args", "says"), REFUSED)
def test_what_cannot_be_used_is_refused(args: tuple[str, ...], says: str, place: Path) -> None:
    status, line = ends(agent(place, *args))
    assert status == 4 and says in line
    assert "\x1b" not in line and "\x9b" not in line


@pytest.mark.parametrize(
    ("connect", "says"),
    [
        ("tcp://127.0.0.1:1", "nobody answers (Connection refused)"),
        ("tcp://[::1]:1", "nobody answers ("),
        ("tcp://no.such.host.invalid:1", "nobody answers (no such host or address)"),
        ("ipc:///nowhere/socket", "nobody answers ("),
    ],
)
def test_who_is_not_there_is_given_up_at_once_with_retry_0(
    connect: str, says: str, place: Path
) -> None:
    status, line = ends(agent(place, "--connect", connect, "--retry", "0"))
    assert status == 3 and f"{connect}: {says}" in line


def test_it_says_that_it_waits_and_leaves_when_told(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = agent(place, "--connect", f"tcp://127.0.0.1:{port}")
    assert process.stderr
    line = process.stderr.readline()
    assert "nobody answers yet (Connection refused); trying again" in line
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_the_environments_settings_of_other_places_are_no_mistake(place: Path) -> None:
    process = agent(place, *NOBODY, FASTEST_TLS_CERT="nowhere", FASTEST_TLS_KEY="nowhere")
    status, line = ends(process)
    assert status == 3 and "nobody answers" in line
    status, line = ends(agent(place, *SOCKET))
    assert status == 3 and "nobody answers" in line


def run(place: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    write_files(place, {"test_a.py": "def test_a(): pass\n"})
    return subprocess.run(
        fastest_command("--no-history", *args, workers=1),
        cwd=place,
        env=environment(**env),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "args",
    [
        ("--agents", "2"),
        ("--agents-timeout", "5"),
        ("--insecure",),
        ("--dead-after", "5"),
        ("--grace", "5"),
        ("--token-file", "token"),
        ("--tls-ca", "token"),
        ("--listen", "ipc://{place}/socket", "--token-file", "token"),
        ("--listen", "tcp://127.0.0.1:0", "--tls-key", "token"),
    ],
)
def test_a_runs_options_without_effect_are_refused(args: tuple[str, ...], place: Path) -> None:
    ended = run(place, *(arg.format(place=place) for arg in args))
    option = args[-1] if args[-1].startswith("--") else args[-2]
    assert ended.returncode == 4 and ended.stderr.count("\n") == 1, ended.stderr
    assert f"{option}: only with --listen" in ended.stderr


def test_the_same_from_environment_and_file_serves_other_runs(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"pyproject.toml": '[tool.fastest]\nagents = 2\ninsecure = true\ntls-ca = "ca.pem"\n'},
    )
    env = {"FASTEST_TOKEN_FILE": "nowhere", "FASTEST_GRACE": "5", "FASTEST_TLS_CERT": "nowhere"}
    ended = run(tmp_path, **env)
    assert ended.returncode == 0 and ended.stderr == "", ended.stdout + ended.stderr


def test_what_lies_where_a_run_wants_to_listen_stays(place: Path) -> None:
    ended = run(place, "--listen", f"ipc://{place}/token")
    assert ended.returncode == 4
    assert "there is something, and it is no socket" in ended.stderr
    assert (place / "token").read_text() == "0123456789abcdef\n"


def test_an_agent_comes_by_ipv6_and_tells_its_terminal(place: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    out = place / "out"
    with open(out, "w") as file:
        process = subprocess.Popen(
            fastest_command("--listen", "tcp://[::1]:0", "--agents", "1", "-p", "no:x", workers=0),
            cwd=write_files(place, {"test_a.py": "def test_a(): pass\n"}),
            env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
            stdout=file,
            stderr=file,
        )
    try:
        wait_for("its place", lambda: "listening at tcp://[::1]:" in out.read_text())
        url = out.read_text().split()[2].rstrip(",")
        ours, its = os.openpty()
        joins = agent(place, "--connect", url, "--once", "-n", "1", token=False, err=its)
        assert joins.wait(timeout=60) == 0 and process.wait(timeout=60) == 0, out.read_text()
        said = os.read(ours, 4096).decode()
        os.close(ours)
        os.close(its)
        assert re.search(r"info: takes part in run \w{8} with 1 worker, from gw0 on\r\n", said)
        assert said.endswith("info: the run is over\r\n"), said
    finally:
        process.kill()
        process.wait()
