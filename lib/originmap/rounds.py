"""Rounds: everything known of a county in one month, read from its folder and frozen."""

import calendar
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd

from originmap import (
    carrying,
    datum,
    plots,
    resubmission,
    submissions,
    verdicts,
)
from originmap.archives import list_files
from originmap.decisions import Store, of_county
from originmap.earlier import ROUND_NAME, Earlier
from originmap.findings import compose
from originmap.heard import Heard, hear
from originmap.judged import OnRecord, as_superseded, below, collected, registered
from originmap.kept import digest, worked_out
from originmap.outcomes import OUTCOME_COLUMNS, outcomes
from originmap.places import Places, load_places
from originmap.rules import REFERENCE, Rules, load_rules, read_toml
from originmap.vocab import codes

PROJECT = REFERENCE.parents[1]
SAMPLE = Path("data/sample/anxi/2023-03")
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
        `file, sheet, kind, count, slip`: rows that a slip or a later submission stands for now.
    receipts
        收件登记, one row a line and product, columns as ``receipts.COLUMNS``.
    contacts
        附件2, columns as ``ledgers.CONTACT_COLUMNS``; `round` tells the one that they come from.
    uploads, rapid_tests
        Columns as ``ledgers.UPLOAD_COLUMNS`` and ``ledgers.TEST_COLUMNS``.
    spoken
        What speaks for each township and product, columns as ``receipts.SPOKEN_COLUMNS``.
    carried
        What goes on from an earlier round, columns as ``carrying.CARRIED_COLUMNS``. Its rows keep that round's name in `round` and their file
        as ``../<round>/<file>``.
    digest
        What it was read from, as ``kept.digest`` gives it; a changed copy has none.
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
    receipts: pd.DataFrame = field(default_factory=pd.DataFrame)
    contacts: pd.DataFrame = field(default_factory=pd.DataFrame)
    uploads: pd.DataFrame = field(default_factory=pd.DataFrame)
    rapid_tests: pd.DataFrame = field(default_factory=pd.DataFrame)
    spoken: pd.DataFrame = field(default_factory=pd.DataFrame)
    carried: pd.DataFrame = field(default_factory=pd.DataFrame)
    digest: str = field(default="", init=False, repr=False, compare=False)

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

    def cell(self, row: pd.Series | Mapping[Any, Any], field: str) -> str:
        """Return where a record's value stands, as ``file〔sheet〕cell``; without a column of its own, the row."""
        file, sheet, number, product = (row[name] for name in ("source_file", "source_sheet", "source_row", "product"))
        for column, of, rows in self._columns_of.get((file, sheet, field), ()):
            if (not rows or number in rows) and of in ("", product):
                return f"{file}〔{sheet}〕{column}{number}"
        return f"{file}〔{sheet}〕第 {number} 行"

    @cached_property
    def people(self) -> list[dict[str, Any]]:
        """The contacts that have a name or a phone, as plain rows."""
        known = self.contacts["name"].notna() | self.contacts["phone"].notna()
        return [{str(name): value for name, value in row.items()} for row in self.contacts[known].to_dict("records")]

    @cached_property
    def _columns_of(self) -> dict[tuple[str, str, str], list[tuple[str, str, Any]]]:
        """Return `columns` by file, sheet and field: the column's letter, its product, the rows that it is for."""
        made: dict[tuple[str, str, str], list[tuple[str, str, Any]]] = {}
        names = ("file", "sheet", "field", "column", "product", "rows")
        for *key, column, product, rows in zip(*(self.columns[name] for name in names), strict=True):
            made.setdefault((key[0], key[1], key[2]), []).append((column, product, rows))
        return made


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
    moment = as_of if isinstance(as_of, datetime) else parse_as_of(as_of) if as_of else _month_end(name)
    entries = (Store(resolve(decisions)) if decisions else of_county(path)).entries()
    asked = _Asked(moment, rules, reference, decisions)

    def make() -> Round:
        places = load_places(rule_set)
        # Decisions change nothing of what is heard: opened again with others, a round is not read again.
        heard = worked_out(lambda: hear(path, name, moment, rule_set, places), "heard", of=[base])
        declared = datum.declared(settings.get("datum", {}), heard.files, gone=heard.gone)
        said = OnRecord(declared, entries, frozenset({*heard.files, *heard.gone}), base)
        return _assemble(path, name, asked, rule_set, places, heard, said)

    base = digest(files=lambda: _read_from(path, rule_set), given=[path, moment, rule_set])
    mark = digest(files=tuple, given=[base, entries.to_dict("list")])
    made = worked_out(make, of=[mark])
    object.__setattr__(made, "digest", mark)
    return made


def _read_from(path: Path, rules: Rules) -> list[Path]:
    """Return every file that a round may be read from: its own, the earlier rounds', the reference's."""
    county = [item for item in path.resolve().parent.iterdir() if item.is_dir() and ROUND_NAME.fullmatch(item.name)]
    folders = {path.resolve(), *county, rules.reference}
    return sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())


def _settings(path: Path) -> dict[str, Any]:
    file = path / "round.toml"
    return read_toml(file) if file.exists() else {}


