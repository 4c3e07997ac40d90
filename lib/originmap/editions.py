"""Editions: a report made again from what its manifest says, or the next month's beside the last; and what is another in it.

Files are compared by their bytes, workbooks then by their cells, printed figures by their ids, through the cells that they come from (``lineage.xlsx``).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import pandas as pd

from originmap import exports, manifest
from originmap.catalogue import FIGURE_HEADER, SOURCE_HEADER
from originmap.headers import column_letter
from originmap.provenance import cells_of
from originmap.publishing import MANIFEST, OutputError
from originmap.report import Settings, write_report
from originmap.rounds import InboxError
from originmap.traces import FIGURES, SOURCES

LINEAGE: Final = "lineage.xlsx"
CHANGED_HEADER: Final = ["变化", "编号", "名称", "单位", "原数值", "现数值", "差"]
CELLS_HEADER: Final = ["变化", "编号", "record_id", "原文件", "原工作表", "原单元格", "原内容", "现文件", "现工作表", "现单元格", "现内容"]  # fmt: skip
_SHOWN: Final = 3
_ROUNDING: Final = 1e-9


class Comparison(NamedTuple):
    """What is another between two reports: figures with `CHANGED_HEADER`, and the cells behind them with `CELLS_HEADER`."""

    figures: pd.DataFrame
    cells: pd.DataFrame


# ---- two reports ----


def compare(old: Path, new: Path) -> Comparison:
    """Compare two trees of ``originmap report`` by their figures.

    A record's cells are found again by its `record_id` wherever they stand now, any other cell by its place.

    Raises
    ------
    OutputError
        One of them has no ``lineage.xlsx``, or it cannot be read.
    """
    (figures_old, cells_old), (figures_new, cells_new) = _lineage(old), _lineage(new)
    number, name, unit, value = (FIGURE_HEADER[at] for at in (0, 2, 4, 3))
    both = figures_old.merge(
        figures_new, on=number, how="outer", suffixes=("_old", "_new"), validate="1:1", indicator=True
    )
    before, after = both[f"{value}_old"], both[f"{value}_new"]
    difference = after - before
    other = (difference.abs() > _ROUNDING) | (before.isna() != after.isna()) | (both["_merge"] != "both")
    kind = pd.Series("数值变了", index=both.index).mask(difference > 0, "变大").mask(difference < 0, "变小")
    kind = kind.mask(both["_merge"] == "left_only", "消失").mask(both["_merge"] == "right_only", "新增")
    parts = (kind, both[number], both[f"{name}_new"].fillna(both[f"{name}_old"]), both[f"{unit}_new"].fillna(both[f"{unit}_old"]),
             before, after, difference)  # fmt: skip
    changed = pd.DataFrame(dict(zip(CHANGED_HEADER, parts, strict=True)))[other].reset_index(drop=True)
    return Comparison(changed, _cells(cells_old, cells_new, {cells_of(one) for one in changed["编号"]}))


def _cells(old: pd.DataFrame, new: pd.DataFrame, of: set[str]) -> pd.DataFrame:
    number, record, *place, content = SOURCE_HEADER
    sides = []
    for frame in (old, new):
        mine = frame[frame[number].isin(of)]
        known = mine[record].fillna("") != ""
        where = mine[place].fillna("").agg("\x1f".join, axis=1) if len(mine) else mine[number]
        mine = mine.assign(key=mine[record].where(known, where))
        sides.append(mine.assign(at=mine.groupby([number, "key"]).cumcount()))
    both = sides[0].merge(
        sides[1], on=[number, "key", "at"], how="outer", suffixes=("_old", "_new"), validate="1:1", indicator=True
    )
    kind = both["_merge"].astype("str").map({"left_only": "消失", "right_only": "新增", "both": "内容变了"})
    same = (both["_merge"] == "both") & (both[f"{content}_old"].fillna("") == both[f"{content}_new"].fillna(""))
    parts = [kind, both[number], both[f"{record}_new"].fillna(both[f"{record}_old"])]
    parts += [both[f"{name}_{side}"] for side in ("old", "new") for name in (*place, content)]
    frame = pd.DataFrame(dict(zip(CELLS_HEADER, parts, strict=True)))[~same]
    return frame.reset_index(drop=True)


def _lineage(tree: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        sheets = pd.read_excel(
            tree / LINEAGE, sheet_name=[FIGURES, SOURCES], engine="calamine", dtype="str", keep_default_na=False
        )
    except FileNotFoundError as error:
        raise OutputError(f"{tree} 里没有 {LINEAGE}，不是 originmap report 出的结果。") from error
    except Exception as error:  # whatever the reader says of a workbook that is none
        raise OutputError(f"{tree / LINEAGE} 读不出，可能不完整或被改过。") from error
    figures, cells = (sheets[name].replace("", pd.NA) for name in (FIGURES, SOURCES))
    if list(figures) != FIGURE_HEADER or list(cells) != SOURCE_HEADER:
        raise OutputError(f"{tree / LINEAGE} 的表头不是 originmap 写的，没有比较。")
    return figures.assign(**{FIGURE_HEADER[3]: pd.to_numeric(figures[FIGURE_HEADER[3]])}), cells


def said(found: Comparison, *, shown: int = 10) -> list[str]:
    """Return a comparison in lines: how many figures changed, the first of them and through which cells."""
    if found.figures.empty:
        return ["数字都没有变。"]
    counts = "，".join(f"{kind} {count}" for kind, count in found.figures["变化"].value_counts().items())
    lines = [f"{len(found.figures)} 个数字变了：{counts}；涉及 {len(found.cells)} 处单元格。"]
    of = found.cells.groupby("编号", sort=False)
    for row in found.figures.head(shown).to_dict("records"):
        lines.append(
            f"  {row['编号']} {row['名称']}：{_text(row['原数值'])} → {_text(row['现数值'])} {_text(row['单位'], '')}"
        )
        if (cells := cells_of(str(row["编号"]))) in of.groups:
            lines += [f"    {_cell_text(cell)}" for cell in of.get_group(cells).head(_SHOWN).to_dict("records")]
    rest = len(found.figures) - shown
    return [*lines, f"  另有 {rest} 个。"] if rest > 0 else lines


def _text(value: Any, empty: str = "—") -> str:
    return empty if pd.isna(value) else f"{value:.10g}" if isinstance(value, float) else str(value)


def _cell_text(cell: Mapping[Any, Any]) -> str:
    side = "现" if pd.notna(cell["现单元格"]) else "原"
    place = f"{cell[f'{side}文件']}〔{_text(cell[f'{side}工作表'], '')}〕{cell[f'{side}单元格']}"
    return f"{cell['变化']} {place}：{_text(cell['原内容'])} → {_text(cell['现内容'])}"


def write_comparison(found: Comparison, path: Path) -> None:
    """Write a comparison as a workbook: 变了的数字 and 变动的单元格."""
    exports.write_book(path, {"变了的数字": found.figures, "变动的单元格": found.cells})


# ---- the same report again ----


def verify(tree: Path, inbox: Path, *, rules: Path | None = None, jobs: int = 1) -> list[str]:
    """Make a report again with the parameters of its manifest and return what is another, in lines; none where every byte agrees.

    Raises
    ------
    OutputError
        `tree` is no report of ours, or was made with another rules file; InboxError where `inbox` is another round.
    """
    told = manifest.read(tree)
    if told is None or "index.html" not in told["outputs"]:
        raise OutputError(f"{tree} 不是 originmap report 出的结果，无从核对。")
    made = told["parameters"]
    if made["rules"] != (manifest.sha256(rules) if rules else None):
        asked = (
            "用了另外的规则文件，请用 --rules 指定同一个" if made["rules"] else "没有用另外的规则文件，请去掉 --rules"
        )
        raise OutputError(f"{tree} {asked}。")
    known = {name: value for name, value in made.items() if name not in ("rules", "townships")}
    settings = Settings(inbox=inbox, rules=rules, townships=tuple(made["townships"]), **known)
    with TemporaryDirectory(prefix="originmap-") as scratch:
        round_, again = write_report(settings, Path(scratch) / "again", jobs=jobs)
        if round_.name != told["round"]:
            raise InboxError(f"{tree} 是 {told['round']} 批次的结果，{inbox.name} 是 {round_.name} 批次。")
        return [*_circumstances(told, manifest.read(again) or {}), *_files(told, tree, again)]


def _circumstances(told: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what went in that is another now: files, decisions, versions."""
    names = {"inputs": "报送文件", "earlier": "以前的批次", "reference": "规则与参照数据", "versions": "环境"}
    for section, name in names.items():
        before, after = told.get(section, {}), now.get(section, {})
        if isinstance(before, list):
            before, after = dict.fromkeys(before, ""), dict.fromkeys(after, "")
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                what = "没有了" if key not in after else "新增" if key not in before else "变了"
                detail = f"：{before.get(key, '—')} → {after.get(key, '—')}" if section == "versions" else ""
                yield f"{name}{what}：{key}{detail}"
    if told.get("decisions") != now.get("decisions"):
        yield "决定记录变了。"


