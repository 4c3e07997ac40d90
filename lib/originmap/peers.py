"""Peers: what shows only among many rows: one phone, point or text under many subjects, sizes unlike all others.

Rows are compared within one round. Findings are added; no value changes. A size outside the rules' plausible range alone
blocks its row, as before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap import texts
from originmap.cells import Source
from originmap.findings import found, mask_phones, written
from originmap.headers import column_letter
from originmap.places import Places
from originmap.rules import Rules
from originmap.vocab import code as said
from originmap.vocab import codes

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAD_TO_SPREAD: Final = 1.4826  # a normal distribution's standard deviation over its median absolute deviation
RANGE_SPREADS: Final = 6.0  # a plausible range is taken to be so many spreads wide
METRES_PER_DEGREE: Final = 111_320.0
_POINT_UNITS: Final = 1_000_000  # points agree when they do to 1e-6 degrees
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "contact_name": ("contact_name", "contact", "contact_phone"),
    "contact_phone": ("contact_phone", "contact", "contact_name"),
    "point": ("point", "lon", "lat"),
}
_VAGUE: Final = r"(?:[县镇乡村]|社区|居委会|村委会)$"


def collection(source: Source, frame: pd.DataFrame, rules: Rules, places: Places) -> None:
    """Judge collection rows among each other; `frame` is that of ``records.collection`` with `subject` added.

    `subject` is the name for comparison (``subjects.normal_name``). Findings go to `source.findings` as in `sense`.
    """
    subjects, _ = texts.distinct(frame["subject"])
    points = _point_numbers(frame)
    sizes(source, frame, rules)
    _phones(source, frame, subjects, rules)
    _points(source, frame, subjects, points, rules, places)
    _pasted(source, frame, subjects, points, rules)


# ---- phones ----


def _phones(source: Source, frame: pd.DataFrame, subjects: Ints, rules: Rules) -> None:
    """Find phones under many subjects, and officials' phones in growers' cells; what arrived masked tells nothing."""
    phones = _listed(frame["contact_phone"])
    numbers, _ = texts.distinct(phones)
    counts = _distinct(numbers, subjects[phones.index])
    shared = counts >= int(rules["judging"]["shared_phone_subjects"])
    if shared.any():
        hit = phones[shared]
        worst = pd.Series(counts[shared], index=hit.index).groupby(level=0).max()
        quoted = mask_phones(hit[~hit.index.duplicated()])
        mask = pd.Series(frame.index.isin(worst.index), index=frame.index)
        detail = worst.astype("str").reindex(frame.index)
        source.find("phone_shared", mask, "contact_phone", value=quoted.reindex(frame.index), detail=detail)
    people: dict[str, set[str]] = {}
    for person in ("supervisor", "collector"):
        typed = texts.joined([frame[f"{person}_phone"], frame[f"{person}_name"]])
        for text in texts.distinct(typed)[1]:
            listed, _, name = text.partition("\x1f")
            for phone in listed.split(";"):
                people.setdefault(phone, set()).add(name)
    people.pop("", None)
    hits = phones[phones.isin(list(people))]
    # An official who grows something has a phone of his own.
    other = [
        who not in people[phone] for who, phone in zip(frame["contact_name"].reindex(hits.index), hits, strict=True)
    ]
    hits = hits[other]
    hits = hits[~hits.index.duplicated()]
    if hits.empty:
        return
    mask = pd.Series(frame.index.isin(hits.index), index=frame.index)
    whose = hits.map({phone: "、".join(sorted(people[phone] - {""})) for phone in hits.unique()}).astype("str")
    quoted = mask_phones(hits).reindex(frame.index)
    source.find("phone_of_official", mask, "contact_phone", value=quoted, detail=whose.reindex(frame.index))


def _listed(phones: pd.Series) -> pd.Series:
    """Return one number an entry; a cell with two has two entries of one index."""
    odd = texts.found_in(phones, r"[*;]")
    if not odd.any():
        return phones.dropna()
    whole = phones[phones.notna().to_numpy(bool) & ~texts.found_in(phones, r"\*")]
    several = texts.found_in(whole, ";")
    if not several.any():
        return whole
    return pd.concat([whole[~several], whole[several].str.split(";").explode()]).astype("str").sort_index(kind="stable")


def _distinct(groups: Ints, members: Ints) -> Ints:
    """Return for each entry how many distinct members its group has; -1 is no group and no member."""
    pairs = pd.DataFrame({"group": groups, "member": members})
    # Only groups of several entries can have several members.
    busy = np.bincount(groups[groups >= 0], minlength=1)[groups] > 1
    known = pairs[busy & (pairs["group"] >= 0) & (pairs["member"] >= 0)].drop_duplicates()
    counts = np.bincount(known["group"], minlength=int(groups.max(initial=0)) + 1)
    return np.where(groups >= 0, np.maximum(counts[groups], 1), 0)


# ---- points ----


def _points(source: Source, frame: pd.DataFrame, subjects: Ints, points: Ints, rules: Rules, places: Places) -> None:
    """Find points that many subjects share, and those on their township's seat (said instead)."""
    towns = _places_in(frame["township_code"], places.townships["township_code"])
    lon, lat = (
        frame[axis].to_numpy() - np.append(places.townships[f"seat_{axis}"].to_numpy(), np.nan)[towns]
        for axis in ("lon", "lat")
    )
    # Within a few dozen metres the earth is flat.
    east, north = lon * np.cos(np.radians(frame["lat"].to_numpy())), lat
    seat = pd.Series(METRES_PER_DEGREE * np.hypot(east, north) <= rules["judging"]["seat_m"], index=frame.index)
    source.find("point_on_seat", seat, "point", value=_point_text(source, seat), detail=frame["township"])
    counts = pd.Series(_distinct(points, subjects), index=frame.index)
    shared = (counts >= int(rules["judging"]["shared_point_subjects"])) & ~seat
    if shared.any():
        detail = counts.astype("str")
        source.find("point_shared", shared, "point", value=_point_text(source, shared), detail=detail)


