"""Lineage: the cells that a figure of the reconciliation is made of, so that anybody can add it up again."""

from typing import Final

import pandas as pd

from originmap.growers import Growers, behind
from originmap.reconcile import SIGNS
from originmap.rounds import Round

CELL_COLUMNS: Final = ["side", "sign", "subject_name", "plot_key", "cropping", "month", "size", "size_unit", "cell"]
# What a figure is of: + and − of the planting-area table, the registry's rows and the collected ones.
_SIDES: Final = {
    "baseline": {"baseline": 1},
    "registry": {"registry": 1},
    "collected": {"collection": 1},
    "gap": {"baseline": 1, "collection": -1},
    "unregistered": {"baseline": 1, "registry": -1},
    "exempt": {"registry": 1},
    "missing": {"registry": 1},
    "unreadable": {"registry": 1},
    "size_difference": {"collection": 1, "registry": -1},
    "unlisted": {"collection": 1},
}


def figure_cells(round_: Round, linked: Growers, *, township_code: str, product: str, figure: str) -> pd.DataFrame:
    """Return the cells of one figure of ``reconcile.planting_area`` or ``reconcile.livestock``.

    Parameters
    ----------
    round_, linked
        The round and what ``growers.growers`` gave of it.
    township_code, product
        Whose figure.
    figure
        ``baseline, registry, collected, gap`` or a term, without the unit.

    Returns
    -------
    `CELL_COLUMNS`, a row a cell in the order of files and rows: `side` (baseline, registry, collection), `sign` (+1 or −1), what was read there in
    `size_unit`, and for collected rows what decides which of them count: by subject and plot the largest cropping (``standing``) or all of
    them (``sown``), of a herd the latest `month`. With ``threshold_level = "plot"`` the cells of `exempt` and `missing` are those of the whole subject.

    Raises
    ------
    ValueError
        There is no such figure.
    """
    if figure not in _SIDES:
        msg = f"没有这个数：{figure}；可用：{'、'.join(_SIDES)}"
        raise ValueError(msg)
    frame = linked.frame
    own = frame[(frame["township_code"] == township_code) & (frame["product"] == product)]
    if figure == "size_difference":
        own = own[own["term"].isin(["size_difference", "matched"])]
    elif figure in SIGNS and figure != "unregistered":
        own = behind(own, [figure])
    sources = {"registry": (round_.registry, linked.registry), "collection": (round_.records, linked.collection)}
    parts = []
    for side, sign in _SIDES[figure].items():
        if side == "baseline":
            parts.append(_baseline_cell(round_, township_code, product).assign(sign=sign))
            continue
        rows, of = sources[side]
        held = pd.DataFrame(rows.loc[of.index[of.isin(own.index)]])
        held = held[held["status"] == "accepted"]
        size = held["area_mu"].fillna(held["head_count"])
        held = held.assign(side=side, sign=sign, size=size, cell=size_cells(round_, held, side))[size.notna()]
        day = (
            held["collected_on"].str[:7] if "collected_on" in held else pd.Series(pd.NA, index=held.index, dtype="str")
        )
        held = held.assign(month=day.fillna(held["round"]))
        parts.append(held.sort_values(["source_file", "source_sheet", "source_row"]).reindex(columns=CELL_COLUMNS))
    return pd.concat(parts, ignore_index=True)[CELL_COLUMNS]


def _baseline_cell(round_: Round, township_code: str, product: str) -> pd.DataFrame:
    area = round_.planting_area
    row = area[(area["township_code"] == township_code) & (area["product"] == product) & area["area_mu"].notna()]
    spot = row["source_file"] + "〔" + row["source_sheet"] + "〕" + row["source_cell"]
    spot = spot.mask(row["round"] != round_.name, row["round"] + "/" + spot)
    made = pd.DataFrame({"side": "baseline", "size": row["area_mu"], "size_unit": "mu", "cell": spot})
    return made.reindex(columns=CELL_COLUMNS)


def size_cells(round_: Round, rows: pd.DataFrame, kind: str) -> pd.Series:
    """Return where the size of each row stands, as ``file〔sheet〕cell``; aligned to `rows`.

    Parameters
    ----------
    round_
        The round that they are of; rows of an earlier one get its name in front.
    rows
        Rows of ``round_.records`` (`kind` ``collection``) or ``round_.registry`` (``registry``).
    """
    columns = round_.columns
    columns = columns[(columns["kind"] == kind) & (columns["field"] == "size")]
    by_sheet = dict(iter(columns.groupby(["file", "sheet"])))
    letter = pd.Series("", index=rows.index, dtype="object")
    for key, own in rows.groupby(["source_file", "source_sheet"]):
        for column in by_sheet[key].to_dict("records") if key in by_sheet else ():
            fits = (
                own["product"].isin(["", column["product"]])
                if column["product"]
                else pd.Series(data=True, index=own.index)
            )
            if column["rows"]:
                fits &= own["source_row"].isin(list(column["rows"]))
            letter[fits.index[fits & (letter[own.index] == "")]] = column["column"]
    row = rows["source_row"].astype("str")
    spot = (letter + row).where(letter != "", "第 " + row + " 行")
    text = rows["source_file"] + "〔" + rows["source_sheet"] + "〕" + spot
    return text.mask(rows["round"] != round_.name, rows["round"] + "/" + text).astype("str")


def cells_by_grower(round_: Round, rows: pd.DataFrame, of: pd.Series, growers: pd.Index, kind: str) -> pd.Series:
    """Return the cells of each grower's rows, joined, in the order of files and rows; aligned to `growers`, NA for none."""
    own = of[of.isin(growers)]
    held = rows.loc[own.index].assign(grower=own.to_numpy())
    held = held.sort_values(["source_file", "source_sheet", "source_row"])
    texts = (
        size_cells(round_, held[~held.index.duplicated()], kind).reindex(held.index)
        if len(held)
        else pd.Series(dtype="str")
    )
    joined = texts.groupby(held["grower"].to_numpy()).agg("；".join) if len(texts) else texts
    return pd.Series(joined.reindex(growers).to_numpy(), index=growers, dtype="str")
