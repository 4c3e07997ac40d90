"""Intake: what came in, from whom, what is wrong with it, and what a returned slip mended; plain tables."""

import pandas as pd

from originmap import vocab
from originmap.corrections import ASKED, corrections, ownership, wanted
from originmap.findings import RULES, SEVERITIES
from originmap.headings import COLUMNS
from originmap.rounds import NOT_READ, Round

NOBODY = "未定乡镇"
UNSAID = "县级或未定"
NOTHING = "（没有收到）"
_COUNTS = ["rows_in", "accepted", "quarantined", "duplicate", "skipped"]


def received(round_: Round) -> pd.DataFrame:
    """Return what came from whom: `township, file, sheet, kind`, where the rows went, and `reason` for what was not read.

    A sheet with rows of several townships is one line and says how many. Townships that nothing came from stand last, with
    counts NA.
    """
    names, whose = round_.places.names, ownership(round_)
    owners = whose.rows.dropna().groupby(["file", "sheet"])["owner"].agg(["first", "nunique"]).reset_index()
    sheets = round_.sheets[~round_.sheets["kind"].isin(["empty", "slip"])]
    sheets = sheets.merge(owners, on=["file", "sheet"], how="left", validate="1:1")
    single = sheets["first"].fillna(sheets["township_code"]).map(names).fillna(UNSAID).astype("str")
    several = sheets["nunique"].fillna(0).astype(int)
    sheets["township"] = single.mask(several > 1, "多个乡镇（" + several.astype("str") + "）")
    sheets["kind"] = sheets["kind"].map(vocab.codes("kind"))
    unread = round_.files[round_.files["status"] != "read"]
    sheets = sheets[~sheets["file"].isin(unread["file"])]
    hits = [round_.places.mentioned([name]) for name in unread["file"]]
    towns = pd.Series([names[hit[1]] if hit else UNSAID for hit in hits], index=unread.index, dtype="str")
    away = unread.assign(township=towns, sheet="", kind=unread["status"].map(vocab.codes("file_status")))
    frame = pd.concat([sheets, away], ignore_index=True)
    spoke = set(round_.submissions["township_code"].map(names)) | set(frame["township"])
    silent = [name for name in names.values() if name not in spoke]
    frame = pd.concat([frame, pd.DataFrame({"township": silent, "file": NOTHING, "sheet": ""})], ignore_index=True)
    why = round_.findings[round_.findings["rule"].isin(NOT_READ)].drop_duplicates(["file", "sheet"])
    frame = frame.merge(why[["file", "sheet", "message"]], on=["file", "sheet"], how="left", validate="m:1")
    frame = frame.rename(columns={"message": "reason"})
    order = {name: at for at, name in enumerate(names.values())}
    frame["late"], frame["at"] = frame["file"] == NOTHING, frame["township"].map(order).fillna(len(order))
    frame = frame.sort_values(["late", "at", "file", "sheet"], ignore_index=True)
    frame[_COUNTS] = frame[_COUNTS].astype("Int64")
    return frame[["township", "file", "sheet", "kind", *_COUNTS, "reason"]]


def received_files(received_: pd.DataFrame) -> pd.DataFrame:
    """Return `received` with one line a township and file: its sheets' names in one text, their rows summed, NA where unknown."""
    by = ["township", "file"]
    frame = received_.assign(sheet=received_["sheet"].fillna(""), kind=received_["kind"].fillna(""))
    groups = frame.groupby(by, sort=False)
    table = groups[_COUNTS].sum(min_count=1)
    for name in ("sheet", "kind", "reason"):
        texts = groups[name].agg(lambda values: "、".join(dict.fromkeys(text for text in values.dropna() if text)))
        table[name] = texts.mask(texts == "").astype("str")
    return table.reset_index()[[*by, "sheet", "kind", *_COUNTS, "reason"]]


def findings(round_: Round) -> pd.DataFrame:
    """Return every finding with the `township` that it belongs to (未定乡镇 where nobody is told).

    Where a finding proposes nothing, `proposal` says what its field asks for.
    """
    frame = corrections(round_, severities=SEVERITIES)
    township = frame["owner"].map(round_.places.names).astype("str").fillna(NOBODY)
    return frame.assign(township=township, proposal=wanted(round_, frame))


