"""Points: what two numbers in a cell may mean, each reading with its evidence, the best first.

A point that has one reading is settled elsewhere; here are the others: axes swapped, degrees and minutes typed as a decimal, a decimal
point or a digit lost, another datum. Each reading is a place in WGS84 with its distance from the declared township, from the subject's
other points and from its point in an earlier round. Nothing is moved: an analyst accepts one, or none.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from originmap import datum
from originmap.places import Places, points_of

METRES_A_DEGREE: Final = 111_320.0
COARSE_M: Final = 500.0
COLUMNS: Final = [
    "row",
    "rank",
    "reading",
    "lon",
    "lat",
    "precision_m",
    "township_m",
    "others_m",
    "earlier_m",
    "likelihood",
    "share",
]
# How often each slip is met beforehand, next to a point typed as it is (ours, after domain practice).
PRIOR: Final[Mapping[str, float]] = {
    "typed": 1.0,
    "swapped": 0.5,
    "dms": 0.3,
    "decimal_lost": 0.3,
    "gcj02": 0.3,
    "bd09": 0.15,
    "minutes": 0.05,
    "swapped_gcj02": 0.1,
    "swapped_dms": 0.1,
    "swapped_bd09": 0.05,
    "digit": 0.1,
}
SURE: Final = 0.5  # the first proposal must be at least as likely as all the others together
_NUMBER: Final = re.compile(r"\d+(?:\.\d*)?")
_MARKED: Final = re.compile(
    r"(\d{1,3})[°度˚º](\d{1,2}(?:\.\d+)?)(?:['′’分](?:(\d{1,2}(?:\.\d+)?)(?![\d.]*[°度˚º])(?:[\"″”秒]|''|′′)?)?)?"
)


class Reading(NamedTuple):
    """One reading of a text: degrees as they would have been typed, the datum they are in, and how fine they are."""

    reading: str
    lon: float
    lat: float
    datum: str
    precision_m: float


def to_wgs84(
    lon: pd.Series, lat: pd.Series, files: pd.Series, datums: Mapping[str, str]
) -> tuple[pd.Series, pd.Series]:
    """Return points in WGS84, those of files with a declared datum converted (all aligned to `lon`).

    `datums` is ``{file: datum}``; a file that it does not name is taken as WGS84, as typed.
    """
    if not datums:
        return lon, lat
    x, y = datum.settle(
        lon.to_numpy(),
        lat.to_numpy(),
        files.map(dict(datums)).astype("object").where(files.isin(list(datums)), None).tolist(),
    )
    return pd.Series(x, lon.index), pd.Series(y, lat.index)


def precision_m(text: str) -> float:
    """Return how far a point may lie from where it is written, in metres: half of its last digit, NaN for no point.

    The finer of the two numbers counts: spreadsheets drop a zero at the end (118.180 becomes 118.18).

    >>> round(precision_m("118.18,25.05")), round(precision_m("118.18,25.0560"))
    (557, 6)
    >>> round(precision_m("118°11′09″E 25°03′21″N")), round(precision_m("118°11′ 25°03′"))
    (15, 928)
    """
    clean = _clean(text)
    marked = _MARKED.findall(clean)
    if len(marked) == 2:
        return min(_last(minutes, 60.0) if not seconds else _last(seconds, 3600.0) for _, minutes, seconds in marked)
    found = _NUMBER.findall(clean)
    return min(_last(number, 1.0) for number in found) if len(found) == 2 else float("nan")


def readings(text: str, bounds: tuple[float, float, float, float]) -> list[Reading]:
    """Return every reading of a point's text that lies within `bounds` (west, south, east, north in degrees).

    >>> box = (117.0, 24.5, 119.0, 26.0)
    >>> [one.reading for one in readings("118.1109,25.0321", box)]
    ['typed', 'gcj02', 'bd09', 'dms', 'minutes']
    >>> [(one.reading, one.lon, one.lat) for one in readings("128.186,25.056", box)]
    [('digit', 118.186, 25.056)]
    >>> readings("见地图", box), readings("0,0", box)
    ([], [])
    """
    clean = _clean(text)
    marked = _MARKED.findall(clean)
    if len(marked) == 2:
        degrees = [int(d) + float(m) / 60 + float(s or 0) / 3600 for d, m, s in marked]
        texts = [f"{value:.6f}" for value in degrees]
    else:
        texts = _NUMBER.findall(clean)
        if len(texts) != 2 or not all(float(number) for number in texts):
            return []
    fine = precision_m(text)
    made: list[Reading] = []
    for prefix, (a, b) in (("", texts), ("swapped", texts[::-1])):
        plain = (float(a), float(b))
        name = prefix or "typed"
        made.append(Reading(name, *plain, "wgs84", fine))
        made += [Reading(f"{prefix}_{other}".strip("_"), *plain, other, fine) for other in ("gcj02", "bd09")]
        if len(marked) != 2:
            made += _slips(prefix, a, b, bounds)
    kept: dict[str, Reading] = {}
    for one in made:
        if one.reading in PRIOR and _inside(one.lon, one.lat, bounds):
            kept.setdefault(one.reading, one)
    return list(kept.values())


def _slips(prefix: str, a: str, b: str, bounds: tuple[float, float, float, float]) -> list[Reading]:
    """Return what two plain numbers may be when a sign or a digit went wrong; those that cannot be are left out."""
    made = []
    for name, read, fine in (("dms", _as_dms, 15.5), ("minutes", _as_minutes, 10.0)):
        lon, lat = read(a), read(b)
        if lon is not None and lat is not None and not (name == "minutes" and prefix):
            made.append(Reading(f"{prefix}_{name}".strip("_"), lon, lat, "wgs84", fine))
    west, south, east, north = bounds
    lons, lats = _pointed(a, west, east), _pointed(b, south, north)
    if "." not in a + b or not (lons and lats and float(a) in lons and float(b) in lats):
        made += [Reading("decimal_lost", x, y, "wgs84", _fewer(a, b, x, y)) for x in lons[:1] for y in lats[:1]]
    if not prefix and not _inside(float(a), float(b), bounds):
        lons = [float(a)] if west <= float(a) <= east else _one_digit(a, west, east)
        lats = [float(b)] if south <= float(b) <= north else _one_digit(b, south, north)
        # Two readings of one digit are none.
        if len(lons) == 1 and len(lats) == 1:
            made.append(Reading("digit", lons[0], lats[0], "wgs84", max(_last(a, 1.0), _last(b, 1.0))))
    return made


def candidates(
    texts: pd.Series,
    township_codes: pd.Series,
    places: Places,
    *,
    margin_degrees: float,
    others: pd.DataFrame | None = None,
    earlier: pd.DataFrame | None = None,
    suspected: pd.Series | None = None,
    settled: pd.Series | None = None,
) -> pd.DataFrame:
    """Return the readings of every point's text, the likeliest first.

    Parameters
    ----------
    texts
        Raw text of the points, NA where the cell is blank.
    township_codes
        The declared township of each, aligned.
    places
        Cells; distances are in metres of its CRS.
    margin_degrees
        How far outside the county a reading is still kept.
    others, earlier
        Settled points of the same subject in this round, and of the same record or subject in an earlier one: `row` (a label of `texts`),
        `lon, lat` (WGS84). Several a row are allowed, the nearest counts.
    suspected
        A datum that the file is suspected of, by row; its reading comes before the one as typed.
    settled
        The datum that the file is declared or decided in, by row, NA where nobody has said: every reading of such a row is in it.

    Returns
    -------
    Columns `COLUMNS`: `likelihood` weighs how common the slip is, how far the point lies from its township and from the settled points; `share`
    is it over the sum of the row's. A row without any reading is left out.
    """
    west, south, east, north = places.townships.total_bounds
    bounds = (west - margin_degrees, south - margin_degrees, east + margin_degrees, north + margin_degrees)
    known = {text: readings(text, bounds) for text in texts.dropna().unique()}
    rows = [(row, *one) for row, text in texts.dropna().items() for one in known[text]]
    frame = pd.DataFrame(rows, columns=["row", "reading", "lon", "lat", "datum", "precision_m"])
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    if suspected is not None:
        hint = frame["row"].map(suspected)
        # A slip of the hand in such a file is one in its datum.
        slip = hint.isin(["gcj02", "bd09"]) & ~frame["reading"].str.contains("typed|swapped$|gcj02|bd09")
        frame["datum"] = frame["datum"].mask(slip, hint)
    if settled is not None:
        said = frame["row"].map(settled).astype("str")
        # What reads the text in another datum contradicts what is settled.
        frame = frame[said.isna() | ~frame["reading"].str.contains("gcj02|bd09")]
        frame = frame.assign(datum=said[frame.index].fillna(frame["datum"])).reset_index(drop=True)
    lon, lat = datum.settle(frame["lon"].to_numpy(), frame["lat"].to_numpy(), frame["datum"].tolist())
    frame = frame.assign(lon=lon.round(6), lat=lat.round(6))
    where = points_of(frame["lon"], frame["lat"])
    frame["township_m"] = places.distance_m(where, frame["row"].map(township_codes)).round(0)
    flat = where.to_crs(places.measure_crs)
    xy = pd.DataFrame({"x": flat.x, "y": flat.y})
    frame["others_m"] = _nearest_m(frame["row"], xy, others, places)
    frame["earlier_m"] = _nearest_m(frame["row"], xy, earlier, places)
    prior = frame["reading"].map(PRIOR).astype("float64")
    if suspected is not None:
        hint = frame["row"].map(suspected).astype("str")
        prior = prior.mask(frame["reading"] == hint, 4.0).mask(frame["reading"] == "swapped_" + hint, 2.0)
    near = np.exp(-frame["township_m"].fillna(0.0) / (places.tolerance_m / 2.0))
    weight = prior * near
    for name, spread in (("others_m", 1500.0), ("earlier_m", 300.0)):
        # Heavy tails: a subject may well have another plot far off.
        weight *= (1.0 / (1.0 + (frame[name] / spread) ** 2)).fillna(1.0)
    frame["likelihood"] = weight
    frame["share"] = (weight / weight.groupby(frame["row"]).transform("sum")).round(4)
    frame = frame.sort_values(["row", "likelihood", "reading"], ascending=[True, False, True], ignore_index=True)
    frame["rank"] = frame.groupby("row").cumcount() + 1
    return frame[COLUMNS]


def undecidable(proposals: pd.DataFrame, texts: pd.Series, places: Places) -> pd.Series:
    """Return by row why no proposal can be made, NA where the first one can (aligned to `texts`).

    ``no_text`` blank; ``no_numbers`` no reading at all; ``not_home`` the likeliest lies beyond the township's tolerance; ``several`` readings
    are about as likely and lie apart. (``not_own``, a point that is an office's or that many share, is said where such are found.)
    """
    first = proposals[proposals["rank"] == 1].set_index("row").reindex(texts.index)
    reason = pd.Series(pd.NA, index=texts.index, dtype="object")
    reason = reason.mask(first["share"] < SURE, "several")
    reason = reason.mask(first["township_m"] > places.tolerance_m, "not_home")
    reason = reason.mask(first["reading"].isna(), "no_numbers")
    return reason.mask(texts.isna(), "no_text").astype("str")


def anchors(records: pd.DataFrame, settled_files: set[str]) -> pd.DataFrame:
    """Return where subjects are known to be: `subject, township_code, lon, lat` of the located rows of settled files.

    `records` has `subject, township_code, lon, lat, coord_status, source_file`. A file is settled when its datum is declared or decided: a
    file nobody has vouched for must not vouch for another.
    """
    sure = (
        records["source_file"].isin(settled_files)
        & records["coord_status"].isin(["ok", "fixed"])
        & records["lon"].notna()
    )
    return records.loc[sure, ["subject", "township_code", "lon", "lat"]].drop_duplicates().reset_index(drop=True)


def plots_apart(records: pd.DataFrame, places: Places, *, farthest_m: float) -> pd.Series:
    """Return how far each located row lies from the middle of its subject's other points, NA unless beyond `farthest_m` metres.

    The middle is the median of the subject's points in its township, so of three plots the one that strays is marked; of two, both. Only
    rows whose point stands in its township are compared: one outside is told already. Aligned to `records`, which has `township_code,
    subject_name, lon, lat, coord_status`.
    """
    located = records[records["lon"].notna() & records["coord_status"].isin(["ok", "fixed"])]
    located = located[located.duplicated(["township_code", "subject_name"], keep=False)]
    if located.empty:
        return pd.Series(np.nan, index=records.index)
    flat = points_of(located["lon"], located["lat"]).to_crs(places.measure_crs)
    xy = pd.DataFrame({"x": flat.x, "y": flat.y})
    middle = xy.groupby([located["township_code"], located["subject_name"]]).transform("median")
    apart = pd.Series(np.hypot(xy["x"] - middle["x"], xy["y"] - middle["y"]), located.index)
    # Two plots lie half their distance from the middle each.
    count = xy["x"].groupby([located["township_code"], located["subject_name"]]).transform("count")
    apart = apart.mask(count == 2, apart * 2)
    return apart.where(apart > farthest_m).reindex(records.index)


def _nearest_m(rows: pd.Series, xy: pd.DataFrame, known: pd.DataFrame | None, places: Places) -> pd.Series:
    """Return each reading's distance in metres from the nearest settled point of its row, NA where there is none."""
    if known is None or known.empty:
        return pd.Series(np.nan, index=rows.index)
    flat = points_of(known["lon"], known["lat"]).to_crs(places.measure_crs)
    at = pd.DataFrame({"row": known["row"], "x": flat.x, "y": flat.y})
    pairs = xy.assign(row=rows, number=rows.index).merge(at, on="row", suffixes=("", "_at"), validate="m:m")
    pairs["apart"] = np.hypot(pairs["x"] - pairs["x_at"], pairs["y"] - pairs["y_at"])
    return pairs.groupby("number")["apart"].min().reindex(rows.index).round(0)


def _clean(text: str) -> str:
    clean = unicodedata.normalize("NFKC", text).replace("。", ".").replace("′′", "″")
    return re.sub(r"\s*([°度˚º'′’分\".])\s*", r"\1", clean)


def _last(number: str, parts: float) -> float:
    """Return half of a number's last digit in metres; `parts` such units make a degree."""
    return 0.5 * 10.0 ** -len(number.partition(".")[2]) / parts * METRES_A_DEGREE


def _inside(lon: float, lat: float, bounds: tuple[float, float, float, float]) -> bool:
    west, south, east, north = bounds
    return west <= lon <= east and south <= lat <= north


def _as_dms(number: str) -> float | None:
    """Read D.MMSS with any further digits as parts of a second, None when minutes or seconds cannot be such."""
    whole, _, rest = number.partition(".")
    if len(rest) < 3:
        return None
    rest = rest.ljust(4, "0")
    minutes, seconds = int(rest[:2]), float(f"{rest[2:4]}.{rest[4:] or '0'}")
    return int(whole) + minutes / 60 + seconds / 3600 if minutes < 60 and seconds < 60 else None


def _as_minutes(number: str) -> float | None:
    """Read D.MMmm, minutes with decimals, None when the minutes cannot be such."""
    whole, _, rest = number.partition(".")
    if len(rest) < 3 or int(rest[:2]) >= 60:
        return None
    return int(whole) + float(f"{rest[:2]}.{rest[2:]}") / 60


def _pointed(number: str, low: float, high: float) -> list[float]:
    """Return where a decimal point brings a number between `low` and `high`: at most one place does."""
    digits = number.replace(".", "").lstrip("0")
    values = [float(f"{digits[:width]}.{digits[width:]}") for width in (2, 3) if len(digits) > width]
    return [value for value in values if low <= value <= high]


def _fewer(a: str, b: str, lon: float, lat: float) -> float:
    """Return the precision of two numbers whose point was put back."""
    decimals = min(len(number.replace(".", "")) - len(str(int(value))) for number, value in ((a, lon), (b, lat)))
    return 0.5 * 10.0**-decimals * METRES_A_DEGREE


def _one_digit(number: str, low: float, high: float) -> list[float]:
    """Return what a number is when one digit of its whole part is wrong, doubled or missing."""
    whole, _, rest = number.partition(".")
    found = []
    for degrees in range(int(low), int(high) + 1):
        value = float(f"{degrees}.{rest or '0'}")
        if low <= value <= high and _one_slip(whole, str(degrees)):
            found.append(value)
    return found


def _one_slip(typed: str, meant: str) -> bool:
    if len(typed) == len(meant):
        return sum(a != b for a, b in zip(typed, meant, strict=True)) == 1
    shorter, longer = sorted((typed, meant), key=len)
    return len(longer) - len(shorter) == 1 and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer))
    )
