"""What the county's own desk keeps beside the submissions: the register of receipts (收件登记) and the list of contacts (附件2)."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Final

from originmap.headers import column_letter
from originmap.rules import Rules
from originmap.sample.county import Ground, Names
from originmap.sample.files import write_file
from originmap.sample.ledger import Ledger
from originmap.sample.notations import Cell
from originmap.sample.sheets import SAMPLE, Grid
from originmap.sample.trades import Dice
from originmap.sample.truth import Truth

RECEIPTS: Final = "收件登记.xlsx"
PLANTING_AREA: Final = "附件5 蔬菜重点监管品种种植面积一览表.xlsx"
CONTACTS: Final = "附件2 工作联系方式.xlsx"
_RECEIPT_HEAD: Final = (
    *("乡镇", "品种", "收到时间", "渠道", "文件", "首报/补报/更正", "全量/增量/无变化/零报告", "盖章件", "登记人"),
)
_CONTACT_HEAD: Final = ("级别", "单位", "角色", "产品", "姓名", "职务", "电话")
_WORDS: Final[Mapping[str, str]] = {
    "first": "首报",
    "supplement": "补报",
    "correction": "更正",
    "full": "全量",
    "increment": "增量",
    "unchanged": "无变化",
    "zero": "零报告",
    "lead": "牵头负责人",
    "keeper": "具体责任人",
    "county": "县",
    "township": "乡镇",
}
_REGISTRAR: Final = "样例员乙"
_CHANNELS: Final = ("微信", "邮箱", "微信群", "政务网", "U盘")
_FIRST_ROW: Final = 3
_NOON: Final = 12
_SUPPLEMENT: Final = "补报/"


@dataclass(frozen=True)
class _Line:
    """One receipt; `shown` is the time as it is typed, `file` what the document is in the folder, empty where it is not there."""

    code: str
    products: tuple[str, ...]
    at: datetime
    document: str
    file: str
    submission: str = "first"
    extent: str = "full"
    shown: Cell = None
    registrar: str = _REGISTRAR
    rules: tuple[tuple[str, str], ...] = field(default=())


def write_receipts(ledger: Ledger, truth: Truth, rules: Rules, round_: str, folder: Path, seed: int) -> None:
    """Write a round's register of receipts, with what registers are like.

    Late by days and by an hour, a day without a time, a time typed as text, nobody's name, a file that is not there because a later one
    came in its stead, a name that several files have, a file that nobody registered, an increment, a zero report, and no change, said
    only after the round's end.
    """
    dice = Dice(seed, 9, int(round_[5:]))
    lines = _plain(ledger, round_, rules, dice)
    lines = _peculiar(lines, {file for *_, file in ledger.zeros}, round_, rules)
    lines += _zero(ledger, round_, lines)
    if round_ != min(key[0] for key in ledger.states):
        lines += _unchanged(ledger, round_, lines)
    lines.sort(key=lambda line: (line.at, line.code, line.document))
    grid_rows: list[list[Cell]] = [[f"收件登记（{round_}）{SAMPLE}", *[None] * 8], list(_RECEIPT_HEAD)]
    due = {code: product.report_by for code, product in rules.products.items()}
    for number, line in enumerate(lines, _FIRST_ROW):
        land, stamped = ledger.lands[line.code], dice.pick(("有", "有", "无", None))
        names = "、".join(rules.products[code].name for code in line.products)
        channel = dice.pick(_CHANNELS)
        said = [_WORDS[line.submission], _WORDS[line.extent], stamped, line.registrar or None]
        grid_rows.append([land.name, names or None, line.shown or line.at, channel, line.document or None, *said])
        late = [code for code in line.products if due[code].isoformat()[:7] == round_ and line.at.date() > due[code]]
        where = {"round": round_, "file": RECEIPTS, "sheet": "收件登记", "row": number}
        known = {"products": ";".join(line.products), "received_at": line.at.isoformat(), "channel": channel}
        about = {
            "document": line.document,
            "document_file": line.file,
            "submission": line.submission,
            "extent": line.extent,
        }
        more = {
            "stamped": {"有": "yes", "无": "no"}.get(stamped or ""),
            "registrar": line.registrar,
            "late": ";".join(late),
        }
        truth.add("receipts", **where, township_code=line.code, **known, **about, **more)
        for rule, letter in line.rules:
            truth.add("mistakes", **where, cell=f"{letter}{number}", rule=rule)
    widths = (10, 30, 18, 8, 44, 14, 24, 8, 10)
    write_file(folder / RECEIPTS, [Grid("收件登记", grid_rows, (1, 2), ((0, 0, 0, 8),), widths)])


def _files(ledger: Ledger, round_: str) -> dict[str, tuple[str, list[str]]]:
    """Return each submitted file's township and products, in the order in which they were written; what is in an archive is that archive."""
    towns: dict[str, Counter[str]] = defaultdict(Counter)
    products: dict[str, dict[str, None]] = defaultdict(dict)
    for row in ledger.collected:
        if row.round == round_:
            name = row.spot[0].partition(".zip/")[0] + (".zip" if ".zip/" in row.spot[0] else "")
            towns[name][row.township] += 1
            products[name][row.product] = None
    return {name: (count.most_common(1)[0][0], list(products[name])) for name, count in towns.items()}


