"""Sense: whether a row says what the notice asks for, and whether its cells go together.

Each rule reads typed columns beside the texts they came from and adds findings; none changes a value or blocks a row. What
only shows among many rows (phones, points, sizes) is in `peers`.
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap import texts, windows
from originmap.cells import Source
from originmap.findings import closest, found
from originmap.headers import column_letter
from originmap.places import Places
from originmap.records import sheet_products
from originmap.rules import Rules
from originmap.vocab import codes, label

T = TypeVar("T")
Bools = npt.NDArray[np.bool_]

YEAR_DAYS: Final = 366
_VILLAGE_TAIL: Final = re.compile(r"(?:社区)?(?:居民委员会|居委会|居民会|村民委员会|村委会)$|(?<=..)(?:社区|村|居)$")


@dataclass(frozen=True)
class _Need:
    """A field that the notice asks for: the rule when a row lacks it, and the columns that may carry it."""

    field: str
    rule: str
    columns: tuple[str, ...]


_NEEDS: Final = (
    _Need("subject_type", "subject_type_missing", ("subject_type",)),
    _Need("contact_name", "contact_name_missing", ("contact_name", "contact")),
    _Need("contact_phone", "phone_missing", ("contact_phone", "contact")),
    _Need("base_address", "base_address_missing", ("base_address",)),
    _Need("point", "point_missing", ("point", "lon", "lat")),
    _Need("market_window", "window_missing", ("market_window", "market_from", "market_to")),
    _Need("production_mode", "production_mode_missing", ("production_mode",)),
    _Need("trace_methods", "trace_methods_missing", ("trace_methods",)),
    _Need("credit_grade", "credit_grade_missing", ("credit_grade",)),
    _Need("supervisor_name", "supervisor_name_missing", ("supervisor_name", "supervisor")),
    _Need("supervisor_phone", "supervisor_phone_missing", ("supervisor_phone", "supervisor")),
    _Need("collector_name", "collector_name_missing", ("collector_name", "collector")),
    _Need("collector_phone", "collector_phone_missing", ("collector_phone", "collector")),
)


def collection(source: Source, frame: pd.DataFrame, rules: Rules, places: Places, round_name: str) -> None:
    """Judge each collection row by itself; `frame` is that of ``records.collection``.

    Findings go to `source.findings`; they carry the index of their row, those against a whole sheet a negative one.
    """
    _required(source, frame, rules)
    _types(source, frame, rules)
    _traces(source, frame, rules)
    _windows(source, frame, rules, round_name)
    _dates(source, frame, rules, round_name)
    _places(source, frame, rules, places)
    _products(source, frame, rules)
    livestock = ~frame["product"].isin(rules.crops) & frame["product"].notna()
    source.find("production_mode_on_livestock", livestock & frame["production_mode"].notna(), "production_mode")
    source.find("cropping_on_livestock", livestock & source.text("cropping").notna(), "cropping")
    source.find("buyer_noted", (frame["subject_type"] == "buyer") & frame["size_value"].notna(), "size")


def registry(source: Source, frame: pd.DataFrame, rules: Rules, places: Places) -> None:
    """Judge each registry row by itself: what subjects are, and where."""
    _types(source, frame, rules)
    _places(source, frame, rules, places)


def each(values: pd.Series, answer: Callable[[str], T], otherwise: T) -> npt.NDArray[Any]:
    """Return `answer` of every value, asked once for each distinct one, `otherwise` where NA (aligned by position)."""
    numbers, distinct = texts.distinct(values)
    answers = [answer(text) for text in distinct]
    return np.array([*answers, otherwise])[numbers]


# ---- what must be there ----


def _required(source: Source, frame: pd.DataFrame, rules: Rules) -> None:
    """Say what rows lack; a column that no row of a sheet fills is said once, for the sheet."""
    # Tables that share a header are one sheet here, however they were split (see `layouts`).
    heads = [(item.file, item.sheet, item.head_row) for item in source.tables]
    first = np.array([heads.index(head) for head in heads], dtype=np.int64)
    table = first[source.frame["table"].to_numpy(dtype=np.int64)] if len(first) else np.zeros(0, dtype=np.int64)
    crop = (frame["product"].isin(rules.crops) & (frame["subject_type"] != "buyer").fillna(value=True)).to_numpy(bool)
    every = np.ones(len(frame), dtype=bool)
    least = int(rules["judging"]["column_rows"])
    for need in _NEEDS:
        asked = crop if need.field == "production_mode" else every
        blank = asked & ~_filled(source, frame, need, rules)
        if not blank.any():
            continue
        of, without = (np.bincount(table[rows], minlength=len(source.tables)) for rows in (asked, blank))
        own = np.array([any(name in item.columns for name in need.columns) for item in source.tables], dtype=bool)
        whole = (of == without) & (of > 0) & (~own | (of >= least))
        _columns_missing(source, need, np.flatnonzero(whole))
        mask = pd.Series(blank & ~whole[table], index=frame.index)
        source.find(need.rule, mask, need.field, proposal=_instead(need, frame, mask, rules))


def _instead(need: _Need, frame: pd.DataFrame, mask: pd.Series, rules: Rules) -> pd.Series | str:
    """Return what a row's name suggests for its blank type, and a household itself as its contact."""
    if need.field not in ("subject_type", "contact_name"):
        return ""
    rows = frame.loc[mask, ["subject_name", "subject_type"]]
    if need.field == "subject_type":
        instead = _said(rows["subject_name"], rules).map(codes("subject_type"))
    else:
        instead = rows["subject_name"].where(rows["subject_type"] == "household")
    return instead.astype("str").fillna("").reindex(frame.index)


