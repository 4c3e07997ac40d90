"""Rounds: everything known of a county in one month, read from its folder and frozen."""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd

from originmap import baseline, checks, datum, records, verdicts
from originmap.archives import list_files
from originmap.cells import Source, table_cells
from originmap.decisions import Store, of_county
from originmap.findings import compose, found
from originmap.places import Places, load_places
from originmap.rules import REFERENCE, Rules, load_rules, read_toml
from originmap.sheets import Inbox, Table, read_inbox
from originmap.vocab import codes

PROJECT = REFERENCE.parents[1]
SAMPLE = Path("data/sample/anxi/2023-03")
_ROUND = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
NOT_READ = (
    "file_unreadable",
    "file_wrong_type",
    "file_encrypted",
    "file_too_large",
    "file_to_convert",
    "sheet_refused",
    "sheet_unrecognised",
    "sheet_ambiguous",
)
_SETTINGS = {"round", "sample", "datum"}


class InboxError(ValueError):
    """A folder that cannot be opened as a round; the message says what to do."""


class _OnRecord(NamedTuple):
    """What people have said about a round: the datums that its ``round.toml`` declares, and the county's decisions."""

    declared: Mapping[str, str]
    entries: pd.DataFrame


@dataclass(frozen=True)
class Round:
    """One county's state for one month.

    Attributes
    ----------
    name, folder, as_of
        ``YYYY-MM``, where its files lie, and the moment it is judged at.
    rules, places
        What it was judged by.
    records
        Every collection row (附件1), columns as ``checks.RECORD_COLUMNS``, WGS84.
    registry
        Every registry row (附件4), columns as ``checks.REGISTRY_COLUMNS``; empty when there is none.
    planting_area
        `round, township_code, township, product, area_mu, source_file, source_sheet, source_cell`.
    findings
        Columns as ``findings.FINDING_COLUMNS``.
    files
        `file, status`; `sheets`: `file, sheet, kind, rows_in, accepted, quarantined, duplicate, skipped, township_code`;
        `skipped`: `file, sheet, row, reason`.
    columns
        The field-to-column map, see `cells.table_cells`. With a row it gives a value's cell.
    submissions
        What each township spoke of: `township_code, product, state` (reported, zero); a township whose files name no
        product at all has one row with NA.
    is_sample
        Whether any sheet says 样例数据.
    datums
        ``{file: datum}`` of the files whose datum is declared or decided; the others are taken as WGS84, as typed.
    raw
        What stood in the cells and was read from them before decisions, columns as ``verdicts.RAW_COLUMNS``, aligned to `records`.
    decisions
        Every decision on record and what it does here, as ``verdicts.settle`` gives them.
    """

    name: str
    folder: Path
    as_of: datetime
    rules: Rules
    places: Places
    records: gpd.GeoDataFrame
    registry: pd.DataFrame
    planting_area: pd.DataFrame
    findings: pd.DataFrame
    files: pd.DataFrame
    sheets: pd.DataFrame
    skipped: pd.DataFrame
    columns: pd.DataFrame
    submissions: pd.DataFrame
    is_sample: bool
    datums: Mapping[str, str]
    raw: pd.DataFrame
    decisions: pd.DataFrame

    def headline(self) -> list[str]:
        """Return the three lines an analyst reads first: received, recognised, not recognised and why."""
        counts = self.files["status"].map(codes("file_status")).value_counts(sort=False)
        kinds = self.sheets["kind"].map(codes("kind")).value_counts(sort=False)
        status = self.records["status"].map(codes("status")).value_counts(sort=False)
        away = self.findings[self.findings["rule"].isin(NOT_READ)]
        reasons = [f"{row['file']}{'〔' + row['sheet'] + '〕' if row['sheet'] else ''}（{row['message']}）"
                   for row in away.to_dict("records")]  # fmt: skip
        return [
            f"收到 {len(self.files)} 个文件：{_listed(counts)}。",
            f"识别 {len(self.sheets)} 张表：{_listed(kinds)}；采集记录 {len(self.records)} 条：{_listed(status)}。",
            f"未识别 {len(away)} 件" + (f"：{'；'.join(reasons)}。" if reasons else "。"),
        ]

    def cell(self, row: pd.Series, field: str) -> str:
        """Return where a record's value stands, as ``file〔sheet〕cell``; without a column of its own, the row."""
        here = self.columns
        here = here[(here["file"] == row["source_file"]) & (here["sheet"] == row["source_sheet"])]
        here = here[[not own or row["source_row"] in own for own in here["rows"]]]
        here = here[here["product"].isin(["", row["product"]])]
        letter = here.loc[here["field"] == field, "column"]
        spot = f"{letter.iat[0]}{row['source_row']}" if len(letter) else f"第 {row['source_row']} 行"
        return f"{row['source_file']}〔{row['source_sheet']}〕{spot}"


