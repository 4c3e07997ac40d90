"""Baseline: the county's planting-area table (附件5), in 亩 per township and crop, with the mistakes of its own sums."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from originmap import notation, texts
from originmap.cells import Source
from originmap.findings import found, written
from originmap.headers import column_letter
from originmap.places import Places
from originmap.records import townships
from originmap.rules import Rules
from originmap.sheets import Table


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
    _missing(source, rules, places, code)
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in columns}).astype({"area_mu": "float64"})
    _check_row_totals(source, parts)
    _check_column_totals(source)
    frame = pd.concat(parts)
    frame = frame[frame["township_code"].notna()]
    frame = _twice(source, frame)
    frame["round"] = round_name
    frame["township"] = frame["township_code"].map(places.names).astype("str")
    order = {product: number for number, product in enumerate(rules.products)}
    frame = frame.sort_values(["township_code", "product"], key=lambda c: c.map(order) if c.name == "product" else c)
    return frame.reset_index(drop=True)[columns]


def _check_row_totals(source: Source, parts: Sequence[pd.DataFrame]) -> None:
    """Compare each row's 合计 with the sum of its crops; a row with a blank crop is not judged, another table's crops are not missed."""
    text = source.text("total")
    read = text.map(notation.narrow, na_action="ignore").map(notation.number, na_action="ignore").astype("float64")
    areas = pd.concat([part["area_mu"] for part in parts], axis=1)
    blank = pd.concat([part["area_mu"].isna() for part in parts], axis=1).fillna(value=False).any(axis=1)
    total = areas.sum(axis=1, min_count=1).mask(blank).round(2)
    off = read.notna() & total.notna() & ((read - total).abs() > 0.005)
    source.find("baseline_total_differs", off, "total", proposal=written(total, "{:g}"))


def _check_column_totals(source: Source) -> None:
    """Compare the 合计 row at the end of a table with the sums of its columns; a column with a cell that is no number is not judged."""
    for number, table in enumerate(source.tables):
        # Several totals are of parts, and nothing says of which.
        if table.total_rows is None or len(table.total_rows) != 1:
            continue
        said = table.total_rows.to_pylist()[0]
        own = source.frame[source.frame["table"] == number]
        for name in [name for name in table.columns if name == "total" or name.startswith("area:")]:
            stated = None if said[name] is None else notation.number(notation.narrow(said[name]))
            figures = own[name].map(notation.narrow, na_action="ignore").map(notation.number, na_action="ignore")
            if stated is None or (own[name].notna() & figures.isna()).any():
                continue
            total = round(float(figures.astype("float64").sum()), 2)
            across = [notation.number(notation.narrow(said[crop] or "")) for crop in said if crop.startswith("area:")]
            # A wrong 合计 of one row does not make the corner wrong: that may be the sum of the crops' totals.
            if name == "total" and None not in across and abs(stated - sum(size or 0 for size in across)) <= 0.005:
                continue
            if abs(stated - total) > 0.005:
                field = name.removeprefix("area:")
                spot = _spot(table, table.columns[name], int(said["row"]), number)
                value, proposal = f"{stated:g}", f"{total:g}"
                source.findings.append(
                    found(
                        "baseline_total_differs",
                        spot,
                        field="total" if field == "total" else "area_mu",
                        value=value,
                        proposal=proposal,
                    )
                )


def _missing(source: Source, rules: Rules, places: Places, code: pd.Series) -> None:
    """Say which baseline crops have no column in any table, and which townships have no row in the tables of a crop."""
    if not source.tables:
        return
    first = source.tables[0]
    absent = [product for product in rules.baseline_products if not _tables_of(source, product)]
    if absent:
        names = "、".join(rules.products[product].name for product in absent)
        spot = _spot(first, first.columns["township"], first.head_row, 0)
        source.findings.append(found("baseline_crop_missing", spot, field="area_mu", detail=names))
    lacking: dict[tuple[str, ...], list[str]] = {}
    for product in rules.baseline_products:
        if tables := _tables_of(source, product):
            there = set(code[source.frame["table"].isin(tables)].dropna())
            lacking.setdefault(tuple(town for town in places.names if town not in there), []).append(product)
    for towns, products in lacking.items():
        if towns:
            number = _tables_of(source, products[0])[0]
            table = source.tables[number]
            spot = _spot(table, table.columns["township"], table.head_row, number)
            detail = "、".join(places.names[town] for town in towns)
            value = "、".join(rules.products[product].name for product in products)
            source.findings.append(
                found("baseline_township_missing", spot, field="township", value=value, detail=detail)
            )


def _tables_of(source: Source, product: str) -> list[int]:
    return [number for number, table in enumerate(source.tables) if f"area:{product}" in table.columns]


def _spot(table: Table, column: int, row: int, number: int) -> pd.DataFrame:
    """Return a place in a table that belongs to none of its rows."""
    at = {
        "file": table.file,
        "sheet": table.sheet,
        "row": [row or pd.NA],
        "cell": f"{column_letter(column)}{row}" if row else "",
    }
    return pd.DataFrame(at, index=[-1 - number])


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