def chosen(found: pd.DataFrame, *, township: str = "", severity: str = "", rule: str = "") -> pd.DataFrame:
    """Return the findings of a township (its name), a severity and a rule; an empty text is all."""
    for name, value in {"township": township, "severity": severity, "rule": rule}.items():
        if value:
            found = found[found[name] == value]
    return found


def by_rule(found: pd.DataFrame, round_: Round) -> pd.DataFrame:
    """Return errors and warnings as a table of rules by townships that have any, with totals; the gravest first."""
    asked = found[found["severity"].isin(ASKED)]
    table = asked.groupby(["severity", "rule", "township"]).size().unstack(fill_value=0)
    order = [name for name in (*round_.places.names.values(), NOBODY) if name in table]
    table = table[order].assign(合计=table.sum(axis=1)).reset_index()
    table["at"] = table["severity"].map(list(SEVERITIES).index)
    table = table.sort_values(["at", "合计", "rule"], ascending=[True, False, True], ignore_index=True).drop(
        columns="at"
    )
    message = [RULES[rule].zh.format(value="…", proposal="…", detail="…") for rule in table["rule"]]
    table.insert(1, "问题", pd.Series(message, index=table.index, dtype="str"))
    table["severity"] = table["severity"].map(vocab.codes("severity"))
    table = table.drop(columns="rule").rename(columns={"severity": "级别"})
    total: dict[str, object] = {"级别": "", "问题": "合计"} | {name: table[name].sum() for name in (*order, "合计")}
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True).rename_axis(columns=None)


def worst_files(found: pd.DataFrame, round_: Round, *, count: int = 8) -> pd.DataFrame:
    """Return the files with the most errors, then warnings: `file, error, warning`, their rows and those that wait."""
    asked = found[found["severity"].isin(ASKED)].groupby(["file", "severity"]).size().unstack(fill_value=0)
    asked = asked.reindex(columns=list(ASKED), fill_value=0)
    rows = round_.sheets.groupby("file")[["rows_in", "quarantined"]].sum()
    table = asked.join(rows, how="left").astype("Int64").reset_index()
    table = table.sort_values(["error", "warning", "file"], ascending=[False, False, True], ignore_index=True)
    return table[table["file"] != ""].head(count).rename_axis(columns=None)


def mended(round_: Round) -> pd.DataFrame:
    """Return for each slip that came back how much was mended, remains, changed besides, was added and removed."""
    frame = round_.resubmissions
    names = vocab.codes("outcome")
    table = frame.groupby(["slip_file", "original_file", "outcome"]).size().unstack(fill_value=0)
    table = table.reindex(columns=list(names), fill_value=0).reset_index()
    return table.rename(columns=names).rename_axis(columns=None)


def before_after(round_: Round) -> pd.DataFrame:
    """Return ``round_.resubmissions`` with fields, outcomes and rules in words, what was not mended first."""
    frame = round_.resubmissions
    order = ["remaining", "changed", "added", "removed", "mended"]
    frame = frame.assign(at=frame["outcome"].map({name: at for at, name in enumerate(order)})).sort_values(
        ["at", "slip_file", "slip_sheet", "slip_row"], kind="stable", ignore_index=True
    )
    fields = {name: vocab.label(name) for name in frame["field"].dropna().unique() if name in COLUMNS}
    return frame.assign(field=frame["field"].map(fields).astype("str")).drop(columns="at")


def slips_due(found: pd.DataFrame, round_: Round) -> pd.DataFrame:
    """Return the slips that go back: `township, file, error, warning`, in the townships' order."""
    asked = found[found["severity"].isin(ASKED) & (found["township"] != NOBODY)]
    table = asked.groupby(["township", "file", "severity"]).size().unstack(fill_value=0)
    table = table.reindex(columns=list(ASKED), fill_value=0).reset_index().rename_axis(columns=None)
    order = {name: at for at, name in enumerate(round_.places.names.values())}
    table = table.sort_values(
        ["township", "file"], key=lambda names: names.map(order).fillna(0) if names.name == "township" else names
    )
    return table.reset_index(drop=True)
