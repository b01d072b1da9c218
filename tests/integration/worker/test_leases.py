"""A worker runs exactly what its leases name, and says so in the agreed order."""

from __future__ import annotations

from pathlib import Path

import pytest
from live import wait_for
from runners import write_files
from standin import Worker, worker

SUITE = """
import pytest
def test_a(): pass
@pytest.mark.parametrize("x", [1, 2, 3])
def test_b(x): assert x != 2
class TestC:
    def test_d(self): pass
    def test_e(self): pass
"""
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # pytest-django's fixture is each class's
ALL = ["test_a", "test_b[1]", "test_b[2]", "test_b[3]", "TestC::test_d", "TestC::test_e"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_files(tmp_path, {"test_x.py": SUITE})


def names(found: Worker) -> list[str]:
    return [result["id"].partition("::")[2] for result in found.results()]


def item(name: str, index: int = -1) -> dict:
    return {"kind": "item", "id": f"test_x.py::{name}", "index": index}


def function(name: str) -> dict:
    return {"kind": "function", "id": f"test_x.py::{name}", "index": -1}


def test_a_whole_file_runs_in_pytests_order(project: Path) -> None:
    with worker(project, env=BARE) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        assert names(one) == ALL
        assert [message["items"] for message in one.all("COLLECTED")] == [
            [{"id": f"test_x.py::{name}"} for name in ALL]
        ]
        kinds = [kind for kind, _ in one.messages]
        assert kinds.index("STATE") < kinds.index("COLLECTED") < kinds.index("RESULTS")
        assert kinds[-1] == "BYE"


def test_nothing_runs_before_the_lease_that_was_promised(tmp_path: Path) -> None:
    text = "def test_one(): pass\ndef test_two(): pass\n"
    reverse = "def pytest_collection_modifyitems(items): items.reverse()\n"
    files = {"test_a.py": text, "test_b.py": text, "conftest.py": reverse}
    with worker(write_files(tmp_path, files)) as one:
        one.lease("test_a.py", full=True, more=True)
        one.wait("COLLECTED")
        one.lease("test_b.py", full=True)
        assert one.drain() == 0
        assert [result["id"] for result in one.results()] == [
            "test_b.py::test_two",
            "test_b.py::test_one",
            "test_a.py::test_two",
            "test_a.py::test_one",
        ]


def test_units_run_and_nothing_else(project: Path) -> None:
    with worker(project) as one:
        one.lease("test_x.py", units=[function("TestC::test_e"), item("test_b[3]", 3)])
        one.lease("test_x.py", units=[function("test_b")])
        assert one.drain() == 0
        assert names(one) == ["test_b[3]", "TestC::test_e", "test_b[1]", "test_b[2]", "test_b[3]"]


def test_a_unit_that_is_not_there_is_absent(project: Path) -> None:
    with worker(project) as one:
        one.lease("test_x.py", units=[function("test_no"), function("test_a"), item("test_b[9]")])
        assert one.drain() == 0
        outcomes = {result["id"]: result["outcome"] for result in one.results()}
        assert outcomes == {
            "test_x.py::test_no": "absent",
            "test_x.py::test_b[9]": "absent",
            "test_x.py::test_a": "passed",
        }


def test_an_id_of_another_process_is_found_by_its_index(project: Path) -> None:
    with worker(project) as one:
        one.lease("test_x.py", units=[item("test_b[else]", 2), item("test_a[else]", 1)])
        assert one.drain() == 0
        outcomes = {result["id"]: result["outcome"] for result in one.results()}
        assert outcomes == {
            "test_x.py::test_b[else]": "failed",  # what stands there, under the leased id
            "test_x.py::test_a[else]": "absent",  # another function stands there
        }


def test_brackets_in_a_folders_name_are_no_parameters(tmp_path: Path) -> None:
    write_files(tmp_path, {"a[b]/test_x.py": SUITE})
    with worker(tmp_path) as one:
        one.functions("a[b]/test_x.py", "a[b]/test_x.py::test_b")
        assert one.drain() == 0
        assert names(one) == ["test_b[1]", "test_b[2]", "test_b[3]"]


def test_a_file_is_collected_once_and_told_again_from_memory(project: Path) -> None:
    (project / "test_x.py").write_text(SUITE + "\nopen('opened', 'a').write('x')\n")
    with worker(project) as one:
        one.lease("test_x.py", kind="collect", whole=False)
        digest = one.wait("COLLECTED")["digest"]
        one.lease("test_x.py", kind="collect", whole=False, digest=digest)
        again = one.wait("COLLECTED")
        assert again["same"] and "items" not in again
        one.lease("test_x.py", kind="collect", whole=False, digest="another")
        assert len(one.wait("COLLECTED")["items"]) == len(ALL)
        assert one.drain() == 0
        assert one.results() == []
    assert (project / "opened").read_text() == "x"


def test_confirmation_reports_only_its_target(project: Path) -> None:
    with worker(project) as one:
        units = [item("test_a", 0), item("test_b[1]", 1), item("test_b[2]", 2)]
        one.lease("test_x.py", kind="confirm", units=units, target="test_x.py::test_b[2]")
        assert one.drain() == 0
        assert [(r["id"], r["outcome"]) for r in one.results()] == [
            ("test_x.py::test_b[2]", "failed")
        ]
        assert len(one.all("COLLECTED")) == 1


def test_a_confirmation_without_its_target_is_handed_back(project: Path) -> None:
    with worker(project) as one:
        number = one.lease("test_x.py", kind="confirm", units=[item("t")], target="test_x.py::t")
        revoked = one.wait("REVOKED")
        assert revoked["lease"] == str(number) and revoked["rest"]
        assert one.drain() == 0


def test_what_has_not_started_is_given_back(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import os, time
def test_a():
    open("started", "w").close()
    while not os.path.exists("go"): time.sleep(0.005)
def test_b(): pass
def test_c(): pass
"""
        },
    )
    with worker(tmp_path) as one:
        number = one.lease("test_x.py")
        one.wait("COLLECTED")
        wait_for("the first test", (tmp_path / "started").exists)
        one.send(
            "REVOKE",
            lease=str(number),
            slot=0,
            items=["test_x.py::test_a", "test_x.py::test_b", "test_x.py::none"],
        )
        (tmp_path / "go").touch()
        revoked = one.wait("REVOKED")
        assert set(revoked["items"]) <= {"test_x.py::test_a", "test_x.py::test_b"}
        assert "test_x.py::test_b" in revoked["items"] and not revoked.get("rest")
        assert one.drain() == 0
        ran = set(names(one))
        assert ran | {i.partition("::")[2] for i in revoked["items"]} == {
            "test_a",
            "test_b",
            "test_c",
        }
        assert not ran & {i.partition("::")[2] for i in revoked["items"]}


def test_a_lease_that_is_over_is_revoked_as_a_whole(project: Path) -> None:
    with worker(project) as one:
        number = one.functions("test_x.py", "test_x.py::test_a")
        one.wait("RESULTS")
        one.send("REVOKE", lease=str(number), slot=0, items=["test_x.py::test_a"])
        revoked = one.wait("REVOKED")
        assert revoked["rest"] and not revoked.get("items")
        assert one.drain() == 0


def test_selectors_mean_what_they_mean_to_pytest(project: Path) -> None:
    with worker(project, "test_x.py::TestC", "test_x.py::test_b[2]", "test_x.py::no") as one:
        one.lease("test_x.py", selectors=["TestC", "test_b[2]", "no"])
        collected = one.wait("COLLECTED")
        assert [i["id"].partition("::")[2] for i in collected["items"]] == [
            "TestC::test_d",
            "TestC::test_e",
            "test_b[2]",
        ]
        path = f"{project}/test_x.py::no"
        assert collected["missing"] == ["no"]
        assert collected["missing_text"].startswith(f"ERROR: not found: {path}\n(no ")
        assert one.drain() == 0


def test_what_pytest_deselects_is_told_and_not_run(project: Path) -> None:
    with worker(project, "-k", "not test_b", "--deselect", "test_x.py::TestC::test_d") as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        assert sorted(names(one)) == ["TestC::test_e", "test_a"]
        deselected = one.all("COLLECTED")[0]["deselected"]
        assert sorted(d.partition("::")[2] for d in deselected) == [
            "TestC::test_d",
            "test_b[1]",
            "test_b[2]",
            "test_b[3]",
        ]


def test_class_fixtures_and_unittest_classes_bind_their_tests(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import pytest, unittest
@pytest.fixture(scope="class")
def c(): pass
@pytest.fixture(scope="module")
def m(): pass
class TestBound:
    def test_a(self, c): pass
class TestSetup:
    @classmethod
    def setup_class(cls): pass
    def test_a(self): pass
class TestFree:
    def test_a(self, m): pass
class Unit(unittest.TestCase):
    def test_a(self): pass
def test_free(m): pass
"""
        },
    )
    with worker(tmp_path, env=BARE) as one:
        one.lease("test_x.py", kind="collect", whole=False)
        binds = {i["id"]: i.get("bind") for i in one.wait("COLLECTED")["items"]}
        assert binds == {
            "test_x.py::TestBound::test_a": "test_x.py::TestBound",
            "test_x.py::TestSetup::test_a": "test_x.py::TestSetup",
            "test_x.py::TestFree::test_a": None,
            "test_x.py::Unit::test_a": "test_x.py::Unit",
            "test_x.py::test_free": None,
        }
        assert one.drain() == 0


