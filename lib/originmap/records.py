"""Records: raw tables become typed frames, one row a record, and every value that cannot be read becomes a finding.

The frames still hold every row; `checks` decides which count. Indexes run 0…n-1 over the rows in the order of files,
sheets and rows, and findings carry the index of their row.
"""

import re
from collections.abc import Mapping, Sequence

import geopandas as gpd
import pandas as pd

from originmap import notation, placing, texts, windows
from originmap.cells import Source
from originmap.findings import closest, mask_phones
from originmap.places import Places
from originmap.rules import Rules
from originmap.sheets import Table
from originmap.sizes import read_sizes

MIN_HINT = 2


def collection(
    source: Source, rules: Rules, places: Places, round_name: str, *, datums: Mapping[str, str] | None = None
) -> gpd.GeoDataFrame:
    """Return every collection row (附件1) typed, in the canonical columns but `record_id`, `in_scope` and `status`.

    `geometry` (WGS84) holds settled points only, those of files that `datums` names (``{file: datum}``) converted;
    `market_windows` are ISO pairs joined by ``;``. Findings go to `source.findings`.
    """
    year, month = (int(part) for part in round_name.split("-"))
    frame = _common(source, rules, places, round_name)
    frame["plot_key"] = plot_key(source, places)
    frame["cropping"] = cropping(source.text("cropping"))
    frame["production_mode"] = _choice(source, "production_mode", rules, "production_mode_unknown")
    frame["trace_methods"] = _choice(source, "trace_methods", rules, "trace_unknown")
    frame["credit_grade"] = _choice(source, "credit_grade", rules, "credit_unknown")
    for who in ("supervisor", "collector"):
        frame[f"{who}_name"], frame[f"{who}_phone"] = person(source, who)
    frame["market_windows"] = _windows(source, year, month)
    # The first window's start and the last one's end; an open end stays NA.
    frame["market_from"] = texts.without(frame["market_windows"], r"/.*$")
    last = texts.without(frame["market_windows"], r"^.*/")
    frame["market_to"] = last.where(last != "")
    frame["collected_on"] = _days(source, "collected_on")
    return placing.place(source, frame, places, rules, datums=datums or {})


def registry(source: Source, rules: Rules, places: Places, round_name: str) -> pd.DataFrame:
    """Return every registry row (附件4) typed: the columns of `collection` without plot, point, market and officials."""
    return _common(source, rules, places, round_name)


def zero_reports(tables: Sequence[Table], rules: Rules, places: Places) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return what collection sheets report as nothing grown: `township_code, product`, with a finding for each.

    The product is the row's, else the sheet's; a sheet that names none and holds no other row speaks for all products
    (`product` NA); beside other rows it is unclear and not used.
    """
    source = Source.of(tables, zero=True)
    if not len(source.frame):
        return pd.DataFrame({"township_code": [], "product": []}, dtype="str"), []
    code, _ = townships(source, places, rules)
    names = rules.product_names()
    given = source.text("product").map(lambda text: names.get(notation.narrow(text)), na_action="ignore")
    product = given.astype("str").fillna(sheet_products(source, rules))
    rows = {(table.file, table.sheet) for table in tables if len(table.rows)}
    filled = source.frame["table"].map({at: (table.file, table.sheet) in rows for at, table in enumerate(tables)})
    unclear = product.isna() & filled.astype(bool)
    labels = product.map({key: item.name for key, item in rules.products.items()}).astype("str").fillna("全部品种")
    source.find("zero_report_unclear", unclear, "subject_name")
    source.find("zero_report", ~unclear & code.notna(), "subject_name", detail=labels)
    kept = pd.DataFrame({"township_code": code, "product": product})[~unclear & code.notna()]
    return kept.drop_duplicates().reset_index(drop=True), source.findings


def _common(source: Source, rules: Rules, places: Places, round_name: str) -> pd.DataFrame:
    """Return the columns that collection and registry share, in canonical order."""
    code, township = townships(source, places, rules)
    frame = pd.DataFrame({"round": round_name, "township_code": code, "township": township}, index=source.frame.index)
    frame["village"] = _village(source, places)
    frame["subject_name"] = _name(source.text("subject_name"))
    frame["subject_type"] = _choice(source, "subject_type", rules, "subject_type_unknown")
    frame["contact_name"], frame["contact_phone"] = person(source, "contact")
    frame["product"] = _products(source, rules)
    sizes = read_sizes(source, frame["product"], rules)
    frame = frame.assign(**{name: sizes[name] for name in sizes})
    frame["base_address"] = mask_phones(texts.half_width(source.text("base_address"), spaces=True))
    frame["source_file"], frame["source_sheet"] = source.frame["file"], source.frame["sheet"]
    frame["source_row"] = source.frame["row"].astype("int64")
    return frame


def sheet_townships(tables: Sequence[Table], places: Places) -> pd.DataFrame:
    """Return for each table `code` and `origin`: where its township was read (``context``, ``sheet``, ``file`` or NA).

    The 填报单位 line and the title come first, then the sheet's name, the file's name last. Two names are no answer.
    """
    rows = []
    for table in tables:
        reporting = [text for text in table.context if re.search("单位|乡镇", text)]
        hit = places.mentioned([*reporting, *table.context], [table.sheet], [*table.known_as, table.file])
        rows.append({"origin": ("context", "sheet", "file")[hit[0]] if hit else None, "code": hit[1] if hit else None})
    return pd.DataFrame(rows, columns=["origin", "code"]).astype("str")


def townships(source: Source, places: Places, rules: Rules) -> tuple[pd.Series, pd.Series]:
    """Return each row's township code and name: its own cell's, else its sheet's, else NA and a finding."""
    sheets = sheet_townships(source.tables, places)
    index = source.frame["table"]
    default, origin = index.map(sheets["code"]).astype("str"), index.map(sheets["origin"]).astype("str")
    text = source.text("township")
    own = places.township_of(text)
    code = own.where(text.notna(), default)
    names = places.names
    near = closest(text.where(code.isna()), names.values(), rules["judging"]["near_text"])
    source.find("township_unknown", code.isna(), "township", proposal=near)
    differs = own.notna() & default.notna() & (own != default) & origin.isin(["context", "sheet"])
    source.find("township_differs", differs, "township", detail=default.map(names).astype("str"))
    by_file = text.isna() & code.notna() & (origin == "file")
    # Once a sheet is enough: the same words against every row would drown the rest.
    sheet = source.frame["file"] + "\x1f" + source.frame["sheet"]
    by_file &= ~sheet.where(by_file).duplicated()
    source.find("township_from_file_name", by_file, "township", proposal=code.map(names).astype("str"))
    return code, code.map(names).astype("str")


