"""A synthetic county: two rounds of submissions as townships send them, and a truth file that says what they mean.

Same seed, same bytes. Everything about subjects is invented and every file says 样例数据.
"""

import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from originmap.headers import column_letter
from originmap.places import Places, load_places
from originmap.rules import Rules, load_rules, read_toml
from originmap.sample.county import Ground, Holding, Names, draw_township, grounds
from originmap.sample.doubts import doubts
from originmap.sample.forms import Cell, Entry, Officials, draw_officials, write_row
from originmap.sample.mistakes import Planter
from originmap.sample.plan import draw_baseline, neighbours, plan
from originmap.sample.sheets import (
    MANY_ROWS,
    REGISTRY,
    SAMPLE,
    Grid,
    Laid,
    accounts_grid,
    lay_out,
    office,
    registry_grid,
    registry_rows,
    write_workbook,
    zero_grid,
)
from originmap.sample.trades import Dice
from originmap.sample.truth import Truth, settle

ROWS: Final = 1500
FEBRUARY, MARCH = "2023-02", "2023-03"
_DAYS: Final = {FEBRUARY: date(2023, 2, 16), MARCH: date(2023, 3, 14)}
_SHEET_ROWS: Final = 500_000
_NAMED: Final = (
    "{t}附件1.xlsx",
    "附件1-采集表（{s}）.xlsx",
    "{t}/附件1 重点农产品产地溯源信息采集表.xlsx",
    "{s}{m}月.xlsx",
    "{m}月报送/{t}上报.xlsx",
    "安农综11号 附件1 {t}(改).xlsx",
)
# Names that say nothing of the township; each is used once a round.
_NAMELESS: Final = (
    "采集表-最终版.xlsx",
    "微信收件/副本重点农产品.xlsx",
    "邮箱/附件1.xlsx",
    "{s}报送/新建 XLSX 工作表(2).xlsx",
)
_TITLE: Final = "安溪县{o}{p}产地溯源信息采集表（附件1）" + SAMPLE
_README: Final = """# 样例数据 · sample data

全部主体、人名、电话、地块和数字均为虚构；乡镇和村名是真实的。由 `originmap sample` 按种子 {seed} 生成，同一种子得到相同的文件。
Everything but the names of townships and villages is invented; the same seed gives the same bytes.

`2023-02/`, `2023-03/`: what the townships sent. `truth/`: for tests, what it means: every collection and registry row with
its cell's row, intended values (blank: cannot be had), expected status and planted mistakes (`mistakes.csv`: by cell).
"""


def write_sample(folder: Path, *, seed: int = 2023, counties: int = 1, rows: int | None = None) -> list[Path]:
    """Write one synthetic county to ``folder/anxi``, or several to ``folder/county-0001`` and so on.

    Parameters
    ----------
    folder
        Made when missing. An earlier sample there is replaced, anything else is left alone.
    seed
        Decides everything; each of several counties has a seed of its own, derived from it.
    counties
        How many.
    rows
        Collection rows a county in 2023-03, 1,500 by default; registries grow along.

    Returns
    -------
    The counties' folders.

    Raises
    ------
    ValueError
        A number is not positive, or a folder in the way is no sample.
    """
    if counties < 1 or (rows is not None and rows < 1) or seed < 0:
        raise ValueError("seed 须为非负整数，counties 和 rows 须为正整数。")
    if counties == 1:
        write_county(folder / "anxi", seed=seed, rows=rows)
        return [folder / "anxi"]
    made = []
    for number in range(1, counties + 1):
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        made.append(folder / f"county-{number:04d}")
        write_county(made[-1], seed=own, rows=rows)
    return made


