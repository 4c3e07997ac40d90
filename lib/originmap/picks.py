"""Picks: what named selections of the one map add up to, as figures of the catalogue, for the county and for each township."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from originmap import vocab
from originmap.board import Board
from originmap.lineage import addresses
from originmap.manuscript import Figure
from originmap.provenance import COLUMNS, COUNTY
from originmap.rounds import Round
from originmap.selection import Selection


def picked(round_: Round, selections: Mapping[str, Selection]) -> tuple[list[Figure], pd.DataFrame]:
    """Return the figures of selections by name, ``N-<place>-<name>-<product>-<which>``, and their cells as ``provenance.COLUMNS``.

    Records, subjects and sizes are those of ``board.Chosen.summary``; a product without a record has no figure. Cells are those of the
    subjects' names, a row a record, under ``N-<place>-<name>-<product>``.
    """
    if not selections:
        return [], pd.DataFrame(columns=COLUMNS, dtype="str")
    board = Board.of_round(round_)
    figures: list[Figure] = []
    parts = []
    for name, selection in selections.items():
        for code, town in [*round_.places.names.items(), (COUNTY, "全县")]:
            if code != COUNTY and selection.townships and code not in selection.townships:
                continue
            chosen = board.choose(selection if code == COUNTY else replace(selection, townships=(code,)))
            head = f"N-{code}-{safe(name)}"
            for row in chosen.summary.to_dict("records"):
                if row["records"]:
                    figures += _figures(round_, f"{head}-{row['product']}", f"{name}·{town}", row)
            rows = pd.DataFrame(chosen.records.drop(columns="geometry"))
            parts.append(rows.assign(id=f"{head}-" + rows["product"]))
    rows = pd.concat(parts)
    cells = rows.assign(
        file=rows["source_file"].mask(rows["round"] != round_.name, rows["round"] + "/" + rows["source_file"]),
        sheet=rows["source_sheet"], address=addresses(round_, rows.reset_index(drop=True), "collection", "subject_name").to_numpy(),
        content=rows["subject_name"],
    )  # fmt: skip
    return figures, cells[COLUMNS].astype("str").reset_index(drop=True)


def safe(name: str) -> str:
    """Return a selection's name as a part of an id: its own hyphens and spaces would divide it.

    >>> safe("早市 5-7月")
    '早市_5_7月'
    """
    return name.replace("-", "_").replace(" ", "_")


def _figures(round_: Round, number: str, head: str, row: Mapping[str, object]) -> list[Figure]:
    product = round_.rules.products[str(row["product"])]
    size = row["area_mu"] if product.kind == "crop" else row["head_count"]
    known = None if pd.isna(size) else float(str(size))
    note = "已存的选择；规模不含收购商"
    return [
        Figure(f"{number}-records", f"{head}{product.name}记录", float(str(row["records"])), "条", note),
        Figure(f"{number}-subjects", f"{head}{product.name}主体", float(str(row["subjects"])), "个", note),
        Figure(f"{number}-size", f"{head}{product.name}规模", known, vocab.code("size_unit", product.unit), note),
    ]
