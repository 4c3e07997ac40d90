"""The comparison of notebooks is no formality: one changed figure, or one point moved by 100 m, fails it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import openpyxl
import pytest

import originmap as om

PROJECT = om.rounds.PROJECT
COUNTY = PROJECT / "data" / "sample" / "anxi"


def compared(notebook: str, county: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval over a copy of a committed notebook that opens `county` instead of the sample."""
    copy = nbformat.read(PROJECT / "notebooks" / f"{notebook}.ipynb", 4)
    (cell,) = [cell for cell in copy.cells if "parameters" in cell.metadata.get("tags", [])]
    assert '"data/sample/anxi/2023-03"' in cell.source
    cell.source = cell.source.replace('"data/sample/anxi/2023-03"', repr(str(county / "2023-03")))
    path = folder / f"{notebook}.ipynb"
    nbformat.write(copy, path)
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider", "-c", "/dev/null", str(path)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def edited(folder: Path, file: str, cell: str, change: Callable[[object], object]) -> Path:
    """Copy the sample county and change one cell of one file in its March round."""
    county = folder / "anxi"
    shutil.copytree(COUNTY, county)
    path = county / "2023-03" / file
    book = openpyxl.load_workbook(path)
    sheet = book[cell.partition("!")[0]]
    target = sheet[cell.partition("!")[2]]
    target.value = change(target.value)
    book.save(path)
    return county


def first_number(round_: om.Round, field: str) -> tuple[str, str]:
    """Return the file and sheet!cell of the first accepted record whose `field` has a column of its own."""
    columns = round_.columns[(round_.columns["field"] == field) & (round_.columns["kind"] == "collection")]
    for row in round_.records.itertuples():
        own = columns[(columns["file"] == row.source_file) & (columns["sheet"] == row.source_sheet)]
        if row.status == "accepted" and row.coord_status == "ok" and len(own):
            return row.source_file, f"{row.source_sheet}!{own['column'].iat[0]}{row.source_row}"
    raise AssertionError(field)


def baseline_figure() -> tuple[str, str]:
    """Return the file and sheet!cell of the first known figure of the planting-area table."""
    area = om.open_round(COUNTY / "2023-03").planting_area.dropna(subset="area_mu").iloc[0]
    return area["source_file"], f"{area['source_sheet']}!{area['source_cell']}"


@pytest.mark.parametrize("notebook", ["20_one_map", "30_reconcile"])
def test_a_county_saved_again_unchanged_passes(tmp_path: Path, notebook: str) -> None:
    county = edited(tmp_path, *baseline_figure(), lambda value: value)
    done = compared(notebook, county, tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]


def test_one_changed_figure_of_the_planting_area_table_fails(tmp_path: Path) -> None:
    county = edited(tmp_path, *baseline_figure(), lambda value: float(str(value)) + 0.1)
    done = compared("30_reconcile", county, tmp_path)
    assert done.returncode == 1, done.stdout[-3000:]
    assert "mismatch" in done.stdout


def test_one_point_moved_by_100_m_fails(tmp_path: Path) -> None:
    file, cell = first_number(om.open_round(COUNTY / "2023-03"), "lon")

    def moved(value: object) -> object:
        text = str(value)
        return text if "°" in text or "度" in text else round(float(text) + 0.001, 6)

    county = edited(tmp_path, file, cell, moved)
    before, after = (om.open_round(item / "2023-03").records for item in (COUNTY, county))
    metres = before.to_crs("EPSG:4548").distance(after.to_crs("EPSG:4548"))
    assert metres.max() == pytest.approx(100, abs=5)
    done = compared("20_one_map", county, tmp_path)
    assert done.returncode == 1, done.stdout[-3000:]
    assert "mismatch" in done.stdout


def test_papermill_runs_a_notebook_with_parameters(tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    command = [
        sys.executable,
        "-m",
        "papermill",
        "--log-level",
        "ERROR",
        "--no-progress-bar",
        "--cwd",
        PROJECT / "notebooks",
    ]
    command += [PROJECT / "notebooks" / "30_reconcile.ipynb", out, "-p", "area_measure", "sown"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    texts = [output.get("text", "") for cell in nbformat.read(out, 4).cells for output in cell.get("outputs", [])]
    assert any("播种面积" in text for text in texts)