def test_earlier_files_of_the_same_name_are_imported_first(tmp_path: Path) -> None:
    body = "def test_a(): pass\n"
    write_files(tmp_path, {"a/test_x.py": body, "b/test_x.py": body})
    with worker(tmp_path) as one:
        one.lease("b/test_x.py", earlier=["a/test_x.py"])
        one.lease("a/test_x.py")
        assert one.drain() == 0
        assert [(r["id"], r["outcome"]) for r in one.results()] == [
            ("b/test_x.py", "error"),
            ("a/test_x.py::test_a", "passed"),
        ]
        assert "import file mismatch" in one.result("b/test_x.py")["phases"][0]["longrepr"]


def test_credit_comes_when_the_last_known_test_starts(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "test_x.py": """
import os, time
def test_a(): pass
def test_b():
    while not os.path.exists("go"): time.sleep(0.005)
"""
        },
    )
    with worker(tmp_path) as one:
        assert one.wait("CREDIT")["slot"] == 0  # idle at its start
        one.lease("test_x.py")
        one.wait("CREDIT")  # while test_b runs
        assert one.status()[0] in (1, 2) and not (tmp_path / "go").exists()
        (tmp_path / "go").touch()
        assert one.drain() == 0
        assert len(one.all("CREDIT")) == 2