def _filled(source: Source, frame: pd.DataFrame, need: _Need, rules: Rules) -> Bools:
    name = need.field
    person, _, part = name.partition("_")
    if part == "phone":
        typed = (frame[name].notna() | source.text(name).notna()).to_numpy(bool, copy=True)
        left = np.flatnonzero(~typed)
        # A number too short to be one is wrong, not missing.
        for other in (f"{person}_name", person):
            typed[left] |= texts.found_in(source.text(other).iloc[left], r"\p{Nd}")
        return typed
    columns = [frame[name]] if part == "name" else [source.text(column) for column in need.columns]
    filled: Bools = np.logical_or.reduce([column.notna().to_numpy(bool) for column in columns])
    if part == "name" or name == "base_address":
        filled = filled & ~columns[0].isin(rules["judging"]["placeholders"]).to_numpy(bool)
    return filled


def _columns_missing(source: Source, need: _Need, tables: npt.NDArray[np.int64]) -> None:
    for number in tables:
        table = source.tables[number]
        column = next((table.columns[name] for name in need.columns if name in table.columns), 0)
        row = table.head_row or pd.NA
        cell = f"{column_letter(column)}{table.head_row}" if table.head_row else ""
        at = pd.DataFrame({"file": table.file, "sheet": table.sheet, "row": [row], "cell": cell}, index=[-1 - number])
        source.findings.append(found("column_missing", at, field=need.field, detail=label(need.field)))


# ---- who and what ----


def _said(names: pd.Series, rules: Rules) -> pd.Series:
    """Return the subject type that each name says by its last such word, NA where it says none."""
    words = {word: code for code, listed in rules["judging"]["name_says"].items() for word in listed}
    pattern = "|".join(map(re.escape, words))
    some = names[texts.found_in(names, pattern)]
    last = re.compile(rf".*({pattern})")
    said = {name: words[match[1]] for name in some.unique() if (match := last.match(name))}
    return some.map(said).astype("str").reindex(names.index)


