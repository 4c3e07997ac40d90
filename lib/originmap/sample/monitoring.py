"""What other systems say of the county's subjects: entries on the national platform (国家追溯平台) and rapid tests (快检结果)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from originmap.rules import Rules
from originmap.sample.county import Names
from originmap.sample.files import write_file
from originmap.sample.ledger import InSheet, Ledger, standing, told
from originmap.sample.notations import Cell
from originmap.sample.sheets import SAMPLE, Grid
from originmap.sample.trades import Dice
from originmap.sample.truth import Truth

EXPORT, COUNTS, TESTS = "国家追溯平台导出.xlsx", "平台已录入数.xlsx", "快检结果.xlsx"
_FIRST_ROW: Final = 3
_MOST_ENTRIES: Final = 300
_SAMPLES: Final = 150
_FAILED: Final = 6
_UNITS: Final = {"mu": "亩", "head": "头", "bird": "只"}
_ITEMS: Final[Mapping[str, tuple[tuple[str, str, float], ...]]] = {
    # What is tested, in which unit, and the limit.
    "crop": (("农药残留（酶抑制率）", "%", 50.0), ("毒死蜱", "mg/kg", 0.02), ("克百威", "mg/kg", 0.02)),
    "livestock": (("氯霉素", "μg/kg", 0.1), ("恩诺沙星", "μg/kg", 100.0), ("克伦特罗", "μg/kg", 0.5)),
}
Row = list[Cell]
Subjects = dict[tuple[str, str], list[tuple[InSheet, float]]]


def _subjects(ledger: Ledger, round_: str, rules: Rules) -> Subjects:
    """Return by township and product who was collected, each with a first row and the standing size; buyers are left out."""
    rows: dict[tuple[str, str, str], list[InSheet]] = defaultdict(list)
    for row in ledger.collected:
        if row.round == round_ and row.status == "accepted" and not row.buyer:
            rows[row.township, row.product, row.holder].append(row)
    found: Subjects = defaultdict(list)
    for (code, product, _), own in sorted(rows.items()):
        found[code, product].append((own[0], standing(own, crop=rules.products[product].kind == "crop")))
    return found


def write_uploads(
    ledger: Ledger, truth: Truth, rules: Rules, round_: str, folder: Path, names: Names, seed: int
) -> None:
    """Write what stands on the platform: an export for a third of the townships, counts typed by hand for another, nothing for the rest.

    Some subjects are not entered yet, some entered under another spelling, two are known to the platform alone; the first township with an export is
    late with its crops.
    """
    dice = Dice(seed, 11, int(round_[5:]))
    subjects = _subjects(ledger, round_, rules)
    entries: list[tuple[str, str, InSheet | None, str, float, bool]] = []
    codes = sorted({code for code, _ in subjects})
    turns = Dice(seed, 11).order(len(ledger.lands))
    ranked = [sorted(ledger.lands)[at] for at in turns]
    ranked = [code for code in ranked if code in codes]
    exported, counted = ranked[: len(ranked) // 3], ranked[len(ranked) // 3 : 2 * len(ranked) // 3]
    head = ["序号", "乡镇", "主体", "产品", "规模", "录入时间"]
    rows: list[Row] = [[f"国家追溯平台已录入信息（导出）{SAMPLE}", *[None] * 5], list(head)]
    for code in exported:
        for product in rules.products:
            for row, size in subjects.get((code, product), []):
                if dice.chance(0.85) and len(entries) < _MOST_ENTRIES:
                    entries.append(
                        (code, product, row, row.written if dice.chance(0.5) else row.name, size, code == exported[0])
                    )
    if exported and entries:
        code, product = entries[0][:2]
        size = rules.products[product].threshold * 2
        entries += [(code, product, None, names.stranger(dice), size, False) for _ in range(2)]
    for number, (code, product, known, name, size, late) in enumerate(entries, _FIRST_ROW):
        by = rules.products[product].upload_by
        day = by - timedelta(days=dice.whole(0, 8)) if not late else by + timedelta(days=dice.whole(1, 3))
        day = min(day, date(int(round_[:4]), int(round_[5:]), 28))
        unit = _UNITS[rules.products[product].unit]
        rows.append(
            [
                number - _FIRST_ROW + 1,
                ledger.lands[code].name,
                name,
                rules.products[product].name,
                f"{size:g}{unit}",
                day,
            ]
        )
        where = {
            "round": round_,
            "file": EXPORT,
            "sheet": "导出",
            "row": number,
            "township_code": code,
            "product": product,
        }
        at = {"subject_name": known.name if known else name, "subject_written": name}
        at["collected_at"] = told([known.spot]) if known else ""
        truth.add("uploads", **where, basis="entry", size_value=size, uploaded_on=day.isoformat(), **at)
    write_file(folder / EXPORT, [Grid("导出", rows, (1, 2), ((0, 0, 0, 5),), (6, 10, 30, 10, 10, 12))])
    _write_counts(subjects, counted, ledger, truth, rules, (round_, folder, dice))


def _write_counts(
    subjects: Subjects,
    counted: Sequence[str],
    ledger: Ledger,
    truth: Truth,
    rules: Rules,
    where: tuple[str, Path, Dice],
) -> None:
    round_, folder, dice = where
    rows: list[Row] = [[f"各乡镇平台已录入数（人工统计）{SAMPLE}", None, None], ["乡镇", "产品", "已录入数"]]
    for code in sorted(counted):
        for product in rules.products:
            known = len(subjects.get((code, product), []))
            if not known:
                continue
            count = known if dice.chance(0.5) else dice.whole(0, known)
            rows.append([ledger.lands[code].name, rules.products[product].name, count])
            spot = {"round": round_, "file": COUNTS, "sheet": "录入数", "row": len(rows)}
            truth.add("uploads", **spot, township_code=code, product=product, basis="count", count=count)
    write_file(folder / COUNTS, [Grid("录入数", rows, (1, 2), ((0, 0, 0, 2),), (10, 10, 10))])


def write_rapid_tests(
    ledger: Ledger, truth: Truth, rules: Rules, round_: str, folder: Path, names: Names, seed: int
) -> None:
    """Write 150 rapid tests, six of them failed (in a small county as many as it has subjects); a few subjects are nobody's that was collected."""
    dice = Dice(seed, 12)
    every = [(row, size) for own in _subjects(ledger, round_, rules).values() for row, size in own]
    chosen = [every[at][0] for at in dice.order(len(every))[:_SAMPLES]]
    head = ["样品编号", "乡镇", "主体", "产品", "抽样日期", "检测项目", "结果", "检测值", "单位", "备注"]
    rows: list[Row] = [[f"农产品快检结果（{round_}）{SAMPLE}", *[None] * 9], list(head)]
    wrong = {_FIRST_ROW + at for at in dice.order(len(chosen))[:_FAILED]}
    for number, row in enumerate(chosen, _FIRST_ROW):
        product = rules.products[row.product]
        item, unit, limit = dice.pick(_ITEMS[product.kind])
        failed = number in wrong
        value = round(limit * dice.between(1.1, 1.8), 3) if failed else round(limit * dice.between(0.02, 0.7), 3)
        stranger = number % 37 == 0
        name = names.stranger(dice) if stranger else row.written if dice.chance(0.3) else row.name
        day = date(int(round_[:4]), int(round_[5:]), dice.whole(1, 28))
        result = "不合格" if failed else "合格"
        shown = "未检出" if not failed and dice.chance(0.2) else value
        code = f"样KJ{round_[5:]}-{number - _FIRST_ROW + 1:03d}"
        remark = "已责令停售，重新采样" if failed else None
        land = ledger.lands[row.township].name
        rows.append([code, land, name, product.name, day, item, result, shown, unit, remark])
        where = {"round": round_, "file": TESTS, "sheet": "快检结果", "row": number, "sample_id": code}
        who = {"township_code": row.township, "subject_name": name if stranger else row.name, "subject_written": name}
        what = {"product": row.product, "sampled_on": day.isoformat(), "item": item, "unit": unit, "remark": remark}
        at = "" if stranger else told([row.spot])
        got = {
            "result": "fail" if failed else "pass",
            "value": None if shown == "未检出" else value,
            "collected_at": at,
        }
        truth.add("rapid_tests", **where, **who, **what, **got)
    widths = (14, 10, 28, 8, 12, 22, 8, 10, 8, 24)
    write_file(folder / TESTS, [Grid("快检结果", rows, (1, 2), ((0, 0, 0, 9),), widths)])
