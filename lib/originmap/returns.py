"""Returns: what goes back to each township, its own workbook with every mistake marked and a list of them in front.

A slip holds the rows of one township out of one file, never another's. It is a working paper (工作件): its own phone numbers
stand as typed, ID numbers and sheets of accounts are left out.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import pandas as pd

from originmap import vocab
from originmap.archives import source_bytes
from originmap.copies import CopyError, marked_copy
from originmap.corrections import (
    ASKED,
    Ownership,
    correction_list,
    corrections,
    deadline,
    field_names,
    ownership,
    wanted,
)
from originmap.exports import stamp, write_xlsx
from originmap.findings import mask_phone
from originmap.formats import UnreadableFileError
from originmap.headers import column_letter
from originmap.marks import Listing, SlipSheet, column_number
from originmap.rebuilt import rebuilt, sheet_titles
from originmap.rounds import Round
from originmap.slips import (
    ASKED_COLUMNS,
    Origin,
    Slip,
    letters,
    lift,
    meta_rows,
    own_columns,
    row_digest,
    row_key,
)
from originmap.workbooks import RawSheet, read_file

MARKED: Final = (*ASKED, "fixed")
NOBODY: Final = "未定乡镇"
_WIDTHS: Final = (6.0, 26.0, 8.0, 18.0, 12.0, 20.0, 40.0, 28.0, 20.0, 12.0)
_FIGURES: Final = ("number", "size", "lon", "lat", "total")
_CELL: Final = re.compile(r"([A-Z]{1,3})(\d+)")
_FILE_SIGNS: Final = re.compile(r'[<>:"|?*\\/\x00-\x1f]')


@dataclass(frozen=True)
class _File:
    """One file of the inbox as it was read: its bytes, its sheets, and what an earlier slip had put in."""

    name: str
    data: bytes
    unlifted: tuple[RawSheet, ...]
    raw: tuple[RawSheet, ...]
    slip: Slip | None

    @cached_property
    def sheet_mb(self) -> float | None:
        """How large an .xlsx workbook's sheets are unpacked; None for any other file."""
        if not self.data.startswith(b"PK"):
            return None
        with zipfile.ZipFile(BytesIO(self.data)) as package:
            if "xl/workbook.xml" not in package.namelist():
                return None
            sizes = [info.file_size for info in package.infolist() if info.filename.startswith("xl/worksheets/")]
        return sum(sizes) / 2**20


# ---- writing ----


def write_slips(
    round_: Round, folder: Path, *, townships: Sequence[str] | None = None, nested: bool = False
) -> list[Path]:
    """Write a slip for each township and file that has something to mend; return the paths.

    Parameters
    ----------
    round_, folder
        Slips go straight into `folder` as ``<township>_<file>_更正.xlsx``; what nobody can be told becomes a list 未定乡镇.
    townships
        Codes; all by default.
    nested
        Give each township a folder of its own (``desk/``), its whole list 更正清单 beside the slips.
    """
    written: list[Path] = []
    found = corrections(round_)
    for code, name, data in slips(round_, townships=townships):
        town = round_.places.names[code]
        path = folder / town / f"{name}_更正.xlsx" if nested else folder / f"{town}_{name}_更正.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written.append(path)
    lists = [*round_.places.names.items()] if nested else []
    for code, town in [*lists, ("", NOBODY)]:
        table = correction_list(found, code, deadline=deadline(round_) if code else "")
        if table.empty or (townships is not None and code not in townships):
            continue
        path = (folder / town if nested else folder) / f"{town}_更正清单.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        notes = [*stamp(round_)[1:], "工作件，勿外传。"]
        write_xlsx(path, table, title=f"{town}更正清单（{round_.name}）", notes=notes)
        written.append(path)
    return written


def slips(round_: Round, *, townships: Sequence[str] | None = None) -> Iterator[tuple[str, str, bytes]]:
    """Yield township code, a name without its suffix, and the bytes of each slip, by file and township."""
    found, place = corrections(round_, severities=MARKED), ownership(round_)
    taken: set[tuple[str, str]] = set()
    for name, part in found.groupby("file"):
        asked = part.loc[part["severity"].isin(ASKED) & (part["owner"] != ""), "owner"]
        codes = [code for code in sorted(asked.unique()) if townships is None or code in townships]
        file = _opened(round_, str(name)) if codes else None
        for code in codes:
            town = round_.places.names[code]
            stem, number = _stem(str(name), town), 2
            while (code, stem) in taken:
                stem, number = f"{_stem(str(name), town)}({number})", number + 1
            taken.add((code, stem))
            yield code, stem, _made(round_, str(name), file, code, part[part["owner"] == code], place)


