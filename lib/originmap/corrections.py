"""Corrections: whose mistake each finding is, by when it is to be mended, and what should stand there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pandas as pd

from originmap import vocab
from originmap.headings import COLUMNS
from originmap.rounds import Round
from originmap.slips import LIST_HEADER

ASKED: Final = ("error", "warning")
_WEEKDAYS: Final = "一二三四五六日"
# What to fill in where a finding proposes nothing: by rule, else by field.
_WANTED_BY_RULE: Final[Mapping[str, str]] = {
    "duplicate_row": "删去重复的一行；若是另一地块或另一茬，请写明地块、茬次",
    "possible_duplicate": "同一地块只留一行；若是不同地块，请写明地块、茬次",
    "id_number_dropped": "删去身份证号",
    "sheet_refused": "账号密码另行保管，不要随表报送",
    "zero_report_unclear": "写明哪个品种为零",
    "slip_versions_differ": "只报一份",
    "township_differs": "核实此行属于哪个乡镇",
}
_WANTED: Final[Mapping[str, str]] = {
    "township": "本县乡镇名，如 {township}",
    "subject_name": "主体全称",
    "subject_type": "{subject_type}",
    "contact_phone": "11 位手机号，或区号-号码",
    "supervisor_phone": "11 位手机号，或区号-号码",
    "collector_phone": "11 位手机号，或区号-号码",
    "product": "{products}",
    "size": "一个数，如 2.5亩、600只",
    "market_window": "起止时间，如 5月上旬-7月下旬",
    "point": "经度,纬度，六位小数，如 118.186025,25.056310",
    "production_mode": "{production_mode}",
    "trace_methods": "{trace_methods}",
    "credit_grade": "{credit_grade}",
    "collected_on": "如 2023-03-05",
}


@dataclass(frozen=True)
class Ownership:
    """Whose rows and sheets are whose: `rows` has `file, sheet, row, owner`, `sheets` the owner and author of each."""

    rows: pd.DataFrame
    sheets: pd.DataFrame


def corrections(round_: Round, *, severities: Sequence[str] = ASKED) -> pd.DataFrame:
    """Return every error and warning with `subject_name` and the code of its `owner`.

    A finding belongs to the township whose row it is in. A sheet that says whose it is and has mostly that township's rows is
    wholly its author's: a township mistyped in one row does not send the row to somebody else. What stands against no row belongs
    to its sheet's township, else to the one that the file's name tells; the owner is an empty text where nobody is told.
    Files that a returned slip stands for are left out.
    """
    whose = ownership(round_)
    frame = round_.findings[round_.findings["severity"].isin(list(severities))]
    frame = frame[~frame["file"].isin(_superseded_files(round_))]
    names = pd.concat([each[["record_id", "subject_name"]] for each in (round_.records, round_.registry)])
    frame = frame.merge(names.drop_duplicates("record_id"), on="record_id", how="left", validate="m:1")
    frame = frame.merge(whose.rows, on=["file", "sheet", "row"], how="left", validate="m:1")
    frame = frame.merge(
        whose.sheets[["file", "sheet", "sheet_owner"]], on=["file", "sheet"], how="left", validate="m:1"
    )
    hits = {name: round_.places.mentioned([name]) for name in frame["file"].unique()}
    by_name = frame["file"].map({name: hit[1] if hit else None for name, hit in hits.items()}).astype("str")
    known = frame["sheet"].isin([""]) | frame["sheet_owner"].isna()
    owner = frame["owner"].fillna(frame["sheet_owner"]).fillna(by_name.where(known)).fillna("")
    return frame.drop(columns=["sheet_owner"]).assign(owner=owner)


def _superseded_files(round_: Round) -> list[str]:
    """Return the files of which slips have taken every row."""
    gone = round_.superseded.groupby("file")["count"].sum()
    sheets = round_.sheets[round_.sheets["file"].isin(gone.index)]
    left = sheets.groupby("file")[["accepted", "quarantined"]].sum().sum(axis=1)
    return [str(name) for name in gone.index if not left.get(name, 0)]


def ownership(round_: Round) -> Ownership:
    """Return whose each row and each sheet is."""
    columns = ["source_file", "source_sheet", "source_row", "township_code"]
    rows = pd.concat([round_.records[columns], round_.registry[columns]], ignore_index=True)
    rows.columns = pd.Index(["file", "sheet", "row", "owner"])
    rows["row"] = rows["row"].astype("Int64")
    rows = rows.drop_duplicates(["file", "sheet", "row"])
    sheets = round_.sheets[["file", "sheet", "kind", "township_code"]].copy()
    by_sheet = dict(iter(rows.groupby(["file", "sheet"])["owner"]))
    authors, soles = [], []
    for key, code in zip(zip(sheets["file"], sheets["sheet"], strict=True), sheets["township_code"], strict=True):
        owners = by_sheet[key].dropna() if key in by_sheet else pd.Series(dtype="str")
        mostly = not len(owners) or (owners == code).mean() > 0.5
        authors.append(code if isinstance(code, str) and mostly else None)
        soles.append(owners.iat[0] if len(owners.unique()) == 1 else None)
    sheets = sheets.assign(author=pd.Series(authors, index=sheets.index, dtype="str"))
    sheets["sheet_owner"] = sheets["author"].fillna(pd.Series(soles, index=sheets.index, dtype="str"))
    rows = rows.merge(
        sheets[["file", "sheet", "author", "sheet_owner"]], on=["file", "sheet"], how="left", validate="m:1"
    )
    rows["owner"] = rows["author"].fillna(rows["owner"]).fillna(rows["sheet_owner"])
    return Ownership(rows[["file", "sheet", "row", "owner"]], sheets)


def correction_list(found: pd.DataFrame, township_code: str, *, deadline: str = "") -> pd.DataFrame:
    """Return one township's list 更正清单 out of `corrections`, headed in Chinese as it is sent back; "" is nobody's."""
    frame = found[found["owner"] == township_code].reset_index(drop=True)
    place = frame["file"].str.cat(frame["sheet"], sep="/")
    parts = [range(1, len(frame) + 1), place, frame["cell"], frame["subject_name"], field_names(frame), frame["value"],
             frame["message"], frame["proposal"], deadline, ""]  # fmt: skip
    return pd.DataFrame(dict(zip(LIST_HEADER, parts, strict=True)))


def field_names(frame: pd.DataFrame) -> pd.Series:
    """Return the Chinese name of each finding's field, an empty text where it has none."""
    return frame["field"].map({name: vocab.label(name) for name in COLUMNS}).astype("str").fillna("")


