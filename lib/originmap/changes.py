"""Changes: what became of each subject between two rounds, with the cells on both sides, and how figures went over all of them.

Rounds are compared where both speak of a township's product. What a township says nothing of has not vanished; an increment and "no change" carry
the earlier rows along, so only a full submission or a zero report can make a subject vanish.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from originmap import matching
from originmap.kept import worked_out
from originmap.rounds import Round
from originmap.subjects import normal_name, standing

CHANGE_COLUMNS: Final = [
    "change", "township_code", "township", "product", "subject_before", "subject_after", "size_before", "size_after", "difference", "moved_m",
    "cell_before", "cell_after", "evidence",
]  # fmt: skip
COMPARED_COLUMNS: Final = ["township_code", "township", "product", "compared"]
SERIES_COLUMNS: Final = ["round", "township_code", "township", "product", "state", "subjects", "value", "records"]
_KEY: Final = ["township_code", "product"]
_WHO: Final = [*_KEY, "subject"]
# A size is written to 0.01 亩; less is rounding.
_LEAST: Final = 0.005


def compared(before: Round, after: Round) -> pd.DataFrame:
    """Return for every township and product whether it can be compared, with `COMPARED_COLUMNS`.

    `compared` is yes, not_now (the later round says nothing of it), not_before, or neither.
    """
    key = pd.MultiIndex.from_product([after.places.names, after.rules.products], names=_KEY)
    then, now = (key.isin(list(_spoken(each))) for each in (before, after))
    said = np.select([then & now, then & ~now, now & ~then], ["yes", "not_now", "not_before"], default="neither")
    frame = pd.DataFrame(index=key).reset_index().assign(compared=pd.Series(said, dtype="str"))
    frame["township"] = frame["township_code"].map(after.places.names).astype("str")
    return frame[COMPARED_COLUMNS]


def _spoken(round_: Round) -> set[tuple[str, str]]:
    return set(round_.submissions.dropna(subset=["product"])[_KEY].itertuples(index=False, name=None))


def changes(before: Round, after: Round) -> pd.DataFrame:
    """Return what became of every subject of either round, with `CHANGE_COLUMNS`, where both rounds speak of its township's product.

    Returns
    -------
    `change` is new, gone, grown, shrunk, moved, renamed, review (a name nearly the same, for a person to decide: neither gone nor new) or
    unchanged; a subject with several changes has several rows. `size_before` and `size_after` are standing sizes (亩 or heads), NA where no row of it can
    be read; `moved_m` metres between the points of one plot. Buyers are left out.
    """
    return worked_out(lambda: _changes(before, after), "changes", of=[before.digest, after.digest])


def _changes(before: Round, after: Round) -> pd.DataFrame:
    both = compared(before, after).query("compared == 'yes'")
    keys = set(both[_KEY].itertuples(index=False, name=None))
    sides = [_Side(each, keys) for each in (before, after)]
    left, right = (side.subjects for side in sides)
    verdicts = matching.decided(after.decisions) if len(after.decisions) else None
    pairs = matching.match(left, right, after.rules, verdicts=verdicts)
    ours, theirs = left.to_dict("index"), right.to_dict("index")
    rows: list[dict[str, Any]] = []
    for pair in pairs[pairs["band"] == "same"].itertuples():
        rows.extend(_pair(ours[pair.left], theirs[pair.right], sides, after, str(pair.evidence)))
    for pair in pairs[pairs["band"] == "review"].itertuples():
        one, other = ours[pair.left], theirs[pair.right]
        rows.append(_row("review", one, other, sides, field="subject_name", evidence=str(pair.evidence)))
    gone, new = (
        frame[matching.status(frame, pairs, side=side) == "unmatched"]
        for frame, side in ((left, "left"), (right, "right"))
    )
    rows.extend(_row("gone", one, None, sides) for one in gone.to_dict("records"))
    rows.extend(_row("new", None, one, sides) for one in new.to_dict("records"))
    frame = pd.DataFrame(rows, columns=[name for name in CHANGE_COLUMNS if name != "township"])
    texts = ["change", *_KEY, "subject_before", "subject_after", "cell_before", "cell_after", "evidence"]
    numbers = ["size_before", "size_after", "difference", "moved_m"]
    frame = frame.astype(dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "float64"))
    frame["township"] = frame["township_code"].map(after.places.names).astype("str")
    products = {code: at for at, code in enumerate(after.rules.products)}
    order = frame.assign(a=frame["product"].map(products), b=frame["subject_before"].fillna(frame["subject_after"]))
    order = order.sort_values(["township_code", "a", "b", "change"], kind="stable", ignore_index=True)
    return order[CHANGE_COLUMNS]


class _Side:
    """One round's subjects where both speak: sizes, points and rows of each."""

    def __init__(self, round_: Round, keys: set[tuple[str, str]]) -> None:
        rows = round_.records[
            round_.records["status"].isin(["accepted", "quarantined"]) & (round_.records["subject_type"] != "buyer")
        ]
        rows = rows[[key in keys for key in zip(rows["township_code"], rows["product"], strict=True)]]
        rows = rows.assign(subject=normal_name(rows["subject_name"], round_.places))
        self.subjects = matching.subjects(pd.DataFrame(rows.drop(columns="geometry")), round_.places)
        counted = pd.DataFrame(rows[rows["status"] == "accepted"].drop(columns="geometry"))
        measure = str(round_.rules["reconcile"]["area_measure"])
        areas = standing(counted, _WHO, measure=measure)
        self._sizes = areas.fillna(standing(counted, _WHO, value="head_count").reindex(areas.index)).to_dict()
        self.points = _points(rows, round_)
        self._rows: dict[tuple[str, ...], list[dict[Any, Any]]] = {}
        spots = ["source_file", "source_sheet", "source_row"]
        for row in rows.sort_values(spots)[[*_WHO, "plot_key", *spots]].to_dict("records"):
            self._rows.setdefault(_who(row), []).append(row)
        # A point may stand in two columns; the first is where one looks.
        lon = round_.columns[round_.columns["field"] == "lon"]
        self._round, self._with_lon = round_, set(zip(lon["file"], lon["sheet"], strict=True))

    def size(self, one: Mapping[Any, Any]) -> float:
        return float(self._sizes.get(_who(one), np.nan))

    def cell(self, one: Mapping[Any, Any], field: str, plot: str | None = None) -> str:
        """Return where a subject's value stands first, of one plot where that is asked."""
        row = next(row for row in self._rows[_who(one)] if plot is None or row["plot_key"] == plot)
        if field == "point" and (row["source_file"], row["source_sheet"]) in self._with_lon:
            field = "lon"
        return self._round.cell(row, field)