def slip_bytes(round_: Round, file: str, township_code: str) -> bytes:
    """Return the slip of one file (its name as in ``round_.files``) for one township; the same bytes each time.

    Raises
    ------
    ValueError
        Nothing in that file is that township's to mend.
    """
    found = corrections(round_, severities=MARKED)
    own = found[(found["file"] == file) & (found["owner"] == township_code)]
    if not own["severity"].isin(ASKED).any():
        msg = f"{file} 里没有要 {round_.places.names.get(township_code, township_code)} 更正的。"
        raise ValueError(msg)
    return _made(round_, file, _opened(round_, file), township_code, own, ownership(round_))


def _stem(name: str, town: str) -> str:
    stem = PurePosixPath(name).name
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", stem)
    stem = _FILE_SIGNS.sub("_", stem).strip(" .")
    return re.sub(rf"^{re.escape(town)}_|_更正(?:\(\d+\))?$", "", stem)[:60] or "表"


def _opened(round_: Round, name: str) -> _File | None:
    """Read a file of the inbox again; None when it cannot be read, or lies in an earlier round."""
    try:
        data = source_bytes(round_.folder, name, round_.rules)
        unlifted, _ = read_file(data, name, round_.rules)
    except (KeyError, UnreadableFileError):
        return None
    raw, slip = lift(unlifted, round_.rules)
    return _File(name, data, tuple(unlifted), tuple(raw), slip)


# ---- what one slip holds ----


def _made(round_: Round, name: str, file: _File | None, code: str, found: pd.DataFrame, place: Ownership) -> bytes:
    town = round_.places.names[code]
    if file is None:
        listing = _listing(round_, name, found, {}, town, ["文件没有读出内容，请按下面的问题处理后重报。"])
        return rebuilt([], listing, meta_rows(_origin(round_, name, None, code, found, {})))
    held = _held(round_, file, code, place)
    whole = all(rows is None for rows in held.values())
    all_there = whole and all(
        kind in ("refused", "slip") or number in held for number, kind in enumerate(_kinds(round_, file))
    )
    titles = dict(zip(held, sheet_titles([file.raw[number].sheet for number in held]), strict=True))
    origin = _origin(round_, name, file, code, found, {} if all_there else _given(round_, file, held))
    sheets = [_sheet(round_, file, number, rows, titles[number], found, origin) for number, rows in held.items()]
    remarks = [] if whole else [f"本文件摘自《{PurePosixPath(name).name}》，只含{town}的行；单元格以本文件为准。"]
    limit = float(round_.rules["returns"]["annotate_mb"])
    if whole and file.sheet_mb is not None and file.sheet_mb <= limit:
        listing = _listing(round_, name, found, {sheet.position: sheet for sheet in sheets}, town, remarks)
        try:
            return marked_copy(file.data, file.raw, sheets, listing, meta_rows(origin))
        except CopyError:
            pass
    if whole:
        remarks = ["原文件不能直接标注，按读到的内容重排成表格，行列不变。"]
    listing = _listing(round_, name, found, {sheet.position: sheet for sheet in sheets}, town, remarks)
    return rebuilt(sheets, listing, meta_rows(origin))


def _kinds(round_: Round, file: _File) -> list[str]:
    kinds = round_.sheets[round_.sheets["file"] == file.name].set_index("sheet")["kind"].to_dict()
    return [str(kinds.get(sheet.sheet, "unrecognised")) for sheet in file.raw]


def _held(round_: Round, file: _File, code: str, place: Ownership) -> dict[int, tuple[int, ...] | None]:
    """Return the sheets that a township's slip holds: None for a whole sheet, else its rows, header and title first."""
    rows = place.rows[place.rows["file"] == file.name]
    sole = rows["owner"].notna().any() and bool((rows["owner"].dropna() == code).all())
    sheets = place.sheets[place.sheets["file"] == file.name].set_index("sheet")
    held: dict[int, tuple[int, ...] | None] = {}
    for number, (sheet, kind) in enumerate(zip(file.raw, _kinds(round_, file), strict=True)):
        if kind in ("refused", "slip"):
            continue
        here = rows[rows["sheet"] == sheet.sheet]
        mine = here["owner"] == code
        author = sheets["author"].get(sheet.sheet)
        if len(here) and mine.all():
            held[number] = None
        elif mine.any():
            end = _header(round_, file.name, sheet.sheet)[1]
            held[number] = (*range(1, end + 1), *sorted(int(row) for row in here.loc[mine, "row"]))
        elif not len(here) and (sole or (author == code and not len(rows))):
            held[number] = None
    return held


