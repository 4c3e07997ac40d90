"""Figures added up again from cells that are read from the files themselves."""

import io
import re
from functools import lru_cache
from pathlib import Path

import openpyxl
import pandas as pd

import originmap as om
from originmap.archives import source_bytes
from originmap.notation import narrow, number, quantity
from originmap.rules import Rules
from originmap.workbooks import read_file


@lru_cache(maxsize=128)
def opened(folder: Path, rules: Rules, file: str) -> dict[str, list[list[object]]]:
    """Return a file's sheets as rows of cells: with openpyxl where it can, else with our own reader of raw cells."""
    data = source_bytes(folder, file, rules)
    if data.startswith(b"PK") and not file.endswith((".ods", ".docx")):
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
        return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    sheets, _ = read_file(data, file, rules)
    return {sheet.sheet: [list(row) for row in sheet.rows(0, len(sheet))] for sheet in sheets}


def spot_of(round_: om.Round, spot: str) -> tuple[list[list[object]], int, int]:
    """Return the rows of a cell's sheet, the row's number and the column's place."""
    match = re.fullmatch(r"(.*)〔(.*)〕([A-Z]+)(\d+)", spot)
    assert match, spot
    file, sheet, letters, row = match[1], match[2], match[3], int(match[4])
    column = sum((ord(letter) - 64) * 26**at for at, letter in enumerate(reversed(letters))) - 1
    return opened(round_.folder, round_.rules, file)[sheet], row, column


def cell_value(round_: om.Round, spot: str, product: str) -> float:
    """Return the size that stands in one cell, in the product's unit: what its own text, its row or its header says."""
    rows, row, column = spot_of(round_, spot)
    text = narrow(str(rows[row - 1][column]))
    units = round_.rules.units[round_.rules.products[product].unit]
    every = {word: factor for family in round_.rules.units.values() for word, factor in family.items()}
    read = quantity(text, every)
    assert read is not None, (spot, text)
    if read.unit or number(text) is None:
        return float(read.value) * units.get(read.unit, 1.0)
    beside = [narrow(str(cell)) for cell in rows[row - 1] if cell is not None]
    said = [cell for cell in beside if cell in units]
    above = " ".join(
        narrow(str(cell)) for line in rows[:8] for cell in (line[column : column + 1] or [None]) if cell is not None
    )
    said += [unit for unit in units if re.search(rf"[(（/:：]{re.escape(unit)}", above)]
    return float(read.value) * (units[said[0]] if said else 1.0)


def added_up(cells: pd.DataFrame, values: list[float], *, crop: bool) -> float:
    """Return the figure: sums of the registry and baseline, and of collected rows per plot the largest cropping, or the latest month."""
    cells = cells.assign(value=values)
    rest, sheets = cells[cells["side"] != "collection"], cells[cells["side"] == "collection"]
    total = float((rest["value"] * rest["sign"]).sum())
    if sheets.empty:
        return total
    sign = sheets["sign"].iat[0]
    plots = sheets.fillna({"plot_key": "", "cropping": ""}).groupby(["subject", "plot_key"])
    for _, plot in plots:
        by = plot.groupby("cropping" if crop else "month")["value"].sum()
        total += sign * float(by.max() if crop else by.loc[max(by.index)])
    return total