def _places_in(typed: pd.Series, options: Iterable[str]) -> Ints:
    """Return the place of each text among `options`, -1 where it is none of them."""
    place = {option: at for at, option in enumerate(options)}
    numbers, distinct = texts.distinct(typed)
    return np.array([*(place.get(text, -1) for text in distinct), -1])[numbers]


def _point_text(source: Source, mask: pd.Series) -> pd.Series:
    """Return the points of some rows as typed, in one cell or two; NA elsewhere."""
    point, lon, lat = (source.text(name)[mask] for name in ("point", "lon", "lat"))
    return point.fillna(lon + "," + lat).reindex(mask.index)


def _point_numbers(frame: pd.DataFrame) -> Ints:
    """Return a number for each settled point, equal where points agree to 1e-6 degrees, -1 without one."""
    known = (frame["lon"].notna() & frame["lat"].notna()).to_numpy(bool)
    axes = [
        np.rint(frame[axis].to_numpy(dtype="float64")[known] * _POINT_UNITS).astype(np.int64) for axis in ("lon", "lat")
    ]
    numbers = np.full(len(frame), -1, dtype=np.int64)
    numbers[known] = pd.factorize(axes[0] * (1000 * _POINT_UNITS) + axes[1])[0]
    return numbers


# ---- one text down a column ----


