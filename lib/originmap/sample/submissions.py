"""What the townships of a synthetic county send in two rounds, and what of it the truth files say."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from originmap.places import Places
from originmap.rules import Rules
from originmap.sample.county import Ground, Holding, Names, draw_township, grounds
from originmap.sample.doubles import write_pairs
from originmap.sample.doubts import doubts
from originmap.sample.files import MANY_ROWS, write_archive, write_file
from originmap.sample.forms import Entry, Officials, draw_officials, write_row
from originmap.sample.layouts import REGISTRY
from originmap.sample.ledger import Ledger, Spot
from originmap.sample.listing import Listed, Lister, category_of, kind_of
from originmap.sample.mistakes import Planter
from originmap.sample.monitoring import write_rapid_tests, write_uploads
from originmap.sample.office import write_contacts, write_planting_area, write_receipts
from originmap.sample.offset import Offsets, late_comers, to_datum
from originmap.sample.plan import draw_baseline, neighbours, plan
from originmap.sample.sheets import (
    SAMPLE,
    Grid,
    Laid,
    accounts_grid,
    lay_out,
    office,
    registry_grid,
    registry_rows,
    wide_registry,
    zero_grid,
)
from originmap.sample.terms import write_terms
from originmap.sample.trades import Dice
from originmap.sample.truth import Truth, settle

FEBRUARY, MARCH = "2023-02", "2023-03"
_DAYS: Final = {FEBRUARY: date(2023, 2, 16), MARCH: date(2023, 3, 14)}
_SHEET_ROWS: Final = 500_000
_FIRST_ROW: Final = 3  # of a registry, below title and header
_COUNTY_REGISTRY: Final = "附件4 监管名录汇总.xlsx"
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


class County:
    """One county being written; a class only because ten functions would pass the same seven things."""

    def __init__(self, folder: Path, seed: int, rows: int, rules: Rules, places: Places, truth: Truth) -> None:
        """`rows` is for 2023-03; a county of fewer than `TINY_ROWS` sends no more than a handful a township."""
        self.folder, self.seed, self.rows, self.rules, self.truth = folder, seed, rows, rules, truth
        self.lands = grounds(places, seed=seed)
        near = neighbours(self.lands)
        more = doubts(near)
        self.planters = {FEBRUARY: Planter(rows, near, more=more, february=True), MARCH: Planter(rows, near, more=more)}
        self.roles = plan(self.lands, rows - self.planters[MARCH].twins, rules, seed=seed)
        self.nameless = {FEBRUARY: list(_NAMELESS), MARCH: list(_NAMELESS)}
        self.figures: dict[tuple[str, str], tuple[float, float]] = {}
        self.listed: list[tuple[Ground, Holding]] = []
        self.names = Names(seed)
        self.lister = Lister(seed, rows, self.names)
        self.ledger, self.offsets = Ledger(), Offsets(rows)

    def write(self, rounds: Sequence[str] = (FEBRUARY, MARCH)) -> None:
        """Write the files of `rounds`, of which 2023-03 is one."""
        names = self.names
        total, done = sum(sum(budget.values()) for budget in self.roles.budgets), 0
        for land, budget in zip(self.lands, self.roles.budgets, strict=True):
            holdings = draw_township(land, budget, self.rules, names, seed=self.seed)
            officials = draw_officials(land, names, self.seed)
            done += sum(budget.values())
            self.ledger.township(land, holdings)
            if FEBRUARY in rounds:
                self._february(land, holdings, officials, done / total)
            self._march(land, holdings, officials, done / total)
            self.truth.spots.clear()
        self._county_registry()
        if FEBRUARY in rounds:
            self.truth.add("mistakes", round=FEBRUARY, rule="carried_forward")  # the registry is not due before March
        self._planting_area(rounds)
        self._desk(rounds)
        write_terms(self.ledger, self.truth, self.rules, rounds)
        write_pairs(self.ledger, self.truth, MARCH, FEBRUARY if FEBRUARY in rounds else None)

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
            self.ledger.collect(FEBRUARY, entries, self.truth.spots)
        elif land.index == self.roles.february_zero:
            title = _TITLE.format(o=office(land, hand), p="豇豆")
            path, state = self._path(land, FEBRUARY, named=True), "zero"
            write_file(self.folder / FEBRUARY / path, [zero_grid("豇豆", hand, title, "零报告")])
            self.truth.zero_report(FEBRUARY, path, "豇豆", hand)
            self.ledger.zeros.append((FEBRUARY, land.code, "cowpea", path))
        self._state(FEBRUARY, land, "cowpea", state)

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
        apart = at in roles.apart or roles.formats.get(at) == "zip"
        shifted = self.offsets.shift(entries, single=not apart)
        if shifted is None:
            self.offsets.coarsen(entries)
        category = settle(entries)
        self._figures(land, holdings, entries)
        kept = {id(entry.holding) for entry in entries if entry.status == "accepted"}
        listed = (
            self.lister.register(land, holdings, kept, done, wide=at == roles.wide_registry)
            if at != roles.no_registry
            else []
        )
        category = category_of(listed, category) if listed else {}
        own: list[Grid] = []
        spots: list[Spot] = []
        if at in roles.own_registry or at in roles.registry_sheet:
            grid, rows = self._own_registry(land, listed, wide=at == roles.wide_registry)
            own, spots = [grid], [(f"{land.name}附件4监管名录.xlsx", "附件4", row) for row in rows]
        else:
            spots = self._listed(land, listed)
        path = (
            self._files(land, entries, officials, category, own if at in roles.registry_sheet else [])
            if entries
            else ""
        )
        if shifted:
            plain = {"decidable": "yes" if shifted[1] else "no", "known_subjects": shifted[1]}
            self.truth.add("datums", round=MARCH, file=path, datum=shifted[0], **plain)
        if at in roles.own_registry:
            write_file(self.folder / MARCH / f"{land.name}附件4监管名录.xlsx", own)
        elif own:
            spots = [(path, sheet, row) for _, sheet, row in spots]
        letter = "H" if own else "I"  # of 规模, where there is such a column
        for item, spot in zip(listed, spots, strict=True):
            if item.shown.registered is None:
                where = dict(zip(("round", "file", "sheet", "row"), (MARCH, *spot), strict=True))
                who = {"cell": f"{letter}{spot[2]}", "field": "size", "subject": item.shown.subject.name}
                self.truth.add("mistakes", **where, **who, rule="size_missing")
            self.truth.registry((MARCH, *spot), land.code, item, kind_of(item, category))
            self.ledger.enter(land, item, spot)
        self._states(land, entries)
        self.ledger.collect(MARCH, entries, self.truth.spots)
        if self.offsets.supplement and "chinese_chive" in roles.budgets[at] and entries and not (apart or shifted):
            self._supplement(land)

    def _supplement(self, land: Ground) -> None:
        """Write a late file of three households, in another datum than all others: nothing of the month before tells which."""
        self.offsets.supplement = False
        dice = Dice(self.seed, 13)
        holdings = late_comers(land, self.rules.products["chinese_chive"], self.names, dice)
        where = (land, self.roles.hands[land.index])
        entries = [write_row(item, item.plots[0], 0, where, MARCH, dice) for item in holdings]
        for entry in entries:
            to_datum(entry, "gcj02")
        people = [(self.names.stranger(dice), self.names.spare_phone()) for _ in range(2)]
        officials = Officials((people[0],), (people[1],))
        path = f"补报/{land.name}韭菜补报.xlsx"
        self._save(path, [self._lay("补报", entries, land, officials, MARCH, "韭菜")], MARCH, settle(entries))
        self.truth.add("datums", round=MARCH, file=path, datum="gcj02", decidable="no", known_subjects=0)
        self.ledger.add(land, holdings)
        self.ledger.collect(MARCH, entries, self.truth.spots)

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
            self._state(MARCH, land, code, state)

    def _state(self, round_: str, land: Ground, code: str, state: str) -> None:
        self.ledger.states[round_, land.code, code] = state
        where = {"township_code": land.code, "township": land.name}
        self.truth.add("submissions", round=round_, **where, product=code, state=state)

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
        path, form = self._path(land, MARCH), roles.formats.get(at, "xlsx")
        if form != "xlsx":
            path = str(Path(path).with_suffix(f".{form}")) if form != "coat" else str(Path(path).with_suffix(".xls"))
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
            self.ledger.zeros.append((MARCH, land.code, "celery", path))
        if at == roles.accounts:
            more = [*more, accounts_grid()]
            self.truth.add("mistakes", round=MARCH, file=path, sheet="附件3", rule="sheet_refused")
        if at % 5 == 2 and form == "xlsx":
            more = [*more, Grid("Sheet2", []), Grid("Sheet3", [])]
        if at == roles.pdf:
            note = f"{land.name}/说明.pdf"
            (self.folder / MARCH / note).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / MARCH / note).write_bytes("%PDF-1.4 sample 样例数据\n".encode())
            self.truth.add("mistakes", round=MARCH, file=note, rule="file_to_convert")
        if form == "zip":
            self._archive(path, laid, category)
            return path
        self._save(path, laid, MARCH, category, more, hidden=at == roles.hidden and len(laid) > 1, coat=form == "coat")
        return path

    def _archive(self, path: str, laid: Sequence[Laid], category: Mapping[int, str]) -> None:
        """Write one workbook a sheet, all in one archive; what is in it is named ``archive.zip/workbook.xlsx``."""
        names = [f"采集表{number}.xlsx" for number in range(1, len(laid) + 1)]
        write_archive(self.folder / MARCH / path, {name: [item.grid] for name, item in zip(names, laid, strict=True)})
        for name, item in zip(names, laid, strict=True):
            self.truth.collection(f"{path}/{name}", item, MARCH, category)

    def _save(
        self,
        path: str,
        laid: Sequence[Laid],
        round_: str,
        category: Mapping[int, str],
        more: Sequence[Grid] = (),
        *,
        hidden: bool = False,
        coat: bool = False,
    ) -> None:
        laid = list(laid)
        if coat or not path.endswith((".xlsx", ".xls", ".ods")):
            # Formats that name no sheets: they are called by their number.
            laid = [replace(item, grid=replace(item.grid, name=f"表{at}")) for at, item in enumerate(laid, 1)]
        if coat:
            self.truth.add("mistakes", round=round_, file=path, rule="file_other_format")
        grids = [item.grid for item in laid]
        if hidden:
            grids[-1] = replace(grids[-1], hidden=True)
            self.truth.add("mistakes", round=round_, file=path, sheet=grids[-1].name, rule="sheet_hidden")
        write_file(self.folder / round_ / path, [*grids, *more], coat=coat)
        for item in laid:
            self.truth.collection(path, item, round_, category)

    # ---- registry and planting-area table ----

    def _own_registry(self, land: Ground, listed: Sequence[Listed], *, wide: bool) -> tuple[Grid, list[int]]:
        """Return a township's own registry and the Excel row of each entry."""
        title = f"安溪县{land.name}重点农产品品种监管名录（附件4）{SAMPLE}"
        shown = [item.shown for item in listed]
        if wide:
            grown = {item.product.code for item in shown}
            units = {item.name: item.unit for code, item in self.rules.products.items() if code in grown}
            grid, spots = wide_registry("附件4", shown, units, title)
            return grid, [spots[id(item)] for item in shown]
        columns = [column for column in REGISTRY if column.field not in ("township", "unit")]
        rows = list(registry_rows(((land, item) for item in shown), columns))
        return registry_grid("附件4", rows, columns, title), list(range(_FIRST_ROW, _FIRST_ROW + len(rows)))

    def _listed(self, land: Ground, listed: Sequence[Listed]) -> list[Spot]:
        """Add a township's entries to the county's registry and return where they will stand."""
        numbers = range(len(self.listed), len(self.listed) + len(listed))
        self.listed += [(land, item.shown) for item in listed]
        places = [divmod(number, _SHEET_ROWS) for number in numbers]
        return [(_COUNTY_REGISTRY, _part(sheet), _FIRST_ROW + row) for sheet, row in places]

    def _county_registry(self) -> None:
        title = f"安溪县重点农产品品种监管名录（附件4）{SAMPLE}"
        parts = [self.listed[start : start + _SHEET_ROWS] for start in range(0, len(self.listed), _SHEET_ROWS)]
        grids = [
            registry_grid(_part(at), registry_rows(part, REGISTRY), REGISTRY, title) for at, part in enumerate(parts)
        ]
        write_file(self.folder / MARCH / _COUNTY_REGISTRY, grids, many=len(self.listed) > MANY_ROWS)

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

    def _planting_area(self, rounds: Sequence[str]) -> None:
        crops = self.rules.baseline_products
        areas, wrong = draw_baseline(self.lands, crops, self.figures, self.lands[self.roles.zero], seed=self.seed)
        for round_ in rounds:
            self.ledger.baseline |= {(round_, *key): area for key, area in areas.items()}
            about = (round_, self.folder / round_)
            write_planting_area(self.lands, areas, wrong if round_ == MARCH else None, self.rules, self.truth, about)

    def _desk(self, rounds: Sequence[str]) -> None:
        """Write what the county's desk and other systems hold of each round."""
        names, kept, truth, rules, seed = self.names, self.ledger, self.truth, self.rules, self.seed
        for round_ in rounds:
            folder = self.folder / round_
            write_receipts(kept, truth, rules, round_, folder, seed)
            write_uploads(kept, truth, rules, round_, folder, names, seed)
        write_contacts(kept, truth, rules, rounds, self.folder, names, seed)
        write_rapid_tests(kept, truth, rules, MARCH, self.folder / MARCH, names, seed)


def _part(number: int) -> str:
    """Return the name of a sheet of the county's registry."""
    return "名录" if number == 0 else f"名录{number + 1}"
