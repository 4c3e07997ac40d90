"""Ledgers: receipts, contacts, uploads and rapid tests as typed frames; what cannot be read is a finding with its cell.

Every frame keeps `source_file, source_sheet, source_row, source_cell`; the cells of the other values are in the field-to-column map
(`cells.table_cells`). Phones are text. Findings go to the source and carry the index of their row.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from originmap import notation, texts, windows
from originmap.cells import Source
from originmap.findings import mask_phones
from originmap.notation import narrow
from originmap.places import Places
from originmap.records import person, sheet_products
from originmap.rules import Rules
from originmap.sheets import Table

_SOURCE: Final = ["source_file", "source_sheet", "source_row", "source_cell"]
RECEIPT_COLUMNS: Final = [
    "township_code", "township", "product", "received_at", "has_time", "channel", "document", "submission", "extent", "stamped",
    "registrar", "confirmed", *_SOURCE,
]  # fmt: skip
CONTACT_COLUMNS: Final = ["round", "level", "township_code", "township", "office", "role", "products", "name", "duty", "phone", *_SOURCE]  # fmt: skip
UPLOAD_COLUMNS: Final = ["township_code", "township", "subject_name", "product", "size", "uploaded_at", "count", "basis", *_SOURCE]  # fmt: skip
TEST_COLUMNS: Final = [
    "sample_id", "township_code", "township", "subject_name", "product", "sampled_on", "item", "result", "value", "unit", "remark", *_SOURCE,
]  # fmt: skip
_COUNTY: Final = re.compile(r"^(?:.*县)?(?:县|县级|县直|县局|局|农业农村局|.*县农业农村局)$|^县")
_CLOCK: Final = re.compile(r"(上午|下午|晚上?|中午)?(\d{1,2})(?::|时|点)(?:(\d{1,2})(?::(\d{1,2}))?分?|(半))?(?:整)?$")
_SERIAL_START: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - the sheets' local time


def moment(text: str) -> tuple[datetime, bool] | None:
    """Read a day with or without a time of day; return it (midnight without one) and whether a time was given.

    >>> moment("2023-03-15 17:01"), moment("2023年3月15日下午5点")[0].hour, moment("45000.75")[0].hour
    ((datetime.datetime(2023, 3, 15, 17, 1), True), 17, 18)
    >>> moment("2023/3/15")[1], moment("昨天")
    (False, None)
    """
    clean = narrow(text).replace("T", " ").replace("：", ":")
    if re.fullmatch(r"\d{5}\.\d+", clean):
        # Excel keeps the time of day as a fraction; a second is the finest that is meant.
        seconds = round(float(clean) * 86400)
        return _SERIAL_START + timedelta(seconds=seconds), True
    # narrow() takes spaces out: 2023-03-1517:01 is read with the day of two digits first.
    joined = re.sub(r"\s+", " ", text.strip().replace("T", " "))
    head, _, tail = joined.rpartition(" ")
    for before, after in ((head, narrow(tail)), *_splits(clean)):
        clock = _time(after) if before else None
        day = windows.day(before) if before else None
        if clock is not None and day is not None:
            return datetime.combine(day, clock), True
    day = windows.day(clean)
    return None if day is None else (datetime.combine(day, time()), False)


def _splits(clean: str) -> list[tuple[str, str]]:
    """Return where a text without spaces may fall into a day and a time: behind 日 or 号, or before 上午 and the like."""
    spots = [match.end() for match in re.finditer("日|号", clean)] + [
        match.start() for match in re.finditer("上午|下午|中午|晚", clean)
    ]
    return [(clean[:at], clean[at:]) for at in sorted(set(spots))]


def _time(text: str) -> time | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    part, hour, minute, second, half = match.groups()
    hours = int(hour) + (12 if part in ("下午", "晚", "晚上") and int(hour) < 12 else 0)
    minutes = 30 if half else int(minute or 0)
    return time(hours, minutes, int(second or 0)) if hours < 24 and minutes < 60 and int(second or 0) < 60 else None


def receipts(source: Source, rules: Rules, places: Places) -> pd.DataFrame:
    """Return the receipts 收件登记, one row a line and product: `RECEIPT_COLUMNS`.

    `product` is NA where a line names none or 全部: it speaks for all that its file holds. `received_at` is a local time, midnight where
    `has_time` is false; `submission` is first, supplement or correction, `extent` full (also where nothing is said), increment, unchanged or
    zero. A line counts, `confirmed`, when it has a time and the name of who registered it; others are proposals.
    """
    frame = _places(source, places, required=False)
    at = _moments(source, "received_on")
    frame["received_at"], frame["has_time"] = at["moment"], at["timed"]
    source.find("receipt_time_missing", at["moment"].notna() & ~at["timed"], "received_on")
    frame["channel"] = source.text("channel")
    frame["document"] = source.text("document")
    words = rules["ledgers"]
    frame["submission"] = _word(source, "submission", words["submission"], blank="first")
    frame["extent"] = _word(source, "extent", words["extent"], blank="full")
    stamped = _word(source, "stamped", words["stamped"])
    frame["stamped"] = stamped.map({"yes": True, "no": False}).astype("boolean")
    frame["registrar"] = source.text("registrar")
    frame["confirmed"] = frame["received_at"].notna() & frame["registrar"].notna()
    open_lines = ~frame["confirmed"] & (source.text("received_on").isna() | frame["registrar"].isna())
    source.find("receipt_unconfirmed", open_lines, "received_on")
    frame = _with_source(frame, source, "received_on")
    frame["product"] = _listed_products(source, rules)
    frame = frame.explode("product")
    frame["product"] = frame["product"].astype("str")
    return frame[RECEIPT_COLUMNS]


def contacts(source: Source, rules: Rules, places: Places, round_name: str) -> pd.DataFrame:
    """Return the contact list 附件2, one row a person's duty: `CONTACT_COLUMNS`.

    `level` is county or township, `role` lead (牵头负责人) or keeper (具体责任人), `products` codes joined by ``;``, NA for all. A row that
    gives both duties side by side becomes two.
    """
    frame = _places(source, places, required=False)
    level, office = texts.half_width(source.text("level")), source.text("unit")
    county = level.str.match(_COUNTY, na=False)
    by_office = texts.each(office, lambda text: hit[1] if (hit := places.mentioned([text])) else None)
    own = places.township_of(source.text("township")).fillna(places.township_of(level)).fillna(by_office)
    # A county's list names townships row by row; a township's own says whose it is in its title.
    code = own.where(own.notna() | county, frame["township_code"])
    frame["township_code"], frame["township"] = code, code.map(places.names).astype("str")
    lost = code.isna() & ~county & level.str.contains("乡|镇", na=False)
    source.find("ledger_township_unknown", lost & source.text("township").isna(), "level")
    frame["level"] = pd.Series(np.where(code.notna() | lost, "township", "county"), index=frame.index, dtype="str")
    frame["round"], frame["office"] = round_name, office
    frame["products"] = (
        _listed_products(source, rules)
        .map(lambda codes: ";".join(code for code in codes if code) or None)
        .astype("str")
    )
    parts = []
    for role, prefix in (("lead", "lead"), ("keeper", "keeper"), ("", "contact")):
        if not any(name in source.frame for name in (prefix, f"{prefix}_name", f"{prefix}_phone")):
            continue
        part = frame.copy()
        part["name"], part["phone"] = person(source, prefix)
        part["duty"] = source.text(f"{prefix}_duty" if role else "duty")
        part["role"] = pd.Series(role, index=frame.index, dtype="str") if role else _role(source, part["name"])
        # A plain 姓名 beside both duties repeats one of them.
        if role or "lead_name" not in source.frame:
            parts.append(
                _with_source(part, source, f"{prefix}_name", f"{prefix}_phone")[
                    part["name"].notna() | part["phone"].notna()
                ]
            )
    made = (
        pd.concat(parts)
        if parts
        else _with_source(frame.assign(name=None, phone=None, duty=None, role=None), source, "level").iloc[:0]
    )
    made = made.astype(dict.fromkeys(["name", "phone", "duty", "role"], "str"))
    return made[CONTACT_COLUMNS].sort_index(kind="stable")


class Ledgers(NamedTuple):
    """A round's contacts, uploads and rapid tests, and the findings against them."""

    contacts: pd.DataFrame
    uploads: pd.DataFrame
    rapid_tests: pd.DataFrame
    findings: list[pd.DataFrame]