def _name(text: pd.Series) -> pd.Series:
    """Return names in half-width form, phones in them masked; spaces that typists put between Chinese signs (林  漪) are no part of them."""

    def closed(name: str) -> str:
        return re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", re.sub(r"\s+", " ", name))

    return mask_phones(texts.each(texts.half_width(text, spaces=True), closed, sieve=r"[\s\p{Z}]"))


def _village(source: Source, places: Places) -> pd.Series:
    text = mask_phones(texts.half_width(source.text("village")))
    return texts.without(text, rf"^{re.escape(places.county['name'])}")


def sheet_products(source: Source, rules: Rules) -> pd.Series:
    """Return the product that each row's sheet is about: its name first, then its title; NA when none or several."""
    names = rules.product_names()
    # 水芹 holds 芹: words for other crops are taken out before a product is sought.
    others = [*rules["not_products"]["others"], *rules["not_products"]["ambiguous"]]
    found_products = {}
    for number, table in enumerate(source.tables):
        if table.product:
            found_products[number] = table.product
            continue
        for text in (table.sheet, *table.context):
            rest, codes = notation.narrow(text), set()
            if any(other in rest for other in others):
                break
            for name in sorted(names, key=len, reverse=True):
                # A single character (牛, 羊, 猪) stands in too many other words.
                if len(name) >= MIN_HINT and name in rest:
                    codes.add(names[name])
                    rest = rest.replace(name, " ")
            if len(codes) == 1:
                found_products[number] = codes.pop()
                break
    return source.frame["table"].map(found_products).astype("str")


def _products(source: Source, rules: Rules) -> pd.Series:
    text = source.text("product")
    clean = texts.half_width(text)
    names = rules.product_names()
    product = clean.map(names).astype("str").where(text.notna(), sheet_products(source, rules))
    for entry in rules.products.values():
        for alias, severity in (entry.noted_aliases or {}).items():
            rule = "product_alias_noted" if severity == "note" else "product_alias_doubtful"
            source.find(rule, clean == alias, "product", proposal=entry.name)
    ambiguous = clean.isin(rules["not_products"]["ambiguous"])
    source.find("product_missing", product.isna() & text.isna(), "product")
    source.find("product_ambiguous", ambiguous, "product")
    unknown = product.isna() & text.notna() & ~ambiguous
    near = closest(clean.where(unknown), names, rules["judging"]["near_text"], but=rules["not_products"]["others"])
    source.find("product_unknown", unknown, "product", proposal=near)
    return product