def _pasted(source: Source, frame: pd.DataFrame, subjects: Ints, points: Ints, rules: Rules) -> None:
    """Find runs of rows of one sheet with one text under different subjects: one finding at a run's first cell.

    Of sizes only crops' odd ones count (2.37 亩: neither half nor whole, nor the threshold), of addresses those that say
    more than a village.
    """
    value = frame["size_value"]
    threshold = frame["product"].map({code: rules.products[code].threshold for code in rules.crops}).astype("float64")
    odd = threshold.notna() & (value * 2 % 1 != 0) & (value != threshold)
    columns: dict[str, pd.Series] = {
        "contact_name": frame["contact_name"],
        "contact_phone": frame["contact_phone"],
        "base_address": frame["base_address"],
        "point": pd.Series(points, index=frame.index).where(points >= 0),
        "size": value.where(odd),
    }
    table = source.frame["table"].to_numpy(dtype=np.int64)
    row = source.frame["row"].to_numpy(dtype=np.int64)
    least = int(rules["judging"]["pasted_rows"])
    for name, values in columns.items():
        runs = [run for run in _runs(table, values, least) if len(set(subjects[slice(*run)]) - {-1}) >= least]
        if name == "base_address" and runs:
            vague = values.iloc[[first for first, _ in runs]].str.contains(_VAGUE, na=True)
            runs = [run for run, village in zip(runs, vague, strict=True) if not village]
        if not runs:
            continue
        details = {}
        for first, end in runs:
            here = source.tables[table[first]].columns
            column = next((here[field] for field in _COLUMNS.get(name, (name,)) if field in here), 0)
            details[frame.index[first]] = f"到 {column_letter(column)}{row[end - 1]}，共 {end - first} 行"
        detail = pd.Series(details, dtype="str").reindex(frame.index)
        quoted = {"value": _point_text(source, detail.notna())} if name == "point" else {}
        source.find("column_pasted", detail.notna(), name, detail=detail, **quoted)


def _runs(table: Ints, values: pd.Series, least: int) -> list[tuple[int, int]]:
    """Return (first, end) of every stretch of at least `least` rows of one table with one value, `end` behind the last."""
    if len(values) < least:
        return []
    after, before = values.iloc[1:].array, values.iloc[:-1].array
    same = pd.Series(after == before).fillna(value=False).to_numpy(bool) & (table[1:] == table[:-1])
    edges = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(values)]])
    long = np.flatnonzero(np.diff(edges) >= least)
    return [(int(edges[at]), int(edges[at + 1])) for at in long]


# ---- sizes ----


@dataclass(frozen=True)
class _Scale:
    """What sizes are compared with, in logarithms, one entry a row; NaN where the peers are too few.

    `centre` is that of all peers, `others` the one without the row's own sheet where that holds more than a third of them:
    a sheet must not be its own yardstick. `below` and `above` are the spreads on either side of the centre: small growers
    crowd below a threshold, and a few large ones are no mistake.
    """

    centre: Floats
    others: Floats
    below: Floats
    above: Floats

    def spread(self, off: Floats) -> Floats:
        """Return the spread on the side that `off` (differences from the centre, one row a row) lies on."""
        sides = (self.below, self.above) if off.ndim == 1 else (self.below[:, None], self.above[:, None])
        spread: Floats = np.where(off < 0, *sides)
        return spread

    def at(self, rows: Ints) -> "_Scale":
        """Return the scale of some rows."""
        return _Scale(self.centre[rows], self.others[rows], self.below[rows], self.above[rows])


