"""Cells: the raw rows of all sheets of a kind stacked into one frame, and where each value stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from originmap.findings import found
from originmap.headers import column_letter
from originmap.sheets import Table

PEOPLE = ("contact", "supervisor", "collector")


@dataclass
class Source:
    """The raw rows of all tables of one kind, and where each value stands.

    Attributes
    ----------
    frame
        `table` (position in `tables`), `file, sheet, row` and one text column per field, NA where blank.
    tables
        The tables themselves.
    findings
        Findings so far; their index is that of `frame`.
    """

    frame: pd.DataFrame
    tables: Sequence[Table]
    findings: list[pd.DataFrame] = field(default_factory=list)

    @classmethod
    def of(cls, tables: Sequence[Table], *, zero: bool = False) -> "Source":
        """Stack the data rows of `tables` (`zero`: their zero-report rows), ordered by file and sheet."""
        parts = []
        for number, table in enumerate(tables):
            rows = table.zero_rows if zero else table.frame
            parts.append(rows.assign(table=number, file=table.file, sheet=table.sheet))
        empty = pd.DataFrame({"table": [], "file": [], "sheet": [], "row": []}).astype({"table": int, "row": int})
        frame = pd.concat(parts, ignore_index=True) if parts else empty
        fields = [name for name in frame if name not in ("table", "row")]
        return cls(frame.astype(dict.fromkeys(fields, "str")), tables)

    def text(self, name: str) -> pd.Series:
        """Return a field's raw text, all NA when no table has it."""
        if name in self.frame:
            return self.frame[name]
        return pd.Series(pd.NA, index=self.frame.index, dtype="str")

    def at(self, mask: pd.Series, *names: str) -> pd.DataFrame:
        """Return `file, sheet, row, cell` of the rows in `mask`; the cell is that of the first field a table has."""
        rows = self.frame.loc[mask, ["table", "file", "sheet", "row"]]
        letters = {}
        for number, table in enumerate(self.tables):
            column = next((table.columns[name] for name in names if name in table.columns), 0)
            letters[number] = column_letter(column)
        cell = rows["table"].map(letters).astype("str") + rows["row"].astype("str")
        return rows.assign(cell=cell)

    def find(self, rule: str, mask: pd.Series, name: str, **said: pd.Series | str) -> None:
        """Add a finding of `rule` for every row in `mask`; it quotes the cell unless `value` is given."""
        if not mask.any():
            return
        said = {key: text[mask] if isinstance(text, pd.Series) else text for key, text in said.items()}
        said.setdefault("value", self.text(name)[mask].fillna(""))
        fallbacks = {"point": ("point", "lon", "lat"), "market_window": ("market_window", "market_from")}
        person = name.partition("_")[0]
        names = fallbacks.get(name, (name, person) if person in PEOPLE else (name,))
        self.findings.append(found(rule, self.at(mask, *names, "subject_name"), field=name, **said))


def table_cells(tables: Sequence[Table]) -> pd.DataFrame:
    """Return the field-to-column map of every table: `kind, file, sheet, field, column` (an Excel letter)."""
    rows = [
        (table.kind, table.file, table.sheet, name, column_letter(column))
        for table in tables
        for name, column in sorted(table.columns.items(), key=lambda item: item[1])
    ]
    return pd.DataFrame(rows, columns=["kind", "file", "sheet", "field", "column"], dtype="str")