def _given(round_: Round, file: _File, held: Mapping[int, tuple[int, ...] | None]) -> dict[int, frozenset[int]]:
    """Return the data rows that a slip was given, by sheet number."""
    return {
        number: frozenset(_data_rows(round_, file.name, file.raw[number]) if rows is None else
                          set(rows) & set(_data_rows(round_, file.name, file.raw[number])))
        for number, rows in held.items()
    }  # fmt: skip


def _skipped(round_: Round, file: str, sheet: str) -> pd.DataFrame:
    return round_.skipped[(round_.skipped["file"] == file) & (round_.skipped["sheet"] == sheet)]


def _header(round_: Round, file: str, sheet: str) -> tuple[int, int]:
    """Return the first and last row of a sheet's header, 0 and 0 where it has none."""
    skipped = _skipped(round_, file, sheet)
    rows = skipped.loc[skipped["reason"] == "header", "row"].tolist()
    if not rows:
        return 0, 0
    end = rows[0]
    while end + 1 in rows:
        end += 1
    return int(rows[0]), int(end)


def _data_rows(round_: Round, file: str, sheet: RawSheet) -> list[int]:
    gone = set(_skipped(round_, file, sheet.sheet)["row"])
    return [row for row in range(1, len(sheet.cells) + 1) if row not in gone]


def _origin(
    round_: Round, name: str, file: _File | None, code: str, found: pd.DataFrame, given: Mapping[int, frozenset[int]]
) -> Origin:
    """Return what a slip will say of itself; `given` is empty when it holds the whole file."""
    sheets = [sheet.sheet for sheet in file.raw] if file else []
    asked = found[found["severity"].isin(ASKED)]
    asked = asked.assign(number=asked["sheet"].map({sheet: number for number, sheet in enumerate(sheets)}))
    earlier = file.slip.origin if file and file.slip else None
    return Origin(
        file=name,
        sha256=letters(file.data) if file else "",
        ancestors=earlier.generations if earlier else (),
        township_code=code,
        round=round_.name,
        sheets=tuple(sheets),
        rows=dict(given) if given else None,
        asked=asked[ASKED_COLUMNS].astype({"number": "Int64"}),
    )


def _sheet(
    round_: Round, file: _File, number: int, rows: tuple[int, ...] | None, title: str, found: pd.DataFrame, origin: Origin
) -> SlipSheet:  # fmt: skip
    raw = file.raw[number]
    place = {row: at for at, row in enumerate(rows, start=1)} if rows is not None else None
    own_start, own = own_columns(file.unlifted[number], round_.rules)
    filled = [column for column in range(raw.cells.shape[1]) if any(cell is not None for cell in raw.cells[:, column])]
    start, end = _header(round_, file.name, raw.sheet)
    data = _data_rows(round_, file.name, raw)
    here = found[found["sheet"] == raw.sheet]
    marks, notes = _marks(round_, here, raw, place, end)
    keys = {row if place is None else place[row]: row_key(origin, number, row, row_digest(raw.cells[row - 1]))
            for row in data if place is None or row in place}  # fmt: skip
    columns = round_.columns[(round_.columns["file"] == file.name) & (round_.columns["sheet"] == raw.sheet)]
    figures = columns.loc[columns["field"].isin(_FIGURES) | columns["field"].str.startswith("area:"), "column"]
    return SlipSheet(
        position=number,
        raw=raw,
        title=title,
        rows=rows,
        header=(start, end),
        width=max(filled, default=0) + 1,
        own=tuple(sorted(own)),
        own_start=own_start + 1,
        figures=frozenset(column_number(letter) - 1 for letter in figures),
        keys=keys if end else {},
        marks=marks,
        notes=notes,
    )


