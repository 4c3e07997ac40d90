"""The public version: the sample county's tables, grid and maps tell of nobody, and what they show is what is so."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from test_disclosure import KEY, by_algebra

import originmap as om
from originmap import atlas, exports, gazette, reconcile
from originmap.disclosure import ALL, LEAST, SIGN, Shown, suppress
from originmap.plans import has_point
from originmap.rounds import Round
from originmap.subjects import normal_name


@pytest.fixture(scope="module")
def round_() -> Round:
    return om.open_round()


@pytest.fixture(scope="module")
def gaps(round_: Round) -> pd.DataFrame:
    return reconcile.planting_area(round_)


@pytest.fixture(scope="module")
def shown(round_: Round, gaps: pd.DataFrame) -> Shown:
    return gazette.shown(round_, gaps)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_gid() != "halo"]


def test_the_sample_county_stands_the_algebra(shown: Shown) -> None:
    assert by_algebra(shown, "subjects") | by_algebra(shown, "size") == set()
    # And it hides no more than it must: most figures are there.
    cells = shown.cells[shown.cells["subjects"].notna()]
    assert cells["hidden"].mean() < 0.25
    assert not shown.totals.set_index("product").loc[["cowpea", "pig"], "hidden"].any()


def test_the_summary_shows_what_the_internal_one_does_or_hides_it(round_: Round, shown: Shown) -> None:
    public, internal = gazette.summary_table(round_, shown), exports.summary_table(round_)
    assert list(public.columns) == list(internal.columns)
    hidden = public.eq(SIGN)
    assert hidden.to_numpy().sum() > 20
    for name in public.columns:
        left, right = public.loc[~hidden[name], name], internal.loc[~hidden[name], name]
        assert left.fillna(-1).tolist() == right.fillna(-1).tolist(), name
    # The two figures of a cell are hidden together, and every one of one or two subjects is.
    for product in round_.rules.products.values():
        count, size = (name for name in public.columns if name.startswith(f"{product.name}›"))
        assert hidden[count].tolist() == hidden[size].tolist()
        assert hidden.loc[internal[count].between(1, LEAST - 1).fillna(value=False), count].all()


def test_the_county_is_compared_only_where_that_tells_of_nobody(
    round_: Round, shown: Shown, gaps: pd.DataFrame
) -> None:
    table = gazette.county_table(round_, shown, gaps).set_index("品种")
    whole = reconcile.county(gaps).set_index("product")
    assert table.loc["豇豆", "采集面积(亩)"] == whole.loc["cowpea", "collected_mu"]
    # Celery's two totals differ by the two townships without a baseline, of four subjects: only one is printed.
    assert table.loc["芹菜", ["采集面积(亩)", "差额(亩)", "覆盖率(%)"]].tolist() == [SIGN] * 3
    total = shown.totals.set_index("product").loc["celery"]
    assert total["size"] > total["known_size"]
    assert not total["hidden"]


def test_the_grid_counts_subjects_that_are_there(round_: Round, shown: Shown) -> None:
    squares = gazette.cells(round_, shown)
    assert squares.crs == round_.places.measure_crs
    assert (squares["subjects"] >= LEAST).all()
    assert (squares.geometry.bounds % 1000 == 0).to_numpy().all()
    rows = round_.records[(round_.records["status"] == "accepted") & (round_.records["subject_type"] != "buyer")]
    rows = rows[has_point(rows)].to_crs(squares.crs)
    away = pd.MultiIndex.from_frame(shown.cells.loc[shown.cells["hidden"], KEY])
    kept = rows[~pd.MultiIndex.from_frame(rows[KEY]).isin(away)]
    kept = kept.assign(subject=kept["township_code"] + normal_name(kept["subject_name"], round_.places))
    left = kept
    for side in sorted(squares["cell_m"].unique()):
        own = squares[squares["cell_m"] == side]
        joined = left[["product", "subject", "geometry"]].sjoin(
            gpd.GeoDataFrame(own, crs=squares.crs), predicate="within"
        )
        joined = joined[joined["product_left"] == joined["product_right"]]
        assert (
            joined.groupby("index_right")["subject"].nunique().reindex(own.index).tolist() == own["subjects"].tolist()
        )
        left = left.drop(index=joined.index.unique())
    assert len(left) < 0.35 * len(rows)


def test_the_public_sheets_say_what_they_must(round_: Round, shown: Shown) -> None:
    book = atlas.Atlas(round_)
    sheets = {
        "distribution": gazette.distribution_map(round_, shown, atlas=book),
        "product": gazette.product_map(round_, shown, "silkie", atlas=book),
        "summary": gazette.summary_map(round_, shown, atlas=book),
    }
    names = {str(name) for name in round_.records["subject_name"].dropna() if len(str(name)) > 2}
    for kind, figure in sheets.items():
        said = "".join(texts(figure))
        for wanted in (
            "福建省泉州市安溪县",
            "公开",
            "审图号",
            "样例数据",
            "数据截至",
            "坐标系",
            "数据来源",
            "制图",
            SIGN,
        ):
            assert wanted in said, (kind, wanted)
        assert "内部" not in said
        assert not [name for name in names if name in said]
    product = texts(sheets["product"])
    hidden = shown.cells[(shown.cells["product"] == "silkie") & shown.cells["hidden"]]
    assert product.count(SIGN) == 2 * len(hidden)
    assert "44" in product


def test_a_product_of_two_growers_has_a_sheet_without_a_figure(round_: Round) -> None:
    cells = reconcile.counts(round_).assign(known=False)
    cells["subjects"] = cells["subjects"].mask(cells["product"] == "egg", 0)
    cells.loc[(cells["product"] == "egg").idxmax(), "subjects"] = 2
    of = suppress(cells)
    assert bool(of.totals.set_index("product").loc["egg", "hidden"])
    town = of.cells[(of.cells["product"] == ALL) & of.cells["hidden"]]
    assert len(town)
    said = gazette.summary_table(round_, of)["鸡蛋›主体数"]
    assert said.iloc[[0, -1]].tolist() == [SIGN, SIGN]
    assert np.all(said.iloc[1:-1].eq(0))
