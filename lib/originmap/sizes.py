"""Sizes: what each row grows or raises, in its product's unit, whatever the cell, the row or the sheet says it in."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from originmap import notation, texts
from originmap.cells import Source
from originmap.headers import unit_in_header
from originmap.rules import Rules
from originmap.sheets import Table


def read_sizes(source: Source, product: pd.Series, rules: Rules) -> pd.DataFrame:
    """Read sizes into `size_value, size_unit, area_mu, head_count`: the product's unit, areas to 0.01 亩."""
    words = {word: factor for family in rules.units.values() for word, factor in family.items()}
    text, said = source.text("size"), source.text("unit")
    size = texts.spread(text, lambda cell: notation.quantity(cell, words), ["value", "unit"], (np.nan, ""))
    unit = product.map({code: item.unit for code, item in rules.products.items()}).astype("str")
    headers = {str(number): _table_unit(table, words) for number, table in enumerate(source.tables)}

    def factor(way: str) -> tuple[float]:
        own, row, table, target = way.split("\x1f")
        return (_factor(own, _row_unit(row, words), headers[table], rules.units.get(target, {})),)

    # One look a combination of what the size, its row, its sheet and its product say.
    ways = texts.joined([size["unit"], said, source.frame["table"].astype("str"), unit])
    factors = texts.spread(ways, factor, ["factor"], (np.nan,))["factor"]
    known = size["value"].notna() & unit.notna()
    value = (size["value"] * factors).where(known).round(2)
    bad_unit = known & factors.isna()
    source.find("size_missing", text.isna(), "size")
    unread = text.notna() & size["value"].isna()
    likely = texts.each(text.where(unread), lambda cell: notation.likely_size(cell, words)).fillna("")
    source.find("size_unreadable", unread, "size", proposal=likely)
    source.find("size_unit_mismatch", bad_unit, "size")
    crop = unit == "mu"
    frame = pd.DataFrame({"size_value": value, "size_unit": unit.where(value.notna())})
    return frame.assign(area_mu=value.where(crop), head_count=value.where(~crop))


def _row_unit(text: str, words: Mapping[str, float]) -> notation.Quantity | None:
    """Return what a row's own unit cell says: NaN times nothing when it is no unit; None when blank or an office's name."""
    # 单位 may also head a column of offices and townships.
    if not text or re.search("[镇乡村局站所社场司会心]$", text):
        return None
    return notation.quantity("1" + notation.narrow(text), words) or notation.Quantity(np.nan, "")


def _factor(
    own: str, row: notation.Quantity | None, sheet: notation.Quantity | None, units: Mapping[str, float]
) -> float:
    """Return what turns a number as typed into the product's unit, NaN where the unit said is none of the product's.

    The size's own unit counts, else its row's, else the header's: that one only where it fits (规模(亩) stands over animals too).
    """
    if own:
        return units.get(own, np.nan)
    if row is not None:
        return row.value * units.get(row.unit, np.nan)
    return sheet.value * units[sheet.unit] if sheet and sheet.unit in units else 1.0


def _table_unit(table: Table, words: Mapping[str, float]) -> notation.Quantity | None:
    """Return the unit that a table's size header (面积(万只)), or a line above it (单位：公顷), gives; None when it gives none."""
    said = [unit_in_header(table.headers.get("size", ""))]
    said += [
        match[1]
        for text in table.context
        if (match := re.search(r"(?<!填报)(?<!报送)单位[:：]\s*([^\s，,；;)）]+)", text))
    ]
    for text in said:
        hint = notation.quantity(f"1{text}", words) if text else None
        if hint is not None and hint.unit:
            return hint
    return None
