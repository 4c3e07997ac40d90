"""Exports: frames written for people and programs, the same input always the same bytes.

Text from a sheet is written as text, never as a formula. Growers' phones are masked in everything but a township's own
working papers.
"""

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from originmap import vocab
from originmap.disclosure import SIGN
from originmap.findings import mask_phones
from originmap.reconcile import counts
from originmap.rounds import Round

# XlsxWriter would stamp the clock; any fixed day will do.
_CREATED: Final = datetime(2023, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_FORMULA: Final = r"^[=+\-@\t\r]"
# In characters: one column, one A4 landscape page at 10 points, the least that a column keeps.
MAX_WIDTH: Final = 42
PAGE_WIDTH: Final = 132
MIN_WIDTH: Final = 7
LINE_PT: Final = 13.5
_DEGREES: Final = (vocab.label("lon"), vocab.label("lat"))
_NO_XML: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
# So many rows of a long sheet tell how wide its columns are.
_SAMPLED_ROWS: Final = 400


def masked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return records or registry with growers' phones masked; officials' work phones stay."""
    return frame.assign(contact_phone=mask_phones(frame["contact_phone"]))


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write UTF-8 with BOM for Excel; a text that Excel would take for a formula gets an apostrophe in front."""
    safe = frame.copy()
    for name in safe.columns[[pd.api.types.is_string_dtype(dtype) for dtype in safe.dtypes]]:
        risky = safe[name].str.match(_FORMULA, na=False)
        safe[name] = safe[name].mask(risky, "'" + safe[name])
    safe.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write (Geo)Parquet without the index; growers' phones masked where there are any."""
    kept = masked(frame) if "contact_phone" in frame else frame
    kept.to_parquet(path, index=False)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON for people and programs: UTF-8, indented, keys in the order given."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_xlsx(path: Path, frame: pd.DataFrame, *, title: str, notes: Sequence[str] = (), totals: int = 0) -> None:
    """Write one table as an office prints it: A4 landscape, a title, headers repeated on every page.

    Parameters
    ----------
    path, frame
        Columns are headed by their own names; numbers stay numbers, NA shows as —.
    title
        The line above; `notes` stand below.
    totals
        How many of the last rows are totals, and set bold.
    """
    options = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": title, "created": _CREATED})
        sheet = book.add_worksheet(title[:31].translate(str.maketrans("[]:*?/\\", "（）：＊？／＼")))
        base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter", "border": 1, "text_wrap": True}
        forms: dict[str, Any] = {}

        def form(**properties: object) -> Any:
            key = repr(properties)
            if key not in forms:
                forms[key] = book.add_format(base | properties)
            return forms[key]

        head = form(bold=True, align="center", bg_color="#E8EEF4")
        heading = book.add_format({"font_name": "黑体", "font_size": 16, "align": "center", "valign": "vcenter"})
        note = book.add_format({"font_name": "宋体", "font_size": 9, "font_color": "#555555"})
        top = _write_head(sheet, [str(name) for name in frame.columns], title, head, heading)
        widths = _widths(frame)
        names = [str(name).rpartition("›")[2] for name in frame.columns]
        sheet.set_row(top - 1, LINE_PT * _lines(names, widths) + 2)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        for row, values in enumerate(frame.astype("object").itertuples(index=False), start=top):
            sheet.set_row(row, LINE_PT * _lines(values, widths) + 2)
        for column, name in enumerate(frame.columns):
            places = _decimals(name, pd.to_numeric(frame[name], errors="coerce").dropna())
            digits = "#,##0" + ("." + "0" * places if places else "")
            for row, value in enumerate(frame[name]):
                bold = row >= len(frame) - totals
                if pd.isna(value):
                    sheet.write_string(top + row, column, "—", form(bold=bold, align="center"))
                elif isinstance(value, (int, float, np.integer)) and not isinstance(value, bool):
                    sheet.write_number(top + row, column, float(value), form(bold=bold, num_format=digits))
                else:
                    look = {"align": "center"} if value == SIGN else {}
                    sheet.write_string(top + row, column, str(value), form(bold=bold, **look))
        for row, text in enumerate(notes, start=top + len(frame) + 1):
            sheet.write_string(row, 0, text, note)
        sheet.freeze_panes(top, 0)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.repeat_rows(1, top - 1)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.6, right=0.6, top=0.7, bottom=0.7)
        sheet.set_footer("&C第 &P 页，共 &N 页")