def _types(source: Source, frame: pd.DataFrame, rules: Rules) -> None:
    """Compare a subject's type with what its name says; a buyer may be anybody."""
    kind, names, words = frame["subject_type"], frame["subject_name"], rules["judging"]["name_says"]
    said_any = "|".join(re.escape(word) for listed in words.values() for word in listed)
    doubtful = texts.found_in(names, said_any) & (kind.notna() & (kind != "buyer")).to_numpy(bool)
    for code, listed in words.items():
        rows = np.flatnonzero(doubtful & (kind == code).fillna(value=False).to_numpy(bool))
        own = "|".join(map(re.escape, listed))
        doubtful[rows] = ~texts.found_in(names.iloc[rows], own)
    if not doubtful.any():
        return
    said = _said(frame["subject_name"].where(doubtful), rules)
    wrong = said.notna() & (said != kind) & ((said != "buyer") | (kind == "household"))
    source.find(
        "subject_type_contradicts", wrong, "subject_type", proposal=said.map(codes("subject_type")).astype("str")
    )


def _traces(source: Source, frame: pd.DataFrame, rules: Rules) -> None:
    never, wanted = (rules["judging"]["traces"][name] for name in ("never_on_crops", "one_of_for_heads"))
    labels = codes("trace_methods")
    traces = frame["trace_methods"]
    crop = frame["product"].isin(rules.crops)
    heads = frame["product"].isin([code for code, product in rules.products.items() if product.unit == "head"])
    wrong = crop & each(traces, lambda text: bool(set(text.split(";")) & set(never)), otherwise=False)
    if wrong.any():
        parts = traces[wrong].map(lambda text: "、".join(labels[code] for code in text.split(";") if code in never))
        rest = traces[wrong].map(lambda text: "、".join(labels[code] for code in text.split(";") if code not in never))
        parts, rest = (side.astype("str").reindex(frame.index) for side in (parts, rest))
        source.find("trace_contradicts", wrong, "trace_methods", proposal=rest, detail=parts)
    lacks = heads & each(traces, lambda text: not set(text.split(";")) & set(wanted), otherwise=False)
    lacks &= frame["subject_type"] != "buyer"
    source.find("trace_lacks_animal_proof", lacks, "trace_methods", detail="、".join(labels[code] for code in wanted))


def _products(source: Source, frame: pd.DataFrame, rules: Rules) -> None:
    """Compare a row's product with the one that its sheet is about; where most differ, the title is off: said once."""
    names = {code: product.name for code, product in rules.products.items()}
    sheet = sheet_products(source, rules)
    known = (frame["product"].notna() & sheet.notna()).to_numpy(bool)
    differs = known & (frame["product"] != sheet).fillna(value=False).to_numpy(bool)
    if not differs.any():
        return
    table = source.frame["table"].to_numpy(dtype=np.int64)
    of, off = (np.bincount(table[rows], minlength=len(source.tables)) for rows in (known, differs))
    rows = pd.Series(table, index=frame.index)[differs]
    first = ~rows.duplicated() | (2 * off <= of)[rows.to_numpy()]
    mask = first.reindex(frame.index, fill_value=False)
    source.find("product_differs_from_sheet", mask, "product", detail=sheet.map(names).astype("str"))


# ---- when ----