def _listed(counts: pd.Series) -> str:
    return "，".join(f"{name} {count}" for name, count in counts.items()) or "无"


def resolve(path: Path | str) -> Path:
    """Return a path as given when it exists from here, else from the project's folder (notebooks run in their own)."""
    given = Path(path)
    return given if given.is_absolute() or given.exists() else PROJECT / given


def parse_as_of(text: str) -> datetime:
    """Read ``2023-03-15`` (the end of that day) or ``2023-03-15 17:00``; raises InboxError for anything else."""
    msg = f"截止时间“{text}”无法识别，请写成 2023-03-15 或 2023-03-15 17:00。"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?", text.strip()):
        raise InboxError(msg)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InboxError(msg) from error
    return datetime.combine(moment.date(), time.max.replace(microsecond=0)) if len(text.strip()) <= 10 else moment


def open_round(
    folder: Path | str = SAMPLE,
    *,
    as_of: str | datetime | None = None,
    rules: Path | str | None = None,
    reference: Path | str = REFERENCE,
    decisions: Path | str | None = None,
) -> Round:
    """Read a round's folder: every sheet, every row, judged and placed.

    Parameters
    ----------
    folder
        ``<county>/<YYYY-MM>``; another name needs `round` in its ``round.toml``. Earlier rounds are its siblings.
    as_of
        The moment to judge at; the end of the round's month by default.
    rules
        A further rules file laid over the reference folder's.
    reference
        The reference folder.
    decisions
        The store of decisions; ``decisions.db`` beside the round's folder by default. They apply whatever `as_of`.

    Raises
    ------
    InboxError
        The folder is missing or empty, or gives no round; `RulesError` for rules that cannot be used.
    """
    path = resolve(folder)
    if not path.is_dir():
        msg = f"找不到文件夹：{path}"
        raise InboxError(msg)
    settings = _settings(path)
    name = _round_name(path, settings)
    if not list_files(path):
        msg = f"文件夹是空的：{path}。请把各乡镇报来的表放进去再运行。"
        raise InboxError(msg)
    overlays = [resolve(rules)] if rules else []
    extra = {key: value for key, value in settings.items() if key not in _SETTINGS}
    rule_set = load_rules(*overlays, reference=reference, settings=extra)
    places = load_places(rule_set)
    moment = as_of if isinstance(as_of, datetime) else parse_as_of(as_of) if as_of else _month_end(name)
    inbox = read_inbox(path, rule_set)
    declared = datum.declared(settings.get("datum", {}), inbox.files["file"])
    entries = (Store(resolve(decisions)) if decisions else of_county(path)).entries()
    return _assemble(path, name, moment, rule_set, places, inbox, _OnRecord(declared, entries))


def _settings(path: Path) -> dict[str, Any]:
    file = path / "round.toml"
    return read_toml(file) if file.exists() else {}


def _round_name(path: Path, settings: dict[str, Any]) -> str:
    name = str(settings.get("round", path.resolve().name))
    if not _ROUND.fullmatch(name):
        msg = f'文件夹“{path.name}”不是 YYYY-MM 形式的批次名；请改名，或在其中的 round.toml 写 round = "2023-03"。'
        raise InboxError(msg)
    return name


def _month_end(name: str) -> datetime:
    year, month = (int(part) for part in name.split("-"))
    last = date(year, month, calendar.monthrange(year, month)[1])
    return datetime.combine(last, time.max.replace(microsecond=0))


def _of_kind(inbox: Inbox, kind: str) -> list[Table]:
    return [table for table in inbox.tables if table.kind == kind]