def _who(one: Mapping[Any, Any]) -> tuple[str, ...]:
    return tuple(one[name] for name in _WHO)


def _points(rows: gpd.GeoDataFrame, round_: Round) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return ``{subject: {plot: point in metres}}`` of settled points; the first of a plot that has several."""
    kept = rows[~rows.geometry.isna() & ~rows.geometry.is_empty].to_crs(round_.places.measure_crs)
    kept = kept.sort_values(["source_file", "source_sheet", "source_row"])
    made: dict[tuple[str, ...], dict[str, Any]] = {}
    for town, product, subject, plot, point in zip(
        *(kept[name] for name in (*_WHO, "plot_key")), kept.geometry, strict=True
    ):
        made.setdefault((town, product, subject), {}).setdefault(plot, point)
    return made


def _pair(
    one: Mapping[Any, Any], other: Mapping[Any, Any], sides: Sequence[_Side], after: Round, evidence: str
) -> Iterable[dict[str, Any]]:
    """Return the rows of one subject in both rounds: each change it has, or that it has none."""
    found = []
    then, now = sides[0].size(one), sides[1].size(other)
    if one["subject"] != other["subject"]:
        found.append(_row("renamed", one, other, sides, field="subject_name", evidence=evidence))
    if abs(now - then) > _LEAST:
        found.append(_row("grown" if now > then else "shrunk", one, other, sides))
    elif np.isnan(then) != np.isnan(now):
        # A size that can be read on one side only is no change of size; it waits for correction.
        pass
    plots = [side.points.get(_who(subject), {}) for side, subject in zip(sides, (one, other), strict=True)]
    shared: list[tuple[str, str]] = [(plot, plot) for plot in plots[0] if plot in plots[1]]
    if not shared and len(plots[0]) == len(plots[1]) == 1:
        # A single plot whose address is written otherwise is still that plot.
        shared = [(next(iter(plots[0])), next(iter(plots[1])))]
    apart = {pair: float(plots[0][pair[0]].distance(plots[1][pair[1]])) for pair in shared}
    far = max(apart, key=lambda pair: apart[pair], default=None)
    if far is not None and apart[far] > float(after.rules["progress"]["moved_m"]):
        found.append(_row("moved", one, other, sides, field="point", plots=far) | {"moved_m": round(apart[far], 1)})
    return found or [_row("unchanged", one, other, sides)]


def _row(
    change: str, one: Mapping[Any, Any] | None, other: Mapping[Any, Any] | None, sides: Sequence[_Side], *, field: str = "size",
    plots: tuple[str, str] | tuple[None, None] = (None, None), evidence: str = "",
) -> dict[str, Any]:  # fmt: skip
    some = one if one is not None else other
    assert some is not None  # noqa: S101 - one of the two is always there
    then = sides[0].size(one) if one is not None else np.nan
    now = sides[1].size(other) if other is not None else np.nan
    return {
        "change": change, "township_code": some["township_code"], "product": some["product"],
        "subject_before": None if one is None else one["subject_name"], "subject_after": None if other is None else other["subject_name"],
        "size_before": then, "size_after": now, "difference": round(now - then, 2), "moved_m": np.nan,
        "cell_before": None if one is None else sides[0].cell(one, field, plots[0]),
        "cell_after": None if other is None else sides[1].cell(other, field, plots[1]), "evidence": evidence or None,
    }  # fmt: skip


def tally(found: pd.DataFrame) -> pd.DataFrame:
    """Count `changes` by township and product: one column a change, in the vocabulary's order."""
    names = ["new", "gone", "grown", "shrunk", "moved", "renamed", "review", "unchanged"]
    table = found.groupby(["township_code", "township", "product", "change"], sort=True).size().unstack(fill_value=0)
    return table.reindex(columns=names, fill_value=0).reset_index().rename_axis(columns=None)