def _windows(source: Source, frame: pd.DataFrame, rules: Rules, round_name: str) -> None:
    year, month = (int(part) for part in round_name.split("-"))
    single, first, last = (source.text(name) for name in ("market_window", "market_from", "market_to"))
    read = frame["market_windows"]
    unread = read.isna() & (single.notna() | first.notna() | last.notna())
    if unread.any():
        # One text for both cells, so that each pair is read once.
        start, stop = first[unread].fillna(""), last[unread].fillna("")
        pair = single[unread].fillna(start + "\x1f" + stop)

        def swap(text: str) -> str:
            start, two, stop = text.partition("\x1f")
            swapped = (
                windows.between(stop or None, start or None, year, month) if two else windows.turned(text, year, month)
            )
            return swapped.replace("/", "至") if swapped and not (two and not (start and stop)) else ""

        proposal = pd.Series(each(pair, swap, ""), pair.index, "str").reindex(frame.index).fillna("")
        value = _window_text(source, unread)
        source.find("window_backwards", proposal != "", "market_window", value=value, proposal=proposal)
        rest = unread & (proposal == "")
        likely = pd.Series(
            each(value.where(rest), lambda text: windows.likely(text, year, month), ""), read.index, "str"
        )
        source.find("window_unreadable", rest, "market_window", value=value, proposal=likely)
    numbers, distinct = texts.distinct(read)
    pairs = [[span.partition("/")[::2] for span in text.split(";")] for text in distinct]
    days = np.array([*(max(map(_days, spans)) for spans in pairs), 0])[numbers]
    ends = np.array([*(max(int((stop or start)[:4]) for start, stop in spans) for spans in pairs), 9999])[numbers]
    too_long = pd.Series(days > YEAR_DAYS, index=frame.index)
    if too_long.any():
        detail = pd.Series(days, index=frame.index).astype("str")
        source.find("window_too_long", too_long, "market_window", value=_window_text(source, too_long), detail=detail)
    # A date that cannot be this round's says nothing of the year.
    earliest, latest = _believed(rules, year, month)
    own = each(
        frame["collected_on"], lambda text: min(year, int(text[:4])) if earliest <= text <= latest else year, year
    )
    past = pd.Series(ends < own, index=frame.index)
    if past.any():
        moved = [_moved(spans, int(to) - int(end)) for spans, end, to in zip(
            (pairs[number] for number in numbers[past]), ends[past], own[past], strict=True)]  # fmt: skip
        proposal = pd.Series(moved, index=frame.index[past], dtype="str").reindex(frame.index)
        source.find("window_past", past, "market_window", value=_window_text(source, past), proposal=proposal)


def _window_text(source: Source, mask: pd.Series) -> pd.Series:
    """Return the windows of some rows as typed, in one cell or two; NA elsewhere."""
    single, first, last = (source.text(name)[mask] for name in ("market_window", "market_from", "market_to"))
    return single.fillna(first.fillna("") + (" / " + last).fillna("")).reindex(mask.index)


def _days(span: tuple[str, str]) -> int:
    start, stop = span
    return (date.fromisoformat(stop) - date.fromisoformat(start)).days + 1 if stop else 1


def _moved(spans: list[tuple[str, str]], years: int) -> str:
    """Return windows moved by whole years, as an analyst would type them."""

    def day(text: str) -> str:
        return f"{int(text[:4]) + years}{text[4:]}".replace("-02-29", "-02-28")

    return "；".join(f"{day(start)}至{day(stop)}" if stop else day(start) for start, stop in spans)


