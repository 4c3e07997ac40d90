"""With the committed verdicts applied, every term of every gap has the subjects, rows and amounts of the truth, no more and no less."""

import re
from pathlib import Path

import pandas as pd
import pytest

import originmap as om
from originmap.decisions import Person, Store
from originmap.subjects import normal_name

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
COUNTIES = ("anxi", "tiny")


def truth(county: str, name: str) -> pd.DataFrame:
    frame = pd.read_csv(SAMPLE / county / "truth" / f"{name}.csv", dtype=str, keep_default_na=False)
    return frame[frame["round"] == "2023-03"]


def with_verdicts(round_: om.Round, county: str, path: Path) -> pd.DataFrame:
    """Return the entries of a store that holds the committed verdicts."""
    store, said = Store(path), truth(county, "verdicts")
    names = (normal_name(said[side], round_.places) for side in ("name_a", "name_b"))
    for row, one, other in zip(said.to_dict("records"), *names, strict=True):
        same = row["verdict"] == "same"
        made = om.matching.verdict(row["township_code"], one, other, same=same, why=row["why"], round_name=round_.name)
        store.record(made, by=Person(row["who"], row["section"]), at=row["at"])
    return store.entries()


@pytest.fixture(scope="module", params=COUNTIES)
def settled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, om.Round, om.growers.Growers]:
    county = request.param
    round_ = om.open_round(SAMPLE / county / "2023-03")
    entries = with_verdicts(round_, county, tmp_path_factory.mktemp(county) / "decisions.db")
    return county, round_, om.growers.growers(round_, entries=entries)


def names(texts: pd.Series, places: om.places.Places) -> list[tuple[str, ...]]:
    """Return each text's names for comparison, whatever spaces were typed in them."""
    parts = texts.fillna("").str.split("[;、]", regex=True).explode()
    clean = normal_name(parts, places).fillna("")
    return [tuple(sorted(set(own) - {""})) for _, own in clean.groupby(level=0)]


def rows(texts: pd.Series) -> list[frozenset[str]]:
    """Return the places that are named, each as file〔sheet〕row."""
    return [
        frozenset(re.sub(r"〕(?:第 )?[A-Z]*(\d+).*$", r"〕\1", spot) for spot in re.split("[;；]", text) if spot)
        for text in texts.fillna("")
    ]


def test_every_terms_list_of_subjects_is_the_truths(settled: tuple[str, om.Round, om.growers.Growers]) -> None:
    county, round_, linked = settled
    wanted = truth(county, "terms")
    wanted = wanted[wanted["subject_name"] != ""].reset_index(drop=True)
    made = om.gaps.subjects(round_, linked)
    made = made[(made["amount"] != 0) & (made["term"] != "unregistered_unreadable")].reset_index(drop=True)
    codes = {name: code for code, name in round_.places.names.items()}

    def told(
        frame: pd.DataFrame, town: pd.Series, columns: tuple[str, str], spots: tuple[str, str]
    ) -> list[tuple[object, ...]]:
        amount = [round(float(size), 2) if size != "" and pd.notna(size) else None for size in frame["amount"]]
        parts = [names(frame[column], round_.places) for column in columns] + [rows(frame[spot]) for spot in spots]
        return sorted(zip(town, frame["product"], frame["term"], amount, *parts, strict=True), key=str)

    expected = told(wanted, wanted["township_code"], ("listed_name", "collected_name"), ("listed_at", "collected_at"))
    got = told(
        made, made["township"].map(codes), ("registered_name", "collected_name"), ("registry_cells", "collection_cells")
    )
    assert len(expected) > 100
    assert got == expected


def test_every_total_and_status_is_the_truths(settled: tuple[str, om.Round, om.growers.Growers]) -> None:
    county, round_, linked = settled
    wanted = truth(county, "terms")
    totals = (
        wanted[wanted["subject_name"] == ""].set_index(["township_code", "product", "term"])["amount"].astype(float)
    )
    gaps, herds = om.reconcile.planting_area(round_, linked=linked), om.reconcile.livestock(round_, linked=linked)
    got = {}
    for frame, unit in ((gaps, "mu"), (herds, "heads")):
        for row in frame.to_dict("records"):
            for term in ("baseline", "registry", "collected", *om.reconcile.TERMS):
                value = row.get(f"{term}_{unit}", float("nan"))
                if pd.notna(value):
                    got[row["township_code"], row["product"], term] = value
    assert got == pytest.approx(totals.to_dict(), abs=0.005)
    statuses = truth(county, "gap_status").set_index(["township_code", "product"])["status"].to_dict()
    both = pd.concat([gaps, herds]).set_index(["township_code", "product"])["gap_status"].to_dict()
    assert both == statuses


def test_without_the_verdicts_doubtful_pairs_are_shown_as_in_review(
    settled: tuple[str, om.Round, om.growers.Growers],
) -> None:
    _, round_, linked = settled
    before = om.growers.growers(round_)
    assert before.known["in_review"].sum() > 0
    assert linked.known["in_review"].sum() == 0
    doubtful = om.gaps.subjects(round_, before)
    assert (doubtful["mark"].str.contains("待核") & (doubtful["term"] == "unlisted")).any()
