"""Three hundred made sheets, every layout with every notation and mistake: no row lost, no mistake missed, nothing made up."""

import pandas as pd
import pytest
from variants import LAYOUTS, MISTAKES, Variant, variants

import originmap as om
from originmap.findings import RULES

COUNT = 160


@pytest.fixture(scope="module")
def made() -> list[Variant]:
    return list(variants(COUNT, seed=7))


@pytest.fixture(scope="module")
def opened(made: list[Variant], tmp_path_factory: pytest.TempPathFactory) -> om.Round:
    folder = tmp_path_factory.mktemp("variants") / "2023-03"
    folder.mkdir()
    for variant in made:
        (folder / variant.name).write_bytes(variant.content)
    return om.open_round(folder)


def test_every_sheet_is_recognised_and_accounts_for_every_row(made: list[Variant], opened: om.Round) -> None:
    sheets = opened.sheets
    assert len(sheets) == COUNT
    assert sheets.loc[sheets["kind"] != "collection", "file"].tolist() == []
    parts = sheets[["accepted", "quarantined", "duplicate", "skipped"]].sum(axis=1)
    assert sheets.loc[sheets["rows_in"] != parts, "file"].tolist() == []
    skipped = opened.skipped
    assert set(skipped["reason"]) <= {"title", "header", "blank", "total", "note"}
    records = opened.records.groupby("source_file")["source_row"].agg(set)
    for variant in made:
        aside = skipped.loc[skipped["file"] == variant.name, "row"].tolist()
        assert len(aside) == len(set(aside)), variant.name
        assert not set(aside) & records[variant.name], variant.name
        assert set(aside) | records[variant.name] == set(range(1, max([*aside, *records[variant.name]]) + 1)), (
            variant.name
        )


def test_every_notation_is_read_to_its_exact_value(made: list[Variant], opened: om.Round) -> None:
    intended = pd.DataFrame(
        [{"source_file": item.name, "source_row": row, **values} for item in made for row, values in item.rows]
    )
    assert len(intended) > 4 * COUNT
    key = ["source_file", "source_row", "product"]
    both = intended.merge(opened.records, on=key, how="outer", suffixes=("_true", ""), indicator=True, validate="1:1")
    assert both.loc[both["_merge"] != "both", key].to_numpy().tolist() == []
    for name in intended.columns.difference([*key, "lon", "lat", "size_value"]):
        off = both[both[f"{name}_true"].fillna("") != both[name].fillna("")]
        assert off.empty, off[[*key, f"{name}_true", name]]
    for name in ("lon", "lat", "size_value"):
        pd.testing.assert_series_equal(both[f"{name}_true"], both[name], check_names=False, rtol=0, atol=1e-9)


def test_every_mistake_is_found_at_its_cell_and_no_error_elsewhere(made: list[Variant], opened: om.Round) -> None:
    planted = {(item.name, cell, rule) for item in made for cell, rule in item.planted}
    assert {rule for *_, rule in planted} == {rule for rule, *_ in MISTAKES if rule}
    assert {(item.layout, rule) for item in made for _, rule in item.planted} >= {
        (layout, "subject_missing") for layout in LAYOUTS
    }
    found = opened.findings[["file", "cell", "rule", "severity"]]
    everything = set(found[["file", "cell", "rule"]].itertuples(index=False, name=None))
    assert sorted(planted - everything) == []
    errors = set(found.loc[found["severity"] == "error", ["file", "cell", "rule"]].itertuples(index=False, name=None))
    assert sorted(errors - planted) == []
    assert {rule for *_, rule in planted if RULES[rule].severity == "error"} == {rule for *_, rule in errors}


def test_the_same_seed_makes_the_same_files(made: list[Variant]) -> None:
    again = list(variants(20, seed=7))
    assert [item.content for item in again] == [item.content for item in made[:20]]
    assert {item.layout for item in again} == set(LAYOUTS)
