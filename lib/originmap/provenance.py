"""Provenance: the cells that stand behind every figure, by the figure's id; `catalogue` gives the figures themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from originmap.findings import mask_phones
from originmap.growers import PARTS, Growers
from originmap.lineage import SIDES, addresses, figure_of, sized
from originmap.rounds import Round

COLUMNS: Final = ["id", "record_id", "file", "sheet", "address", "content"]
COUNTY: Final = "county"
# Townships whose three figures are all known: where fewer are than are summed, a second total of the area check.
LISTED: Final = "listed"
HERD: Final = ("registry", "collected", "gap", *PARTS)


@dataclass(frozen=True)
class Frames:
    """What the library says of a round, worked out once for all documents.

    Attributes
    ----------
    linked, gaps, herds
        As ``growers.growers``, ``reconcile.planting_area`` and ``reconcile.livestock`` give them.
    states, progress
        As ``progress.status`` and ``progress.table``.
    alerts
        As ``alerts.alerts``.
    found
        As ``corrections.corrections``, with what each cell should hold in `proposal`.
    summary, market
        As ``exports.summary_table`` and ``uploading.market_table``.
    """

    linked: Growers
    gaps: pd.DataFrame
    herds: pd.DataFrame
    states: pd.DataFrame
    progress: pd.DataFrame
    alerts: pd.DataFrame
    found: pd.DataFrame
    summary: pd.DataFrame
    market: pd.DataFrame


def behind_figures(round_: Round, frames: Frames) -> pd.DataFrame:
    """Return the cells of all figures, a row a figure and cell, with `COLUMNS`; every text, growers' phones masked.

    A township's rows stand under its own id and under the county's. Some figures share the cells of another, see `cells_of`.
    """
    every = sized(round_, frames.linked)
    parts = [
        *_checked_cells(frames.linked, every, "A", "mu", frames.gaps),
        *_checked_cells(frames.linked, every, "H", "heads", frames.herds),
        *_row_cells(round_, every),
        *_ledger_cells(round_, frames.states),
        *_finding_cells(frames.found),
        *_alert_cells(frames.alerts),
    ]
    cells = pd.concat([part.reindex(columns=COLUMNS) for part in parts], ignore_index=True).astype("str").fillna("")
    return cells.assign(content=mask_phones(cells["content"]).fillna(""))


def cells_of(number: str) -> str:
    """Return the id under which a figure's cells stand: its own, but a ten-day period's of the calendar stand under its row, a rate's under the gap.

    >>> cells_of("M-county-05-celery-size"), cells_of("A-county-celery-coverage"), cells_of("P-county-not_uploaded")
    ('M-county-celery', 'A-county-celery-gap', 'P-county-records')
    """
    if number.startswith("N-"):
        return number.rpartition("-")[0]
    if number.startswith("M-"):
        theme, where, _, product = number.split("-")[:4]
        return f"{theme}-{where}-{product}"
    head, _, name = number.rpartition("-")
    other = {"coverage": "gap", "not_uploaded": "records"}.get(name)
    return f"{head}-{other}" if other and number[0] in "AP" else number


def _checked_cells(
    linked: Growers, every: pd.DataFrame, theme: str, unit: str, frame: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    key = pd.MultiIndex.from_frame(frame[["township_code", "product"]])
    own = every[pd.MultiIndex.from_frame(every[["township_code", "product"]]).isin(key)]
    known = {name: key[frame[[*columns]].notna().all(axis=1)] for name, columns in _sums(unit).items()}
    for name in SIDES if unit == "mu" else HERD:
        # Of animals a gap is registry against collection.
        cells = own if unit == "heads" and name == "gap" else figure_of(own, linked, name)
        cells = cells[cells["grower"].notna() | (cells["side"] == "baseline")]
        pairs = pd.MultiIndex.from_frame(cells[["township_code", "product"]])
        told = cells[pairs.isin(key[frame[f"{name}_{unit}"].notna()])]
        yield told.assign(id=f"{theme}-" + told["township_code"] + "-" + told["product"] + f"-{name}")
        for where, kept in known.items():
            of = cells[pairs.isin(kept)]
            yield of.assign(id=f"{theme}-{where}-" + of["product"] + f"-{name}")


def _sums(unit: str) -> dict[str, tuple[str, ...]]:
    """Return what has to be known of a township for it to be in a total."""
    if unit == "heads":
        return {COUNTY: ("registry_heads", "collected_heads")}
    return {COUNTY: ("baseline_mu", "collected_mu"), LISTED: ("baseline_mu", "registry_mu", "collected_mu")}


def _row_cells(round_: Round, every: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the cells behind counts of subjects and records: names, points, windows; and the sizes of the summary."""
    rows = pd.DataFrame(round_.records.drop(columns="geometry"))
    rows = rows[rows["township_code"].notna() & rows["product"].notna()]
    rows = rows.assign(
        file=rows["source_file"].mask(rows["round"] != round_.name, rows["round"] + "/" + rows["source_file"]),
        sheet=rows["source_sheet"], content=rows["subject_name"], address=addresses(round_, rows, "collection", "subject_name"),
    )  # fmt: skip
    taken = rows[rows["status"] == "accepted"]
    growing = taken[taken["subject_type"] != "buyer"]
    spoken = pd.MultiIndex.from_frame(round_.submissions[["township_code", "product"]])
    collected = every[every["side"] == "collection"]
    counted = collected[pd.MultiIndex.from_frame(collected[["township_code", "product"]]).isin(spoken)]
    yield from _placed(growing, "S", "subjects", by_product=True)
    yield from _placed(counted, "S", "size", by_product=True)
    yield from _placed(taken[taken["subject_type"] == "buyer"], "S", "buyers")
    yield from _placed(taken, "S", "all")
    yield from _placed(taken[taken["in_scope"].fillna(value=False).astype(bool)], "P", "records")
    waits = rows[rows["status"] == "quarantined"]
    yield from _placed(waits, "P", "to_mend")
    text = round_.raw["point"].reindex(taken.index)
    field = "point" if (round_.columns["field"] == "point").any() else "lon"
    spots = taken.assign(content=text, address=addresses(round_, taken, "collection", field))
    yield from _placed(spots, "G", "records")
    yield from _placed(spots[~round_.records.geometry.isna()[spots.index]], "G", "located")
    dated = growing[growing["market_windows"].notna()]
    field = "market_window" if (round_.columns["field"] == "market_window").any() else "market_from"
    dated = dated.assign(content=dated["market_windows"], address=addresses(round_, dated, "collection", field))
    yield from _placed(dated, "M", by_product=True)