def deadline(round_: Round) -> str:
    """Return the day by which slips are to be back, with its weekday: so many days after `as_of` as the rules say.

    >>> from types import SimpleNamespace
    >>> from datetime import datetime
    >>> deadline(SimpleNamespace(as_of=datetime(2023, 3, 31, 23, 59), rules={"returns": {"days": 3}}))
    '2023-04-03（周一）'
    """
    day = round_.as_of.date() + timedelta(days=int(round_.rules["returns"]["days"]))
    return f"{day:%Y-%m-%d}（周{_WEEKDAYS[day.weekday()]}）"


def wanted(round_: Round, found: pd.DataFrame) -> pd.Series:
    """Return what should stand in each cell: the finding's proposal, else what its field asks for."""
    words = {field: "、".join(vocab.codes(field).values()) for field in ("subject_type", "production_mode", "trace_methods", "credit_grade")}  # fmt: skip
    words["products"] = "、".join(product.name for product in round_.rules.products.values())
    words["township"] = next(iter(round_.places.names.values()))
    by_field = found["field"].map({field: text.format(**words) for field, text in _WANTED.items()}).astype("str")
    by_rule = found["rule"].map(dict(_WANTED_BY_RULE)).astype("str")
    proposal = found["proposal"].mask(found["proposal"] == "").astype("str")
    return proposal.fillna(by_rule).fillna(by_field).fillna("")
