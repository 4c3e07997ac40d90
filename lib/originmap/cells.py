"""Cells: the raw rows of all sheets of a kind stacked into one frame, and where each value stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from originmap.findings import found
from originmap.headers import column_letter
from originmap.sheets import Table, frame_of

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
            rows = table.zero_rows if zero else table.rows
            places = {"table": pa.repeat(number, len(rows)), "file": pa.repeat(pa.scalar(table.file, pa.large_string()), len(rows)),
                      "sheet": pa.repeat(pa.scalar(table.sheet, pa.large_string()), len(rows))}  # fmt: skip
            parts.append(pa.table(places | dict(zip(rows.column_names, rows.columns, strict=True))))
        empty = pa.table({"table": pa.array([], "int64"), "file": pa.array([], "large_string"), "sheet": pa.array([], "large_string"),
                          "row": pa.array([], "int64")})  # fmt: skip
        return cls(frame_of(pa.concat_tables([empty, *parts], promote_options="default")), tables)

    def text(self, name: str) -> pd.Series:
        """Return a field's raw text, all NA when no table has it."""
        if name in self.frame:
            return self.frame[name]
        return pd.Series(pd.NA, index=self.frame.index, dtype="str")

    def at(self, mask: pd.Series, *names: str) -> pd.DataFrame:
        """Return `file, sheet, row, cell` of the rows in `mask`; the cell is that of the first field a table has."""
        rows = np.flatnonzero(mask)
        number, row = (self.frame[name].to_numpy()[rows] for name in ("table", "row"))
        columns = [next((table.columns[name] for name in names if name in table.columns), 0) for table in self.tables]
        # Looked up by table: to pick a few texts out of a long column costs more.
        of_table = pd.DataFrame(
            {
                "file": [table.file for table in self.tables],
                "sheet": [table.sheet for table in self.tables],
                "letter": [column_letter(column) for column in columns],
            },
            dtype=object,
        ).to_numpy()
        file, sheet, letter = of_table[number].T
        cell = letter + row.astype(str).astype(object)
        spots = {"table": number, "file": file, "sheet": sheet, "row": row, "cell": cell}
        return pd.DataFrame(spots, index=self.frame.index[rows])

    def find(self, rule: str, mask: pd.Series, name: str, **said: pd.Series | str) -> None:
        """Add a finding of `rule` for every row in `mask`; it quotes the cell unless `value` is given."""
        if not mask.any():
            return
        rows = np.flatnonzero(mask)
        said = {key: text.iloc[rows] if isinstance(text, pd.Series) else text for key, text in said.items()}
        said.setdefault("value", self.text(name).iloc[rows].fillna(""))
        fallbacks = {"point": ("point", "lon", "lat"), "market_window": ("market_window", "market_from")}
        person = name.partition("_")[0]
        # A name and a phone may share a cell, under either one's header.
        names = fallbacks.get(
            name, (name, person, f"{person}_name", f"{person}_phone") if person in PEOPLE else (name,)
        )
        self.findings.append(found(rule, self.at(mask, *names, "subject_name"), field=name, **said))


def table_cells(tables: Sequence[Table]) -> pd.DataFrame:
    """Return the field-to-column map of every table: `kind, file, sheet, field, column, product, rows`.

    `column` is an Excel letter. `rows` are those that the table is about, NA where it has the sheet to itself; `product` is
    the one whose column it is, else empty.
    """
    rows = [
        (table.kind, table.file, table.sheet, name, column_letter(column), table.product, own)
        for table in tables
        for own in [None if table.whole else frozenset(table.rows["row"].to_pylist())]
        for name, column in sorted(table.columns.items(), key=lambda item: item[1])
    ]
    columns = ["kind", "file", "sheet", "field", "column", "product"]
    frame = pd.DataFrame([row[:-1] for row in rows], columns=columns, dtype="str")
    return frame.assign(rows=pd.Series([row[-1] for row in rows], index=frame.index, dtype="object"))