def sizes(source: Source, frame: pd.DataFrame, rules: Rules, *, by_type: bool = True) -> None:
    """Compare each size with the rules' plausible range (blocking) and with those of its peers (a warning).

    Peers are the rows of one product, with `by_type` households and others apart; a product with few rows of either is
    compared whole, one with few rows not at all. Sizes spread over factors, so logarithms are compared, by median and
    median absolute deviation, which a sheet in the wrong unit cannot pull away. A reading in another unit is proposed when
    it is the only one that lands near the peers, or, without peers, near the middle of the plausible range.
    """
    given, products = rules["judging"], list(rules.products.values())
    value = frame["size_value"].to_numpy(dtype="float64")
    product = _places_in(frame["product"], [item.code for item in products])
    low, high = (np.array([*(item.plausible[edge] for item in products), np.nan])[product] for edge in (0, 1))
    off = (value < low) | (value > high)
    kind = frame["subject_type"]
    counted = (value > 0) & (product >= 0) & (kind != "buyer").fillna(value=True).to_numpy(bool)
    log = np.log(np.where(counted, value, 1.0))
    group = np.where(kind.isna() | (not by_type), 0, np.where(kind == "household", 1, 2))
    table = source.frame["table"].to_numpy(dtype=np.int64)
    unit = np.array([*(item.unit for item in products), ""])[product]
    scale = _scale(log, counted & ~off, (product, group, table), rules)
    far = counted & (np.abs(log - scale.centre) > given["peer_limit"] * scale.spread(log - scale.centre))
    proposal = np.full(len(frame), np.nan)
    believed = _filled_up(scale, low, high)
    for name in rules.units:
        rows = np.flatnonzero((unit == name) & (far | off) & counted)
        factors = np.array(list(_readings(name, rules).values()))
        if not rows.size or not factors.size:
            continue
        read, here = value[rows, None] * factors, believed.at(rows)
        away = np.log(read) - here.centre[:, None]
        near = np.abs(away) <= given["peer_near"] * here.spread(away)
        near &= (read >= low[rows, None]) & (read <= high[rows, None])
        # Small units are counted whole: nobody paces out 28.4 分, but 28.4 亩 is what a measured plot looks like.
        near &= (factors > 1) | (value[rows, None] * 2 % 1 == 0)
        one = near.sum(axis=1) == 1
        proposal[rows[one]] = read[one][near[one]]
    for (number, name), factor in _columns(source, log, counted, unit, scale, rules).items():
        rows = np.flatnonzero((table == number) & (unit == name) & counted)
        closer = np.abs(log[rows] + np.log(factor) - scale.others[rows]) < np.abs(log[rows] - scale.others[rows])
        proposal[rows[closer]] = value[rows[closer]] * factor
        far[rows[closer]] = True
    far &= ~off & ~np.isnan(proposal)
    amounts = _amounts(proposal, unit, frame.index)
    if off.any():
        span = pd.DataFrame({"low": low, "high": high}, index=frame.index)[off]
        detail = (written(span["low"], "{:g}") + "–" + written(span["high"], "{:g}")).reindex(frame.index)
        source.find("size_implausible", pd.Series(off, frame.index), "size", detail=detail, proposal=amounts)
    if far.any():
        usual = np.where(np.isnan(scale.others), scale.centre, scale.others)
        detail = "中位 " + _amounts(np.exp(np.where(far, usual, np.nan)), unit, frame.index)
        source.find("size_beside_peers", pd.Series(far, frame.index), "size", proposal=amounts, detail=detail)


def _filled_up(scale: _Scale, low: Floats, high: Floats) -> _Scale:
    """Return `scale` with the middle and width of the plausible range (in logarithms) where there are no peers."""
    bottom = np.log(np.where(low > 0, low, np.nan))
    middle, width = (bottom + np.log(high)) / 2, (np.log(high) - bottom) / RANGE_SPREADS
    none = np.isnan(scale.centre)
    centre, below, above = (
        np.where(none, range_, own)
        for range_, own in ((middle, scale.centre), (width, scale.below), (width, scale.above))
    )
    return _Scale(centre, scale.others, below, above)


def _amounts(values: Floats, unit: npt.NDArray[np.str_], index: pd.Index) -> pd.Series:
    """Return sizes as texts with their unit, empty where NaN; areas to 0.01 亩, heads whole."""
    amounts = np.full(len(index), "", dtype=object)
    for at in np.flatnonzero(~np.isnan(values)):
        figure = round(float(values[at]), 2 if unit[at] == "mu" else 0)
        amounts[at] = f"{figure:.10g}{said('size_unit', str(unit[at]))}"
    return pd.Series(amounts, index=index, dtype=object)


def _readings(unit: str, rules: Rules) -> dict[str, float]:
    """Return ``{what was meant: factor}`` for a number typed in another unit than it is read in, each factor once."""
    readings: dict[str, float] = {}
    scales = rules["judging"]["scales"].get(unit, {})
    own = next(word for word, factor in rules.units[unit].items() if factor == 1)
    for word, factor in (*rules.units[unit].items(), *scales.items()):
        if factor != 1 and factor not in readings.values():
            readings[word] = float(factor)
    # 12000 in a column headed 万只 was already counted in 只.
    return readings | {f"{own}（不是{word}）": 1 / float(factor) for word, factor in scales.items()}