def _believed(rules: Rules, year: int, month: int) -> tuple[str, str]:
    """Return the first and last day, in ISO form, that a collection date of a round may have."""
    back = year * 12 + month - 1 - int(rules["judging"]["collected_months_back"])
    earliest = min(date(year, 1, 1), date(back // 12, back % 12 + 1, 1))
    return earliest.isoformat(), date(year, month, calendar.monthrange(year, month)[1]).isoformat()


def _dates(source: Source, frame: pd.DataFrame, rules: Rules, round_name: str) -> None:
    year, month = (int(part) for part in round_name.split("-"))
    earliest, latest = _believed(rules, year, month)
    collected = frame["collected_on"]
    off = pd.Series(
        each(collected, lambda text: not earliest <= text <= latest, otherwise=False), index=frame.index, dtype=bool
    )

    def this_year(text: str) -> str:
        day = f"{year}{text[4:]}".replace("-02-29", "-02-28")
        return day if earliest <= day <= latest else ""

    if off.any():
        proposal = pd.Series(each(collected.where(off), this_year, ""), index=frame.index, dtype="str")
        source.find("date_implausible", off, "collected_on", proposal=proposal, detail=f"{earliest} 至 {latest}")


# ---- where ----


def _places(source: Source, frame: pd.DataFrame, rules: Rules, places: Places) -> None:
    _villages(source, frame, rules, places)
    _addresses(source, frame, places)


def _core(village: str) -> str:
    """Return a village's name without 村委会, 社区居委会 and the like."""
    return _VILLAGE_TAIL.sub("", village)


def _villages(source: Source, frame: pd.DataFrame, rules: Rules, places: Places) -> None:
    """Look each village up among its township's; parts of villages (前溪村3组) and lists of villages are understood."""
    names = places.names
    homes: dict[str, dict[str, str]] = {}
    for code, village in zip(places.villages["township_code"], places.villages["village"], strict=True):
        core = _core(str(village)).removeprefix(names.get(str(code), ""))
        homes.setdefault(str(code), {})[core] = str(village)
    everywhere: dict[str, set[str]] = {}
    for code, cores in homes.items():
        for core in cores:
            everywhere.setdefault(core, set()).add(code)

    known = {
        code: re.compile(f"(?:{'|'.join(map(re.escape, cores))})(?:$|社区|村|居)") for code, cores in homes.items()
    }

    def judge(code: str, village: str) -> str:
        """Return empty for a village of the township, the names of the townships it is one of, or ?."""
        town, here = names.get(code, ""), known.get(code)
        parts = [part.removeprefix(town) for part in re.split(r"[、,，;；/]", village) if part]
        if here is None or all(here.match(part) or here.match(_core(part)) or not part for part in parts):
            return ""
        owners = {owner for part in parts for core in (part, _core(part)) for owner in everywhere.get(core, ())}
        return "、".join(names[owner] for owner in sorted(owners) if owner in names) or "?"

    town, towns = texts.distinct(frame["township_code"])
    place, villages = texts.distinct(frame["village"])
    pair, distinct = pd.factorize(np.where((town < 0) | (place < 0), -1, town * len(villages) + place))
    verdicts = [
        "" if at < 0 else judge(towns[at // len(villages)], villages[at % len(villages)]) for at in distinct.tolist()
    ]
    verdict = pd.Series(np.array(verdicts, dtype=object)[pair], index=frame.index, dtype="str")
    elsewhere, unknown = ~verdict.isin(["", "?"]), verdict == "?"
    source.find("village_elsewhere", elsewhere, "village", detail=verdict)
    if unknown.any():
        cutoff, near = rules["judging"]["near_text"], pd.Series("", index=frame.index, dtype="str")
        for code in frame.loc[unknown, "township_code"].unique():
            here = unknown & (frame["township_code"] == code)
            options = [f"{core}{'社区' if '居' in full else '村'}" for core, full in homes[str(code)].items()]
            near[here] = closest(frame.loc[here, "village"], options, cutoff)
        source.find("village_unknown", unknown, "village", proposal=near, detail=frame["township"])


def _addresses(source: Source, frame: pd.DataFrame, places: Places) -> None:
    """Find addresses that name another township in full (镇, 乡) and not their row's own."""
    full = {name: code for name, code in places.aliases().items() if not name.isdigit() and name[-1] in "镇乡"}
    numbers, towns = texts.distinct(frame["township_code"])
    address = frame["base_address"]
    named = np.zeros(len(frame), dtype=bool)
    for number, town in enumerate(towns):
        rows = np.flatnonzero(numbers == number)
        own, others = (
            "|".join(re.escape(name) for name, code in full.items() if (code == town) is mine) for mine in (True, False)
        )
        rows = rows[texts.found_in(address.iloc[rows], others)]
        if own and rows.size:
            rows = rows[~texts.found_in(address.iloc[rows], own)]
        named[rows] = True
    if not named.any():
        return
    sought = re.compile("|".join(sorted(map(re.escape, full), key=len, reverse=True)))
    names = places.names
    towns_named = address[named].map(lambda text: names[full[sought.search(text)[0]]])  # type: ignore[index]
    detail = towns_named.astype("str").reindex(frame.index)
    source.find("address_township_differs", pd.Series(named, index=frame.index), "base_address", detail=detail)
