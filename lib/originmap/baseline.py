"""Baseline: the county's planting-area table (附件5), in 亩 per township and crop, with the mistakes of its own sums."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from originmap import notation, texts
from originmap.cells import Source
from originmap.findings import found, written
from originmap.places import Places
from originmap.records import townships
from originmap.rules import Rules


def planting_area(source: Source, rules: Rules, places: Places, round_name: str) -> pd.DataFrame:
    """Return the planting-area table (附件5) in long form, one row a township and crop.

    Columns `round, township_code, township, product, area_mu, source_file, source_sheet, source_cell`; a blank cell is
    NA, a written 0 is 0. A township that stands twice with other figures gives NA and a finding at both places.
    """
    code, _ = townships(source, places, rules)
    units = rules.units["mu"]
    parts = []
    for product in rules.crops:
        name = f"area:{product}"
        tables = [number for number, table in enumerate(source.tables) if name in table.columns]
        rows = source.frame["table"].isin(tables)
        if not rows.any():
            continue
        text = source.text(name)
        read = texts.over(text, lambda cell: notation.quantity(cell, units))
        bad = rows & text.notna() & read.isna()
        bad |= rows & read.notna() & ~read.map(lambda size: size is None or size.unit in ("", *units))
        source.find("baseline_unreadable", bad, name)
        value = read.map(lambda size: np.nan if size is None else size.value * units.get(size.unit, 1.0))
        at = source.at(rows, name)
        part = pd.DataFrame({"township_code": code[rows], "product": product, "area_mu": value[rows].where(~bad[rows])})
        part["area_mu"] = part["area_mu"].astype("float64").round(2)
        part["source_file"], part["source_sheet"], part["source_cell"] = at["file"], at["sheet"], at["cell"]
        parts.append(part)
    columns = ["round", "township_code", "township", "product", "area_mu", "source_file", "source_sheet", "source_cell"]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in columns}).astype({"area_mu": "float64"})
    _check_row_totals(source, parts)
    frame = pd.concat(parts)
    frame = frame[frame["township_code"].notna()]
    frame = _twice(source, frame)
    frame["round"] = round_name
    frame["township"] = frame["township_code"].map(places.names).astype("str")
    order = {product: number for number, product in enumerate(rules.products)}
    frame = frame.sort_values(["township_code", "product"], key=lambda c: c.map(order) if c.name == "product" else c)
    return frame.reset_index(drop=True)[columns]


def _check_row_totals(source: Source, parts: Sequence[pd.DataFrame]) -> None:
    """Compare each row's 合计 with the sum of its crops; a row with a blank crop is not judged."""
    text = source.text("total")
    read = text.map(notation.narrow, na_action="ignore").map(notation.number, na_action="ignore").astype("float64")
    areas = pd.concat([part["area_mu"] for part in parts], axis=1)
    total = areas.sum(axis=1, skipna=False).round(2)
    off = read.notna() & total.notna() & ((read - total).abs() > 0.005)
    source.find("baseline_total_differs", off, "total", proposal=written(total, "{:g}"))


def _twice(source: Source, frame: pd.DataFrame) -> pd.DataFrame:
    """Keep one of equal entries for a township and crop; where they differ none is used."""
    key = ["township_code", "product"]
    clash = frame.groupby(key)["area_mu"].transform(lambda area: area.nunique(dropna=False)) > 1
    if clash.any():
        at = frame[clash].rename(columns={"source_file": "file", "source_sheet": "sheet", "source_cell": "cell"})
        at["row"] = source.frame["row"].reindex(at.index)
        cells = frame.groupby(key)["source_cell"].agg(list)
        others = [
            "、".join(other for other in cells[code, product] if other != cell)
            for code, product, cell in zip(at["township_code"], at["product"], at["cell"], strict=True)
        ]
        value = written(at["area_mu"], "{:g}")
        detail = pd.Series(others, index=at.index)
        source.findings.append(found("baseline_township_twice", at, field="area_mu", value=value, detail=detail))
    frame = frame.assign(area_mu=frame["area_mu"].mask(clash))
    return frame.sort_values([*key, "source_file", "source_sheet", "source_cell"]).drop_duplicates(key)