def write_book(path: Path, sheets: Mapping[str, pd.DataFrame], *, notes: Sequence[str] = ()) -> None:
    """Write plain sheets, headed by their columns' names and made to be read by programs too; `notes` have a sheet of their own, NA is a blank cell.

    XlsxWriter makes the book with its heads, the rows are laid into it as they are: of sixty thousand it writes a hundred thousand cells a second.
    """
    base, options = BytesIO(), {"in_memory": True}
    with xlsxwriter.Workbook(base, options) as book:
        book.set_properties({"title": path.stem, "created": _CREATED})
        head = book.add_format({"bold": True, "bg_color": "#E8EEF4", "border": 1})
        for name, frame in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_landscape()
            sheet.set_paper(9)
            sheet.fit_to_pages(1, 0)
            sheet.repeat_rows(0)
            for column, (title, width) in enumerate(zip(frame, _widths(frame.head(_SAMPLED_ROWS)), strict=True)):
                sheet.set_column(column, column, width)
                sheet.write_string(0, column, str(title), head)
        if notes:
            sheet = book.add_worksheet("说明")
            for row, text in enumerate(notes):
                sheet.write_string(row, 0, text)
    rows = {f"xl/worksheets/sheet{at}.xml": frame for at, frame in enumerate(sheets.values(), start=1)}
    with zipfile.ZipFile(base) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            part = source.read(info)
            if info.filename in rows:
                frame = rows[info.filename]
                last = f"A1:{xl_col_to_name(max(len(frame.columns) - 1, 0))}{len(frame) + 1}"
                part = re.sub(rb'(<dimension ref=")[^"]*', rb"\g<1>" + last.encode(), part, count=1)
                part = part.replace(b"</sheetData>", _sheet_rows(frame).encode("utf-8") + b"</sheetData>", 1)
            target.writestr(info, part, zipfile.ZIP_DEFLATED)


def _sheet_rows(frame: pd.DataFrame) -> str:
    """Return the rows of a sheet below its head, from row 2 on: numbers as numbers, all else as text."""
    columns = []
    for at, name in enumerate(frame.columns):
        values, letter = frame[name], xl_col_to_name(at)
        if pd.api.types.is_numeric_dtype(values.dtype):
            cells = [
                "" if pd.isna(value) else f'<c r="{letter}{row}"><v>{value:.16g}</v></c>'
                for row, value in enumerate(values, start=2)
            ]
        else:
            plain = values.astype("str").fillna("").str.replace(_NO_XML, "", regex=True)
            texts = plain.str.replace("&", "&amp;").str.replace("<", "&lt;").str.replace(">", "&gt;")
            cells = [
                f'<c r="{letter}{row}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>' if text else ""
                for row, text in enumerate(texts, start=2)
            ]
        columns.append(cells)
    return "".join(
        f'<row r="{row}">{"".join(cells)}</row>' for row, cells in enumerate(zip(*columns, strict=True), start=2)
    )


def _write_head(sheet: Any, names: Sequence[str], title: str, head: Any, heading: Any) -> int:
    """Write the title and one or two header rows (``group›column``, groups merged); return the first body row."""
    width = len(names)
    if width > 1:
        sheet.merge_range(0, 0, 0, width - 1, title, heading)
    else:
        sheet.write_string(0, 0, title, heading)
    sheet.set_row(0, 30)
    if not any("›" in name for name in names):
        for column, name in enumerate(names):
            sheet.write_string(1, column, name, head)
        return 2
    groups = [name.partition("›")[0] for name in names]
    for column, name in enumerate(names):
        if "›" not in name:
            sheet.merge_range(1, column, 2, column, name, head)
        elif column == 0 or groups[column - 1] != groups[column]:
            last = next((at for at in range(column, width) if groups[at] != groups[column]), width) - 1
            sheet.merge_range(1, column, 1, last, groups[column], head)
        if "›" in name:
            sheet.write_string(2, column, name.partition("›")[2], head)
    return 3


def _bytes(text: str) -> int:
    """Return a text's width in characters of a sheet: a Chinese sign takes two."""
    return len(text.encode("gb18030"))


def _decimals(name: object, figures: pd.Series) -> int:
    """Return how many decimals a column is shown with: degrees six (about 0.1 m), whole numbers none, others two."""
    return 6 if name in _DEGREES else 0 if (figures == figures.round()).all() else 2


