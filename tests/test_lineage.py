"""Any figure of 30_reconcile, picked at random, is added up again from the cells that its lineage names, read from the files themselves."""

import random

import pandas as pd
import pytest
from recount import added_up, cell_value

import originmap as om
from originmap.lineage import figure_cells

FIGURES = ("baseline", "registry", "collected", "gap", *om.reconcile.TERMS)


@pytest.fixture(scope="module")
def sample() -> om.Round:
    return om.open_round()


@pytest.fixture(scope="module")
def linked(sample: om.Round) -> om.growers.Growers:
    return om.growers.growers(sample)


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