def _marks(
    round_: Round, here: pd.DataFrame, raw: RawSheet, place: Mapping[int, int] | None, head: int
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return a sheet's marks, a cell inside a merge marked at its first, and the note beside each row below the header."""
    parsed = here["cell"].str.extract(_CELL)
    here = here.assign(column=parsed[0].map(column_number, na_action="ignore"), at=pd.to_numeric(parsed[1]))
    here = here[here["column"].notna()].astype({"column": int, "at": int})
    here = here.assign(text=_said(round_, here), line=here["at"])
    # A row's gravest mistake comes first.
    gravity = here["severity"].map(list(MARKED).index)
    here = here.assign(gravity=gravity).sort_values(["line", "gravity", "column"], kind="stable")
    merges = np.array(raw.merges or [(-1, -1, -1, -1)]) + 1
    for index, row, column in zip(here.index, here["at"], here["column"], strict=True):
        inside = (merges[:, 0] <= row) & (row <= merges[:, 2]) & (merges[:, 1] <= column) & (column <= merges[:, 3])
        if inside.any():
            here.loc[index, ["at", "column"]] = merges[inside][0, :2]
    if place is not None:
        own = here["line"].map(place)
        here = here.assign(line=own, at=here["at"].map(place).fillna(own))[own.notna()]
    marks = here[["at", "column", "severity", "text"]].rename(columns={"at": "row"}).astype({"row": int, "column": int})
    notes = {
        int(row): "\n".join(f"{count}. {text}" for count, text in enumerate(dict.fromkeys(part["text"]), start=1))
        for row, part in here[here["line"] > head].groupby("line")
    }
    return marks, notes


def _said(round_: Round, found: pd.DataFrame) -> pd.Series:
    """Return each finding as one line for the row that it stands in."""
    severity = found["severity"].map(vocab.codes("severity")).astype("str")
    field, right = field_names(found), wanted(round_, found)
    texts = [
        f"【{how}】{what}{'（' + cell + '）' if cell else ''}：{message}" + (f"。应填：{fill}" if fill else "")
        for how, what, cell, message, fill in zip(severity, field, found["cell"], found["message"], right, strict=True)
    ]
    return pd.Series(texts, index=found.index, dtype="str")


def _listing(
    round_: Round, name: str, found: pd.DataFrame, sheets: Mapping[int, SlipSheet], town: str, remarks: Sequence[str]
) -> Listing:
    """Return the slip's first sheet: everything to be mended, each with a link to its cell in this workbook."""
    by_name = {sheet.raw.sheet: sheet for sheet in sheets.values()}
    order = {sheet: at for at, sheet in enumerate(by_name)}
    asked = found[found["severity"].isin(ASKED)]
    asked = (
        asked.assign(at=asked["sheet"].map(order)).sort_values(["at", "sheet", "row"], kind="stable").drop(columns="at")
    )
    cells, links, values = [], [], []
    for item in asked.to_dict("records"):
        sheet = by_name.get(str(item["sheet"]))
        parsed = _CELL.fullmatch(str(item["cell"]))
        row = int(parsed[2]) if parsed else 0
        place = {old: at for at, old in enumerate(sheet.rows, start=1)} if sheet and sheet.rows is not None else None
        at = row if place is None else place.get(row, 0)
        column = column_number(parsed[1]) if parsed else 0
        there = sheet is not None and at > 0
        cells.append(f"{column_letter(column - 1)}{at}" if there else str(item["cell"]))
        quoted = sheet.title.replace("'", "''") if sheet else ""
        links.append(f"'{quoted}'!{cells[-1]}" if there else "")
        typed = _typed(sheet.raw, row, column) if sheet else None
        # A phone is quoted masked in findings; to its own township it is shown as typed.
        values.append(
            typed if there and typed and (not item["value"] or mask_phone(typed) != typed) else str(item["value"])
        )
    asked["file"] = PurePosixPath(name).name
    shown = correction_list(asked.assign(owner="", cell=cells, value=values), "", deadline=deadline(round_))
    shown["应填"] = wanted(round_, asked).to_numpy()
    shown["问题"] = [
        f"【{vocab.code('severity', how)}】{text}" for how, text in zip(asked["severity"], shown["问题"], strict=True)
    ]
    counts = asked["severity"].value_counts()
    return Listing(
        title=f"{town}更正清单（{round_.name} 批次）",
        lines=[
            "工作件，勿外传。" + ("样例数据：人名、电话、数量均为编造。" if round_.is_sample else ""),
            f"请直接在后面的工作表里改有颜色的格子，{deadline(round_)}前把本文件发回；文件名随意，行可以增删、排序。每行的问题写在该行最后的“问题说明”里。",
            *remarks,
        ],
        table=shown.assign(severity=asked["severity"].to_numpy()),
        links=links,
        total=f"合计 {len(asked)} 处：错误 {counts.get('error', 0)}，存疑 {counts.get('warning', 0)}",
        widths=_WIDTHS,
    )


def _typed(raw: RawSheet, row: int, column: int) -> str | None:
    inside = 0 < row <= len(raw.cells) and 0 < column <= raw.cells.shape[1]
    return None if not inside or raw.cells[row - 1, column - 1] is None else str(raw.cells[row - 1, column - 1])