def _widths(frame: pd.DataFrame) -> list[float]:
    """Return column widths in characters that fit a landscape page: texts give way and wrap, numbers never do."""
    wanted, least = [], []
    for name in frame.columns:
        figures = pd.to_numeric(frame[name], errors="coerce").dropna()
        number = len(figures) > 0 and frame[name].dtype != "str"
        digits = _decimals(name, figures)
        texts = [f"{value:,.{digits}f}" if number and value != SIGN else str(value) for value in frame[name].dropna()]
        head = _bytes(str(name).rpartition("›")[2])
        longest = max((_bytes(text) for text in texts), default=0)
        wanted.append(float(min(max(head, longest) + 2, MAX_WIDTH)))
        least.append(float(longest + 2) if number else float(MIN_WIDTH))
    limit = float(MAX_WIDTH)
    while limit > MIN_WIDTH and sum(_between(limit, *pair) for pair in zip(least, wanted, strict=True)) > PAGE_WIDTH:
        limit -= 1
    return [_between(limit, *pair) for pair in zip(least, wanted, strict=True)]


def _between(limit: float, least: float, wanted: float) -> float:
    return max(least, min(wanted, limit))


def _lines(values: Sequence[object], widths: Sequence[float]) -> int:
    """Return how many lines a row needs: not every program works that out for itself."""
    return max(1, *(ceil((_bytes(str(value)) + 1) / width) for value, width in zip(values, widths, strict=True)))


def stamp(round_: Round, *, public: bool = False) -> list[str]:
    """Return the lines that stand under every table: what it is of, when, for whom, and whether it is a sample."""
    whom = vocab.code("profile", "public" if public else "internal")
    lines = [f"批次 {round_.name}，数据截至 {round_.as_of:%Y-%m-%d %H:%M}。{whom}。“—”表示没有数据，不是 0。"]
    return [*lines, "样例数据：虚构的县，人名、电话、数量均为编造。"] if round_.is_sample else lines


def summary_table(round_: Round) -> pd.DataFrame:
    """Return the summary by township and product 乡镇×品种汇总: subjects and size, buyers apart, subjects de-duplicated.

    The last row is the county's. Accepted rows only; never 亩 and heads in one figure. NA where a township did not speak of
    a product; 0 only for a zero report or when every row waits for correction.
    """
    counted = counts(round_).set_index(["township_code", "product"])
    whole = counted.groupby(level="product").sum(min_count=1)
    rows = []
    for town, name in [*round_.places.names.items(), ("", "合计")]:
        of = (counted.loc[town] if town else whole).to_dict("index")
        row: dict[str, object] = {"乡镇": name}
        for code, product in round_.rules.products.items():
            what = f"{'面积' if product.kind == 'crop' else '存栏'}({vocab.code('size_unit', product.unit)})"
            row[f"{product.name}›主体数"] = of[code]["subjects"]
            row[f"{product.name}›{what}"] = round(of[code]["size"], 2)
        row["收购商"], row["合计主体(去重)"] = of["buyer"]["subjects"], of[""]["subjects"]
        rows.append(row)
    frame = pd.DataFrame(rows)
    known = [name for name in frame.columns if name.endswith("主体数") or name in ("收购商", "合计主体(去重)")]
    return frame.astype(dict.fromkeys(known, "Int64"))


def check_summary(round_: Round) -> dict[str, Any]:
    """Return what ``summary.json`` says: files, and for every sheet where each of its rows went."""
    reasons = round_.skipped.groupby(["file", "sheet", "reason"]).size()
    sheets = []
    for row in round_.sheets.to_dict("records"):
        here = reasons[
            (reasons.index.get_level_values(0) == row["file"]) & (reasons.index.get_level_values(1) == row["sheet"])
        ]
        why = {str(key[2]): int(count) for key, count in here.items()}
        sheets.append({**row, "skipped_because": why})
    counts = round_.findings["severity"].value_counts()
    return {
        "round": round_.name,
        "as_of": round_.as_of.isoformat(sep=" "),
        "sample": round_.is_sample,
        "findings": {name: int(counts.get(name, 0)) for name in vocab.CODES["severity"]},
        "records": {name: int((round_.records["status"] == name).sum()) for name in vocab.CODES["status"]},
        "files": round_.files.to_dict("records"),
        "sheets": sheets,
    }


def write_check(round_: Round, folder: Path) -> None:
    """Write the files of ``originmap check`` but its slips into an existing folder (contract in the README)."""
    write_csv(folder / "findings.csv", round_.findings)
    write_parquet(folder / "records.parquet", gpd.GeoDataFrame(round_.records))
    write_parquet(folder / "registry.parquet", round_.registry)
    write_parquet(folder / "planting_area.parquet", round_.planting_area)
    write_json(folder / "summary.json", check_summary(round_))