def _plain(ledger: Ledger, round_: str, rules: Rules, dice: Dice) -> list[_Line]:
    """Return a receipt for every file that was sent, on time, in the order of the files."""
    year, month = int(round_[:4]), int(round_[5:])
    last = min(product.report_by for product in rules.products.values() if product.report_by.isoformat()[:7] == round_)
    order = list(rules.products)
    lines = []
    for name, (code, products) in _files(ledger, round_).items():
        at = datetime(year, month, dice.whole(last.day - 7, last.day - 1), dice.whole(8, 17), dice.whole(0, 59))  # noqa: DTZ001 - local
        added = name.startswith(_SUPPLEMENT)
        said = ("supplement", "increment") if added else ("first", "full")
        if added:
            at = datetime(year, month, last.day, 15, 20)  # noqa: DTZ001
        lines.append(_Line(code, tuple(sorted(products, key=order.index)), at, name, name, *said))
    return lines


def _peculiar(lines: Sequence[_Line], zeros: set[str], round_: str, rules: Rules) -> list[_Line]:
    """Return the lines, some of them as a register really has them; files of `zeros` have a second line and stay plain."""
    end = max(product.report_by for product in rules.products.values() if product.report_by.isoformat()[:7] == round_)
    night = datetime(end.year, end.month, end.day) + timedelta(days=1, minutes=47)  # noqa: DTZ001
    names = Counter(PurePosixPath(line.file).name for line in lines)
    made: list[_Line] = []
    turn = 0
    for line in lines:
        base, at = PurePosixPath(line.file).name, line.at
        if line.extent != "full" or ".zip" in line.file or line.file in zeros:
            made.append(line)
            continue
        if names[base] > 1 and line.file != base:
            # Several folders hold a file of this name, and the register does not say which.
            names[base] = 0
            made.append(replace(line, document=base, file="", rules=(("receipt_file_ambiguous", "E"),)))
            continue
        turn += 1
        if turn == 1:
            made.append(replace(line, at=night + timedelta(days=2, hours=9)))
        elif turn == 2:
            made.append(replace(line, at=night))
        elif turn == 3:
            continue  # nobody registered it
        elif turn == 4:
            day = at.replace(hour=0, minute=0)
            made.append(replace(line, at=day, shown=at.date(), rules=(("receipt_time_missing", "C"),)))
        elif turn == 5:
            half = f"上午{at.hour}" if at.hour < _NOON else f"下午{at.hour - _NOON or _NOON}"
            made.append(replace(line, shown=f"{at.year}年{at.month}月{at.day}日 {half}:{at.minute:02d}"))
        elif turn == 6:
            made.append(replace(line, registrar="", rules=(("receipt_unconfirmed", "C"),)))
        elif turn == 7:
            earlier = f"{PurePosixPath(line.file).stem}（旧）.xlsx"
            before = replace(line, at=at - timedelta(days=1, hours=2), document=earlier, file="")
            made.append(replace(before, rules=(("receipt_file_missing", "E"),)))
            made.append(replace(line, submission="correction"))
        elif turn == 8:
            made.append(replace(line, shown=f"{at:%Y-%m-%d %H:%M}"))
        else:
            made.append(line)
    return made


def _zero(ledger: Ledger, round_: str, lines: Sequence[_Line]) -> list[_Line]:
    """Return a receipt for every zero report, of the time of the file that it came in."""
    times = {line.file: line.at for line in lines}
    month = int(round_[5:])
    found = []
    for at_round, code, product, file in ledger.zeros:
        if at_round == round_:
            at = times.get(file, datetime(int(round_[:4]), month, 14, 10, 5))  # noqa: DTZ001
            found.append(_Line(code, (product,), at, file, file, extent="zero"))
    return found


def _unchanged(ledger: Ledger, round_: str, lines: Sequence[_Line]) -> list[_Line]:
    """Return the receipts that say that nothing has changed: of the next month, so that this round does not know them yet."""
    sent = {line.code for line in lines}
    silent = [
        (code, product)
        for (at_round, code, product), state in ledger.states.items()
        if at_round != round_
        and state in ("reported", "zero")
        and ledger.states.get((round_, code, product)) == "not_reported"
    ]
    at = datetime(int(round_[:4]), int(round_[5:]) + 1, 3, 9, 10)  # noqa: DTZ001
    return [_Line(code, (product,), at, "", "", extent="unchanged") for code, product in silent[:2] if code in sent]


# ---- contacts ----

_LEADS: Final = ("副镇长", "党委委员", "副乡长")
_KEEPERS: Final = ("农业服务中心主任", "农技员", "农产品质量监管员")


