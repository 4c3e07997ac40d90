"""Disclosure: a hidden figure cannot be worked out from all that a public tree prints; attacked, and open without the second cells."""

from collections.abc import Iterable
from itertools import combinations, product

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originmap.disclosure import ALL, LEAST, Shown, grid, public_text, suppress

KEY = ["township_code", "product"]


@st.composite
def tables(draw: st.DrawFn, rows: int = 4, columns: int = 3, most: int = 5) -> pd.DataFrame:
    """Return counts of up to `rows` townships and `columns` products, some unknown, with each township's subjects counted once."""
    cells = []
    for town in range(draw(st.integers(2, rows))):
        counts = [draw(st.one_of(st.none(), st.integers(0, most))) for _ in range(draw(st.just(columns)))]
        said = [count for count in counts if count is not None]
        every = draw(st.integers(max(said), sum(said))) if said else None
        for number, count in enumerate(counts):
            known = count is not None and draw(st.booleans())
            cells.append((f"t{town}", f"p{number}", count, None if count is None else count * 1.5, known))
        cells.append((f"t{town}", ALL, every, None, False))
    frame = pd.DataFrame(cells, columns=[*KEY, "subjects", "size", "known"])
    return frame.astype({"subjects": "Int64", "size": "float64"})


def printed(shown: Shown) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what a reader has: figures of hidden cells and totals are gone."""
    cells, totals = shown.cells.copy(), shown.totals.copy()
    cells.loc[cells["hidden"], ["subjects", "size"]] = pd.NA
    totals.loc[totals["hidden"], ["subjects", "size"]] = pd.NA
    totals.loc[totals["known_hidden"], "known_size"] = np.nan
    return cells, totals


def place_in(line: pd.DataFrame, place: Iterable[tuple[str, str]]) -> list[bool]:
    held = set(line[KEY].itertuples(index=False, name=None))
    return [key in held for key in place]


def by_algebra(shown: Shown, figure: str) -> set[tuple[str, str]]:
    """Return the hidden cells that the sums determine: their unit vector lies in what the equations span."""
    cells, totals = printed(shown)
    away = cells[cells["hidden"] & (cells["product"] != ALL)]
    place = {key: number for number, key in enumerate(away[KEY].itertuples(index=False, name=None))}
    equations = []
    for total in totals.to_dict("records"):
        own = away[away["product"] == total["product"]]
        lines = [own] if pd.notna(total[figure]) else []
        # The second total is of sizes; counts of the same cells are held to it as well, to be strict.
        lines += [own[own["known"]]] if pd.notna(total["known_size"]) else []
        equations += [list(map(float, place_in(line, place))) for line in lines]
    if not equations:
        return set()
    matrix = np.array(equations)
    rank = np.linalg.matrix_rank(matrix)
    return {
        key for key, at in place.items() if np.linalg.matrix_rank(np.vstack([matrix, np.eye(len(place))[at]])) == rank
    }


def splits(total: int, count: int) -> list[tuple[int, ...]]:
    """Return every way to split a sum into counts of one at least."""
    cuts = combinations(range(1, total), count - 1) if count else []
    return [tuple(np.diff([0, *cut, total]).tolist()) for cut in cuts]


def by_enumeration(shown: Shown) -> set[tuple[str, str]]:
    """Return the hidden counts, townships' few subjects too, that are the same in every table that fits what is printed."""
    cells, totals = printed(shown)
    away = cells[cells["hidden"] & (cells["product"] != ALL)]
    choices: list[list[dict[tuple[str, str], int]]] = []
    truth = shown.cells.set_index(KEY)["subjects"]
    for total in totals[totals["product"] != ALL].to_dict("records"):
        own = away[away["product"] == total["product"]]
        parts = [own[own["known"]], own[~own["known"]]] if pd.notna(total["known_size"]) else [own]
        for part in parts:
            keys = list(part[KEY].itertuples(index=False, name=None))
            if not keys:
                continue
            if pd.isna(total["subjects"]):
                choices.append(
                    [dict(zip(keys, values, strict=True)) for values in product(range(1, 5), repeat=len(keys))]
                )
            else:
                # Given more than is printed: the count of each part, not of both together.
                choices.append([dict(zip(keys, one, strict=True)) for one in splits(int(truth[keys].sum()), len(keys))])
    towns = cells[cells["product"] == ALL].set_index("township_code")["subjects"]
    county = totals.set_index("product")["subjects"][ALL]
    seen: dict[tuple[str, str], set[int]] = {key: set() for key in away[KEY].itertuples(index=False, name=None)}
    for choice in product(*choices):
        guess = {key: value for part in choice for key, value in part.items()}
        low, high = 0, 0
        for town, own in cells[cells["product"] != ALL].groupby("township_code"):
            known = [
                guess.get((town, row.product), 0 if pd.isna(row.subjects) else int(row.subjects))
                for row in own.itertuples()
            ]
            if pd.notna(towns[town]) and not max(known) <= towns[town] <= sum(known):
                break
            low, high = (
                low + (max(known) if pd.isna(towns[town]) else towns[town]),
                high + (sum(known) if pd.isna(towns[town]) else towns[town]),
            )
        else:
            if pd.isna(county) or low <= county <= high:
                for key, value in guess.items():
                    seen[key].add(value)
        if all(len(values) > 1 for values in seen.values()):
            return set()
    return {key for key, values in seen.items() if len(values) < 2}


