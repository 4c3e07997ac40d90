"""Diagnosis: which datum a file was typed in, as far as its points can tell, with how sure that is and why.

A datum shifts all points of a file by nearly the same 575 m or 1.2 km (around Anxi). Subjects whose place is already settled show
such a shift best; whether points lie in their township, and where the rows stand that carry the town office's point, show a little.
Each is a likelihood of every candidate; they are multiplied, and a datum is proposed only above `Evidence.sure`. "Cannot tell" (判断不了)
is an ordinary answer: the points stay as typed and somebody asks the collector.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from originmap.datum import CANDIDATES, Floats, to_wgs84
from originmap.places import Places, points_of

COLUMNS: Final = [
    "file",
    "points",
    "anchors",
    "datum",
    "confidence",
    *(f"p_{name}" for name in CANDIDATES),
    "offset_m",
    "reason",
]
REASONS: Final = ("anchors", "cells", "no_points", "few_anchors", "undecided", "fits_none", "files_differ")
SEAT_SPREAD_M: Final = {
    "official": 150.0,
    "geonames": 900.0,
}  # how far a seat's coordinates may be off, by their quality


@dataclass(frozen=True)
class Evidence:
    """How the evidence is weighed.

    Attributes
    ----------
    sure
        The least confidence that a datum is proposed with.
    least_anchors
        Subjects with a settled place below which anchors alone decide nothing.
    spreads_m
        How far an honest point may lie from the settled one, in metres: all are tried, none is believed beforehand.
    farthest_m
        A subject this far from its settled place stands elsewhere (another plot): it says nothing about datums.
    misfit_m
        When even the best datum leaves a common shift as large as this, no candidate fits.
    stray
        The share of points that lie anywhere, whatever the datum.
    shared
        So many subjects on one typed point make it an office's, not theirs.
    contrary
        Files of one pool that each speak this surely for different datums are not judged together.
    cell_weight
        How much the cells count: neighbours err together, so their evidence is not independent.
    """

    sure: float = 0.985
    least_anchors: int = 3
    spreads_m: tuple[float, ...] = (40.0, 80.0, 160.0, 320.0, 640.0)
    farthest_m: float = 3000.0
    misfit_m: float = 330.0
    stray: float = 0.1
    shared: int = 3
    cell_weight: float = 0.5
    contrary: float = 0.9


def diagnose(
    points: pd.DataFrame, places: Places, *, anchors: pd.DataFrame | None = None, evidence: Evidence | None = None
) -> pd.DataFrame:
    """Return for each file the datum that its points speak for.

    Parameters
    ----------
    points
        One row a point as typed: `file, pool, subject, township_code, lon, lat` (degrees in an unknown datum). Files of one `pool` (one
        collector's, in one round) are judged together unless they contradict each other; a pool of NA is the file alone.
    places
        Township cells and seats.
    anchors
        Where subjects are known to be: `subject, township_code, lon, lat` (WGS84), from settled files or rounds only. A subject with
        several places is compared with the nearest, under every candidate alike.
    evidence
        How it is weighed.

    Returns
    -------
    Columns `COLUMNS`, one row a file, sorted: `datum` NA where it cannot be told; `confidence` and `p_…` are probabilities with all
    candidates equally likely beforehand; `anchors` the subjects compared; `offset_m` the shift that the best datum leaves; `reason` one of
    `REASONS`: what decided, or what is lacking.
    """
    weigh = evidence or Evidence()
    known = points[points["lon"].notna() & points["lat"].notna()]
    spot = known["lon"].round(6).astype("str") + "," + known["lat"].round(6).astype("str")
    shared = known["subject"].groupby([known["file"], spot]).transform("nunique") >= weigh.shared
    places_in = {name: _metres(known, name, places) for name in CANDIDATES}
    compared = _residuals(known[~shared], {name: xy[~shared] for name, xy in places_in.items()}, anchors, places, weigh)
    hints = _cells(known[~shared], places, weigh).add(_seats(known[shared], places, weigh), fill_value=0.0)
    files = sorted(points["file"].unique())
    named = points.groupby("file")["pool"]
    pools = named.first().where(named.agg("nunique") <= 1)
    seen = dict(iter(compared.groupby("file")))
    logs = hints.reindex(files).fillna(0.0).to_numpy()
    scored = {
        file: _Score.of(seen.get(file, compared.head(0)), own, weigh) for file, own in zip(files, logs, strict=True)
    }
    # A file without a pool is a pool of its own.
    together = pd.Series(files, index=files).where(pools.reindex(files).isna(), "\x1f" + pools.reindex(files))
    counts = known["file"].value_counts().to_dict()
    rows = []
    for _, names in together.groupby(together):
        mates = list(names.index)
        score = _Score.of(
            pd.concat([seen.get(mate, compared.head(0)) for mate in mates]),
            np.sum([scored[mate].hints for mate in mates], axis=0),
            weigh,
        )
        differ = {scored[mate].best for mate in mates if scored[mate].confidence > weigh.contrary}
        for file in mates:
            count = int(counts.get(file, 0))
            if len(differ) > 1:
                rows.append(scored[file].row(file, count, "files_differ"))
            else:
                rows.append(score.row(file, count, _reason(score, count, weigh)))
    kinds = {"file": "str", "datum": "str", "reason": "str", "points": "int64", "anchors": "int64"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds).sort_values("file", ignore_index=True)


def pools(records: pd.DataFrame) -> pd.Series:
    """Return for each row which files belong together: round, township and the collector who alone filled the file.

    NA where a file names no collector or several. `records` has `round, township_code, collector_name, source_file`; aligned to it.
    """
    name = records["collector_name"]
    alone = name.groupby(records["source_file"]).transform("nunique") == 1
    first = name.groupby(records["source_file"]).transform("first")
    pool = records["round"] + "/" + records["township_code"].fillna("") + "/" + first
    return pool.where(alone).astype("str")


@dataclass(frozen=True)
class _Score:
    """What speaks for each of `CANDIDATES`: log-likelihoods of anchors and of cells and seats, and what they amount to."""

    anchors: int
    hints: Floats
    likely: Floats
    offset_m: float
    error_m: float

    @classmethod
    def of(cls, compared: pd.DataFrame, hints: Floats, weigh: Evidence) -> "_Score":
        subjects = compared.groupby(["township_code", "subject"])[_RESIDUALS].median().to_numpy()
        count = len(subjects)
        likely, spread = np.zeros(len(CANDIDATES)), np.zeros(len(CANDIDATES))
        offset = np.zeros(len(CANDIDATES))
        for number in range(len(CANDIDATES)) if count else ():
            apart = subjects[:, 2 * number : 2 * number + 2]
            likely[number], spread[number] = _likelihood(np.hypot(apart[:, 0], apart[:, 1]), weigh)
            offset[number] = float(np.hypot(*np.median(apart, axis=0)))
        best = int(np.argmax(likely + hints))
        # 1.25: how much wider a median spreads than a mean.
        error = 1.25 * spread[best] / np.sqrt(count) if count else np.nan
        return cls(count, hints, likely, float(offset[best]) if count else np.nan, float(error))

    @property
    def shares(self) -> Floats:
        """The probability of each candidate, all equally likely beforehand."""
        return _shares(self.likely + self.hints)

    @property
    def best(self) -> str:
        return CANDIDATES[int(np.argmax(self.shares))]

    @property
    def confidence(self) -> float:
        return float(self.shares.max())

    def row(self, file: str, points: int, reason: str) -> dict[str, object]:
        """Return the row of the answer."""
        told = reason in ("anchors", "cells")
        shares = {f"p_{name}": round(float(share), 4) for name, share in zip(CANDIDATES, self.shares, strict=True)}
        return {
            "file": file,
            "points": points,
            "anchors": self.anchors,
            "datum": self.best if told else None,
            "confidence": round(self.confidence, 4),
            **shares,
            "offset_m": round(self.offset_m, 0),
            "reason": reason,
        }


def _reason(score: _Score, points: int, weigh: Evidence) -> str:
    """Say what decides, or why nothing does."""
    if points == 0:
        return "no_points"
    if score.anchors >= weigh.least_anchors:
        if score.offset_m > max(weigh.misfit_m, 3.0 * score.error_m):
            return "fits_none"
        return "anchors" if score.confidence >= weigh.sure else "undecided"
    by_cells = _shares(score.hints)
    agreed = CANDIDATES[int(np.argmax(by_cells))] == score.best
    if agreed and min(float(by_cells.max()), score.confidence) >= weigh.sure:
        return "cells"
    return "few_anchors"


def _shares(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def _likelihood(distance_m: Floats, weigh: Evidence) -> tuple[float, float]:
    """Return the log-likelihood of distances from the settled places, all spreads tried, and the likeliest spread."""
    anywhere = weigh.stray / (np.pi * weigh.farthest_m**2)
    logs = []
    for spread in weigh.spreads_m:
        near = np.exp(-0.5 * (distance_m / spread) ** 2) / (2.0 * np.pi * spread**2)
        logs.append(float(np.log((1.0 - weigh.stray) * near + anywhere).sum()))
    top = max(logs)
    total = top + float(np.log(np.mean(np.exp(np.array(logs) - top))))
    return total, weigh.spreads_m[int(np.argmax(logs))]


def _metres(points: pd.DataFrame, datum: str, places: Places) -> pd.DataFrame:
    """Return where points lie if they were typed in `datum`: `x, y` in metres of the county's CRS."""
    lon, lat = to_wgs84(points["lon"].to_numpy(), points["lat"].to_numpy(), datum)
    flat = points_of(pd.Series(lon, points.index), pd.Series(lat, points.index)).to_crs(places.measure_crs)
    return pd.DataFrame({"x": flat.x, "y": flat.y}, index=points.index)


_RESIDUALS: Final = [f"{name}_{axis}" for name in CANDIDATES for axis in "xy"]


def _residuals(
    points: pd.DataFrame,
    placed: dict[str, pd.DataFrame],
    anchors: pd.DataFrame | None,
    places: Places,
    weigh: Evidence,
) -> pd.DataFrame:
    """Return `file, township_code, subject` and how far from its settled place each point lies under every candidate."""
    key = ["township_code", "subject"]
    if anchors is None or not len(anchors) or not len(points):
        return pd.DataFrame(columns=["file", *key, *_RESIDUALS]).astype(dict.fromkeys(_RESIDUALS, "float64"))
    settled = anchors.dropna(subset=[*key, "lon", "lat"])
    settled = settled[key].assign(**_metres(settled, "wgs84", places).rename(columns={"x": "at_x", "y": "at_y"}))
    typed = points[["file", *key]].assign(point=points.index)
    pairs = typed.merge(settled, on=key, how="inner", validate="m:m")
    for name, xy in placed.items():
        at = xy.loc[pairs["point"]].reset_index(drop=True)
        pairs[f"{name}_x"], pairs[f"{name}_y"] = at["x"] - pairs["at_x"], at["y"] - pairs["at_y"]
    apart = np.stack([np.hypot(pairs[f"{name}_x"], pairs[f"{name}_y"]) for name in CANDIDATES], axis=1)
    # One settled place a point, the same for every candidate: else each would choose what suits it.
    pairs = pairs.assign(mean_m=apart.mean(axis=1), least_m=apart.min(axis=1)).sort_values(["point", "mean_m"])
    pairs = pairs.drop_duplicates("point")
    return pairs.loc[pairs["least_m"] <= weigh.farthest_m, ["file", *key, *_RESIDUALS]].reset_index(drop=True)


def _cells(points: pd.DataFrame, places: Places, weigh: Evidence) -> pd.DataFrame:
    """Return log-likelihoods by file of lying in, or not far from, the township under every candidate."""
    logs = {}
    for name in CANDIDATES:
        lon, lat = to_wgs84(points["lon"].to_numpy(), points["lat"].to_numpy(), name)
        where = points_of(pd.Series(lon, points.index), pd.Series(lat, points.index))
        outside_m = places.distance_m(where, points["township_code"]).to_numpy()
        near = np.exp(-outside_m / (places.tolerance_m / 2.0))
        logs[name] = np.log((1.0 - weigh.stray) * near + weigh.stray) * weigh.cell_weight
    # A point without a township or a cell says nothing.
    return pd.DataFrame(logs, index=points.index).fillna(0.0).groupby(points["file"]).sum()


def _seats(points: pd.DataFrame, places: Places, weigh: Evidence) -> pd.DataFrame:
    """Return log-likelihoods by file of an office's point standing at its township's seat under every candidate."""
    seats = places.townships.set_index("township_code")
    spots = points.drop_duplicates(["file", "township_code", "lon", "lat"])
    spots = spots[spots["township_code"].isin(seats.index)]
    at = seats.loc[spots["township_code"]]
    spread = at["seat_quality"].map(SEAT_SPREAD_M).astype("float64").to_numpy()
    known = pd.DataFrame({"lon": at["seat_lon"].to_numpy(), "lat": at["seat_lat"].to_numpy()}, index=spots.index)
    seat = _metres(known, "wgs84", places)
    logs = {}
    for name in CANDIDATES:
        apart = _metres(spots, name, places) - seat
        distance = np.hypot(apart["x"], apart["y"]).to_numpy()
        near = (1.0 - weigh.stray) * np.exp(-0.5 * (distance / spread) ** 2) / (2.0 * np.pi * spread**2)
        logs[name] = np.log(near + weigh.stray / (np.pi * weigh.farthest_m**2))
    return pd.DataFrame(logs, index=spots.index).fillna(0.0).groupby(spots["file"]).sum()
