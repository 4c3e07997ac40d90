"""The committed sample, read as an analyst would, says what its truth files say: every row, cell, finding and figure."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import originmap as om
from originmap import proposals
from originmap.checks import RECORD_COLUMNS
from originmap.decisions import Store
from originmap.rounds import earlier_rounds
from originmap.sample.doubles import EXCHANGE
from originmap.subjects import normal_name

SAMPLE = om.rounds.PROJECT / "data" / "sample"
COUNTY = SAMPLE / "anxi"
ROUNDS = ["anxi/2023-02", "anxi/2023-03", "tiny/2023-03"]
TEXTS = [
    "township_code",
    "village",
    "subject_type",
    "contact_name",
    "contact_phone",
    "product",
    "plot_key",
    "cropping",
    "size_unit",
    "base_address",
    "market_windows",
    "production_mode",
    "trace_methods",
    "credit_grade",
    "collected_on",
    "status",
]


@pytest.fixture(scope="module", params=ROUNDS)
def opened(request: pytest.FixtureRequest) -> om.Round:
    return om.open_round(SAMPLE / request.param)


@pytest.fixture(scope="module")
def march() -> om.Round:
    return om.open_round(COUNTY / "2023-03")


def truth(name: str, round_: om.Round) -> pd.DataFrame:
    frame = pd.read_csv(round_.folder.parent / "truth" / f"{name}.csv", dtype="str")
    return frame[frame["round"] == round_.name].reset_index(drop=True)


def round_name(round_: om.Round) -> str:
    return f"{round_.folder.parent.name}/{round_.name}"


def paired(round_: om.Round) -> pd.DataFrame:
    """Return truth and record side by side, by file, sheet and row; truth's columns end in _true."""
    made = pd.DataFrame(round_.records.drop(columns="geometry"))
    made = made.rename(columns={"source_file": "file", "source_sheet": "sheet", "source_row": "row"})
    intended = truth("collection", round_).astype({"row": int})
    both = intended.merge(
        made, on=["file", "sheet", "row"], how="outer", suffixes=("_true", ""), validate="1:1", indicator=True
    )
    assert (both["_merge"] == "both").all(), both[both["_merge"] != "both"]
    return both


def test_every_collection_row_is_read_to_its_intended_value(opened: om.Round) -> None:
    both = paired(opened)
    assert len(both) > (50 if round_name(opened) == "tiny/2023-03" else 400)
    for name in TEXTS:
        off = both[both[f"{name}_true"].fillna("") != both[name].fillna("")]
        assert off.empty, off[["file", "sheet", "row", f"{name}_true", name, "mistakes"]]
    for name in ("size_value", "area_mu", "head_count"):
        pd.testing.assert_series_equal(
            both[f"{name}_true"].astype(float), both[name], check_names=False, rtol=0, atol=1e-9
        )
    said, meant = (normal_name(both[name], opened.places) for name in ("subject_name", "subject_name_true"))
    assert both[said.fillna("") != meant.fillna("")].empty


def test_settled_points_are_the_true_ones_and_the_others_are_explained(opened: om.Round) -> None:
    both = paired(opened)
    metres = 111_000 * np.hypot(
        both["lon"] - both["lon_true"].astype(float), both["lat"] - both["lat_true"].astype(float)
    )
    assert metres.max() < 1.0
    unsettled = both[both["lon"].isna()]
    assert unsettled["mistakes"].str.contains("point_").all()
    assert (both["lon"].notna().sum() + len(unsettled)) == len(both)


def test_every_planted_mistake_is_found_at_its_cell_and_nothing_else(opened: om.Round) -> None:
    planted = truth("mistakes", opened).fillna("")
    key = ["file", "sheet", "cell", "rule"]
    expected = set(planted[key].itertuples(index=False, name=None))
    found = set(opened.findings[key].itertuples(index=False, name=None))
    assert found == expected
    assert len(expected) > 10
    assert len({rule for *_, rule in expected}) > (15 if len(opened.records) < 100 else 10)


@pytest.fixture(scope="module", params=["anxi", "tiny"])
def third(request: pytest.FixtureRequest) -> om.Round:
    return om.open_round(SAMPLE / request.param / "2023-03")


def test_files_in_another_datum_are_told_where_enough_subjects_are_known(march: om.Round) -> None:
    """Two files speak for their datum through subjects of the month before; a late one of three rows cannot."""
    planted = truth("datums", march).set_index("file")
    told = proposals.datums(march, earlier=earlier_rounds(march, count=1)).set_index("file")
    sure = planted[planted["decidable"] == "yes"]
    assert told.loc[sure.index, "datum"].to_dict() == sure["datum"].to_dict()
    assert told.loc[planted.index[planted["decidable"] == "no"], "datum"].isna().all()
    others = told[~told.index.isin(planted.index)]
    assert others["datum"].dropna().eq("wgs84").all()
    assert others["datum"].notna().sum() >= 10


