"""Decisions: what people have settled, by whom, when and why, in a store that is only ever added to.

`<county>/decisions.db` is an SQLite file with a rollback journal, synced to the disk before a decision counts as taken: a process killed at
any moment loses nothing that was told to be saved, and two processes write one after the other. A database on a shared drive is not safe,
because locks do not reach across machines: colleagues exchange `export` and `merge` (an .xlsx) instead. Nothing is overwritten or deleted:
undoing is a new entry, and two people who decide differently about one thing are both kept and shown (`conflicts`).
"""

import atexit
import contextlib
import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

KINDS: Final = (
    "point",
    "size",
    "plot",
    "datum",
    "match",
    "proposal_refused",
    "gap_explanation",
    "selection",
    "phone_shown",
    "undo",
)
COLUMNS: Final = [
    "id",
    "kind",
    "round",
    "target",
    "before",
    "after",
    "who",
    "section",
    "at",
    "why",
    "number",
    "replaces",
    "hint",
]
HEADERS: Final[Mapping[str, str]] = {
    "id": "编号",
    "kind": "类别",
    "round": "批次",
    "target": "对象",
    "before": "原来",
    "after": "现定",
    "who": "决定人",
    "section": "科室",
    "at": "时间",
    "why": "理由",
    "number": "本人第几条",
    "replaces": "取代",
    "hint": "线索",
}
VERSION: Final = 1
BUSY_SECONDS: Final = 30.0
_SHEET: Final = "决定"
_LONGEST: Final = 32_000  # of a text: a cell of an .xlsx holds 32,767 signs

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS decisions (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, round TEXT NOT NULL, target TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
  who TEXT NOT NULL, section TEXT NOT NULL, at TEXT NOT NULL, why TEXT NOT NULL, number INTEGER NOT NULL, replaces TEXT NOT NULL,
  hint TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""


class DecisionsError(ValueError):
    """A store, an exchange file or a decision that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Person:
    """Who decides: name and section, both as they are to be read later."""

    name: str
    section: str

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.section.strip():
            msg = "请先写明决定人的姓名和科室。"
            raise DecisionsError(msg)


@dataclass(frozen=True)
class Verdict:
    """One decision as it is to be recorded.

    Attributes
    ----------
    kind
        One of `KINDS` but ``undo``.
    target
        What it is about: `record_id` (point, size, plot, proposal_refused), `file` and `round` (datum), `township_code` and `pair` (match), `township_code`, `product` and
        `round` (gap_explanation). Two decisions of one kind and target are about the same thing.
    after, before
        What holds now and what stood there, as plain values.
    why
        The reason.
    round
        The round that it was taken in.
    hint
        What finds the target again when its id has changed, and what people call it.
    replaces
        The ids of decisions, of anybody, that this one knowingly replaces, joined by spaces.
    """

    kind: str
    target: Mapping[str, Any]
    after: Mapping[str, Any]
    why: str
    before: Mapping[str, Any] = field(default_factory=dict)
    round: str = ""
    hint: Mapping[str, Any] = field(default_factory=dict)
    replaces: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.kind == "undo":
            msg = f"不认识的决定类别 {self.kind!r}；可写：{'、'.join(KINDS[:-1])}。"
            raise DecisionsError(msg)
        if not self.target or any(value in (None, "") for value in self.target.values()):
            msg = f"决定没有对象：{dict(self.target)!r}"
            raise DecisionsError(msg)


@dataclass(frozen=True)
class Store:
    """A county's decisions; the file appears with the first one.

    `path` is ``<county>/decisions.db``, on a disk of this machine.
    """

    path: Path

    def record(self, verdict: Verdict, *, by: Person, at: str | None = None) -> str:
        """Save one decision and return its id; when this returns it is on the disk. `at` is now, if not given (ISO, with time zone).

        Raises
        ------
        DecisionsError
            What it replaces is missing, or the store cannot be written.
        """
        texts = {name: _text(getattr(verdict, name)) for name in ("target", "after", "before", "hint")}
        texts |= {"kind": verdict.kind, "round": verdict.round, "replaces": verdict.replaces}
        return self._add(texts, by, verdict.why, at)

    def undo(self, decision: str, *, by: Person, why: str, at: str | None = None) -> str:
        """Take back a decision (or an earlier undo) by a new entry, whose id is returned."""
        rows = self.entries()
        told = rows[rows["id"] == decision]
        if told.empty:
            msg = f"没有编号为 {decision} 的决定。"
            raise DecisionsError(msg)
        first = told.iloc[0]
        texts = {"kind": "undo", "target": _text({"id": decision}), "before": first["after"], "after": first["before"]}
        return self._add(texts | {"round": first["round"], "hint": first["hint"], "replaces": ""}, by, why, at)

    def entries(self) -> pd.DataFrame:
        """Return every entry ever made, in the order of their time: `COLUMNS`, texts; empty where there is no store."""
        if not self.path.exists():
            return _frame([])
        with self._connected() as connection:
            known = connection.execute("SELECT name FROM sqlite_master WHERE name = 'decisions'").fetchone()
            rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM decisions").fetchall() if known else []  # noqa: S608 -- our own column names
        return _frame(rows)

    def export(self, path: Path) -> int:
        """Write every entry to an .xlsx for a colleague, all as text, and return how many; the same entries give the same bytes."""
        import xlsxwriter

        frame = self.entries()
        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        beside = path.with_name(f"{path.name}.part")
        with xlsxwriter.Workbook(str(beside), options) as book:
            book.set_properties({"created": datetime(2023, 1, 1)})  # noqa: DTZ001 -- a fixed date, for equal bytes
            sheet = book.add_worksheet(_SHEET)
            text = book.add_format({"num_format": "@"})
            for column, name in enumerate(COLUMNS):
                sheet.write_string(0, column, HEADERS[name], text)
                for row, value in enumerate(frame[name], start=1):
                    sheet.write_string(row, column, str(value), text)
            sheet.freeze_panes(1, 0)
        beside.replace(path)
        return len(frame)

    def merge(self, path: Path) -> tuple[int, int]:
        """Add a colleague's exported entries; return how many were new and how many known. Merging again changes nothing.

        Raises
        ------
        DecisionsError
            It is no export of ours, or an entry was altered by hand: nothing is merged then.
        """
        rows = _read_export(path)
        with self._writing() as connection:
            before = connection.execute("SELECT COUNT(*) FROM decisions").fetchone()[0]
            connection.executemany(_INSERT.replace("INSERT", "INSERT OR IGNORE"), rows)
            after = connection.execute("SELECT COUNT(*) FROM decisions").fetchone()[0]
        return after - before, len(rows) - (after - before)

    def _add(self, texts: dict[str, Any], by: Person, why: str, at: str | None) -> str:
        if not why.strip():
            msg = "请写明理由。"
            raise DecisionsError(msg)
        if any(len(str(text)) > _LONGEST for text in (*texts.values(), why)):
            msg = f"决定的内容太长（最多 {_LONGEST} 个字），没有保存。"
            raise DecisionsError(msg)
        moment = at or datetime.now().astimezone().isoformat(timespec="seconds")
        with self._writing() as connection:
            for other in texts["replaces"].split():
                if not connection.execute("SELECT 1 FROM decisions WHERE id = ?", (other,)).fetchone():
                    msg = f"没有编号为 {other} 的决定，无从取代。"
                    raise DecisionsError(msg)
            number = connection.execute(
                "SELECT COALESCE(MAX(number), 0) + 1 FROM decisions WHERE who = ? AND section = ?",
                (by.name, by.section),
            ).fetchone()[0]
            entry = texts | {"who": by.name, "section": by.section, "at": moment, "why": why, "number": number}
            entry["id"] = _id(entry)
            connection.execute(_INSERT, [entry[name] for name in COLUMNS])
        return str(entry["id"])

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA synchronous = EXTRA")  # the journal's removal, too, is on the disk
                if connection.execute("PRAGMA user_version").fetchone()[0] > VERSION:
                    msg = f"决定库 {self.path.name} 由更新的版本写成，请升级后再用。"
                    raise DecisionsError(msg)
                yield connection
        except sqlite3.DatabaseError as error:
            busy = "locked" in str(error) or "busy" in str(error)
            what = "正被别的程序占用，请稍后再试" if busy else f"打不开或写不进（{error}），请检查磁盘，或换上备份"
            msg = f"决定库 {self.path} {what}。"
            raise DecisionsError(msg) from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that holds the write lock; all or nothing is kept."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in _SCHEMA.split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                yield connection
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


_INSERT: Final = f"INSERT INTO decisions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 -- our own column names


def state(entries: pd.DataFrame) -> pd.DataFrame:
    """Return every entry with `state` and whether it `holds`.

    ``undone`` or ``replaced`` by an entry that itself counts; ``repeated`` where its author has decided anew about the same, or another said the
    same before; ``conflict`` where people decide differently about one target: none of them holds; ``undo`` for the taking back itself; else ``active``.
    """
    struck: dict[str, list[tuple[str, str]]] = {}
    for row in entries.to_dict("records"):
        if row["kind"] == "undo":
            struck.setdefault(str(json.loads(row["target"])["id"]), []).append((str(row["id"]), "undone"))
        for other in str(row["replaces"]).split():
            struck.setdefault(other, []).append((str(row["id"]), "replaced"))
    known: dict[str, str] = {}

    def fate(entry: str) -> str:
        # Entries name earlier ones by the hash of their content, so this ends.
        if entry not in known:
            known[entry] = next((how for by, how in struck.get(entry, []) if not fate(by)), "")
        return known[entry]

    states = [
        fate(str(entry)) or ("undo" if kind == "undo" else "active")
        for entry, kind in zip(entries["id"], entries["kind"], strict=True)
    ]
    frame = entries.assign(state=pd.Series(states, index=entries.index, dtype="str"))
    active = frame[frame["state"] == "active"]
    again = active.duplicated(["kind", "target", "who", "section"], keep="last")
    last = active[~again]
    same = last.duplicated(["kind", "target", "after"], keep="first")
    rest = last[~same]
    clash = rest.duplicated(["kind", "target"], keep=False)
    frame.loc[again.index[again], "state"] = "repeated"
    frame.loc[same.index[same], "state"] = "repeated"
    frame.loc[clash.index[clash], "state"] = "conflict"
    # Whoever only agrees with one side stands with it.
    sides = set(zip(rest["kind"][clash], rest["target"][clash], strict=True))
    agreed = last[same]
    beside = [key in sides for key in zip(agreed["kind"], agreed["target"], strict=True)]
    frame.loc[agreed.index[beside], "state"] = "conflict"
    return frame.assign(holds=frame["state"] == "active")


def conflicts(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the entries that contradict one another, those about one target together, in the order of their time."""
    frame = state(entries)
    return frame[frame["state"] == "conflict"].sort_values(["kind", "target", "at", "id"], ignore_index=True)


def holding(entries: pd.DataFrame, *kinds: str) -> pd.DataFrame:
    """Return the entries of `kinds` that hold, with `target, before, after, hint` as plain values."""
    frame = state(entries)
    return plain(frame[frame["holds"] & frame["kind"].isin(kinds)].reset_index(drop=True))


def plain(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the entries with `target, before, after, hint` as plain values, not texts."""
    frame = entries.copy()
    for name in ("target", "before", "after", "hint"):
        frame[name] = pd.Series([json.loads(text) for text in frame[name]], index=frame.index, dtype="object")
    return frame


def of_county(round_folder: Path) -> Store:
    """Return the store that lies beside a round's folder, whether or not it has been begun."""
    return Store(round_folder.resolve().parent / "decisions.db")


def desk(round_folder: Path, *, is_sample: bool) -> Store:
    """Return the store to work in: a county's own; for a sample, a copy in a temporary folder, so that trying things out changes nothing."""
    own = of_county(round_folder)
    if not is_sample:
        return own
    folder = tempfile.mkdtemp(prefix="originmap-decisions-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Store(Path(folder) / own.path.name)
    if own.path.exists():
        with own._connected() as source, copy._connected() as target:  # noqa: SLF001 -- both are stores
            source.backup(target)
    return copy


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _id(entry: Mapping[str, Any]) -> str:
    """Return the hash of an entry's content, author and number: the same entry has the same id in every store."""
    content = [str(entry[name]) for name in COLUMNS if name != "id"]
    return hashlib.sha256("\x1f".join(content).encode()).hexdigest()[:32]


def _frame(rows: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame([list(row) for row in rows], columns=COLUMNS)
    frame = frame.astype(dict.fromkeys([name for name in COLUMNS if name != "number"], "str") | {"number": "int64"})
    moment = pd.to_datetime(frame["at"], utc=True, format="ISO8601")
    order = frame.assign(moment=moment).sort_values(["moment", "number", "id"]).index
    return frame.loc[order].reset_index(drop=True)


def _read_export(path: Path) -> list[list[Any]]:
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            cells = book.get_sheet_by_name(_SHEET).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError) as error:
        msg = f"{path.name} 不是决定的导出文件（{error}）。"
        raise DecisionsError(msg) from error
    if not cells or [str(cell) for cell in cells[0]] != list(HEADERS.values()):
        msg = f"{path.name} 不是决定的导出文件：表头应为 {'、'.join(HEADERS.values())}。"
        raise DecisionsError(msg)
    rows, altered = [], []
    for number, cells_of_row in enumerate(cells[1:], start=2):
        entry: dict[str, Any] = dict(zip(COLUMNS, map(str, cells_of_row), strict=True))
        if _id(entry) != entry["id"] or not entry["number"].isdecimal():
            altered.append(str(number))
        else:
            rows.append([int(entry[name]) if name == "number" else entry[name] for name in COLUMNS])
    if altered:
        msg = f"{path.name} 第 {'、'.join(altered)} 行被改动过，整个文件没有合并；请对方重新导出。"
        raise DecisionsError(msg)
    return rows
