"""Rounds: everything known of a county in one month, read from its folder and frozen."""

import calendar
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd

from originmap import baseline, checks, datum, plots, records, resubmission, submissions, verdicts
from originmap.archives import list_files
from originmap.cells import Source, table_cells
from originmap.decisions import Store, of_county
from originmap.findings import compose, found
from originmap.outcomes import OUTCOME_COLUMNS, outcomes
from originmap.places import Places, load_places
from originmap.resubmission import Settled
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
    """What people have said about a round: its files' datums (``{file: datum}``), the county's decisions, which files they can be about."""

    datums: Mapping[str, str]
    entries: pd.DataFrame
    files: frozenset[str] = frozenset()


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
    resubmissions
        What became of each finding and row of the slips that came back, columns as ``outcomes.OUTCOME_COLUMNS``.
    superseded
        `file, sheet, kind, count, slip`: rows that a slip stands for now.
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
    resubmissions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=OUTCOME_COLUMNS, dtype="str"))
    superseded: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["file", "sheet", "kind", "count", "slip"])
    )

    @property
    def plots(self) -> gpd.GeoDataFrame:
        """The plots that people have outlined, one row each, columns as ``plots.COLUMNS`` and `geometry` (WGS84)."""
        return plots.of(self.records, self.decisions)

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
    gone = [each.file for slip in inbox.slips if slip.origin for each in slip.origin.generations]
    declared = datum.declared(settings.get("datum", {}), inbox.files["file"], gone=gone)
    entries = (Store(resolve(decisions)) if decisions else of_county(path)).entries()
    return _assemble(
        path,
        name,
        moment,
        rule_set,
        places,
        inbox,
        _OnRecord(declared, entries, frozenset({*inbox.files["file"], *gone})),
    )


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


def _of_kind(tables: Sequence[Table], kind: str) -> list[Table]:
    return [table for table in tables if table.kind == kind]


class _Rows(NamedTuple):
    """Collection rows judged, with the findings against them, what stood there, and what decisions did."""

    frame: Any
    findings: list[pd.DataFrame]
    raw: pd.DataFrame
    decisions: pd.DataFrame


def _assemble(
    path: Path,
    name: str,
    as_of: datetime,
    rules: Rules,
    places: Places,
    inbox: Inbox,
    said: _OnRecord,
) -> Round:
    settled = resubmission.settle(inbox)
    names = set(inbox.files["file"])
    datums, told = verdicts.datums(said.datums, said.entries, name, originals=settled.originals, files=names)
    findings = [*inbox.findings, *places.findings, *told, *settled.findings]
    tables = _of_kind(settled.tables, "collection")
    live = _collected(tables, rules, places, name, settled, said._replace(datums=datums))
    findings.extend(live.findings)
    zero, zero_findings = records.zero_reports(tables, rules, places)
    findings.extend(zero_findings)

    tables, registry_round, note = _nearest(path, name, "registry", settled.tables, rules)
    # Rows of an earlier round's registry have their cells as well.
    carried = tables if registry_round != name else []
    findings.extend(note)
    registry, found_there = _registered(tables, rules, places, registry_round, settled)
    findings.extend(found_there)

    tables, planting_round, note = _nearest(path, name, "planting_area", settled.tables, rules)
    findings.extend(note)
    planted = Source.of(tables)
    planting = baseline.planting_area(planted, rules, places, planting_round)
    findings.extend(planted.findings)

    composed, resubmissions, frame, raw = compose(findings), None, live.frame, live.raw
    if inbox.slips:
        composed = resubmission.without_superseded(composed, settled)
        old_findings: list[pd.DataFrame] = []
        if tables := _of_kind(settled.old, "collection"):
            gone = _collected(tables, rules, places, name, None, _OnRecord(datums, said.entries.iloc[:0]))
            old = _superseded(gone.frame)
            frame = _below(frame, old)
            raw = pd.concat([raw, gone.raw.assign(record_id=old["record_id"])], ignore_index=True)
            old_findings += gone.findings
        if tables := _of_kind(settled.old, "registry"):
            old, found_there = _registered(tables, rules, places, registry_round, None)
            registry = _below(registry, _superseded(old))
            old_findings += found_there
        resubmissions = outcomes(settled, composed, compose(old_findings))
    sheets = submissions.sheet_counts(inbox, frame, registry, places, settled)
    came = submissions.arrived(inbox, sheets, live.frame, places)
    made = Round(
        name=name,
        folder=path,
        as_of=as_of,
        rules=rules,
        places=places,
        records=frame,
        registry=registry,
        planting_area=planting,
        findings=composed,
        files=inbox.files,
        sheets=sheets,
        skipped=inbox.skipped,
        columns=table_cells([*inbox.tables, *carried]),
        submissions=submissions.submissions(live.frame, zero, came, rules),
        is_sample=inbox.is_sample,
        datums=datums,
        raw=raw,
        decisions=live.decisions,
        superseded=settled.superseded,
    )
    return made if resubmissions is None else replace(made, resubmissions=resubmissions)