def _placed(rows: pd.DataFrame, theme: str, name: str = "", *, by_product: bool = False) -> Iterator[pd.DataFrame]:
    """Give rows under the id of their township, and again under the county's: ``<theme>-<township>[-<product>][-<name>]``."""
    end = pd.Series(f"-{name}" if name else "", index=rows.index, dtype="str")
    end = "-" + rows["product"] + end if by_product else end
    yield rows.assign(id=f"{theme}-" + rows["township_code"] + end)
    yield rows.assign(id=f"{theme}-{COUNTY}" + end)


def _ledger_cells(round_: Round, states: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the receipts behind what was reported, in time or late, and the platform's entries."""
    key = ["township_code", "product"]
    if len(round_.spoken):
        told = _lines(round_.spoken[round_.spoken["source_file"].notna()], "received_at")
        told = told.merge(states[[*key, "progress", "timeliness"]], on=key, how="inner", validate="m:1")
        for column, name in (("progress", "reported"), ("progress", "zero"), ("timeliness", "late")):
            yield from _placed(told[told[column] == name], "P", name)
    if len(round_.uploads):
        yield from _placed(
            _lines(round_.uploads[round_.uploads["township_code"].notna()], "uploaded_at"), "P", "uploaded"
        )


def _lines(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    return rows.assign(
        file=rows["source_file"], sheet=rows["source_sheet"], address=rows["source_cell"], record_id="",
        content=rows[moment].dt.strftime("%Y-%m-%d %H:%M"),
    )  # fmt: skip


def _finding_cells(found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    rows = found.assign(township_code=found["owner"], product="", address=found["cell"], content=found["value"])
    yield from _placed(rows, "C", "items")


def alert_ids(alerts: pd.DataFrame) -> list[str]:
    """Return the id of each alert's own count, ``W-<township or county>-<alert>[-<product>]``; a second of the same gets a number."""
    start = "W-" + alerts["township_code"].fillna(COUNTY) + "-" + alerts["alert"]
    full = start.where(alerts["product"].isna(), start + "-" + alerts["product"])
    again = full.groupby(full).cumcount()
    return list(full.where(again == 0, full + "-" + (again + 1).astype("str")))


def _alert_cells(alerts: pd.DataFrame) -> Iterator[pd.DataFrame]:
    rows = alerts.assign(own=alert_ids(alerts))[alerts["township_code"].notna() & (alerts["cells"].fillna("") != "")]
    parts = rows.assign(spot=rows["cells"].str.split("；")).explode("spot")
    split = parts["spot"].str.extract(r"^(?P<file>.*)〔(?P<sheet>.*)〕(?P<address>[A-Z]+\d+|第 \d+ 行)")
    parts = parts.assign(**split, record_id="", content=parts["what"])[split["file"].notna().to_numpy()]
    yield parts.assign(id=parts["own"])
    yield parts.assign(id=f"W-{COUNTY}-" + parts["alert"])