def test_list_names_the_files_that_pytest_would_collect_and_imports_none(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "conftest.py": "collect_ignore = ['t/test_ignored.py']\n",
            "pytest.ini": "[pytest]\npython_files = test_*.py check_*.py\n",
            "t/test_b.py": "raise ValueError\n",
            "t/check_a.py": "raise ValueError\n",
            "t/test_ignored.py": "",
            "t/test_notes.txt": ">>> 1\n1\n",
            "t/p/__init__.py": "",
            "t/p/test_c.py": "raise ValueError\n",
            "t/build/test_d.py": "",
            "u/test_e.py": "",
        },
    )
    with worker(tmp_path) as one:
        one.send("LIST", lease="7", slot=0, dirs=["t"])
        listed = one.wait("LISTED")
        assert listed["lease"] == "7"
        assert sorted(listed["files"]) == [
            "t/check_a.py",
            "t/p/test_c.py",
            "t/test_b.py",
            "t/test_notes.txt",
        ]
        assert not listed.get("reports")
        one.lease("t/test_b.py")
        assert one.drain() == 0
        assert one.result("t/test_b.py")["outcome"] == "error"


def test_tests_that_share_an_id_all_run_and_the_worst_counts(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "conftest.py": """
def pytest_collection_modifyitems(items):
    for item in items:
        if item.name.startswith("test_same"):
            item._nodeid = "test_x.py::test_same"
""",
            "test_x.py": """
def test_same_1(): open("ran", "a").write("1")
def test_between(): open("ran", "a").write("-")
def test_same_2():
    open("ran", "a").write("2")
    assert 0
def test_same_3(): open("ran", "a").write("3")
""",
        },
    )
    with worker(tmp_path) as one:
        one.lease("test_x.py")
        assert one.drain() == 0
        assert one.result("test_x.py::test_same")["outcome"] == "failed"
        assert len(one.results()) == 2
    assert (tmp_path / "ran").read_text() == "1-23"


GROUPED = """
import pytest

@pytest.mark.xdist_group("g")
def test_a(): pass
def test_b(): pass
@pytest.mark.xdist_group(name="h")
class TestC:
    def test_d(self): pass
class TestE:
    def test_f(self): pass
    def test_g(self): pass
def test_h(): pass
"""


def test_tests_of_a_group_run_only_by_name(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_x.py": GROUPED})
    with worker(tmp_path, config={"groups": True}) as one:
        one.lease("test_x.py")
        one.lease("test_x.py", units=[item("TestC::test_d")])
        assert one.drain() == 0
        assert names(one) == ["test_b", "TestE::test_f", "TestE::test_g", "test_h", "TestC::test_d"]
        items = one.all("COLLECTED")[0]["items"]
        assert [entry.get("group") for entry in items] == ["g", None, "h", None, None, None]


def test_scopes_that_overlap_are_bound_as_one(tmp_path: Path) -> None:
    write_files(
        tmp_path, {"test_x.py": GROUPED, "test_y.py": GROUPED.replace("def test_h", "def h")}
    )
    with worker(tmp_path, config={"scopes": True}) as one:
        one.lease("test_x.py")
        one.lease("test_y.py")
        assert one.drain() == 0
        binds = [
            [item["bind"].rpartition("::")[2] for item in message["items"]]
            for message in one.all("COLLECTED")
        ]
        assert binds == [["test_x.py"] * 6, ["test_y.py", "test_y.py", "TestC", "TestE", "TestE"]]


def test_a_seed_shuffles_the_list_whatever_else_is_collected(tmp_path: Path) -> None:
    write_files(tmp_path, {"test_x.py": GROUPED})
    lists = []
    for seed in ("1", "1", "2"):
        with worker(tmp_path, config={"order_seed": seed}) as one:
            one.lease("test_x.py")
            assert one.drain() == 0
            lists.append(names(one))
            listed = [entry["id"] for entry in one.all("COLLECTED")[0]["items"]]
            assert [nodeid.partition("::")[2] for nodeid in listed] == lists[-1]
    assert lists[0] == lists[1] != lists[2] and sorted(lists[0]) == sorted(lists[2])
