"""Past: what is known of a record's subject beside its own row: its rapid tests, and its rows in the rounds before."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from originmap import changes
from originmap.rounds import Round, earlier_rounds
from originmap.subjects import normal_name

PAST_COLUMNS: Final = [
    "round", "subject_name", "size_value", "size_unit", "market_windows", "lon", "lat", "status", "size_cell", "window_cell", "point_cell",
]  # fmt: skip
_SAME: Final = ["township_code", "product"]


def tests(round_: Round, position: int) -> pd.DataFrame:
    """Return the rapid tests of the record's subject and product, columns as ``Round.rapid_tests``, the latest first."""
    found = round_.rapid_tests
    if found.empty:
        return found
    record = round_.records.iloc[position]
    rows = _of(found, record, normal_name(found["subject_name"], round_.places), _names(round_, record))
    return rows.sort_values(["sampled_on", "sample_id", "item"], ascending=[False, True, True], ignore_index=True)


class Past:
    """The rounds before one, opened when first asked for."""

    def __init__(self, round_: Round, *, rules: Path | str | None = None) -> None:
        """Look back from `round_`; `rules` is the file that it was opened with, where that was not the reference's."""
        self._round, self._rules = round_, rules

    @cached_property
    def rounds(self) -> Sequence[Round]:
        """The rounds before, the nearest first."""
        return earlier_rounds(self._round, rules=self._rules)

    def of(self, position: int) -> pd.DataFrame:
        """Return the rows of the record's subject and product in the rounds before, with `PAST_COLUMNS`, the nearest round first.

        A row belongs to it by its record number, or by township, product and name; also under the name that the subject had before, where
        `changes` holds the two to be one. Sizes are those of each row, in its unit; every value has the cell where it stands.
        """
        record = self._round.records.iloc[position]
        parts = []
        for round_, names in zip(self.rounds, self._names, strict=True):
            rows, own = round_.records, _names(self._round, record)
            key = (record["township_code"], record["product"])
            known = own | {old for name in own for old in names.get((*key, name), ())}
            same = _of(rows, record, normal_name(rows["subject_name"], round_.places), known).index
            rows = rows[rows.index.isin(same) | (rows["record_id"] == record["record_id"])]
            spots = rows.sort_values(["source_file", "source_sheet", "source_row"]).to_dict("records")
            parts += [_row(round_, row) for row in spots]
        return pd.DataFrame(parts, columns=PAST_COLUMNS)

    @cached_property
    def _names(self) -> Sequence[Mapping[tuple[str, str, str], set[str]]]:
        """Return per round before ``{(township, product, name now): names then}`` of the subjects that were renamed."""
        out = []
        for round_ in self.rounds:
            found = changes.changes(round_, self._round).query("change == 'renamed'")
            then, now = (normal_name(found[name], round_.places) for name in ("subject_before", "subject_after"))
            names: dict[tuple[str, str, str], set[str]] = {}
            for town, product, old, new in zip(found["township_code"], found["product"], then, now, strict=True):
                names.setdefault((town, product, new), set()).add(old)
            out.append(names)
        return out


def _names(round_: Round, record: pd.Series) -> set[str]:
    if pd.isna(record["subject_name"]):
        return set()
    return set(normal_name(pd.Series([record["subject_name"]], dtype="str"), round_.places))


def _of(rows: pd.DataFrame, record: pd.Series, named: pd.Series, names: set[str]) -> pd.DataFrame:
    same = [rows[name] == record[name] for name in _SAME]
    return rows[same[0].fillna(value=False) & same[1].fillna(value=False) & named.isin(names)]


def _row(round_: Round, row: Mapping[Any, Any]) -> dict[str, Any]:
    cells = {"size_cell": "size", "window_cell": "market_window", "point_cell": "point"}
    return {
        "round": round_.name,
        **{name: row[name] for name in PAST_COLUMNS if name in row and name != "round"},
        **{name: round_.cell(row, field) for name, field in cells.items()},
    }