def attacked(shown: Shown) -> set[tuple[str, str]]:
    return by_algebra(shown, "subjects") | by_algebra(shown, "size") | by_enumeration(shown)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_nothing_hidden_can_be_worked_out(cells: pd.DataFrame) -> None:
    shown = suppress(cells)
    assert attacked(shown) == set()
    # Whatever is left over of a printed sum is of three subjects or more.
    made = shown.cells[shown.cells["product"] != ALL]
    for total in shown.totals[shown.totals["product"] != ALL].to_dict("records"):
        own = made[(made["product"] == total["product"]) & made["hidden"]]
        parts = (
            [own[own["known"]], own[~own["known"]]]
            if pd.notna(total["known_size"]) and not total["known_hidden"]
            else [own]
        )
        for part in parts if not total["hidden"] else ():
            assert part.empty or part["subjects"].sum() >= LEAST
    few = shown.cells["subjects"].between(1, LEAST - 1)
    assert shown.cells.loc[few, "hidden"].all()
    assert not shown.cells.loc[shown.cells["subjects"].fillna(0) == 0, "hidden"].any()


def test_without_second_cells_the_attack_succeeds() -> None:
    cells = pd.DataFrame(
        [("a", "p", 2, 3.0, True), ("b", "p", 9, 20.0, True), ("c", "p", 7, 11.0, False)],
        columns=[*KEY, "subjects", "size", "known"],
    )
    towns = pd.DataFrame(
        [(code, ALL, count, np.nan, False) for code, count in (("a", 2), ("b", 9), ("c", 7))], columns=cells.columns
    )
    cells = pd.concat([cells, towns], ignore_index=True)
    assert attacked(suppress(cells, secondary=False)) == {("a", "p")}
    shown = suppress(cells)
    assert attacked(shown) == set()
    hidden = shown.cells[shown.cells["hidden"]]
    assert set(hidden[KEY].itertuples(index=False, name=None)) == {("a", "p"), ("b", "p"), ("a", ALL), ("b", ALL)}


@pytest.mark.parametrize(
    ("counts", "total_hidden"),
    [
        ([1, 1, 1], True),  # three hidden ones that add up to three are known one by one
        ([1, 1, 2], False),
        ([2, 0, 0], True),
        ([1, 4, 9], False),
        ([1, 1, 0], True),
        ([0, 0, 0], False),
    ],
)
def test_a_total_that_would_tell_is_hidden(counts: list[int], *, total_hidden: bool) -> None:
    cells = pd.DataFrame(
        {"township_code": list("abc"), "product": "p", "subjects": counts, "size": 1.0, "known": False}
    )
    every = cells.assign(product=ALL, size=np.nan)
    shown = suppress(pd.concat([cells, every], ignore_index=True).astype({"subjects": "Int64"}))
    assert bool(shown.totals["hidden"].iat[0]) is total_hidden
    assert attacked(shown) == set()


def test_the_sign_is_neither_zero_nor_unknown() -> None:
    said = [
        public_text(value, "{:.0f}".format, hidden=hidden)
        for value, hidden in ((2.0, True), (0.0, False), (np.nan, False))
    ]
    assert said == ["×", "0", "—"]


def test_the_grid_counts_three_or_more_and_keeps_hidden_cells_off() -> None:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"township_code": rng.choice(list("ab"), 300), "product": rng.choice(["p", "q"], 300)})
    frame["subject"] = rng.integers(0, 120, 300).astype("str")
    points = gpd.GeoDataFrame(
        frame,
        geometry=gpd.points_from_xy(rng.uniform(5e5, 5.2e5, 300), rng.uniform(2.7e6, 2.72e6, 300)),
        crs="EPSG:4548",
    )
    cells = pd.DataFrame(
        {"township_code": list("aabb"), "product": ["p", "q"] * 2, "hidden": [True, False, False, False]}
    )
    made = grid(points, cells)
    assert (made["subjects"] >= LEAST).all()
    assert set(made["cell_m"]) > {1000.0}
    own = points[(points["product"] != "p") | (points["township_code"] != "a")]
    assert made.loc[made["product"] == "p", "subjects"].sum() <= len(own[own["product"] == "p"])
    # No point is counted in two cells: the largest squares hold what the smaller ones within do not.
    counted = own[own["product"] == "p"].sjoin(made[made["product"] == "p"], predicate="within")
    assert counted.groupby("index_right").size().index.isin(made.index).all()
    assert (made.geometry.area.round() == made["cell_m"] ** 2).all()
    with pytest.raises(ValueError, match="projected CRS"):
        grid(points.to_crs("EPSG:4326"), cells)


@settings(max_examples=10, deadline=None)
@given(tables(rows=24, columns=8, most=9))
def test_a_whole_county_stands_the_algebra(cells: pd.DataFrame) -> None:
    shown = suppress(cells)
    assert by_algebra(shown, "subjects") | by_algebra(shown, "size") == set()
