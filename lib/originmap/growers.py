"""Growers: every registered and every collected subject of a township and product, brought together, and why they differ.

Sizes are whole hundredths (of 亩, 头 or 只) in here, so that sums are exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from originmap import decisions, matching, texts
from originmap.kept import worked_out
from originmap.places import Places
from originmap.rounds import Round
from originmap.subjects import normal_name, standing

KEY: Final = ["township_code", "product"]
# The parts of a gap that subjects stand behind, in the order of the identity.
PARTS: Final = ("exempt", "missing", "unreadable", "size_difference", "unlisted")
MEASURES: Final = ("standing", "sown")


@dataclass(frozen=True)
class Growers:
    """Who is registered and who was collected, side by side.

    Attributes
    ----------
    frame
        One row a grower, township and product, buyers left out; the label is the grower's number: `township_code, product, registered_name,
        collected_name, subject_type, registered, collected` (hundredths, NA: none known), `unsized` (registered rows without a size), `due` (registered
        at or above the threshold), `reaches` (what was collected, standing, does), `awaits` (rows of it wait for correction), `term`, `in_review`, and a column each of `PARTS`: what it adds to that part, in hundredths. `term` is one of `PARTS`, ``matched``
        (no difference), ``unsized`` (registered without a size, not collected), ``unregistered_unreadable`` (in no registry, its
        rows quarantined), or NA where nobody knows: the township has no registry, or nothing was said of the product.
    registry, collection
        The grower of every row of ``round_.registry`` and ``round_.records`` that has one, by the row's label.
    pairs
        What ``matching.match`` said, with the growers' numbers as `registered` and `collected`.
    known
        ``(township_code, product)`` → `registry` and `collected` (hundredths, NA where unknown), `registry_unsized` (rows), `listed` (the
        township has a registry), `subjects` (collected), `in_review` (pairs that nobody has decided).
    listed, sheets
        The subjects of both sides, as ``matching.subjects`` gives them; `left` and `right` of `pairs` are their labels.
    measure
        ``standing`` or ``sown``.
    """

    frame: pd.DataFrame
    registry: pd.Series
    collection: pd.Series
    pairs: pd.DataFrame
    known: pd.DataFrame
    listed: pd.DataFrame
    sheets: pd.DataFrame
    measure: str


def growers(round_: Round, *, measure: str | None = None, entries: pd.DataFrame | None = None) -> Growers:
    """Bring registry (附件4) and collection sheets (附件1) together by subject, and say of each what part of the gap it is.

    Parameters
    ----------
    round_
        An opened round.
    measure
        ``standing`` or ``sown``, of crops; the rules' by default.
    entries
        The store's entries, whose verdicts on pairs hold; by default those that the round was opened with.

    Raises
    ------
    ValueError
        The measure is none.
    """
    chosen = measure or str(round_.rules["reconcile"]["area_measure"])
    if chosen not in MEASURES:
        msg = f"measure must be 'standing' or 'sown', not {chosen!r}"
        raise ValueError(msg)
    said = round_.decisions[decisions.COLUMNS] if entries is None else entries
    given = ["growers", chosen, said.astype("object").to_dict("list")]
    return worked_out(lambda: _growers(round_, chosen, said), *given, of=[round_.digest])


def _growers(round_: Round, chosen: str, entries: pd.DataFrame) -> Growers:
    listed, sheets = _countable(round_.registry), _countable(pd.DataFrame(round_.records.drop(columns="geometry")))
    (left, in_left), (right, in_right) = (_subjects(rows, round_.places) for rows in (listed, sheets))
    verdicts = matching.decided(entries)
    verdicts = verdicts[["township_code", "name_a", "name_b", "same", "state", "id"]]
    pairs = matching.match(left, right, round_.rules, verdicts=verdicts)
    of_left, of_right = _joined(len(left), len(right), pairs)
    registry, collection = (
        pd.Series(of[at.to_numpy()], index=at.index) for of, at in ((of_left, in_left), (of_right, in_right))
    )
    frame = _names(left, of_left, right, of_right)
    frame = frame.join(_registered(listed, registry, round_)).join(
        _collected(sheets, collection, right["subject"].take(in_right).set_axis(in_right.index), chosen, round_)
    )
    frame["unsized"] = frame["unsized"].fillna(0).astype("int64")
    astray = _astray(round_, listed, registry, frame)
    frame["awaits"] = frame["awaits"].fillna(value=False).astype(bool) | frame.index.isin(astray.to_numpy())
    collection = pd.concat([collection, astray])
    pairs = pairs.assign(registered=of_left[pairs["left"].to_numpy()], collected=of_right[pairs["right"].to_numpy()])
    open_pairs = pairs[(pairs["band"] == "review") & (pairs["registered"] != pairs["collected"])]
    frame["in_review"] = frame.index.isin([*open_pairs["registered"], *open_pairs["collected"]])
    known = _known(round_, frame)
    where = pd.MultiIndex.from_frame(frame.loc[open_pairs["registered"], KEY])
    known["in_review"] = pd.Series(1, index=where).groupby(level=KEY).sum().reindex(known.index, fill_value=0)
    return Growers(_told(frame, known), registry, collection, pairs, known, left, right, chosen)


def cents(sizes: pd.Series) -> pd.Series:
    """Return sizes as whole hundredths (Int64), NA where unknown."""
    return (sizes.astype("float64") * 100).round().astype("Int64")


def sizes(hundredths: pd.Series) -> pd.Series:
    """Return whole hundredths as sizes again (float64), NA where unknown."""
    return (hundredths.astype("float64") / 100).round(2)


def thresholds(round_: Round) -> dict[str, int]:
    """Return ``{product: the size from which it belongs in 附件1}`` in hundredths."""
    return {code: round(product.threshold * 100) for code, product in round_.rules.products.items()}


def _countable(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand for a grower: no buyer's, no duplicate, with township, product and subject."""
    usable = rows[[*KEY, "subject_name"]].notna().all(axis=1)
    return rows[usable & (rows["status"] != "duplicate") & (rows["subject_type"] != "buyer")]


def _joined(left: int, right: int, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the grower's number of every subject at the left and at the right: pairs that are the same are one grower."""
    parent = list(range(left + right))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    same = pairs[pairs["band"] == "same"]
    for one, other in zip(same["left"].tolist(), same["right"].tolist(), strict=True):
        low, high = sorted((root(one), root(left + other)))
        parent[high] = low
    roots = np.array([root(at) for at in range(left + right)], dtype="int64")
    return roots[:left], roots[left:]


def _subjects(rows: pd.DataFrame, places: Places) -> tuple[pd.DataFrame, pd.Series]:
    """Return the subjects of a list for `matching.match`, and the place of every row's subject among them, by the row's label."""
    subjects = matching.subjects(rows, places).reset_index(drop=True)
    keys = [*KEY, "subject"]
    named = rows[KEY].assign(subject=normal_name(rows["subject_name"], places))
    # A name of nothing but signs is compared with none; its row still counts.
    named["subject"] = named["subject"].mask(named["subject"] == "", rows["subject_name"])
    known = pd.MultiIndex.from_frame(subjects[keys])
    rest = named[~pd.MultiIndex.from_frame(named).isin(known)].drop_duplicates()
    if len(rest):
        more = rest.assign(subject_name=rest["subject"], subject_type=rows["subject_type"].reindex(rest.index))
        subjects = pd.concat([subjects, more], ignore_index=True)
        known = pd.MultiIndex.from_frame(subjects[keys])
    at = known.get_indexer(pd.MultiIndex.from_frame(named))
    return subjects, pd.Series(at, index=rows.index, dtype="int64")


def _names(left: pd.DataFrame, of_left: np.ndarray, right: pd.DataFrame, of_right: np.ndarray) -> pd.DataFrame:
    def named(subjects: pd.DataFrame, grower: np.ndarray, name: str) -> pd.DataFrame:
        first = subjects.assign(grower=grower)
        # Several names of one grower are all shown.
        names = texts.gathered(first["subject_name"], grower, "、")
        kept = first.drop_duplicates("grower").set_index("grower")[[*KEY, "subject_type"]]
        return kept.assign(**{name: names})

    one, other = named(left, of_left, "registered_name"), named(right, of_right, "collected_name")
    frame = one.combine_first(other)
    for name in ("registered_name", "collected_name"):
        frame[name] = frame[name].astype("str") if name in frame else pd.Series(pd.NA, index=frame.index, dtype="str")
    return frame[[*KEY, "registered_name", "collected_name", "subject_type"]].sort_index()


def _registered(listed: pd.DataFrame, registry: pd.Series, round_: Round) -> pd.DataFrame:
    """Return per grower: `registered`, of which `due` and `below` the threshold (hundredths), and how many rows are `unsized`.

    A quarantined row still says that somebody is registered, only not with what size.
    """
    rows = listed.loc[registry.index].assign(grower=registry)
    size = cents(rows["area_mu"].fillna(rows["head_count"])).where(rows["status"] == "accepted")
    rows = rows.assign(size=size, none=size.isna())
    unit = ["grower"]
    if round_.rules["reconcile"]["threshold_level"] == "plot":
        rows = rows.assign(plot=rows["base_address"].fillna(""))
        unit = ["grower", "plot"]
    by_unit = rows.groupby(unit)
    whole = pd.DataFrame({"size": by_unit["size"].sum(min_count=1), "product": by_unit["product"].first()})
    reached = (whole["size"] >= whole["product"].map(thresholds(round_))).fillna(value=False)
    whole = whole.assign(due=whole["size"].where(reached, 0), below=whole["size"].where(~reached, 0))
    sums = whole.groupby(level="grower")[["due", "below"]].sum()
    total = whole["size"].groupby(level="grower").sum(min_count=1)
    return sums.assign(registered=total, unsized=rows.groupby("grower")["none"].sum())


def _collected(
    sheets: pd.DataFrame, collection: pd.Series, names: pd.Series, measure: str, round_: Round
) -> pd.DataFrame:
    """Return per grower `collected` (hundredths, accepted rows only), `reaches` (the threshold, standing), `awaits` (correction of a row)."""
    rows = sheets.loc[collection.index].assign(grower=collection)
    counted = rows[rows["status"] == "accepted"]
    counted = counted.assign(subject=names[counted.index])
    crops = counted[counted["area_mu"].notna()]
    heads = standing(counted[counted["area_mu"].isna()], ["grower"], value="head_count")
    waits = rows[rows["status"] == "quarantined"].groupby("grower").size() > 0
    total = cents(pd.concat([standing(crops, ["grower"], measure=measure), heads]))
    if round_.rules["reconcile"]["threshold_level"] == "plot":
        reaches = counted.groupby("grower")["in_scope"].any()
    else:
        stands = cents(pd.concat([standing(crops, ["grower"]), heads]))
        product = counted.groupby("grower")["product"].first()
        reaches = (stands >= product.map(thresholds(round_)).reindex(stands.index)).fillna(value=False)
    return pd.DataFrame({"collected": total, "reaches": reaches.astype("boolean"), "awaits": waits})


def _astray(round_: Round, listed: pd.DataFrame, registry: pd.Series, frame: pd.DataFrame) -> pd.Series:
    """Return the grower of quarantined rows whose product nobody can read, by township and name: such a row may be any product's."""
    records = round_.records
    lost = records["product"].isna() & (records["status"] == "quarantined") & (records["subject_type"] != "buyer")
    lost &= records["township_code"].notna() & records["subject_name"].notna()
    if not lost.any():
        return pd.Series(dtype="int64", index=pd.Index([], dtype="int64"))
    rows = pd.DataFrame(records.loc[lost, ["township_code"]]).assign(
        name=normal_name(records.loc[lost, "subject_name"], round_.places)
    )
    names = listed.loc[registry.index, ["township_code"]].assign(
        name=normal_name(listed.loc[registry.index, "subject_name"], round_.places), grower=registry
    )
    alone = frame.index[frame["collected"].isna()]
    names = names[names["grower"].isin(alone)].drop_duplicates()
    hit = rows.reset_index(names="row").merge(names, on=["township_code", "name"])
    # Registered for several products: nobody can tell which of them the row is.
    hit = hit[~hit["row"].duplicated(keep=False)]
    return pd.Series(hit["grower"].to_numpy(), index=pd.Index(hit["row"], dtype="int64"), dtype="int64")


def _known(round_: Round, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what is known per township and product: `registry, collected` (hundredths) and `registry_unsized`.

    The registry is known where the township sent one with a usable row, and then 0 where it lists none; NA where none of
    its rows has a size, or rows of unreadable product may belong here. Collected is 0 where a product was spoken of.
    """
    every = pd.MultiIndex.from_product([round_.places.names, round_.rules.products], names=KEY)
    listed = round_.registry[round_.registry["subject_type"] != "buyer"]
    towns = set(listed.loc[listed["status"] == "accepted", "township_code"].dropna())
    vague = set(listed.loc[(listed["status"] == "quarantined") & listed["product"].isna(), "township_code"].dropna())
    by_key = frame.groupby(KEY)
    registry = by_key["registered"].sum(min_count=1).reindex(every)
    rows = by_key["registered_name"].count().reindex(every, fill_value=0)
    town = pd.Series(every.get_level_values(0), index=every)
    registry = registry.mask((rows == 0) & ~town.isin(vague), 0).where(town.isin(towns))
    spoken = round_.submissions.set_index(KEY)["state"].reindex(every).notna()
    collected = by_key["collected"].sum(min_count=1).reindex(every)
    return pd.DataFrame(
        {
            "registry": registry.astype("Int64"),
            "collected": collected.mask(spoken & collected.isna(), 0).astype("Int64"),
            "registry_unsized": by_key["unsized"]
            .sum()
            .reindex(every, fill_value=0)
            .where(town.isin(towns))
            .astype("Int64"),
            "listed": town.isin(towns),
            "subjects": by_key["collected"].count().reindex(every, fill_value=0),
        }
    )


def _told(frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the growers with `term` and what each adds to the `PARTS` of the gap."""
    there = known.reindex(pd.MultiIndex.from_frame(frame[KEY]))
    clear = (there["listed"].to_numpy(bool)) & there["collected"].notna().to_numpy()
    listed, got = frame["registered_name"].notna(), frame["collected"].notna()
    sized, due = frame["registered"].notna(), frame["due"].fillna(0) > 0
    term = pd.Series("matched", index=frame.index, dtype="object")
    term[listed & got & ((frame["registered"] != frame["collected"]).fillna(value=True))] = "size_difference"
    term[listed & ~got] = "unsized"
    term[listed & ~got & sized] = "exempt"
    term[listed & ~got & due] = "missing"
    term[listed & ~got & frame["awaits"]] = "unreadable"
    term[~listed & got] = "unlisted"
    term[~listed & ~got] = "unregistered_unreadable"
    frame = frame.assign(term=term.where(clear).astype("str"))
    nothing = pd.Series(0, index=frame.index, dtype="Int64")
    registered, collected = frame["registered"].fillna(0), frame["collected"].fillna(0)
    absent = frame["term"].isin(["missing", "exempt"])
    parts = {
        "exempt": frame["below"].fillna(0).where(absent, nothing),
        "missing": frame["due"].fillna(0).where(absent, nothing),
        "unreadable": registered.where(frame["term"] == "unreadable", nothing),
        "size_difference": (collected - registered).where(frame["term"].isin(["size_difference", "matched"]), nothing),
        "unlisted": collected.where(frame["term"] == "unlisted", nothing),
    }
    who = [*KEY, "registered_name", "collected_name", "subject_type"]
    columns = [*who, "registered", "collected", "unsized", "due", "reaches", "awaits", "term", "in_review"]
    return frame[columns].assign(**{name: part.astype("Int64") for name, part in parts.items()})


def behind(frame: pd.DataFrame, parts: Iterable[str]) -> pd.DataFrame:
    """Return the growers that stand behind any of `parts`: by their term, or by what they add."""
    wanted = list(parts)
    amounts = [name for name in wanted if name in PARTS]
    return frame[frame["term"].isin(wanted) | (frame[amounts] != 0).any(axis=1)]
