"""Decisions: kept whatever happens, undone by new entries, exchanged and never overwritten."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from originmap import cli, decisions
from originmap.decisions import DecisionsError, Person, Store, Verdict

LIN, CHEN = Person("林一", "种植业股"), Person("陈二", "畜牧股")
ROUNDS = int(os.environ.get("ORIGINMAP_SOAK", "20"))


def moved(lon=118.0, record="r1", why="电话核实", **more):
    return Verdict("point", {"record_id": record}, {"lon": lon, "lat": 25.0}, why, before={"raw": "118.9,25"}, **more)


def at(day):
    return f"2023-03-{day:02d}T09:00:00+08:00"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "decisions.db")


def states(store: Store) -> list[str]:
    return decisions.state(store.entries())["state"].tolist()


def test_nothing_is_created_by_looking(store):
    assert store.entries().empty
    assert decisions.conflicts(store.entries()).empty
    assert decisions.holding(store.entries(), "point").empty
    assert not store.path.exists()


def test_a_decision_says_who_when_what_and_why(store):
    made = store.record(moved(round="2023-03", hint={"label": "林小样"}), by=LIN, at=at(1))
    row = decisions.holding(store.entries(), "point").iloc[0]
    assert row["id"] == made
    assert (row["who"], row["section"], row["at"], row["why"]) == ("林一", "种植业股", at(1), "电话核实")
    assert (row["before"], row["after"]) == ({"raw": "118.9,25"}, {"lon": 118.0, "lat": 25.0})
    assert row["hint"] == {"label": "林小样"}
    assert decisions.holding(store.entries(), "size").empty


def test_undo_is_a_new_entry_and_can_be_undone(store):
    first = store.record(moved(), by=LIN, at=at(1))
    undone = store.undo(first, by=CHEN, why="点错了", at=at(2))
    assert states(store) == ["undone", "undo"]
    assert decisions.holding(store.entries(), "point").empty
    store.undo(undone, by=LIN, why="没点错", at=at(3))
    assert states(store) == ["active", "undone", "undo"]
    assert decisions.holding(store.entries(), "point")["id"].tolist() == [first]


def test_deciding_anew_replaces_only_ones_own(store):
    store.record(moved(118.0), by=LIN, at=at(1))
    store.record(moved(118.1), by=LIN, at=at(2))
    assert states(store) == ["repeated", "active"]
    assert decisions.holding(store.entries(), "point").iloc[0]["after"]["lon"] == 118.1
    store.record(moved(118.2), by=CHEN, at=at(3))
    assert states(store) == ["repeated", "conflict", "conflict"]
    assert decisions.holding(store.entries(), "point").empty
    assert decisions.conflicts(store.entries())["who"].tolist() == ["林一", "陈二"]


def test_a_conflict_ends_when_one_is_undone_or_knowingly_replaced(store):
    first = store.record(moved(118.0), by=LIN, at=at(1))
    second = store.record(moved(118.2), by=CHEN, at=at(2))
    store.undo(first, by=LIN, why="以陈二为准", at=at(3))
    assert decisions.holding(store.entries(), "point")["id"].tolist() == [second]
    third = store.record(moved(118.3, replaces=second), by=LIN, at=at(4))
    assert decisions.holding(store.entries(), "point")["id"].tolist() == [third]
    assert decisions.state(store.entries()).set_index("id")["state"][second] == "replaced"


def test_two_who_agree_do_not_conflict_but_stand_together_against_a_third(store):
    store.record(moved(118.0), by=LIN, at=at(1))
    store.record(moved(118.0), by=CHEN, at=at(2))
    assert states(store) == ["active", "repeated"]
    store.record(moved(118.5), by=Person("王三", "执法队"), at=at(3))
    assert states(store) == ["conflict"] * 3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: Person(" ", "股"), "姓名和科室"),
        (lambda _: Verdict("undo", {"id": "x"}, {}, "why"), "类别"),
        (lambda _: Verdict("point", {"record_id": None}, {}, "why"), "没有对象"),
        (lambda store: store.record(moved(why=" "), by=LIN), "理由"),
        (lambda store: store.record(moved(replaces="nothing"), by=LIN), "无从取代"),
        (lambda store: store.undo("nothing", by=LIN, why="x"), "没有编号"),
    ],
)
def test_a_bad_call_is_one_clear_line_and_saves_nothing(store, make, says):
    with pytest.raises(DecisionsError, match=says):
        make(store)
    assert store.entries().empty


def test_the_store_cannot_be_rewritten(store):
    store.record(moved(), by=LIN)
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        for statement in ("UPDATE decisions SET why = 'x'", "DELETE FROM decisions"):
            with pytest.raises(sqlite3.IntegrityError, match="append only"):
                connection.execute(statement)


def test_a_file_that_is_no_store_is_said_clearly(tmp_path):
    path = tmp_path / "decisions.db"
    path.write_text("not a database, surely not one at all" * 100, encoding="utf-8")
    with pytest.raises(DecisionsError, match="打不开或写不进"):
        Store(path).entries()
    with pytest.raises(DecisionsError, match="打不开或写不进"):
        Store(tmp_path / "nowhere" / "decisions.db").record(moved(), by=LIN)


def test_a_newer_store_is_not_touched(store):
    store.record(moved(), by=LIN)
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(DecisionsError, match="更新的版本"):
        store.record(moved(), by=LIN)


def test_an_export_merges_once_and_the_same_everywhere(tmp_path, store):
    other = Store(tmp_path / "other.db")
    store.record(moved(118.0, why="=HYPERLINK(1)"), by=LIN, at=at(1))
    undone = other.record(moved(118.2), by=CHEN, at=at(2))
    other.undo(undone, by=CHEN, why="误", at=at(3))
    mine, theirs = tmp_path / "mine.xlsx", tmp_path / "theirs.xlsx"
    assert (store.export(mine), other.export(theirs)) == (1, 2)
    assert store.merge(theirs) == (2, 0)
    assert store.merge(theirs) == (0, 2)
    assert other.merge(mine) == (1, 0)
    assert store.entries().equals(other.entries())
    assert states(store) == ["active", "undone", "undo"]
    store.export(mine)
    other.export(theirs)
    assert mine.read_bytes() == theirs.read_bytes()
    sheet = openpyxl.load_workbook(mine)["决定"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}


def test_an_altered_export_is_refused_whole(tmp_path, store):
    store.record(moved(118.0), by=LIN, at=at(1))
    store.record(moved(118.1), by=LIN, at=at(2))
    path = tmp_path / "out.xlsx"
    store.export(path)
    book = openpyxl.load_workbook(path)
    book["决定"]["J3"] = "改过的理由"
    book.save(path)
    fresh = Store(tmp_path / "fresh.db")
    with pytest.raises(DecisionsError, match="第 3 行被改动过"):
        fresh.merge(path)
    assert fresh.entries().empty
    book["决定"]["A1"] = "别的表"
    book.save(path)
    for wrong in (path, tmp_path / "missing.xlsx"):
        with pytest.raises(DecisionsError, match="不是决定的导出文件"):
            fresh.merge(wrong)


def test_the_command_exports_and_merges(tmp_path, capsys):
    ours, theirs = tmp_path / "ours" / "2023-03", tmp_path / "theirs" / "2023-03"
    for folder in (ours, theirs):
        folder.mkdir(parents=True)
    decisions.of_county(ours).record(moved(118.0), by=LIN, at=at(1))
    decisions.of_county(theirs).record(moved(118.2), by=CHEN, at=at(2))
    book = str(tmp_path / "out.xlsx")
    assert cli.main(["decisions", "export", book, "--inbox", str(ours)]) == 0
    assert cli.main(["decisions", "merge", book, "--inbox", str(theirs)]) == 0
    said = capsys.readouterr().out
    assert "1 条决定已写到" in said
    assert "并入 1 条，原已有 0 条。2 条互相矛盾" in said
    assert "林一（种植业股）" in said
    assert "定为 118.200000," in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours", "out.xlsx", "theirs"]
    for arguments in (
        ["export", "out.csv"],
        ["merge", str(tmp_path / "no.xlsx")],
        ["export", book, "--inbox", "nowhere"],
    ):
        assert cli.main(["decisions", *arguments]) == 2
        assert capsys.readouterr().err.startswith("originmap: ")


def test_two_processes_killed_at_random_lose_nothing_that_was_promised(tmp_path):
    """Every id that a process printed was committed; kill -9 may come at any moment. `make soak` runs 200 rounds."""
    store, chance = Store(tmp_path / "decisions.db"), np.random.default_rng(7)
    promised: set[str] = set()
    command = [sys.executable, str(Path(__file__).with_name("decider.py")), str(store.path)]
    for number in range(ROUNDS):
        running = [
            subprocess.Popen([*command, f"{name}{number}"], stdout=subprocess.PIPE, text=True) for name in ("甲", "乙")
        ]
        # Once each has begun, a moment that is never the same.
        begun = [process.stdout.readline() for process in running]
        time.sleep(chance.uniform(0.0, 0.05))
        for process in running:
            process.send_signal(signal.SIGKILL)
        for process, first in zip(running, begun, strict=True):
            said = first + process.communicate()[0]
            promised |= {line for line in said.split("\n") if len(line) == 32}
        kept = set(store.entries()["id"])
        assert promised <= kept
    assert len(promised) >= 2 * ROUNDS
    entries = store.entries()
    assert not entries["id"].duplicated().any()
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    Store(store.path).record(moved(), by=LIN)
