"""A year of twelve rounds with known changes: every change is found, none invented."""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import changes
from originmap.rounds import earlier_rounds

RECEIPTS = ["乡镇", "品种", "收到时间", "渠道", "文件", "首报/补报/更正", "全量/增量/无变化/零报告", "盖章件", "登记人"]
MONTHS = [f"2023-{month:02d}" for month in range(1, 13)]
TOWNS = ["湖头镇", "感德镇", "官桥镇", "西坪镇"]
SURNAMES, GIVEN = "赵钱孙周吴郑冯陈褚卫蒋沈韩杨朱秦尤许何吕", "树河石云峰泉松竹梅兰菊莲桂柏榕杉枫樟柳桐"


def rows(state: dict[str, dict[str, object]], town: str) -> list[list[object]]:
    return [
        grower(乡镇=town, 村=None, 种养殖主体=name, 联系人=one["contact"], 电话=one["phone"], 种养规模=one["size"], 基地地址=f"{one['plot']}地",
               点位经纬度=f"{one['lon']:.6f},{one['lat']:.6f}", 采集日期=None)
        for name, one in state.items()
    ]  # fmt: skip


class Year:
    """Twelve rounds written as files, and what is known to have changed in each."""

    def __init__(self, base: Path, seed: int) -> None:
        self.base = base
        self.chance = random.Random(seed)  # noqa: S311 - which grower changes is no secret
        self.number = 0
        self.known: dict[str, set[tuple[str, str, str]]] = {month: set() for month in MONTHS}
        self.state = {town: dict(self.someone() for _ in range(6)) for town in TOWNS}
        for at, month in enumerate(MONTHS):
            lines = [self.month(at, month, town) for town in TOWNS]
            write_book(base / month / "收件登记.xlsx", {"R": [RECEIPTS, *lines]})

    def someone(self) -> tuple[str, dict[str, object]]:
        self.number += 1
        n = self.number
        name = SURNAMES[n % 20] + GIVEN[(n * 7) % 20] + GIVEN[(n // 20 + n * 3) % 20]
        one = {
            "contact": name,
            "phone": f"139{n:08d}",
            "size": 2.5 + n % 5,
            "plot": f"第{n}号",
            "lon": 118.05,
            "lat": 25.23,
        }
        return f"{name}{n}号家庭农场", one

    def month(self, at: int, month: str, town: str) -> list[object]:
        """Change a town's growers, write what it sends, return its receipt.

        One town reports in full each month, one sends increments and one says 无变化 but for every fourth month, one reports zero in July.
        """
        here, extent, known = self.state[town], "全量", self.known[month]
        sent = here
        if at and town == "官桥镇" and at % 4:
            extent = "无变化"
        elif town == "西坪镇" and at == 6:
            extent = "零报告"
            known |= {("gone", town, name) for name in here}
            self.state[town] = {}
        elif town == "西坪镇" and at == 7:
            here |= dict(self.someone() for _ in range(3))
            known |= {("new", town, name) for name in here}
        elif at:
            touched = self.touch(here, town, known, vanish=town != "感德镇")
            if town == "感德镇" and at % 4:
                extent, sent = "增量", touched
        file = f"{town}{month}.xlsx" if extent in ("全量", "增量") else None
        if file:
            write_book(self.base / month / file, {"S": collection_sheet(*rows(sent, town))})
        return [town, "豇豆", f"{month}-10 09:00", "微信", file, "首报", extent, None, "林登记"]

    def touch(
        self, here: dict[str, dict[str, object]], town: str, known: set[tuple[str, str, str]], *, vanish: bool
    ) -> dict[str, dict[str, object]]:
        """Let one grow, one shrink, one move, one vanish (an increment cannot make anybody vanish), and one come."""
        touched = {}
        for kind, name in zip(
            ("grown", "shrunk", "moved", "gone"), self.chance.sample(sorted(here), min(4, len(here))), strict=False
        ):
            if kind == "gone" and (not vanish or len(here) < 4):
                continue
            known.add((kind, town, name))
            if kind == "gone":
                del here[name]
                continue
            one = here[name]
            one["size"] = float(one["size"]) + {"grown": 1.5, "shrunk": -0.4}.get(kind, 0)  # type: ignore[arg-type]
            one["lat"] = float(one["lat"]) + (0.002 if kind == "moved" else 0)  # type: ignore[arg-type]
            touched[name] = one
        name, one = self.someone()
        here[name] = touched[name] = one
        known.add(("new", town, name))
        return touched


def test_every_change_of_a_year_is_found_and_none_invented(tmp_path: Path) -> None:
    known = Year(tmp_path, 1).known
    opened = [om.open_round(tmp_path / month) for month in MONTHS]
    kinds = set()
    for before, after in itertools.pairwise(opened):
        found = changes.changes(before, after)
        named = found["subject_before"].fillna(found["subject_after"])
        said = {
            (change, town, name)
            for change, town, name in zip(found["change"], found["township"], named, strict=True)
            if change != "unchanged"
        }
        assert said == known[after.name], after.name
        kinds |= {change for change, _, _ in said}
        assert found[found["change"] != "new"]["cell_before"].notna().all()
        assert found[found["change"] != "gone"]["cell_after"].notna().all()
        # Everybody of either round stands once for each thing that happened to them.
        assert set(named) == set(before.records.query("status == 'accepted'")["subject_name"]) | set(after.records.query("status == 'accepted'")["subject_name"])  # fmt: skip
    assert kinds == {"new", "gone", "grown", "shrunk", "moved"}
    line = changes.series(opened)
    assert line["round"].unique().tolist() == MONTHS
    towns = line[line["product"] == "cowpea"].pivot_table(index="round", columns="township", values="subjects")
    assert towns.loc["2023-07", "西坪镇"] == 0
    assert towns.loc["2023-08", "西坪镇"] == 3
    last = opened[-1].records.query("status == 'accepted'")
    for town in TOWNS:
        assert towns.loc["2023-12", town] == last[last["township"] == town]["subject_name"].nunique()
    # Nobody has spoken of celery: not zero.
    assert line.loc[line["product"] == "celery", "value"].isna().all()


def two(
    tmp_path: Path, before: Sequence[Sequence[object]], after: Sequence[Sequence[object]]
) -> tuple[om.Round, om.Round]:
    write_book(tmp_path / "2023-02" / "二月.xlsx", {"S": collection_sheet(*before)})
    write_book(tmp_path / "2023-03" / "三月.xlsx", {"S": collection_sheet(*after)})
    return om.open_round(tmp_path / "2023-02"), om.open_round(tmp_path / "2023-03")


def test_cells_stand_on_both_sides(tmp_path: Path) -> None:
    found = changes.changes(*two(tmp_path, [grower(种养殖主体="甲一"), grower(种养殖主体="乙二", 电话="13900000002", 基地地址="他处")],
                                 [grower(种养殖主体="丙三", 电话="13900000003", 基地地址="别处"), grower(种养殖主体="甲一", 种养规模=4)]))  # fmt: skip
    shown = (
        found[["change", "subject_before", "subject_after", "size_before", "size_after", "cell_before", "cell_after"]]
        .astype("object")
        .fillna("")
    )
    assert sorted(shown.to_numpy().tolist(), key=str) == [
        ["gone", "乙二", "", 2.5, "", "二月.xlsx〔S〕I4", ""],
        ["grown", "甲一", "甲一", 2.5, 4.0, "二月.xlsx〔S〕I3", "三月.xlsx〔S〕I4"],
        ["new", "", "丙三", "", 2.5, "", "三月.xlsx〔S〕I3"],
    ]


def test_a_name_written_otherwise_is_renamed_not_gone_and_new(tmp_path: Path) -> None:
    before, after = two(
        tmp_path, [grower(种养殖主体="安溪县绿园蔬菜农民专业合作社")], [grower(种养殖主体="绿园合作社")]
    )
    found = changes.changes(before, after)
    assert found["change"].tolist() == ["renamed"]
    assert found[["cell_before", "cell_after"]].to_numpy().tolist() == [["二月.xlsx〔S〕D3", "三月.xlsx〔S〕D3"]]


def test_a_product_that_nobody_speaks_of_has_not_vanished(tmp_path: Path) -> None:
    before, after = two(tmp_path, [grower(), grower(产品名称="芹菜")], [grower()])
    found = changes.changes(before, after)
    assert found["change"].tolist() == ["unchanged"]
    said = changes.compared(before, after)
    here = said[said["township"] == "湖头镇"].set_index("product")["compared"]
    assert here[["cowpea", "celery", "pig"]].tolist() == ["yes", "not_now", "neither"]


def test_a_row_that_waits_for_correction_is_not_gone(tmp_path: Path) -> None:
    found = changes.changes(*two(tmp_path, [grower()], [grower(种养规模="若干")]))
    assert found["change"].tolist() == ["unchanged"]
    assert found["size_after"].isna().all()


def test_alerts_tell_who_vanished_and_what_changed(tmp_path: Path) -> None:
    before, after = two(
        tmp_path, [grower(), grower(种养殖主体="走了", 电话="13900000009", 基地地址="远处")], [grower(种养规模=5)]
    )
    found = om.alerts.alerts(after, changes=changes.changes(before, after), before=before)
    gone = found[found["alert"] == "vanished"]
    assert gone[["township", "product", "count", "cells"]].to_numpy().tolist() == [
        ["湖头镇", "cowpea", 1, "二月.xlsx〔S〕I4"]
    ]
    assert found.loc[found["alert"] == "changed", "what"].item() == "与上一批次相比增大 1：林小样"


def test_without_a_round_before_there_is_nothing_to_compare(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-03" / "三月.xlsx", {"S": collection_sheet(grower())})
    (tmp_path / "2023-02").mkdir()
    round_ = om.open_round(tmp_path / "2023-03")
    assert earlier_rounds(round_) == []
    assert len(changes.series([round_])) == 24 * 8
    assert isinstance(changes.series([]), pd.DataFrame)


def test_little_maps_show_the_series_and_tell_unknown_from_zero(tmp_path: Path) -> None:
    before, after = two(tmp_path, [grower(), grower(乡镇="感德镇", 种养殖主体="乙", 种养规模=10)], [grower(种养规模=5)])
    line = changes.series([before, after])
    plan = om.multiples.plan(line, after.places, "cowpea")
    assert len(plan) == 48
    by = plan.set_index(["round", "township"])
    assert by.loc[("2023-03", "感德镇"), "kind"] == "unknown"
    # One scale over all rounds: 10 亩 is four times 2.5.
    assert by.loc[("2023-02", "感德镇"), "area_pt2"] == 4 * by.loc[("2023-02", "湖头镇"), "area_pt2"]
    assert om.multiples.shown([plan])[["with_value", "zero_reports", "unknown", "total"]].to_numpy().tolist() == [
        [2, 0, 22, 12.5],
        [1, 0, 23, 5.0],
    ]
    figure = om.multiples.maps(line, after.places, after.rules, om.figures.furniture(after), product="cowpea")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "2023-02　12.5亩（2/24 个乡镇）" in texts
    assert "没有报（不是 0）" in texts
    public = om.figures.furniture(after, profile="public")
    with pytest.raises(ValueError, match="内部版"):
        om.multiples.maps(line, after.places, after.rules, public, product="cowpea")
    (folder := tmp_path / "out").mkdir()
    assert [
        path.name for path in om.outgoing.write_multiples(after, folder, earlier=om.rounds.earlier_rounds(after))
    ] == ["分批次_豇豆.png"]
