"""Outgoing: the tables of progress that an office sends, and what each township gets on its desk: whom it is chased for, what it has to upload."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import openpyxl
import pandas as pd
from openpyxl.cell.cell import MergedCell
from openpyxl.packaging.core import DocumentProperties

from originmap import alerts, changes, figures, multiples, printed, progress, uploading, vocab
from originmap.copies import put
from originmap.exports import stamp, write_xlsx
from originmap.headers import MIN_HEADER_FIELDS, words
from originmap.marks import AUTHOR, STAMP, repacked
from originmap.rounds import Round
from originmap.rules import Rules, RulesError

DESK_NOTE: Final = "工作件，勿外传。"
_SEARCHED_ROWS: Final = 20


def write_tables(round_: Round, folder: Path, *, before: Round | None = None) -> list[Path]:
    """Write 进度表 and 上市时间表 (.xlsx and .png), 预警清单, 乡镇排名 and, beside a round before, 批次变化, into an existing folder.

    `before` is the round before, as ``rounds.earlier_rounds`` opens it.
    """
    found = progress.status(round_)
    notes = [progress.sentence(round_, found), *stamp(round_)]
    table = progress.table(round_, found)
    written = [folder / "进度表.xlsx"]
    title = f"重点农产品产地溯源信息报送进度表（{round_.name}）"
    write_xlsx(written[0], table, title=title, notes=notes, totals=1)
    written += printed.save(table, folder / "进度表", title=title, notes=stamp(round_), totals=1)
    market = uploading.market_table(round_)
    title = f"上市时间表（{round_.name}，主体数/面积或存栏）"
    write_xlsx(folder / "上市时间表.xlsx", market, title=title, notes=["空白：该旬没有上市。", *stamp(round_)])
    drawn = market.apply(lambda column: column.str.replace("/", "/\n")) if len(market) else market
    products = market["乡镇"].eq("全县合计").sum()
    written += [folder / "上市时间表.xlsx"]
    written += printed.save(
        drawn, folder / "上市时间表", title=title, notes=stamp(round_), totals=int(products), size=4.8
    )
    changed = changes.changes(before, round_) if before is not None else None
    listed = alerts.alerts(round_, found, changes=changed, before=before)
    names = {code: product.name for code, product in round_.rules.products.items()}
    write_xlsx(
        folder / "预警清单.xlsx", alert_table(listed, names), title=f"预警清单（{round_.name}）", notes=stamp(round_)
    )
    ranked = vocab.shown(progress.ranking(round_, found).drop(columns="township_code"))
    how = "得分为按时率、报齐率、数据采用率的加权平均（权重见 rules.toml）；没有依据的部分记“—”，不计入。"
    write_xlsx(
        folder / "乡镇排名.xlsx", ranked, title=f"乡镇报送情况排名（{round_.name}）", notes=[how, *stamp(round_)]
    )
    written += [folder / "预警清单.xlsx", folder / "乡镇排名.xlsx"]
    if changed is not None and before is not None:
        shown = vocab.shown(changed[changed["change"] != "unchanged"].drop(columns="township_code"), products=names)
        title = f"批次变化（{before.name} → {round_.name}）"
        write_xlsx(
            folder / "批次变化.xlsx", shown, title=title, notes=[_not_compared(before, round_, names), *stamp(round_)]
        )
        written.append(folder / "批次变化.xlsx")
    return written


def write_multiples(round_: Round, folder: Path, *, earlier: Sequence[Round]) -> list[Path]:
    """Write 分批次_<product>.png for every product that two rounds or more have figures of; `earlier` as ``rounds.earlier_rounds`` opens them."""
    line = changes.series([round_, *earlier])
    known = line[line["value"].notna()].groupby("product")["round"].nunique()
    furniture = figures.furniture(round_)
    written: list[Path] = []
    for code, product in round_.rules.products.items():
        if known.get(code, 0) > 1:
            figure = multiples.maps(line, round_.places, round_.rules, furniture, product=code)
            written += figures.save(figure, folder / f"分批次_{product.name}", formats=["png"])
    return written


def alert_table(found: pd.DataFrame, products: dict[str, str]) -> pd.DataFrame:
    """Return alerts for people, headed in Chinese; `since` is the day."""
    since = found["since"].dt.strftime("%Y-%m-%d").astype("str")
    frame = found.assign(since=since, cells=found["cells"].mask(found["cells"] == "")).drop(columns="township_code")
    return vocab.shown(frame, products=products)


def _not_compared(before: Round, after: Round, names: dict[str, str]) -> str:
    said = changes.compared(before, after)
    out = (
        said[said["compared"] == "not_now"]
        .groupby("township", sort=False)["product"]
        .agg(lambda codes: "、".join(names[code] for code in codes))
    )
    listed = "；".join(f"{town}（{what}）" for town, what in out.items())
    return f"本批次没有报、不作比较的：{listed}。" if listed else "上批次报过的品种本批次都有。"


def write_desks(
    round_: Round, folder: Path, *, townships: Sequence[str] | None = None, before: Round | None = None
) -> list[Path]:
    """Write each township's 催办清单 and 平台录入表, with what was left out of it and why, into ``<folder>/<township>/``.

    Parameters
    ----------
    townships
        Codes; all by default.
    before
        The round before, so that vanished and changed subjects are chased too.

    Raises
    ------
    RulesError
        ``progress.upload_template`` names no workbook, or one whose headers are none of ours.
    """
    template = upload_template(round_.rules)
    changed = changes.changes(before, round_) if before is not None else None
    listed = alerts.alerts(round_, changes=changed, before=before)
    notes = [*stamp(round_)[1:], DESK_NOTE]
    sorted_out = uploading.sorted_out(round_)
    written: list[Path] = []
    for code, town in round_.places.names.items():
        if townships is not None and code not in townships:
            continue
        desk = folder / town
        desk.mkdir(parents=True, exist_ok=True)
        chase = alerts.chase_list(round_, listed, code)
        if len(chase):
            write_xlsx(desk / f"{town}_催办清单.xlsx", chase, title=f"{town}催办清单（{round_.name}）", notes=notes)
            written.append(desk / f"{town}_催办清单.xlsx")
        rows = uploading.to_upload(round_, code, rows=sorted_out)
        out = uploading.left_out(round_, code, rows=sorted_out)
        path = desk / f"{town}_平台录入表.xlsx"
        if len(rows) and template is not None:
            path.write_bytes(filled(template, rows, round_.rules))
            written.append(path)
        elif len(rows):
            title = f"{town}国家追溯平台录入表（{round_.name}）"
            write_xlsx(path, uploading.sheet(rows), title=title, notes=[uploading.NOT_A_TEMPLATE, *notes])
            written.append(path)
        if len(out):
            path = desk / f"{town}_未列入平台录入表.xlsx"
            write_xlsx(path, out, title=f"{town}未列入平台录入表的行（{round_.name}）", notes=notes)
            written.append(path)
    return written


def write_proposals(lines: pd.DataFrame, folder: Path) -> Path:
    """Write proposed receipts (as ``receipts.proposed``) into a round's folder as 收件登记（待确认）.xlsx; an older one is kept, the name counts on."""
    path, number = folder / "收件登记（待确认）.xlsx", 2
    while path.exists():
        path, number = folder / f"收件登记（待确认）{number}.xlsx", number + 1
    write_xlsx(path, lines.fillna(""), title="收件登记（待确认）")
    return path