def all_of(
    tables: Sequence[Table], contact_tables: Sequence[Table], contact_round: str, rules: Rules, places: Places
) -> Ledgers:
    """Return the frames of a round's tables; the contact list may come from an earlier round."""
    listed = Source.of(contact_tables)
    loaded, tested = (
        Source.of([table for table in tables if table.kind == kind]) for kind in ("uploads", "rapid_tests")
    )
    made = (
        contacts(listed, rules, places, contact_round),
        uploads(loaded, rules, places),
        rapid_tests(tested, rules, places),
    )
    listed_frame, loaded_frame, tested_frame = (frame.reset_index(drop=True) for frame in made)
    return Ledgers(listed_frame, loaded_frame, tested_frame, [*listed.findings, *loaded.findings, *tested.findings])


def _role(source: Source, name: pd.Series) -> pd.Series:
    text = source.text("role")
    role = texts.each(text.fillna(""), _role_of).astype("str")
    source.find("contact_role_unknown", name.notna() & role.isna(), "role")
    return role


def _role_of(text: str) -> str | None:
    words = (("牵头", "lead"), ("具体", "keeper"), ("负责", "lead"), ("责任", "keeper"))
    return next((code for word, code in words if word in text), None)


def uploads(source: Source, rules: Rules, places: Places) -> pd.DataFrame:
    """Return what stands on the national platform: `UPLOAD_COLUMNS`, `basis` entry (an export's line) or count (typed by hand).

    `count` is 1 for an entry. A line whose township, product or number cannot be read keeps NA there and a finding.
    """
    frame = _places(source, places, required=True)
    frame["product"] = _product(source, rules)
    frame["subject_name"] = mask_phones(texts.half_width(source.text("subject_name"), spaces=True))
    frame["size"] = source.text("size")
    at = _moments(source, "uploaded_on")
    frame["uploaded_at"] = at["moment"]
    text = source.text("uploaded_count")
    number = texts.over(text, lambda cell: notation.number(narrow(cell))).astype("float64")
    bad = text.notna() & (number.isna() | (number < 0) | (number != number.round()))
    source.find("count_unreadable", bad, "uploaded_count")
    typed = source.frame["table"].map(
        {
            at: "uploaded_count" in table.columns and "subject_name" not in table.columns
            for at, table in enumerate(source.tables)
        }
    )
    typed = typed.astype(bool)
    frame["count"] = number.mask(bad).where(typed, 1.0).astype("Int64")
    frame["basis"] = pd.Series(np.where(typed, "count", "entry"), index=frame.index, dtype="str")
    source.find("upload_subject_missing", ~typed & frame["subject_name"].isna(), "subject_name")
    key = texts.joined([frame["township_code"], frame["product"]])
    twice = typed & frame["township_code"].notna() & frame["product"].notna() & key.where(typed).duplicated(keep=False)
    source.find("count_twice", twice, "uploaded_count")
    frame["count"] = frame["count"].mask(twice)
    return _with_source(frame, source, "uploaded_count", "uploaded_on", "subject_name")[UPLOAD_COLUMNS]