def write_contacts(
    ledger: Ledger, truth: Truth, rules: Rules, rounds: Sequence[str], folder: Path, names: Names, seed: int
) -> None:
    """Write the list of contacts for every round: one township has no 具体责任人, one has one for each group of products.

    In the last round another township's 具体责任人 has changed.
    """
    dice = Dice(seed, 10)
    groups = {
        kind: tuple(code for code, product in rules.products.items() if product.kind == kind)
        for kind in ("crop", "livestock")
    }
    codes = sorted(ledger.lands)
    without, changed, apart = (codes[at] for at in dice.order(len(codes))[:3])
    used: set[str] = set()

    def person() -> tuple[str, str]:
        while (name := names.stranger(dice)) in used:
            pass
        used.add(name)
        return name, names.spare_phone()

    people: list[tuple[str, str, str, str, tuple[str, ...], tuple[str, str], str]] = [
        ("county", "", "县农业农村局", "lead", (), person(), "副局长"),
        *(
            ("county", "", "县农业农村局", "keeper", group, person(), duty)
            for group, duty in zip(groups.values(), ("种植业股股长", "畜牧兽医股股长"), strict=True)
        ),
    ]
    for code in codes:
        office = f"{ledger.lands[code].name}人民政府"
        lead = [duty for duty in _LEADS if duty[-2] != "镇" or office[-5] == "镇"]
        people.append(("township", code, office, "lead", (), person(), dice.pick(lead)))
        if code == without:
            continue
        people += [
            ("township", code, office, "keeper", group, person(), dice.pick(_KEEPERS))
            for group in (groups.values() if code == apart else ((),))
        ]
    for round_ in rounds:
        if round_ == rounds[-1] and len(rounds) > 1:
            people = [
                (*entry[:5], person(), entry[6]) if entry[1] == changed and entry[3] == "keeper" else entry
                for entry in people
            ]
        rows: list[list[Cell]] = [
            [f"安溪县重点农产品追溯工作联系方式（附件2）{SAMPLE}", *[None] * 6],
            list(_CONTACT_HEAD),
        ]
        for number, (level, code, office, role, products, (name, phone), duty) in enumerate(people, _FIRST_ROW):
            what = "、".join(rules.products[product].name for product in products)
            rows.append([_WORDS[level], office, _WORDS[role], what or None, name, duty, phone])
            where = {"round": round_, "file": CONTACTS, "sheet": "附件2", "row": number, "level": level}
            who = {"township_code": code, "office": office, "role": role, "name": name, "duty": duty, "phone": phone}
            truth.add("contacts", **where, **who, products=";".join(products))
        write_file(
            folder / round_ / CONTACTS, [Grid("附件2", rows, (1, 2), ((0, 0, 0, 6),), (8, 22, 14, 34, 10, 20, 14))]
        )


# ---- planting-area table ----


def write_planting_area(
    lands: Sequence[Ground],
    areas: Mapping[tuple[str, str], float | None],
    wrong: int | None,
    rules: Rules,
    truth: Truth,
    where: tuple[str, Path],
) -> None:
    """Write the table that the county issues (附件5).

    Parameters
    ----------
    lands, areas
        The townships, and by (township code, crop) their areas in 亩, None where left blank.
    wrong
        The township whose 合计 is wrong, None for nobody's.
    rules, truth
        As elsewhere.
    where
        The round and its folder.
    """
    (round_, folder), crops = where, rules.baseline_products
    spot = {"round": round_, "file": PLANTING_AREA, "sheet": "附件5"}
    width = len(crops) + 4
    title = f"安溪县蔬菜重点监管品种种植面积一览表（附件5）{SAMPLE}"
    names = [rules.products[code].name for code in crops]
    rows: list[list[Cell]] = [[title, *[None] * (width - 1)], ["单位：亩", *[None] * (width - 1)]]
    rows.append(["序号", "乡镇", *names, "合计", "备注"])
    for land in lands:
        own = [areas[land.code, code] for code in crops]
        total = round(sum(value or 0 for value in own), 1)
        if land.index == wrong:
            total = round(total + 10, 1)
            cell = f"{column_letter(len(crops) + 2)}{len(rows) + 1}"
            about = {"cell": cell, "row": len(rows) + 1, "rule": "baseline_total_differs", "field": "total"}
            truth.add("mistakes", **spot, **about)
        rows.append([land.index + 1, land.name, *own, total, None])
        for at, (code, value) in enumerate(zip(crops, own, strict=True)):
            cell = f"{column_letter(at + 2)}{len(rows)}"
            who = {"township_code": land.code, "township": land.name, "product": code, "area_mu": value}
            truth.add("planting_area", **spot, cell=cell, **who)
    sums = [round(sum(areas[land.code, code] or 0 for land in lands), 1) for code in crops]
    rows.append([None, "合计", *sums, round(sum(sums), 1), None])
    write_file(folder / PLANTING_AREA, [Grid("附件5", rows, (2, 3), ((0, 0, 0, width - 1),))])
