"""What the synthetic county's sheets mean: intended values, expected status and planted mistakes, each at its cell."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, TextIO

from originmap.headers import column_letter
from originmap.sample.doubts import asked_in_vain
from originmap.sample.forms import Entry, Hand
from originmap.sample.layouts import LAYOUTS
from originmap.sample.listing import Listed
from originmap.sample.sheets import Laid

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "collection": (
        *("round", "file", "sheet", "row", "township_code", "township", "village", "subject_name", "subject_written"),
        *(
            "subject_type",
            "contact_name",
            "contact_phone",
            "product",
            "plot_key",
            "cropping",
            "size_value",
            "size_unit",
        ),
        *("area_mu", "head_count", "base_address", "lon", "lat", "market_windows", "production_mode", "trace_methods"),
        *("credit_grade", "collected_on", "status", "mistakes", "category", "true_lon", "true_lat"),
    ),
    "registry": (
        *("round", "file", "sheet", "row", "township_code", "subject_name", "product", "size_value", "size_unit"),
        *("category", "subject_written"),
    ),
    "pairs": (
        *("round", "township_code", "product", "against", "listed_name", "file", "sheet", "row"),
        *("collected_name", "collected_at", "same", "kind"),
    ),
    "verdicts": (*("round", "township_code", "product", "name_a", "name_b", "verdict", "who", "section", "at", "why"),),
    "terms": (
        *("round", "township_code", "township", "product", "unit", "claimed", "term", "amount", "subject_name"),
        *("listed_name", "listed_at", "collected_name", "collected_at", "note"),
    ),
    "gap_status": (
        *("round", "township_code", "township", "product", "status", "baseline", "registry", "collected", "gap"),
    ),
    "receipts": (
        *("round", "file", "sheet", "row", "township_code", "products", "received_at", "channel", "document"),
        *("document_file", "submission", "extent", "stamped", "registrar", "late"),
    ),
    "contacts": (
        *("round", "file", "sheet", "row", "level", "township_code", "office", "role", "products"),
        *("name", "duty", "phone"),
    ),
    "uploads": (
        *("round", "file", "sheet", "row", "basis", "township_code", "product", "subject_name", "subject_written"),
        *("size_value", "uploaded_on", "count", "collected_at"),
    ),
    "rapid_tests": (
        *("round", "file", "sheet", "row", "sample_id", "township_code", "subject_name", "subject_written", "product"),
        *("sampled_on", "item", "result", "value", "unit", "remark", "collected_at"),
    ),
    "datums": ("round", "file", "datum", "decidable", "known_subjects"),
    "planting_area": ("round", "file", "sheet", "cell", "township_code", "township", "product", "area_mu"),
    "mistakes": ("round", "file", "sheet", "cell", "row", "rule", "field", "subject"),
    "submissions": ("round", "township_code", "township", "product", "state"),
}


class Truth:
    """The truth files, written as rows come; a value that cannot be had is blank. `spots` says by ``id`` where an entry stands."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, TextIO] = {}
        self.spots: dict[int, tuple[str, str, int]] = {}
        self._writers = {}
        for name, columns in _COLUMNS.items():
            self._files[name] = (folder / f"{name}.csv").open("w", encoding="utf-8", newline="")
            self._writers[name] = csv.writer(self._files[name], lineterminator="\n")
            self._writers[name].writerow(columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, name: str, /, **values: Any) -> None:
        """Write one row; columns that are not given stay blank."""
        row = [values.get(column) for column in _COLUMNS[name]]
        # 2.0 is written 2, as people do.
        self._writers[name].writerow(
            [int(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in row]
        )

    def zero_report(self, round_: str, path: str, sheet: str, hand: Hand) -> None:
        """Add what a sheet with a zero report must be found to be."""
        columns = LAYOUTS["A" if hand.layout == "A" else "C"].columns
        letter = column_letter([column.field for column in columns].index("subject_name"))
        self.add(
            "mistakes",
            round=round_,
            file=path,
            sheet=sheet,
            cell=f"{letter}3",
            row=3,
            rule="zero_report",
            field="subject_name",
        )
        odd = [f"{column_letter(at)}2" for at, column in enumerate(columns) if column.field == "contract"]
        self._unknown_columns(round_, path, sheet, odd)

    def _unknown_columns(self, round_: str, path: str, sheet: str, cells: Sequence[str]) -> None:
        for cell in cells:
            row = cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            self.add("mistakes", round=round_, file=path, sheet=sheet, cell=cell, row=row, rule="column_unknown")

    def collection(self, path: str, laid: Laid, round_: str, category: Mapping[int, str]) -> None:
        """Add a collection sheet's rows and planted mistakes; `category` is that of `settle`."""
        sheet, hand = laid.grid.name, laid.entries[0].hand
        self._unknown_columns(round_, path, sheet, laid.unknown)
        for row, columns, entries in laid.heads:
            for name in asked_in_vain(columns, entries):
                at = {"cell": f"A{row}", "row": row, "rule": "column_missing", "field": name}
                self.add("mistakes", round=round_, file=path, sheet=sheet, **at)
        if laid.grid.hidden_rows:
            self.add("mistakes", round=round_, file=path, sheet=sheet, rule="row_hidden")
        if not (hand.titled or hand.has("township") or hand.form.office_line):
            row = min(laid.rows)
            cell = f"{column_letter(laid.columns[0]['subject_name'])}{row}"
            where = {"file": path, "sheet": sheet, "cell": cell, "row": row}
            self.add("mistakes", round=round_, **where, rule="township_from_file_name", field="township")
        for entry, row, columns in zip(laid.entries, laid.rows, laid.columns, strict=True):
            at = {"round": round_, "file": path, "sheet": sheet, "row": row}
            self.spots[id(entry)] = (path, sheet, row)
            product, size = entry.holding.product, entry.truth["size_value"]
            own = category.get(
                id(entry.holding), entry.holding.category if entry.holding.category in ("buyer", "below") else ""
            )
            amounts = {
                "size_unit": product.unit if size is not None else None,
                "area_mu" if product.kind == "crop" else "head_count": size,
            }
            written: dict[str, Any] = {"status": entry.status, "category": own}
            written |= {"true_lon": entry.plot.lon, "true_lat": entry.plot.lat}
            if entry.atoms["subject_name"] != entry.truth["subject_name"]:
                written["subject_written"] = str(entry.atoms["subject_name"])
            self.add("collection", **at, **entry.truth, **amounts, **written, mistakes=";".join(entry.rules))
            for rule, name in zip(entry.rules, entry.fields, strict=True):
                options = {"point": ("point", "lon"), "market_window": ("market_window", "market_from")}
                tries = options.get(name, (name, name.partition("_")[0], "subject_name"))
                column = next(columns[field] for field in tries if field in columns)
                cell = f"{column_letter(column)}{row}"
                self.add("mistakes", **at, cell=cell, rule=rule, field=name, subject=entry.truth["subject_name"])

    def registry(self, place: tuple[str, str, str, int], code: str, item: Listed, kind: str) -> None:
        """Add a registry row standing at `place`: round, file, sheet, row."""
        where = dict(zip(("round", "file", "sheet", "row"), place, strict=True))
        shown, name = item.shown, item.holding.subject.name
        who = {"township_code": code, "subject_name": name, "product": shown.product.code, "category": kind}
        written = shown.subject.name if shown.subject.name != name else None
        unit = shown.product.unit if shown.registered is not None else None
        self.add("registry", **where, **who, size_value=shown.registered, size_unit=unit, subject_written=written)


def settle(entries: Sequence[Entry]) -> dict[int, str]:
    """Return each holding's category as its accepted rows have it, by ``id(holding)``.

    Collected area is standing: per plot the rows of a cropping summed, the largest cropping counted.
    """
    by: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by[id(entry.holding)].append(entry)
    category: dict[int, str] = {}
    for key, rows in by.items():
        holding = rows[0].holding
        if holding.category in ("buyer", "below"):
            category[key] = holding.category
            continue
        kept = [entry for entry in rows if entry.status == "accepted"]
        if not kept:
            category[key] = "quarantined" if holding.registered is None else "unreadable"
            continue
        sums: dict[tuple[str, int], float] = defaultdict(float)
        for entry in kept:
            sums[entry.plot.address, entry.truth["cropping"] or 0] += entry.truth["size_value"]
        best: dict[str, float] = defaultdict(float)
        for (plot, _), value in sums.items():
            best[plot] = max(best[plot], value)
        same = holding.registered is not None and abs(sum(best.values()) - holding.registered) < 0.005
        category[key] = "unlisted" if holding.registered is None else "matched" if same else "size_difference"
    return category
