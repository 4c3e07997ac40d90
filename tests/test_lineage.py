"""Any figure of 30_reconcile, picked at random, is added up again from the cells that its lineage names, read from the files themselves."""

import io
import random
import re
from functools import lru_cache
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import originmap as om
from originmap.archives import source_bytes
from originmap.lineage import figure_cells
from originmap.notation import narrow, number, quantity
from originmap.rules import Rules
from originmap.workbooks import read_file

FIGURES = ("baseline", "registry", "collected", "gap", *om.reconcile.TERMS)


@pytest.fixture(scope="module")
def sample() -> om.Round:
    return om.open_round()


@pytest.fixture(scope="module")
def linked(sample: om.Round) -> om.growers.Growers:
    return om.growers.growers(sample)


@lru_cache(maxsize=128)
def opened(folder: Path, rules: Rules, file: str) -> dict[str, list[list[object]]]:
    """Return a file's sheets as rows of cells: with openpyxl where it can, else with our own reader of raw cells."""
    data = source_bytes(folder, file, rules)
    if data.startswith(b"PK") and not file.endswith((".ods", ".docx")):
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
        return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    sheets, _ = read_file(data, file, rules)
    return {sheet.sheet: [list(row) for row in sheet.rows(0, len(sheet))] for sheet in sheets}


def cell_value(round_: om.Round, spot: str, product: str) -> float:
    """Return the size that stands in one cell, in the product's unit: what its own text, its row or its header says."""
    match = re.fullmatch(r"(.*)〔(.*)〕([A-Z]+)(\d+)", spot)
    assert match, spot
    file, sheet, letters, row = match[1], match[2], match[3], int(match[4])
    column = sum((ord(letter) - 64) * 26**at for at, letter in enumerate(reversed(letters))) - 1
    rows = opened(round_.folder, round_.rules, file)[sheet]
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


@pytest.mark.parametrize("seed", range(6))
def test_a_figure_picked_at_random_is_rebuilt_from_its_cells(
    sample: om.Round, linked: om.growers.Growers, seed: int
) -> None:
    gaps = om.reconcile.planting_area(sample, linked=linked)
    herds = om.reconcile.livestock(sample, linked=linked)
    known = [
        (row["township_code"], row["product"], figure, row[f"{figure}_{unit}"])
        for frame, unit in ((gaps, "mu"), (herds, "heads"))
        for row in frame.to_dict("records")
        for figure in FIGURES
        # Of animals a gap is registry against collection, two figures that are picked for themselves.
        if pd.notna(row.get(f"{figure}_{unit}")) and not (unit == "heads" and figure == "gap")
    ]
    assert len(known) > 500
    picked = random.Random(seed).sample([one for one in known if one[3]], 25)  # noqa: S311 -- a pick, no secret
    for town, product, figure, value in picked:
        cells = figure_cells(sample, linked, township_code=town, product=product, figure=figure)
        assert len(cells), (town, product, figure)
        cells = cells.assign(subject=om.subjects.normal_name(cells["subject_name"], sample.places))
        values = [round(cell_value(sample, spot, product), 2) for spot in cells["cell"]]
        assert values == pytest.approx(cells["size"].astype(float).tolist(), abs=0.011), (town, product, figure)
        crop = sample.rules.products[product].kind == "crop"
        assert added_up(cells, values, crop=crop) == pytest.approx(value, abs=0.011 * len(cells)), (
            town,
            product,
            figure,
        )


def test_a_figure_that_is_none_is_one_clear_error(sample: om.Round, linked: om.growers.Growers) -> None:
    with pytest.raises(ValueError, match="没有这个数"):
        figure_cells(sample, linked, township_code="350524102", product="cowpea", figure="all")