def rapid_tests(source: Source, rules: Rules, places: Places) -> pd.DataFrame:
    """Return rapid tests 快检结果, one row a sample and item: `TEST_COLUMNS`; `result` is pass or fail, `sampled_on` an ISO day.

    `value` is a number, NA where nothing or no number (未检出) stands.
    """
    frame = _places(source, places, required=True)
    frame["sample_id"] = source.text("sample_id")
    frame["product"] = _product(source, rules)
    frame["subject_name"] = mask_phones(texts.half_width(source.text("subject_name"), spaces=True))
    day = _moments(source, "sampled_on")["moment"]
    frame["sampled_on"] = day.dt.strftime("%Y-%m-%d").astype("str")
    frame["item"] = source.text("test_item")
    frame["result"] = _word(source, "test_result", rules["ledgers"]["test_result"])
    source.find("test_result_missing", source.text("test_result").isna(), "test_result")
    text = source.text("test_value")
    frame["value"] = texts.over(text, lambda cell: notation.number(narrow(cell).rstrip("%"))).astype("float64")
    nothing = texts.half_width(text).isin(list(rules["ledgers"]["no_value"]))
    source.find("test_value_unreadable", text.notna() & frame["value"].isna() & ~nothing, "test_value")
    frame["unit"], frame["remark"] = source.text("unit"), mask_phones(source.text("remark"))
    return _with_source(frame, source, "test_result")[TEST_COLUMNS]


