"""Lineage: the cells that a figure of the reconciliation is made of, so that anybody can add it up again."""

from typing import Final

import pandas as pd

from originmap import texts
from originmap.growers import Growers, behind
from originmap.reconcile import SIGNS
from originmap.rounds import Round
from originmap.vocab import code

CELL_COLUMNS: Final = ["side", "sign", "subject_name", "plot_key", "cropping", "month", "size", "size_unit", "cell"]
# Where a value stands and what was read there, and by whose figures it counts.
SIZED_COLUMNS: Final = [
    "side", "township_code", "product", "grower", "subject_name", "plot_key", "cropping", "month", "size", "size_unit", "record_id", "file",
    "sheet", "address", "content",
]  # fmt: skip
# What a figure is of: + and − of the planting-area table, the registry's rows and the collected ones.
SIDES: Final = {
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
    cells = figure_of(sized(round_, linked, township_code=township_code, product=product), linked, figure)
    return cells.assign(cell=spot(cells))[CELL_COLUMNS].reset_index(drop=True)


def figure_of(cells: pd.DataFrame, linked: Growers, figure: str) -> pd.DataFrame:
    """Return those of `sized` that a figure is made of, with their `sign`; ValueError for a figure that is none."""
    if figure not in SIDES:
        msg = f"没有这个数：{figure}；可用：{'、'.join(SIDES)}"
        raise ValueError(msg)
    if figure == "size_difference":
        own = linked.frame.index[linked.frame["term"].isin(["size_difference", "matched"])]
    elif figure in SIGNS and figure != "unregistered":
        own = behind(linked.frame, [figure]).index
    else:
        own = linked.frame.index
    kept = cells[(cells["side"] == "baseline") | cells["grower"].isin(own)]
    sign = kept["side"].map(SIDES[figure])
    return kept.assign(sign=sign)[sign.notna()].astype({"sign": "int64"})


def sized(round_: Round, linked: Growers, *, township_code: str = "", product: str = "") -> pd.DataFrame:
    """Return every cell with a size that counts: the planting-area table's, and those of accepted rows but buyers'; `SIZED_COLUMNS`.

    `grower` is NA for a row without one. In the order of sides, files and rows; an empty filter lets everything through.
    """

    def own(frame: pd.DataFrame) -> pd.DataFrame:
        for name, value in (("township_code", township_code), ("product", product)):
            frame = frame[frame[name] == value] if value else frame
        return frame

    area = own(round_.planting_area[round_.planting_area["area_mu"].notna()])
    file = area["source_file"].mask(area["round"] != round_.name, area["round"] + "/" + area["source_file"])
    parts = [
        area.assign(
            side="baseline", size=area["area_mu"], size_unit="mu", record_id="", file=file, sheet=area["source_sheet"],
            address=area["source_cell"], content=_read_text(area["area_mu"], pd.Series("mu", index=area.index)),
        ).reindex(columns=SIZED_COLUMNS)
    ]  # fmt: skip
    records = pd.DataFrame(round_.records.drop(columns="geometry"))
    for side, every, of in (
        ("registry", round_.registry, linked.registry),
        ("collection", records, linked.collection),
    ):
        rows = own(every[(every["status"] == "accepted") & (every["subject_type"] != "buyer")])
        size = rows["area_mu"].fillna(rows["head_count"])
        rows = rows.assign(size=size)[size.notna()]
        day = (
            rows["collected_on"].str[:7] if "collected_on" in rows else pd.Series(pd.NA, index=rows.index, dtype="str")
        )
        read = _read_text(rows["size_value"], rows["size_unit"])
        text = round_.raw["size"].reindex(rows.index).fillna(read) if side == "collection" else read
        rows = rows.assign(
            side=side, grower=of[~of.index.duplicated()].reindex(rows.index), month=day.fillna(rows["round"]),
            file=_files(round_, rows), sheet=rows["source_sheet"], address=addresses(round_, rows, side, "size"), content=text,
        )  # fmt: skip
        order = rows.sort_values(["source_file", "source_sheet", "source_row"])
        parts.append(order.reindex(columns=SIZED_COLUMNS))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)[SIZED_COLUMNS]


def _read_text(size: pd.Series, unit: pd.Series) -> pd.Series:
    text = [
        f"{value:g}{code('size_unit', of) if isinstance(of, str) else ''}" for value, of in zip(size, unit, strict=True)
    ]
    return pd.Series(text, index=size.index, dtype="str")


def _files(round_: Round, rows: pd.DataFrame) -> pd.Series:
    """Return each row's file, with the name of its round in front where that is an earlier one."""
    return rows["source_file"].mask(rows["round"] != round_.name, rows["round"] + "/" + rows["source_file"])


def spot(cells: pd.DataFrame) -> pd.Series:
    """Return ``file〔sheet〕cell`` of cells with `file, sheet, address`."""
    return cells["file"] + "〔" + cells["sheet"] + "〕" + cells["address"]


def addresses(round_: Round, rows: pd.DataFrame, kind: str, field: str) -> pd.Series:
    """Return the cell of each row's value of `field`, as ``E12``, or its row where it has no column; aligned to `rows`.

    Parameters
    ----------
    round_
        The round that they are of.
    rows
        Rows of ``round_.records`` (`kind` ``collection``) or ``round_.registry`` (``registry``).
    """
    columns = round_.columns
    columns = columns[(columns["kind"] == kind) & (columns["field"] == field)]
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
    return (letter + row).where(letter != "", "第 " + row + " 行").astype("str")


def size_cells(round_: Round, rows: pd.DataFrame, kind: str) -> pd.Series:
    """Return where the size of each row stands, as ``file〔sheet〕cell``, an earlier round's name in front; aligned to `rows`, as `addresses` takes them."""
    text = _files(round_, rows) + "〔" + rows["source_sheet"] + "〕" + addresses(round_, rows, kind, "size")
    return text.astype("str")


def cells_by_grower(round_: Round, rows: pd.DataFrame, of: pd.Series, growers: pd.Index, kind: str) -> pd.Series:
    """Return the cells of each grower's rows, joined, in the order of files and rows; aligned to `growers`, NA for none."""
    own = of[of.isin(growers)]
    held = rows.loc[own.index].assign(grower=own.to_numpy())
    held = held.sort_values(["source_file", "source_sheet", "source_row"])
    cells = size_cells(round_, held[~held.index.duplicated()], kind).reindex(held.index)
    return texts.gathered(cells, held["grower"], "；").reindex(growers)