def _round_name(path: Path, settings: dict[str, Any]) -> str:
    name = str(settings.get("round", path.resolve().name))
    if not ROUND_NAME.fullmatch(name):
        msg = f'文件夹“{path.name}”不是 YYYY-MM 形式的批次名；请改名，或在其中的 round.toml 写 round = "2023-03"。'
        raise InboxError(msg)
    return name


def _month_end(name: str) -> datetime:
    year, month = (int(part) for part in name.split("-"))
    last = date(year, month, calendar.monthrange(year, month)[1])
    return datetime.combine(last, time.max.replace(microsecond=0))


class _Asked(NamedTuple):
    """What a round is opened with; earlier ones are opened with the same."""

    as_of: datetime
    rules: Path | str | None
    reference: Path | str
    decisions: Path | str | None


def _assemble(
    path: Path, name: str, asked: _Asked, rules: Rules, places: Places, heard: Heard, said: OnRecord
) -> Round:
    inbox, composed = heard.inbox, heard.composed
    settled, told, registry, columns = composed.settled, heard.receipts, heard.registry, heard.columns
    datums, about_datums = verdicts.datums(
        said.datums, said.entries, name, originals=settled.originals, files=set(inbox.files["file"])
    )
    findings = [*inbox.findings, *places.findings, *about_datums, *heard.told_findings, *settled.findings]
    tables = [table for table in settled.tables if table.kind == "collection"]
    live = collected(tables, rules, places, name, composed, said._replace(datums=datums))
    carried = carrying.carry(live, composed, _opened(heard.earlier, asked), name, rules, places)
    findings += [*live.findings, *carried.notes, *heard.findings]

    made_findings, resubmissions, frame, raw = compose(findings), None, carried.records, carried.raw
    if settled.old or inbox.slips:
        made_findings = resubmission.without_superseded(made_findings, settled)
        old_findings: list[pd.DataFrame] = []
        if tables := [table for table in settled.old if table.kind == "collection"]:
            gone = collected(tables, rules, places, name, None, OnRecord(datums, said.entries.iloc[:0], base=said.base))
            old = as_superseded(gone.frame)
            frame = below(frame, old)
            raw = pd.concat([raw, gone.raw.assign(record_id=old["record_id"])], ignore_index=True)
            old_findings += gone.findings
        if tables := [table for table in settled.old if table.kind == "registry"]:
            old, found_there = registered(tables, rules, places, heard.registry_round, None)
            registry = below(registry, as_superseded(old))
            old_findings += found_there
        resubmissions = outcomes(settled, made_findings, compose(old_findings))
    sheets = submissions.sheet_counts(inbox, frame, registry, places, settled)
    came = submissions.arrived(inbox, sheets, live.frame, places) | set(
        told.loc[told["arrived"], "township_code"].dropna()
    )
    more = pd.DataFrame([*composed.zero, *carried.zero], columns=heard.zero.columns, dtype="str")
    zero = pd.concat([heard.zero, more], ignore_index=True)
    if carried.findings is not None and carried.columns is not None:
        made_findings = pd.concat([made_findings, carried.findings], ignore_index=True)
        columns = pd.concat([columns, carried.columns], ignore_index=True)
    made = Round(
        name=name,
        folder=path,
        as_of=asked.as_of,
        rules=rules,
        places=places,
        records=frame,
        registry=registry,
        planting_area=heard.planting_area,
        findings=made_findings,
        files=inbox.files,
        sheets=sheets,
        skipped=inbox.skipped,
        columns=columns,
        submissions=submissions.submissions(carried.records, zero, came, rules),
        is_sample=inbox.is_sample,
        datums=datums,
        raw=raw,
        decisions=live.decisions,
        superseded=settled.superseded,
        receipts=told,
        contacts=heard.ledgers.contacts,
        uploads=heard.ledgers.uploads,
        rapid_tests=heard.ledgers.rapid_tests,
        spoken=composed.spoken,
        carried=carried.summary,
    )
    return made if resubmissions is None else replace(made, resubmissions=resubmissions)


def earlier_rounds(round_: Round, *, count: int | None = None, rules: Path | str | None = None) -> list[Round]:
    """Return the rounds before one, opened as they stand at its `as_of`, the nearest first; a folder that is no round is left out.

    Parameters
    ----------
    count
        How many at most; all by default.
    rules
        The rules file that the round was opened with, where it was not the reference's.
    """
    folders = Earlier(round_.folder, round_.name, round_.as_of, round_.rules, round_.places).folders
    return list(islice(_opened(folders, _Asked(round_.as_of, rules, round_.rules.reference, None)), count))


def _opened(folders: Mapping[str, Path], asked: _Asked) -> Iterator[Round]:
    """Yield earlier rounds, the nearest first, as they had arrived at the same moment; an empty folder is none."""
    for folder in folders.values():
        with contextlib.suppress(InboxError):
            yield open_round(
                folder, as_of=asked.as_of, rules=asked.rules, reference=asked.reference, decisions=asked.decisions
            )