# ---- what they share ----


def _places(source: Source, places: Places, *, required: bool) -> pd.DataFrame:
    """Return `township_code, township`: the row's own, else what its sheet's title or name says."""
    hits = [places.mentioned(table.context, [table.sheet]) for table in source.tables]
    default = source.frame["table"].map({at: hit[1] for at, hit in enumerate(hits) if hit}).astype("str")
    text = source.text("township")
    own = places.township_of(text)
    county = texts.half_width(text).str.match(_COUNTY, na=False)
    code = own.where(text.notna(), default)
    source.find("ledger_township_unknown", text.notna() & own.isna() & ~county, "township")
    if required:
        source.find("ledger_township_unknown", text.isna() & code.isna(), "township")
    return pd.DataFrame(
        {"township_code": code, "township": code.map(places.names).astype("str")}, index=source.frame.index
    )


def _product(source: Source, rules: Rules) -> pd.Series:
    text = source.text("product")
    product = (
        texts.half_width(text)
        .map(rules.product_names())
        .astype("str")
        .where(text.notna(), sheet_products(source, rules))
    )
    source.find("ledger_product_unknown", product.isna(), "product")
    return product


def _listed_products(source: Source, rules: Rules) -> pd.Series:
    """Return each row's products as a list of codes; a list of one None where it names none, or all."""
    names, every_word = rules.product_names(), rules["ledgers"]["all_products"]
    text = source.text("product")
    known: dict[str, tuple[list[str | None], bool]] = {}
    for cell in text.dropna().unique():
        parts = [part for part in re.split(r"[、,，;；/+和及\s]+", narrow(cell)) if part]
        # 蛋鸡/鸡蛋: two names of one product are one.
        codes = list(dict.fromkeys(names[part] for part in parts if part in names))
        every = narrow(cell) in every_word
        known[cell] = ([*codes] or [None], not every and any(part not in names for part in parts))
    wrong = pd.Series([isinstance(cell, str) and known[cell][1] for cell in text], index=text.index, dtype=bool)
    source.find("ledger_product_unknown", wrong, "product")
    return pd.Series(
        [known[cell][0] if isinstance(cell, str) else [None] for cell in text], index=text.index, dtype="object"
    )


def _word(source: Source, name: str, forms: Mapping[str, list[str]], *, blank: str = "") -> pd.Series:
    """Return a coded field by its words; what is no word of its is NA and a finding, a blank is `blank`."""
    known = {form: code for code, words in forms.items() for form in words}
    text = texts.half_width(source.text(name))
    code = text.map(known).astype("str")
    source.find(
        "ledger_word_unknown", text.notna() & code.isna(), name, detail="、".join(words[0] for words in forms.values())
    )
    return code.where(text.notna(), blank or None).astype("str")


def _moments(source: Source, name: str) -> pd.DataFrame:
    """Return `moment` (local time) and `timed` of a field; a text that is no day is a finding."""
    text = source.text(name)
    read = texts.over(text, moment)
    source.find("date_unreadable", text.notna() & read.isna(), name)
    moments = pd.Series([pair[0] if pair else pd.NaT for pair in read], index=text.index, dtype="datetime64[s]")
    return pd.DataFrame({"moment": moments, "timed": [bool(pair and pair[1]) for pair in read]}, index=text.index)


def _with_source(frame: pd.DataFrame, source: Source, *names: str) -> pd.DataFrame:
    spots = source.at(pd.Series(data=True, index=source.frame.index), *names)
    return frame.assign(
        source_file=spots["file"].astype("str"), source_sheet=spots["sheet"].astype("str"),
        source_row=source.frame["row"].astype("int64"), source_cell=spots["cell"].astype("str"),
    )  # fmt: skip


def weekday(day: date) -> str:
    """Return a day's weekday as people write it.

    >>> weekday(date(2023, 2, 25))
    '周六'
    """
    return f"周{'一二三四五六日'[day.weekday()]}"