def upload_template(rules: Rules) -> bytes | None:
    """Return the platform's own workbook that the rules name, None where they name none; RulesError where it is not there."""
    name = str(rules["progress"]["upload_template"])
    if not name:
        return None
    path = rules.reference / name
    if not path.is_file():
        raise RulesError(f"找不到平台模板 {name}（progress.upload_template，放在 data/reference 里）。")
    return path.read_bytes()


def filled(template: bytes, rows: pd.DataFrame, rules: Rules) -> bytes:
    """Return a template workbook with `rows` (as ``uploading.to_upload``) under the headers that it has; other columns stay empty.

    The header is the row with most known words; texts are written as texts.

    Raises
    ------
    RulesError
        It is no .xlsx workbook, or no row of it has enough headers of ours.
    """
    try:
        book = openpyxl.load_workbook(BytesIO(template), keep_links=False)
    except Exception as error:
        raise RulesError("平台模板打不开，请换成 .xlsx 工作簿。") from error
    known = words(rules)
    best: tuple[int, Any, int, dict[str, int]] = (0, None, 0, {})
    for sheet in book.worksheets:
        for row in sheet.iter_rows(min_row=1, max_row=_SEARCHED_ROWS):
            fields: dict[str, int] = {}
            person = "contact"
            for cell in row:
                field = known.aliases.get(known.short(str(cell.value))) if cell.value is not None else None
                # A bare 电话 belongs to the person whose column stands before it.
                field = f"{person}_phone" if field == "contact_phone" and person != "contact" else field
                if field and field.endswith("_name") and field != "subject_name":
                    person = field.removesuffix("_name")
                if field is not None and field in rows and field not in fields:
                    fields[field] = cell.column
            if len(fields) > best[0]:
                best = (len(fields), sheet, row[0].row, fields)
    count, sheet, head, fields = best
    if count < MIN_HEADER_FIELDS:
        raise RulesError("平台模板里找不到认识的表头（主体名称、产品名称、规模等），没有填写。")
    for number, values in enumerate(rows.to_dict("records"), start=head + 1):
        for field, column in fields.items():
            cell = sheet.cell(number, column)
            value = values[field]
            if isinstance(cell, MergedCell) or pd.isna(value):
                continue
            if isinstance(value, (int, float)):
                cell.value = value
            else:
                put(cell, value)
    book.properties = DocumentProperties(creator=AUTHOR, created=STAMP, modified=STAMP, lastModifiedBy=AUTHOR)
    stream = BytesIO()
    book.save(stream)
    return repacked(stream.getvalue(), {})