def _files(told: Mapping[str, Any], tree: Path, again: Path) -> Iterator[str]:
    there, made = _digests(tree), _digests(again)
    for name in sorted({*there, *made, *told["outputs"]}):
        if name not in there:
            yield f"不见了：{name}"
        elif name not in made:
            yield f"多出来的：{name}"
        elif there[name] != made[name]:
            touched = "（出过之后被改动）" if there[name] != told["outputs"].get(name) else ""
            yield f"不同：{name}{touched}{_detail(tree, again, name)}"


def _digests(tree: Path) -> dict[str, str]:
    """Return the digest of every file but the manifest and hidden ones, which a tree keeps from before."""
    files = {path.relative_to(tree): path for path in tree.rglob("*") if path.is_file()}
    return {
        name.as_posix(): manifest.sha256(path)
        for name, path in files.items()
        if name.as_posix() != MANIFEST and not any(part.startswith(".") for part in name.parts)
    }


def _detail(tree: Path, again: Path, name: str) -> str:
    """Return which figures or cells of a file differ, as far as it can be read."""
    try:
        if name == LINEAGE:
            return "\n" + "\n".join(f"  {line}" for line in said(compare(tree, again)))
        if name.endswith(".xlsx"):
            return _book_detail(tree / name, again / name)
    except Exception:  # noqa: BLE001 - a workbook that cannot be read is another, which is all that can be said
        return "：读不出"
    return ""


def _book_detail(old: Path, new: Path) -> str:
    one, other = (
        pd.read_excel(path, sheet_name=None, header=None, engine="calamine", dtype="str") for path in (old, new)
    )
    found = []
    for sheet in dict.fromkeys([*one, *other]):
        first, second = one.get(sheet, pd.DataFrame()), other.get(sheet, pd.DataFrame())
        rows, columns = (max(first.shape[axis], second.shape[axis]) for axis in (0, 1))
        first, second = (each.reindex(index=range(rows), columns=range(columns)).fillna("") for each in (first, second))
        for row, column in zip(*(first != second).to_numpy().nonzero(), strict=True):
            place = f"〔{sheet}〕{column_letter(int(column))}{row + 1}"
            found.append(f"{place} {first.iat[row, column] or '—'} → {second.iat[row, column] or '—'}")
    more = f" 等 {len(found)} 处" if len(found) > _SHOWN else ""
    return f"：{'；'.join(found[:_SHOWN])}{more}" if found else "（各单元格的内容相同）"
