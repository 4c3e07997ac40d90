"""A township that mended its return slip, one mistake of two, and sent it in beside the original."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from originmap.copies import mended
from originmap.findings import RULES
from originmap.returns import slip_bytes
from originmap.rounds import open_round

Row = dict[str, str]

_MENDED: Final = ("window_unreadable", "5-7月", "2023-05-01/2023-07-31")
# What a row is told by itself: nothing else in the round changes with it.
_ALONE: Final = {
    *(
        "window_unreadable",
        "collector_name_missing",
        "supervisor_name_missing",
        "contact_name_missing",
        "credit_unknown",
    ),
    *("phone_invalid", "point_missing", "subject_type_missing", "trace_unknown", "buyer_noted", "below_threshold"),
    "column_unknown",
}


def resubmit(county: Path, round_name: str) -> str | None:
    """Put a mended slip into a written round and say in its truth what holds now; return its name, None if no file fits."""
    folder, truth = county / round_name, county / "truth"
    mistakes, rows, registered = (_read(truth / f"{name}.csv") for name in ("mistakes", "collection", "registry"))
    file = _fitting(mistakes, {row["file"] for row in registered}, round_name)
    if file is None:
        return None
    round_ = open_round(folder)
    (code,) = {row["township_code"] for row in rows if row["round"] == round_name and row["file"] == file}
    name = f"更正后/{PurePosixPath(file).stem}_更正.xlsx"
    rule, text, window = _MENDED
    (spot,) = [row for row in mistakes if row["round"] == round_name and row["file"] == file and row["rule"] == rule]
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(mended(slip_bytes(round_, file, code), {(spot["sheet"], spot["cell"]): text}))
    kept, moved = [], []
    for row in rows:
        if row["round"] != round_name or row["file"] != file:
            kept.append(row)
            continue
        again = row | {"file": name}
        if (row["sheet"], row["row"]) == (spot["sheet"], spot["row"]):
            still = [each for each in row["mistakes"].split(";") if each != rule]
            again |= {"mistakes": ";".join(still), "market_windows": window}
        moved.append(again)
        kept.append(row | {"status": "duplicate", "mistakes": "superseded_by_slip"})
    _write(truth / "collection.csv", [*kept, *moved])
    for told in ("terms", "pairs", "uploads", "rapid_tests"):
        lines = _read(truth / f"{told}.csv")
        _write(truth / f"{told}.csv", [_moved(line, round_name, file, name) for line in lines])
    ours = [row for row in mistakes if row["round"] == round_name and row["file"] == file]
    others = [row for row in mistakes if row not in ours]
    gone = [dict.fromkeys(spot, "") | {"round": round_name, "file": file, "sheet": sheet, "rule": "superseded_by_slip"}
            for sheet in dict.fromkeys(row["sheet"] for row in ours)]  # fmt: skip
    _write(truth / "mistakes.csv", [*others, *gone, *(row | {"file": name} for row in ours if row != spot)])
    return name


def _moved(line: Row, round_name: str, file: str, name: str) -> Row:
    """Return a line of truth whose collection rows stand in the slip now: nothing that it says of them has changed."""
    if line["round"] != round_name:
        return line
    spots = [
        name + spot.removeprefix(file) if spot.startswith(f"{file}〔") else spot
        for spot in line["collected_at"].split(";")
    ]
    return line | {"collected_at": ";".join(spots)}


def _fitting(mistakes: Sequence[Row], registries: set[str], round_name: str) -> str | None:
    """Return the first workbook with one window to mend, something else to mend beside it, and nothing that others share."""
    by_file: dict[str, list[str]] = {}
    for row in mistakes:
        if row["round"] == round_name and row["file"].endswith(".xlsx") and ".zip/" not in row["file"]:
            by_file.setdefault(row["file"], []).append(row["rule"])
    for file, rules in sorted(by_file.items()):
        asked = [rule for rule in rules if RULES[rule].severity in ("error", "warning")]
        if file not in registries and set(rules) <= _ALONE and rules.count(_MENDED[0]) == 1 and len(asked) > 1:
            return file
    return None


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