def test_registry_and_planting_area_are_read_whole(third: om.Round) -> None:
    march = third
    listed = truth("registry", march).astype({"row": int, "size_value": float})
    made = march.registry.rename(columns={"source_file": "file", "source_sheet": "sheet", "source_row": "row"})
    # A wide registry has several products a row.
    both = listed.merge(
        made, on=["file", "sheet", "row", "product"], how="outer", suffixes=("_true", ""), validate="1:1"
    )
    assert len(both) == len(march.registry) == len(listed)
    for name in ("township_code", "size_unit"):
        assert (both[f"{name}_true"].fillna("") == both[name].fillna("")).all(), name
    pd.testing.assert_series_equal(both["size_value_true"], both["size_value"], check_names=False)
    area = truth("planting_area", march).astype({"area_mu": float})
    both = area.merge(march.planting_area, on=["township_code", "product"], how="outer", suffixes=("_true", ""))
    assert len(both) == 72
    assert (both["cell"] == both["source_cell"]).all()
    pd.testing.assert_series_equal(both["area_mu_true"], both["area_mu"], check_names=False)


def standing_from(rows: pd.DataFrame) -> pd.Series:
    """Work the standing area out from the truth, without the library: plain loops over plain rows."""
    plots: dict[tuple[str, str, str, str], dict[str, float]] = {}
    for row in rows.to_dict("records"):
        plot = (row["township_code"], row["product"], row["subject_name"], row["plot_key"])
        croppings = plots.setdefault(plot, {})
        croppings[row["cropping"]] = croppings.get(row["cropping"], 0.0) + float(row["area_mu"])
    totals: dict[tuple[str, str], float] = {}
    for (township, product, _, _), croppings in plots.items():
        totals[township, product] = totals.get((township, product), 0.0) + max(croppings.values())
    return pd.Series(totals)


def test_every_figure_of_the_reconciliation_is_the_truths(opened: om.Round) -> None:
    gaps = om.reconcile.planting_area(opened)
    rows = truth("collection", opened)
    rows = rows[(rows["status"] == "accepted") & (rows["subject_type"] != "buyer") & rows["area_mu"].notna()]
    rows = rows.fillna({"plot_key": "", "cropping": ""})
    collected = standing_from(rows)
    states = truth("submissions", opened).set_index(["township_code", "product"])["state"]
    baseline = truth("planting_area", opened).set_index(["township_code", "product"])["area_mu"].astype(float)
    for row in gaps.to_dict("records"):
        key = (row["township_code"], row["product"])
        state = states.get(key, "none")
        expected = round(float(collected.get(key, 0.0)), 2) if state in ("reported", "zero") else np.nan
        assert row["collected_mu"] == pytest.approx(expected, abs=0.005, nan_ok=True), key
        assert row["baseline_mu"] == pytest.approx(baseline.get(key, np.nan), abs=0.005, nan_ok=True), key
        assert row["gap_mu"] == pytest.approx(baseline.get(key, np.nan) - expected, abs=0.011, nan_ok=True), key
        if state in ("not_submitted", "not_reported") and pd.notna(row["baseline_mu"]):
            assert row["gap_status"] == state, key
        if pd.isna(row["baseline_mu"]) and state != "none":
            assert row["gap_status"] == "no_baseline", key
    registered = truth("registry", opened)
    registered = registered[registered["category"] != "buyer"]
    if len(registered):
        sums = registered.astype({"size_value": float}).groupby(["township_code", "product"])["size_value"].sum()
        for row in gaps[gaps["registry_mu"].notna()].to_dict("records"):
            assert row["registry_mu"] == pytest.approx(sums.get((row["township_code"], row["product"]), 0.0), abs=0.005)


def test_every_status_is_the_plans(opened: om.Round) -> None:
    """`gap_status.csv` is worked out from the plan: the library must come to the same figures and the same word."""
    planned = truth("gap_status", opened).astype({"registry": float, "collected": float, "gap": float})
    both = om.reconcile.planting_area(opened).merge(planned, on=["township_code", "product"], validate="1:1")
    assert len(both) == 72
    assert both["gap_status"].tolist() == both["status"].tolist()
    for made, meant in (("registry_mu", "registry"), ("collected_mu", "collected"), ("gap_mu", "gap")):
        pd.testing.assert_series_equal(both[made], both[meant], check_names=False, rtol=0, atol=0.006)