def _choice(source: Source, name: str, rules: Rules, rule: str) -> pd.Series:
    """Read a coded field; several codes are joined by ``;`` only where the field allows several."""
    text = source.text(name)
    forms = rules.choices[name]
    read = texts.spread(text, lambda cell: notation.choices(cell, forms), ["code", "rest"], ("", ""))
    code = read["code"]
    known = code != ""
    if name != "trace_methods":
        known &= ~texts.found_in(code, ";")
    unknown = text.notna() & ((read["rest"] != "") | ~known)
    source.find(
        rule, unknown, name, proposal=closest(read["rest"].where(unknown), forms, rules["judging"]["near_text"])
    )
    return code.where(known)


def _phones(text: pd.Series) -> pd.DataFrame:
    """Return `numbers, rest, rule` of every text as `notation.phone` gives them: a plain number or name needs no look."""
    plain = texts.found_in(text, r"^1[0-9]{10}$")
    odd = texts.found_in(text, r"\p{Nd}") & ~plain
    read = texts.spread(text.where(odd), notation.phone, ["numbers", "rest", "rule"], ("", "", ""))
    name = texts.without(texts.half_width(text, spaces=True), r"^[\s\p{Z}]+|[\s\p{Z}]+$").fillna("")
    numbers = read["numbers"].mask(plain, text)
    return read.assign(numbers=numbers, rest=read["rest"].mask(~plain & ~odd, name))


def person(source: Source, who: str) -> tuple[pd.Series, pd.Series]:
    """Return a person's name and phones; either may stand in the other's cell or both in one."""
    both, name, phone = (source.text(column) for column in (who, f"{who}_name", f"{who}_phone"))
    name = name.fillna(both)
    in_name, in_phone = _phones(name), _phones(phone)
    for text, read, column in ((phone, in_phone, f"{who}_phone"), (name, in_name, f"{who}_name")):
        for rule in ("phone_invalid", "phone_float"):
            wrong = read["rule"] == rule
            # All but the ends of a wrong number: it may be the right one with a digit too many.
            quoted = text[wrong].str.replace(r"(?<=\d{3})\d(?=\d{2})", "*", regex=True)
            source.find(rule, wrong, column, value=quoted.reindex(text.index))
        if column.endswith("_phone"):
            # Something that is no number at all, such as 无.
            odd = text.notna() & (read["numbers"] == "") & (read["rule"] == "")
            source.find("phone_invalid", odd & name.notna(), column)
    numbers = in_phone["numbers"].where(in_phone["numbers"] != "", in_name["numbers"])
    two = (in_phone["numbers"] != "") & (in_name["numbers"] != "")
    if two.any():
        listed = in_phone["numbers"][two] + ";" + in_name["numbers"][two]
        numbers[two] = texts.each(listed, lambda all_of: ";".join(dict.fromkeys(all_of.split(";"))))
    rest = in_name["rest"].where(in_name["rest"] != "", in_phone["rest"])
    return rest.where(rest != ""), numbers.where(numbers != "")


def plot_key(source: Source, places: Places) -> pd.Series:
    """Return 地块/基地, else the normalised address, else an empty text (domain practice)."""
    names = "|".join(re.escape(name) for name in places.aliases() if not name.isdigit() and name[-1] in "镇乡")
    address = texts.without(_narrow(source.text("base_address")), rf"^.*?{re.escape(places.county['name'])}")
    address = texts.without(address, rf"^(?:{names})")
    return mask_phones(_narrow(source.text("plot")).fillna(address).fillna(""))


def _narrow(text: pd.Series) -> pd.Series:
    return texts.without(texts.half_width(text), "。", ".")


def cropping(text: pd.Series) -> pd.Series:
    """Return 第一茬, 一茬, 1 alike as ``1``; other words as written."""

    def read(cell: str) -> str:
        clean = re.sub(r"^第|茬$", "", notation.narrow(cell))
        value = notation.number(clean)
        return str(int(value)) if value is not None and value == int(value) else clean

    return mask_phones(texts.each(text, read))


def _windows(source: Source, year: int, month: int) -> pd.Series:
    single, first, last = (source.text(name) for name in ("market_window", "market_from", "market_to"))
    read = texts.each(single, lambda cell: windows.market_windows(cell, year, month))
    # One text for both cells, so that each pair is read once.
    pair = texts.joined([first, last]).where(first.notna() | last.notna())

    def both(text: str) -> str | None:
        start, _, stop = text.partition("\x1f")
        return windows.between(start or None, stop or None, year, month)

    # What is missing or unreadable is said in `sense`, where a window that runs backwards is told apart.
    return read.where(single.notna(), texts.each(pair, both))


def _days(source: Source, name: str) -> pd.Series:
    text = source.text(name)
    read = texts.each(text, lambda cell: day.isoformat() if (day := windows.day(cell)) else None)
    source.find("date_unreadable", text.notna() & read.isna(), name)
    return read