def write_county(folder: Path, *, seed: int = 2023, rows: int | None = None, rules: Rules | None = None) -> None:
    """Write one county: ``2023-02``, ``2023-03`` and ``truth`` under `folder`; see `write_sample`."""
    rules = load_rules() if rules is None else rules
    _clear(folder)
    for name in (FEBRUARY, MARCH):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "round.toml").write_text("# 样例数据\nsample = true\n", encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(_README.format(seed=seed), encoding="utf-8", newline="\n")
    with Truth(folder / "truth") as truth:
        _County(folder, seed, rows or ROWS, rules, load_places(rules), truth).write()


def _clear(folder: Path) -> None:
    """Remove an earlier sample, and nothing else."""
    for name in (FEBRUARY, MARCH):
        old = folder / name
        if not old.exists():
            continue
        settings = read_toml(old / "round.toml") if (old / "round.toml").exists() else {}
        if settings.get("sample") is not True:
            raise ValueError(f"{old} 不是样例数据，未作改动；请另选文件夹。")
    for name in (FEBRUARY, MARCH, "truth"):
        if (folder / name).exists():
            shutil.rmtree(folder / name)


class _County:
    """One county being written; a class only because ten functions would pass the same seven things."""

    def __init__(self, folder: Path, seed: int, rows: int, rules: Rules, places: Places, truth: Truth) -> None:
        self.folder, self.seed, self.rows, self.rules, self.truth = folder, seed, rows, rules, truth
        self.lands = grounds(places, seed=seed)
        near = neighbours(self.lands)
        more = doubts(near)
        self.planters = {FEBRUARY: Planter(rows, near, more=more, february=True), MARCH: Planter(rows, near, more=more)}
        self.roles = plan(self.lands, rows - self.planters[MARCH].twins, rules, seed=seed)
        self.nameless = {FEBRUARY: list(_NAMELESS), MARCH: list(_NAMELESS)}
        self.figures: dict[tuple[str, str], tuple[float, float]] = {}
        self.listed: list[tuple[Ground, Holding]] = []
        self.listed_as: list[str] = []

    def write(self) -> None:
        names = Names(self.seed)
        total, done = sum(sum(budget.values()) for budget in self.roles.budgets), 0
        for land, budget in zip(self.lands, self.roles.budgets, strict=True):
            holdings = draw_township(land, budget, self.rules, names, seed=self.seed)
            officials = draw_officials(land, names, self.seed)
            done += sum(budget.values())
            self._february(land, holdings, officials, done / total)
            self._march(land, holdings, officials, done / total)
        self._county_registry()
        self.truth.add("mistakes", round=FEBRUARY, rule="carried_forward")  # the registry is not due before March
        self._planting_area()

    # ---- rounds ----

    def _february(self, land: Ground, holdings: list[Holding], officials: Officials, done: float) -> None:
        kept = [item for item in holdings if item.february and item.plots]
        entries = self._entries(kept, land, FEBRUARY, done)
        hand = self.roles.hands[land.index]
        state = "reported" if entries else "not_submitted"
        if entries:
            laid = self._lay("Sheet1", entries, land, officials, FEBRUARY, "豇豆")
            path = self._path(land, FEBRUARY)
            self._save(path, [laid], FEBRUARY, {})
        elif land.index == self.roles.february_zero:
            title = _TITLE.format(o=office(land, hand), p="豇豆")
            path, state = self._path(land, FEBRUARY, named=True), "zero"
            write_workbook(self.folder / FEBRUARY / path, [zero_grid("豇豆", hand, title, "零报告")])
            self.truth.zero_report(FEBRUARY, path, "豇豆", hand)
        self.truth.add(
            "submissions", round=FEBRUARY, township_code=land.code, township=land.name, product="cowpea", state=state
        )

    def _march(self, land: Ground, holdings: list[Holding], officials: Officials, done: float) -> None:
        roles, at = self.roles, land.index
        sent = [
            item
            for item in holdings
            if item.plots
            and item.category not in ("missing", "exempt")
            and at != roles.silent
            and (at, item.product.code) != roles.unreported
        ]
        entries = self._entries(sent, land, MARCH, done)
        category = settle(entries)
        self._figures(land, holdings, entries)
        registered = [item for item in holdings if item.registered is not None]
        kinds = [category.get(id(item), "exempt" if item.category == "exempt" else "missing") for item in registered]
        kinds = ["matched" if kind == "below" else kind for kind in kinds]
        own: list[Grid] = []
        if at in roles.own_registry or at in roles.registry_sheet:
            own = [self._own_registry(land, registered)]
        else:
            self.listed += [(land, item) for item in registered]
            self.listed_as += kinds
        path = (
            self._files(land, entries, officials, category, own if at in roles.registry_sheet else [])
            if entries
            else ""
        )
        if at in roles.own_registry:
            path = f"{land.name}附件4监管名录.xlsx"
            write_workbook(self.folder / MARCH / path, own)
        if own:
            for number, (item, kind) in enumerate(zip(registered, kinds, strict=True)):
                self.truth.registry((MARCH, path, "附件4", number + 3), land.code, item, kind)
        self._states(land, entries)

    def _states(self, land: Ground, entries: Sequence[Entry]) -> None:
        seen = {
            entry.holding.product.code
            for entry in entries
            if entry.truth["township_code"] == land.code and entry.truth["product"]
        }
        for code in self.rules.products:
            state = "reported" if code in seen else "not_reported"
            if not entries:
                state = "not_submitted"
            elif land.index == self.roles.zero and code == "celery":
                state = "zero"
            self.truth.add(
                "submissions", round=MARCH, township_code=land.code, township=land.name, product=code, state=state
            )

    def _entries(self, holdings: Sequence[Holding], land: Ground, round_: str, done: float) -> list[Entry]:
        dice = Dice(self.seed, land.index, 6, int(round_[5:]))
        where = (land, self.roles.hands[land.index])
        entries = []
        for item in holdings:
            spots = [(plot, turn) for plot in item.plots for turn in range(len(plot.sizes) if round_ == MARCH else 1)]
            for plot, turn in spots:
                entry = write_row(item, plot, turn, where, round_, dice)
                entry.whole = len(spots) == 1
                if item.category == "below":
                    entry.mark("below_threshold", "size")
                if item.category == "buyer":
                    entry.mark("buyer_noted", "size")
                entries.append(entry)
        return self.planters[round_].plant(entries, done, dice)

    # ---- files ----

    def _path(self, land: Ground, round_: str, *, named: bool = False) -> str:
        hand, month = self.roles.hands[land.index], int(round_[5:])
        # A sheet that says nowhere whose it is must be named after its township.
        if not named and (hand.titled or hand.layout != "C") and land.index % 3 == month % 3 and self.nameless[round_]:
            form = self.nameless[round_].pop()
        else:
            form = _NAMED[(land.index + month) % len(_NAMED)]
        return form.format(t=land.name, s=land.name[:-1], m=month)

    def _lay(
        self, name: str, entries: Sequence[Entry], land: Ground, officials: Officials, round_: str, what: str
    ) -> Laid:
        hand = self.roles.hands[land.index]
        whose = office(land, hand) if hand.titled and hand.layout != "B" else ""
        return lay_out(name, entries, hand, officials, _TITLE.format(o=whose, p=what), _DAYS[round_])

    def _files(
        self, land: Ground, entries: list[Entry], officials: Officials, category: Mapping[int, str], more: list[Grid]
    ) -> str:
        """Write a township's March workbooks and return the path of the main one."""
        roles, at = self.roles, land.index
        every = "重点农产品"
        by: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by[entry.holding.product.code].append(entry)
        path = self._path(land, MARCH)
        if at in roles.apart and len(by) > 1 and "cowpea" in by:
            apart = f"{land.name}豇豆采集表.xlsx"
            self._save(apart, [self._lay("豇豆", by.pop("cowpea"), land, officials, MARCH, "豇豆")], MARCH, category)
            entries = [entry for entry in entries if entry.holding.product.code != "cowpea"]
        if at in roles.by_product or at == roles.zero:
            names = {code: self.rules.products[code].name for code in by}
            laid = [self._lay(names[code], rows, land, officials, MARCH, names[code]) for code, rows in by.items()]
        elif at in roles.by_kind:
            groups = {
                "种植业": [e for e in entries if e.holding.mode],
                "养殖业": [e for e in entries if not e.holding.mode],
            }
            laid = [self._lay(name, rows, land, officials, MARCH, every) for name, rows in groups.items() if rows]
        else:
            laid = [self._lay("附件1" if at % 2 else "Sheet1", entries, land, officials, MARCH, every)]
        if at == roles.zero:
            hand = roles.hands[at]
            more = [*more, zero_grid("芹菜", hand, _TITLE.format(o=office(land, hand), p="芹菜"), "无")]
            self.truth.zero_report(MARCH, path, "芹菜", hand)
        if at == roles.accounts:
            more = [*more, accounts_grid()]
            self.truth.add("mistakes", round=MARCH, file=path, sheet="附件3", rule="sheet_refused")
        if at % 5 == 2:
            more = [*more, Grid("Sheet2", []), Grid("Sheet3", [])]
        if at == roles.pdf:
            note = f"{land.name}/说明.pdf"
            (self.folder / MARCH / note).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / MARCH / note).write_bytes("%PDF-1.4 sample 样例数据\n".encode())
            self.truth.add("mistakes", round=MARCH, file=note, rule="file_to_convert")
        self._save(path, laid, MARCH, category, more, hidden=at == roles.hidden and len(laid) > 1)
        return path

    def _save(
        self,
        path: str,
        laid: Sequence[Laid],
        round_: str,
        category: Mapping[int, str],
        more: Sequence[Grid] = (),
        *,
        hidden: bool = False,
    ) -> None:
        grids = [item.grid for item in laid]
        if hidden:
            grids[-1] = replace(grids[-1], hidden=True)
            self.truth.add("mistakes", round=round_, file=path, sheet=grids[-1].name, rule="sheet_hidden")
        write_workbook(self.folder / round_ / path, [*grids, *more])
        for item in laid:
            self.truth.collection(path, item, round_, category)

    # ---- registry and planting-area table ----

    def _own_registry(self, land: Ground, holdings: Sequence[Holding]) -> Grid:
        columns = [column for column in REGISTRY if column.field not in ("township", "unit")]
        rows = list(registry_rows(((land, item) for item in holdings), columns))
        return registry_grid("附件4", rows, columns, f"安溪县{land.name}重点农产品品种监管名录（附件4）{SAMPLE}")

    def _county_registry(self) -> None:
        path, title = "附件4 监管名录汇总.xlsx", f"安溪县重点农产品品种监管名录（附件4）{SAMPLE}"
        grids = []
        for number, start in enumerate(range(0, len(self.listed), _SHEET_ROWS), 1):
            name = "名录" if number == 1 else f"名录{number}"
            part = self.listed[start : start + _SHEET_ROWS]
            grids.append(registry_grid(name, registry_rows(part, REGISTRY), REGISTRY, title))
            kinds = self.listed_as[start : start + _SHEET_ROWS]
            for row, ((land, item), kind) in enumerate(zip(part, kinds, strict=True), 3):
                self.truth.registry((MARCH, path, name, row), land.code, item, kind)
        write_workbook(self.folder / MARCH / path, grids, many=len(self.listed) > MANY_ROWS)

    def _figures(self, land: Ground, holdings: Sequence[Holding], entries: Sequence[Entry]) -> None:
        """Keep each crop's registered and (as intended) collected area, which the planting-area table is drawn from."""
        sent = {
            id(entry.holding) for entry in entries if entry.status == "accepted" and entry.holding.category != "buyer"
        }
        for code in self.rules.baseline_products:
            own = [item for item in holdings if item.product.code == code]
            registered = sum(item.registered or 0 for item in own)
            collected = sum(max(plot.sizes) for item in own if id(item) in sent for plot in item.plots)
            if own:
                self.figures[land.code, code] = (registered, collected)

    def _planting_area(self) -> None:
        crops = self.rules.baseline_products
        areas, wrong = draw_baseline(self.lands, crops, self.figures, self.lands[self.roles.zero], seed=self.seed)
        for round_ in (FEBRUARY, MARCH):
            self._planting_area_file(round_, crops, areas, wrong if round_ == MARCH else None)

    def _planting_area_file(
        self, round_: str, crops: list[str], areas: Mapping[tuple[str, str], float | None], wrong: int | None
    ) -> None:
        path, sheet = "附件5 蔬菜重点监管品种种植面积一览表.xlsx", "附件5"
        names = [self.rules.products[code].name for code in crops]
        width = len(crops) + 4
        rows: list[list[Cell]] = [[f"安溪县蔬菜重点监管品种种植面积一览表（附件5）{SAMPLE}", *[None] * (width - 1)]]
        rows += [["单位：亩", *[None] * (width - 1)], ["序号", "乡镇", *names, "合计", "备注"]]
        letter = column_letter(len(crops) + 2)
        for land in self.lands:
            own = [areas[land.code, code] for code in crops]
            total = round(sum(value or 0 for value in own), 1)
            if land.index == wrong:
                total = round(total + 10, 1)
                cell = f"{letter}{len(rows) + 1}"
                self.truth.add(
                    "mistakes",
                    round=round_,
                    file=path,
                    sheet=sheet,
                    cell=cell,
                    row=len(rows) + 1,
                    rule="baseline_total_differs",
                    field="total",
                )
            rows.append([land.index + 1, land.name, *own, total, None])
            for at, (code, value) in enumerate(zip(crops, own, strict=True)):
                spot = {
                    "cell": f"{column_letter(at + 2)}{len(rows)}",
                    "township_code": land.code,
                    "township": land.name,
                }
                self.truth.add(
                    "planting_area", round=round_, file=path, sheet=sheet, **spot, product=code, area_mu=value
                )
        sums = [round(sum(areas[land.code, code] or 0 for land in self.lands), 1) for code in crops]
        rows.append([None, "合计", *sums, round(sum(sums), 1), None])
        write_workbook(self.folder / round_ / path, [Grid(sheet, rows, (2, 3), ((0, 0, 0, width - 1),))])
