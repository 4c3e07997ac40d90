"""Receipts: what arrived when and as what, which files had arrived at a moment, and the lines that are proposed for new ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

import pandas as pd

from originmap import ledgers
from originmap.cells import Source
from originmap.findings import found
from originmap.notation import narrow
from originmap.places import Places
from originmap.rules import Rules
from originmap.sheets import Inbox

_COUNTYS: Final = ("uploads", "rapid_tests", "planting_area", "receipts", "empty")
COLUMNS: Final = [*ledgers.RECEIPT_COLUMNS, "file", "arrived"]


def read(inbox: Inbox, rules: Rules, places: Places, as_of: datetime) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return the receipts of an inbox with `COLUMNS`, and their findings.

    `file` is the file of the inbox that a line names, empty where there is none; `arrived` tells a confirmed line not after `as_of`.
    """
    source = Source.of([table for table in inbox.tables if table.kind == "receipts"])
    if not len(source.frame):
        empty = pd.DataFrame({name: pd.Series(dtype="str") for name in COLUMNS})
        kinds = {
            "received_at": "datetime64[s]",
            "has_time": "bool",
            "confirmed": "bool",
            "arrived": "bool",
            "stamped": "boolean",
            "source_row": "int64",
        }
        return empty.astype(kinds), []
    frame = ledgers.receipts(source, rules, places)
    files = [str(name) for name in inbox.files["file"]]
    # What came in an archive is registered by the archive's name.
    files += sorted({str(way) for name in files for way in PurePosixPath(name).parents if way.suffix.lower() == ".zip"})
    known = {text: _named(str(text), files) for text in frame["document"].dropna().unique()}
    hits = source.text("document").map(known)
    missing, several = hits.map(lambda hit: hit == []), hits.map(lambda hit: isinstance(hit, list) and len(hit) > 1)
    source.find("receipt_file_missing", missing.astype(bool), "document")
    source.find(
        "receipt_file_ambiguous",
        several.astype(bool),
        "document",
        detail=hits.map(lambda hit: "、".join(hit) if isinstance(hit, list) else "").astype("str"),
    )
    one = {text: hit[0] for text, hit in known.items() if len(hit) == 1}
    frame["file"] = frame["document"].map(one).astype("str").fillna("")
    frame["arrived"] = frame["confirmed"] & (frame["received_at"] <= pd.Timestamp(as_of))
    order = ["source_file", "source_sheet", "source_row"]
    return frame.sort_values(order, kind="stable", ignore_index=True)[COLUMNS], source.findings


def _named(text: str, files: Sequence[str]) -> list[str]:
    """Return the files that a receipt's text may mean: the path itself, else its name, else its name without the ending."""
    clean = narrow(text).replace("\\", "/").lstrip("./").lower()
    forms = {name: narrow(name).lower() for name in files}
    for form in (lambda path: path, lambda path: PurePosixPath(path).name, lambda path: PurePosixPath(path).stem):
        hits = [name for name, path in forms.items() if form(path) == clean]
        if hits:
            return hits
    return []


def not_yet(receipts: pd.DataFrame) -> dict[str, str]:
    """Return ``{file: when it was received}`` of the files whose confirmed receipts all lie after the moment that is looked at."""
    lines = receipts[receipts["confirmed"] & (receipts["file"] != "")]
    waits = lines.groupby("file")["arrived"].any()
    first = lines.groupby("file")["received_at"].min()
    return {str(name): f"{first[name]:%Y-%m-%d %H:%M}" for name in waits.index[~waits]}


def without(inbox: Inbox, later: Mapping[str, str]) -> Inbox:
    """Return an inbox as if the files `later` (``{file: when}``) had not arrived: counted and named, nothing of them used.

    Files in an archive go with it.
    """
    if not later:
        return inbox

    def gone(name: str) -> str:
        return next((when for file, when in later.items() if name == file or name.startswith(f"{file}/")), "")

    files = inbox.files.assign(
        status=[
            ("later" if gone(str(name)) else status)
            for name, status in inbox.files[["file", "status"]].itertuples(index=False)
        ]
    )
    sheets = inbox.sheets[["file", "sheet", "rows_in"]].itertuples(index=False, name=None)
    skipped = [
        (file, sheet, row, "later") for file, sheet, count in sheets if gone(file) for row in range(1, count + 1)
    ]
    kept = inbox.skipped[[not gone(str(name)) for name in inbox.skipped["file"]]]
    names = files.loc[files["status"] == "later", "file"].astype("str")
    at = pd.DataFrame({"file": names, "sheet": "", "row": pd.NA, "cell": ""})
    said = found("arrived_later", at, detail=names.map(gone).astype("str"))
    findings = [part[[not gone(str(name)) for name in part["file"]]] for part in inbox.findings]
    return replace(
        inbox,
        files=files,
        skipped=pd.concat([kept, pd.DataFrame(skipped, columns=kept.columns)], ignore_index=True),
        tables=tuple(table for table in inbox.tables if not gone(table.file)),
        findings=(*findings, said),
        slips=tuple(slip for slip in inbox.slips if not gone(slip.file)),
    )


def first_heard(spoken: pd.DataFrame, receipts: pd.DataFrame) -> pd.DataFrame:
    """Return `township_code, product, received_at`: when the first of each had arrived, read or not; NaT when nobody registered it."""
    lines = receipts[receipts["arrived"] & receipts["township_code"].notna() & receipts["product"].notna()]
    columns = ["township_code", "product", "received_at"]
    every = pd.concat([spoken.loc[spoken["extent"] != "stray", columns], lines[columns]], ignore_index=True)
    return every.groupby(columns[:2], sort=True)["received_at"].min().reset_index()


def proposed(files: pd.DataFrame, receipts: pd.DataFrame, sheets: pd.DataFrame, places: Places) -> pd.DataFrame:
    """Return a line for every file that no receipt names, as it is written into 收件登记: time and 登记人 stay blank for a person.

    Parameters
    ----------
    files, sheets
        A round's own; the county's own tables and files in archives that are named are left out.
    receipts
        The round's receipts.

    Returns
    -------
    Headed 乡镇, 品种, 收到时间, 渠道, 文件, 首报/补报/更正, 全量/增量/无变化/零报告, 盖章件, 登记人.
    """
    named = set(receipts["file"]) - {""}
    # The county's own tables are nobody's report.
    county = sheets["kind"].isin(_COUNTYS) | ((sheets["kind"] == "contacts") & sheets["township_code"].isna())
    wholly = county.groupby(sheets["file"]).all()
    own = set(wholly.index[wholly]) | set(sheets.loc[sheets["kind"] == "receipts", "file"])
    rows = []
    for name in (str(file) for file in files["file"]):
        ways = {name, *(str(path) for path in PurePosixPath(name).parents)}
        if ways & named or name in own:
            continue
        codes = sheets.loc[sheets["file"] == name, "township_code"].dropna().unique()
        hit = places.mentioned([name])
        code = codes[0] if len(codes) == 1 else hit[1] if hit and not len(codes) else None
        slip = (sheets.loc[sheets["file"] == name, "kind"] == "slip").any()
        rows.append((places.names.get(str(code), ""), "", "", "", name, "更正" if slip else "首报", "全量", "", ""))
    return pd.DataFrame(rows, columns=PROPOSED_HEADER, dtype="str")


PROPOSED_HEADER: Final = [
    "乡镇",
    "品种",
    "收到时间",
    "渠道",
    "文件",
    "首报/补报/更正",
    "全量/增量/无变化/零报告",
    "盖章件",
    "登记人",
]