def series(rounds: Sequence[Round]) -> pd.DataFrame:
    """Return figures by round, township and product, the oldest round first, with `SERIES_COLUMNS`.

    `value` is the standing area (亩) or the heads of accepted rows but buyers', `subjects` their number; NA where a round does not speak of the
    product, 0 for a zero report.
    """
    parts = []
    for round_ in sorted(rounds, key=lambda each: each.name):
        key = pd.MultiIndex.from_product([round_.places.names, round_.rules.products], names=_KEY)
        rows = pd.DataFrame(round_.records.drop(columns="geometry"))
        rows = rows[(rows["status"] == "accepted") & (rows["subject_type"] != "buyer")]
        rows = rows.assign(subject=normal_name(rows["subject_name"], round_.places))
        areas = standing(rows, _KEY, measure=str(round_.rules["reconcile"]["area_measure"]))
        values = areas.fillna(standing(rows, _KEY, value="head_count").reindex(areas.index))
        frame = pd.DataFrame(index=key)
        frame["state"] = round_.submissions.dropna(subset=["product"]).set_index(_KEY)["state"].reindex(key)
        counts: Mapping[str, pd.Series] = {
            "subjects": rows.groupby(_KEY)["subject"].nunique(), "records": rows.groupby(_KEY).size(), "value": values,
        }  # fmt: skip
        for name, found in counts.items():
            known = found.reindex(key)
            frame[name] = known.mask(known.isna() & frame["state"].notna(), 0)
        parts.append(
            frame.reset_index().assign(
                round=round_.name, township=lambda made, of=round_: made["township_code"].map(of.places.names)
            )
        )
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SERIES_COLUMNS)
    return frame.astype({"subjects": "Int64", "records": "Int64", "value": "float64", "township": "str"})[
        SERIES_COLUMNS
    ]
