"""Submissions: what came from whom, and that every row of every sheet is counted."""

import pandas as pd

from originmap import records
from originmap.places import Places
from originmap.resubmission import Settled
from originmap.rules import Rules
from originmap.sheets import Inbox


def sheet_counts(
    inbox: Inbox, frame: pd.DataFrame, registry: pd.DataFrame, places: Places, settled: Settled
) -> pd.DataFrame:
    """Return for every sheet whose it is and that `rows_in` = accepted + quarantined + duplicate + skipped."""
    both = pd.concat(
        [frame[["source_file", "source_sheet", "status"]], registry[["source_file", "source_sheet", "status"]]]
    )
    counts = both.groupby(["source_file", "source_sheet", "status"]).size().unstack(fill_value=0)
    sheets = inbox.sheets.set_index(["file", "sheet"])
    skipped = inbox.skipped.groupby(["file", "sheet"]).size()
    for status in ("accepted", "quarantined", "duplicate"):
        column = counts[status] if status in counts else pd.Series(dtype="int64")
        sheets[status] = column.reindex(sheets.index, fill_value=0).astype("int64")
    sheets["skipped"] = skipped.reindex(sheets.index, fill_value=0).astype("int64")
    # The other kinds have no records of their own: each of their rows is used.
    for table in settled.tables:
        if table.kind not in ("collection", "registry"):
            sheets.loc[(table.file, table.sheet), "accepted"] += len(table.rows)
    for row in settled.superseded.itertuples():
        if row.kind not in ("collection", "registry"):
            sheets.loc[(row.file, row.sheet), "duplicate"] += row.count
    whole = records.sheet_townships(settled.tables, places)["code"]
    owners = {(table.file, table.sheet): code for table, code in reversed([*zip(settled.tables, whole, strict=True)])}
    hits = {key: places.mentioned([key[1]], [key[0]]) for key in sheets.index if key not in owners}
    owners |= {key: hit[1] if hit else None for key, hit in hits.items()}
    sheets["township_code"] = pd.Series([owners[key] for key in sheets.index], index=sheets.index, dtype="str")
    return sheets.reset_index()


def arrived(inbox: Inbox, sheets: pd.DataFrame, frame: pd.DataFrame, places: Places) -> set[str]:
    """Return the townships that something came from, be it a scan or a sheet that nobody could read."""
    unread = inbox.files.loc[~inbox.files["status"].isin(["read", "later"]), "file"]
    sheets = sheets[~sheets["file"].isin(inbox.files.loc[inbox.files["status"] == "later", "file"])]
    named = {hit[1] for name in unread if (hit := places.mentioned([name]))}
    ours = sheets.loc[sheets["kind"].isin(["collection", "unrecognised", "refused"]), "township_code"]
    return named | set(ours.dropna()) | set(frame["township_code"].dropna().unique())


def submissions(frame: pd.DataFrame, zero: pd.DataFrame, came: set[str], rules: Rules) -> pd.DataFrame:
    """Return what each township spoke of: `township_code, product, state` (reported, zero, arrived)."""
    key = ["township_code", "product"]
    every = zero[zero["product"].isna()][["township_code"]].merge(
        pd.DataFrame({"product": list(rules.products)}), how="cross"
    )
    zero = pd.concat([zero[zero["product"].notna()], every], ignore_index=True).drop_duplicates()
    # A buyer's row says nothing of what is grown.
    grown = frame["township_code"].notna() & (frame["subject_type"] != "buyer")
    rows = frame.loc[grown, key].drop_duplicates().assign(state="reported")
    silent = zero.merge(rows, on=key, how="left")
    silent = silent[silent["state"].isna()].assign(state="zero")
    spoken = pd.concat([rows, silent], ignore_index=True)
    mute = sorted(came - set(spoken["township_code"]))
    rest = pd.DataFrame({"township_code": mute, "product": pd.NA, "state": "arrived"})
    return pd.concat([spoken, rest], ignore_index=True).astype("str").sort_values(key, ignore_index=True)