def _assemble(
    path: Path,
    name: str,
    as_of: datetime,
    rules: Rules,
    places: Places,
    inbox: Inbox,
    settled: _OnRecord,
) -> Round:
    datums, said = verdicts.datums(settled.declared, settled.entries, name)
    findings = [*inbox.findings, *places.findings, *said]
    collected = Source.of(_of_kind(inbox, "collection"))
    frame = records.collection(collected, rules, places, name, datums=datums)
    frame = checks.identified(collected, frame, rules, places, name)
    raw = verdicts.raw_values(collected, frame)
    frame, told = verdicts.settle(collected, frame, raw, settled.entries, rules)
    frame = checks.collection(collected, frame, rules, places)
    findings.extend(part.assign(record_id=frame["record_id"].reindex(part.index)) for part in collected.findings)
    zero, zero_findings = records.zero_reports(_of_kind(inbox, "collection"), rules, places)
    findings.extend(zero_findings)

    tables, registry_round, note = _nearest(path, name, "registry", inbox, rules)
    findings.extend(note)
    listed = Source.of(tables)
    registry = checks.registry(listed, records.registry(listed, rules, places, registry_round), rules, places)
    findings.extend(part.assign(record_id=registry["record_id"].reindex(part.index)) for part in listed.findings)

    tables, planting_round, note = _nearest(path, name, "planting_area", inbox, rules)
    findings.extend(note)
    planted = Source.of(tables)
    planting = baseline.planting_area(planted, rules, places, planting_round)
    findings.extend(planted.findings)

    sheets = _sheet_counts(inbox, frame, registry, places)
    return Round(
        name=name,
        folder=path,
        as_of=as_of,
        rules=rules,
        places=places,
        records=frame,
        registry=registry,
        planting_area=planting,
        findings=compose(findings),
        files=inbox.files,
        sheets=sheets,
        skipped=inbox.skipped,
        columns=table_cells(inbox.tables),
        submissions=_submissions(frame, zero, _arrived(inbox, sheets, frame, places), rules),
        is_sample=inbox.is_sample,
        datums=datums,
        raw=raw,
        decisions=told,
    )


def _nearest(
    path: Path, name: str, kind: str, inbox: Inbox, rules: Rules
) -> tuple[list[Table], str, list[pd.DataFrame]]:
    """Return the tables of `kind` from this round or the nearest earlier one, and a finding when it is not this."""
    tables = _of_kind(inbox, kind)
    if tables:
        return tables, name, []
    what = "附件4名录" if kind == "registry" else "附件5面积表"
    at = pd.DataFrame({"file": [""], "sheet": [""], "row": [pd.NA], "cell": [""]})
    siblings = {
        item.name: item for item in path.resolve().parent.iterdir() if _ROUND.fullmatch(item.name) and item.is_dir()
    }
    for earlier in sorted((other for other in siblings if other < name), reverse=True):
        tables = _of_kind(read_inbox(siblings[earlier], rules), kind)
        if tables:
            return tables, earlier, [found("carried_forward", at, detail=f"{what}，沿用 {earlier} 批次的")]
    return [], name, [found("carried_forward", at, detail=f"{what}，以前的批次也没有，相关数值未知")]


def _sheet_counts(inbox: Inbox, frame: pd.DataFrame, registry: pd.DataFrame, places: Places) -> pd.DataFrame:
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
    for table in inbox.tables:
        if table.kind not in ("collection", "registry"):
            sheets.loc[(table.file, table.sheet), "accepted"] += len(table.rows)
    whole = records.sheet_townships(inbox.tables, places)["code"]
    owners = {(table.file, table.sheet): code for table, code in reversed([*zip(inbox.tables, whole, strict=True)])}
    hits = {key: places.mentioned([key[1]], [key[0]]) for key in sheets.index if key not in owners}
    owners |= {key: hit[1] if hit else None for key, hit in hits.items()}
    sheets["township_code"] = pd.Series([owners[key] for key in sheets.index], index=sheets.index, dtype="str")
    return sheets.reset_index()


def _arrived(inbox: Inbox, sheets: pd.DataFrame, frame: pd.DataFrame, places: Places) -> set[str]:
    """Return the townships that something came from, be it a scan or a sheet that nobody could read."""
    unread = inbox.files.loc[inbox.files["status"] != "read", "file"]
    named = {hit[1] for name in unread if (hit := places.mentioned([name]))}
    ours = sheets.loc[sheets["kind"].isin(["collection", "unrecognised", "refused"]), "township_code"]
    return named | set(ours.dropna()) | set(frame["township_code"].dropna().unique())


def _submissions(frame: pd.DataFrame, zero: pd.DataFrame, arrived: set[str], rules: Rules) -> pd.DataFrame:
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
    mute = sorted(arrived - set(spoken["township_code"]))
    rest = pd.DataFrame({"township_code": mute, "product": pd.NA, "state": "arrived"})
    return pd.concat([spoken, rest], ignore_index=True).astype("str").sort_values(key, ignore_index=True)