def _collected(
    tables: Sequence[Table], rules: Rules, places: Places, round_name: str, settled: Settled | None, said: _OnRecord
) -> _Rows:
    """Return the collection rows of `tables`, typed and judged, with the decisions applied."""
    source = Source.of(tables)
    if settled is not None and settled.disputed:
        settled.dispute(source)
    frame = records.collection(source, rules, places, round_name, datums=said.datums)
    frame = checks.identified(source, frame, rules, places, round_name)
    raw = verdicts.raw_values(source, frame)
    frame, told = verdicts.settle(source, frame, raw, said.entries, rules, datums=said.datums, files=said.files)
    frame = checks.collection(source, frame, rules, places)
    return _Rows(frame, _against(frame, source), raw, told)


def _registered(
    tables: Sequence[Table], rules: Rules, places: Places, round_name: str, settled: Settled | None
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return the registry rows of `tables`, typed and judged, and the findings against them."""
    source = Source.of(tables)
    if settled is not None and settled.disputed:
        settled.dispute(source)
    frame = checks.registry(source, records.registry(source, rules, places, round_name), rules, places)
    return frame, _against(frame, source)


def _against(frame: pd.DataFrame, source: Source) -> list[pd.DataFrame]:
    return [part.assign(record_id=frame["record_id"].reindex(part.index)) for part in source.findings]


def _superseded(old: Any) -> Any:
    """Return rows that slips supersede as duplicates with ids of their own."""
    # The slip's row has the id now; _with_ids has numbered equal ones.
    ids = [hashlib.sha256(f"{text}\x1fsuperseded".encode()).hexdigest()[:16] for text in old["record_id"]]
    old = old.assign(status="duplicate", in_scope=pd.NA, record_id=pd.Series(ids, index=old.index, dtype="str"))
    old["in_scope"] = old["in_scope"].astype("boolean")
    return old


def _below(frame: Any, old: Any) -> Any:
    return pd.concat([frame, old], ignore_index=True).astype({"status": "str"})


def _nearest(
    path: Path, name: str, kind: str, own: Sequence[Table], rules: Rules
) -> tuple[list[Table], str, list[pd.DataFrame]]:
    """Return the tables of `kind` from this round or the nearest earlier one, and a finding when it is not this."""
    tables = _of_kind(own, kind)
    if tables:
        return tables, name, []
    what = "附件4名录" if kind == "registry" else "附件5面积表"
    at = pd.DataFrame({"file": [""], "sheet": [""], "row": [pd.NA], "cell": [""]})
    siblings = {
        item.name: item for item in path.resolve().parent.iterdir() if _ROUND.fullmatch(item.name) and item.is_dir()
    }
    for earlier in sorted((other for other in siblings if other < name), reverse=True):
        tables = _of_kind(resubmission.settle(read_inbox(siblings[earlier], rules)).tables, kind)
        if tables:
            return tables, earlier, [found("carried_forward", at, detail=f"{what}，沿用 {earlier} 批次的")]
    return [], name, [found("carried_forward", at, detail=f"{what}，以前的批次也没有，相关数值未知")]