@pytest.mark.parametrize("name", ["anxi", "tiny"])
def test_the_verdicts_can_be_merged_and_say_what_the_truth_says(name: str, tmp_path: Path) -> None:
    round_ = om.open_round(SAMPLE / name / "2023-03")
    store = Store(tmp_path / "decisions.db")
    new, known = store.merge(SAMPLE / name / EXCHANGE)
    assert (new > 0, known) == (True, 0)
    held = om.matching.decided(store.entries())
    assert (held["state"] == "active").all()
    said = truth("verdicts", round_)
    one, other = (normal_name(said[side], round_.places) for side in ("name_a", "name_b"))
    meant = {
        (code, *sorted(pair)): verdict == "same"
        for code, *pair, verdict in zip(said["township_code"], one, other, said["verdict"], strict=True)
    }
    keys = held[["township_code", "name_a", "name_b"]].itertuples(index=False, name=None)
    assert dict(zip(keys, held["same"], strict=True)) == meant


def test_the_sample_shows_every_state_that_matters(march: om.Round) -> None:
    statuses = set(om.reconcile.planting_area(march)["gap_status"])
    assert {"no_baseline", "not_submitted", "not_reported", "balanced", "short", "over"} <= statuses
    categories = set(truth("registry", march)["category"])
    assert {"matched", "size_difference", "missing", "exempt"} <= categories
    assert {"unlisted", "buyer"} <= set(truth("collection", march)["category"].dropna())
    assert march.is_sample
    assert {"refused", "collection", "registry", "planting_area"} <= set(march.sheets["kind"])


def test_the_tiny_county_is_tiny() -> None:
    """One to five rows a township, so that nothing rests on having many."""
    rows = pd.read_csv(SAMPLE / "tiny" / "truth" / "collection.csv", dtype="str")
    sizes = rows.groupby(["file", "township"]).size().groupby("township").sum()
    assert len(sizes) == 23
    assert sizes.between(1, 5).all()


def test_a_value_is_traced_to_its_cell_in_any_layout(march: om.Round) -> None:
    """Two columns of sizes, two headers or one column a product: the cell named for a value holds it."""
    shared = march.columns[march.columns["rows"].notna()]["file"].unique()
    assert len(shared) >= 5
    planted = truth("mistakes", march)
    planted = planted[(planted["field"] == "size") & planted["file"].isin(shared)].astype({"row": int})
    records = march.records.merge(
        planted, left_on=["source_file", "source_sheet", "source_row"], right_on=["file", "sheet", "row"]
    )
    assert len(records) >= 5
    for row in records.to_dict("records"):
        assert march.cell(pd.Series(row), "size") == f"{row['file']}〔{row['sheet']}〕{row['cell']}"


def test_every_row_has_its_place(opened: om.Round) -> None:
    skipped = opened.skipped
    assert skipped["reason"].isin(list(om.vocab.codes("skip_reason"))).all()
    assert not skipped.duplicated(["file", "sheet", "row"]).any()
    parts = opened.sheets[["accepted", "quarantined", "duplicate", "skipped"]].sum(axis=1)
    assert (opened.sheets["rows_in"] == parts).all()


def test_renamed_and_moved_files_give_the_same_records_and_gaps(tmp_path: Path, march: om.Round) -> None:
    folder = tmp_path / "另 一 处" / "2023-03"
    files = [path for path in om.archives.list_files(march.folder) if path.suffix != ".pdf"]
    assert len(files) > 20
    named_inside = set(march.findings.loc[march.findings["rule"] == "township_from_file_name", "file"])
    for number, path in enumerate(reversed(files)):
        # A file that says its township only in its name keeps that name, elsewhere.
        kept = any(name.startswith(path.relative_to(march.folder).as_posix()) for name in named_inside)
        target = folder / f"层{number % 3}" / f"{path.stem if kept else f'改名{number:02d}'}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    moved = om.open_round(folder)
    kept = [name for name in RECORD_COLUMNS if not name.startswith("source_") and name != "geometry"]
    order = ["record_id", "status"]
    pd.testing.assert_frame_equal(
        pd.DataFrame(moved.records[kept]).sort_values(order, ignore_index=True),
        pd.DataFrame(march.records[kept]).sort_values(order, ignore_index=True),
    )
    one, two = (om.reconcile.planting_area(item).drop(columns="baseline_cell") for item in (march, moved))
    pd.testing.assert_frame_equal(one, two)
