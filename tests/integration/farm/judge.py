"""Whether a farm's run was right: plain pytest's verdict, and nothing done twice in vain."""

from __future__ import annotations

from collections import defaultdict

from farm import DEAD_AFTER_S, Farm, Run
from runners import Ended, differences, read_outcomes

LATE_S = 0.5  # between a coordinator's start as we see it and its own clock's


def outcomes_but_for_crashes(farm: Farm, report: dict, expected: Ended) -> list[str]:
    """Lines about what differs; a killed worker may cost the one test that it ran."""
    ours = read_outcomes(report)
    crashed = {
        test["nodeid"]
        for test in report["tests"]
        if test["outcome"] == "failed" and "crashed" in (test["reason"] or test["longrepr"] or "")
    }
    allowed = len(farm.killed_workers)
    lines = [f"{len(crashed)} tests crashed, {allowed} workers were killed"]
    kept = {test: outcome for test, outcome in ours.items() if test not in crashed}
    wanted = {test: outcome for test, outcome in expected.outcomes.items() if test not in crashed}
    return lines * (len(crashed) > allowed) + differences(wanted, kept)


def right_status(expected: Ended, report: dict) -> int:
    bad = {"failed", "error"} & {test["outcome"] for test in report["tests"]}
    return 1 if bad else expected.status


def lost_workers(run: Run) -> set[int]:
    """Their agents were given up while they had them."""
    lost: set[int] = set()
    held: dict[str, set[int]] = defaultdict(set)
    for event in run.happened():
        if event["event"] == "worker_started":
            held[event["agent"]].add(event["worker_pid"])
        elif event["event"] == "agent_lost":
            lost |= held.pop(event["agent"], set())
    return lost


def kept_by(run: Run) -> set[str]:
    finished = (event for event in run.happened() if event["event"] == "test_finished")
    return {event["nodeid"] for event in finished if event["kept"]}


def needless(farm: Farm) -> list[str]:
    """Executions of tests that had a result already, or ran twice though nothing was lost."""
    lost = set(farm.killed_workers).union(*(lost_workers(run) for run in farm.runs))
    verdict_s: dict[str, float] = {}
    for at, run in enumerate(farm.runs):
        # What a killed coordinator has shown last may not have been written.
        after = [kept_by(other) for other in farm.runs[at + 1 : at + 2]]
        for event in run.happened():
            if event["event"] != "test_finished" or event["kept"]:
                continue
            if all(event["nodeid"] in kept for kept in after):
                # Who is deaf for less than DEAD_AFTER_S hears of it so much later.
                known_s = run.begun_s + event["time_s"] + LATE_S + DEAD_AFTER_S
                verdict_s.setdefault(event["nodeid"], known_s)
    lines = []
    ran: dict[str, list[int]] = defaultdict(list)
    for one in farm.executions():
        if one.pid in lost:
            continue
        ran[one.nodeid].append(one.pid)
        if one.begun_s > verdict_s.get(one.nodeid, one.begun_s):
            lines.append(f"{one.nodeid}: begun with a verdict there")
    if len(farm.runs) == 1:
        lines += [f"{test}: ran in {pids}" for test, pids in ran.items() if len(pids) > 1]
    return lines


def mistimed(farm: Farm) -> list[str]:
    """Tests whose start isn't told by the coordinator's clock, to half the longest round trip."""
    begun: dict[tuple[str, int], list[float]] = defaultdict(list)
    for one in farm.executions():
        begun[one.nodeid, one.pid].append(one.begun_s)
    lines = []
    for run in farm.runs:
        for event in run.happened():
            starts = begun.get((event.get("nodeid"), event.get("worker_pid")))
            if event["event"] != "test_finished" or event["start_s"] is None or not starts:
                continue
            off = min(abs(run.begun_s + event["start_s"] - start) for start in starts)
            if off > LATE_S + DEAD_AFTER_S / 2:
                lines.append(f"{event['nodeid']}: told to have begun {off:g} s off")
    return lines


def assert_right(farm: Farm, status: int, report: dict, expected: Ended) -> None:
    lines = outcomes_but_for_crashes(farm, report, expected)
    if status != right_status(expected, report):
        lines.append(f"exit status {status}")
    if not farm.confirms:
        lines += needless(farm)
    lines += mistimed(farm)
    assert not lines, "\n".join([*lines, farm.said()])