def _scale(log: Floats, usable: Bools, keys: tuple[Ints, Ints, Ints], rules: Rules) -> _Scale:
    """Return the scale by product, group (0: the product as a whole) and table, from the usable rows."""
    product, group, table = keys
    need, floor = int(rules["judging"]["peers"]), float(rules["judging"]["peer_spread"])
    centre, others, below, above = (np.full(len(log), np.nan) for _ in range(4))
    for number in np.unique(product[usable]):
        whole = np.flatnonzero(product == number)
        everyone = whole[usable[whole]]
        if everyone.size < need:
            continue
        for kind in np.unique(group[whole]):
            rows = whole[group[whole] == kind]
            same = rows[usable[rows]]
            pool = same if same.size >= need and kind else everyone
            middle = float(np.median(log[pool]))
            off = log[pool] - middle
            centre[rows] = others[rows] = middle
            below[rows], above[rows] = (
                max(float(np.median(side)) * MAD_TO_SPREAD, floor) for side in (-off[off <= 0], off[off >= 0])
            )
            share = np.bincount(table[pool])
            for sheet in np.flatnonzero(share * 3 > pool.size):
                apart = pool[table[pool] != sheet]
                own = rows[table[rows] == sheet]
                others[own] = np.median(log[apart]) if apart.size >= need else np.nan
    return _Scale(centre, others, below, above)


def _columns(
    source: Source, log: Floats, counted: Bools, unit: npt.NDArray[np.str_], scale: _Scale, rules: Rules
) -> dict[tuple[int, str], float]:
    """Return ``{(table, unit): factor}`` for columns that lie in another unit as a whole, with one finding for each."""
    given, names = rules["judging"], codes("size_unit")
    off = log - scale.others
    rows = pd.DataFrame({"table": source.frame["table"].to_numpy(), "unit": unit, "off": off})[counted & ~np.isnan(off)]
    grouped = rows.groupby(["table", "unit"], sort=True)["off"]
    suspect = (grouped.size() >= given["sheet_rows"]) & (
        grouped.median().abs() > given["sheet_limit"] * given["peer_spread"]
    )
    keys = pd.MultiIndex.from_frame(rows[["table", "unit"]])
    rows = rows[keys.isin(suspect.index[suspect])] if suspect.any() else rows[:0]
    at = rows.index.to_numpy()
    rows = rows.assign(
        log=log[at], centre=scale.others[at], spread=scale.spread(off)[at], below=scale.below[at], above=scale.above[at]
    )
    grouped_all = rows.groupby(["table", "unit"], sort=True)
    middle = grouped_all.median().assign(rows=grouped_all.size())
    doubtful = middle["off"].abs() > given["sheet_limit"] * middle["spread"]
    factors: dict[tuple[int, str], float] = {}
    for (number, kind), row in middle[doubtful].iterrows():
        near = {}
        for word, factor in _readings(kind, rules).items():
            left = row["off"] + np.log(factor)
            if abs(left) <= given["sheet_near"] * row["below" if left < 0 else "above"]:
                near[word] = factor
        if len(near) != 1:
            continue
        ((word, factors[number, kind]),) = near.items()
        table = source.tables[number]
        cell = f"{column_letter(table.columns['size'])}{table.head_row}" if table.head_row else ""
        where = pd.DataFrame(
            {"file": table.file, "sheet": table.sheet, "row": [table.head_row or pd.NA], "cell": cell}, [-1 - number]
        )
        typical = [f"{np.exp(row[name]):.4g}" for name in ("log", "centre")]
        detail = f"{row['rows']:.0f} 行中位 {typical[0]}，其他表 {typical[1]}{names[kind]}"
        header = table.headers.get("size", "")
        source.findings.append(
            found("unit_beside_peers", where, field="size", value=header, proposal=word, detail=detail)
        )
    return factors
