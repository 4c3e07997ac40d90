"""Progress and alerts at every moment that matters, worked out by hand."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from books import area_sheet, collection_sheet, grower, write_book

import originmap as om
from originmap import alerts, progress

RECEIPTS = ["乡镇", "品种", "收到时间", "渠道", "文件", "首报/补报/更正", "全量/增量/无变化/零报告", "盖章件", "登记人"]
CONTACTS = ["级别", "单位", "角色", "产品", "姓名", "职务", "电话"]
UPLOADS = ["乡镇", "主体", "产品", "规模", "录入时间"]
REGISTRY = ["乡镇", "村", "主体名称", "主体类型", "联系人", "电话", "品种", "规模", "单位", "地址"]
PIG = {"产品名称": "生猪", "种养规模": "60头", "生产方式": None, "茬次": None, "追溯方式": "动物检疫合格证"}


def rows(town: str, *names: str, **more: object) -> list[list[object]]:
    return [
        grower(乡镇=town, 种养殖主体=name, 村=None, 基地地址=f"{name}地", 点位经纬度=None, **more) for name in names
    ]


def receipt(
    town: str, product: str | None, at: str | None, file: str | None, extent: str | None = None
) -> list[object]:
    return [town, product, at, "微信", file, "首报", extent, None, "林登记"]


def put(folder: Path, files: dict[str, Sequence[Sequence[object]]], lines: Sequence[Sequence[object]] = ()) -> Path:
    for name, content in files.items():
        write_book(folder / name, {"S": collection_sheet(*content)})
    if lines:
        write_book(folder / "收件登记.xlsx", {"R": [RECEIPTS, *lines]})
    return folder


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """February: cowpea is due; March: celery. Five townships do five different things, nineteen nothing."""
    base = tmp_path_factory.mktemp("county")
    put(
        base / "2023-02",
        {
            "湖头.xlsx": rows("湖头镇", "甲", "乙"),
            "感德.xlsx": rows("感德镇", "丙", "丁"),
            "官桥.xlsx": rows("官桥镇", "戊"),
        },
        [
            receipt("湖头镇", "豇豆", "2023-02-17 16:59", "湖头.xlsx"),
            receipt("感德镇", "豇豆", "2023-02-17 17:01", "感德.xlsx"),
            receipt("官桥镇", "豇豆", "2023-02-18 09:00", "官桥.xlsx"),
            receipt("西坪镇", "豇豆", "2023-02-16 09:00", None, "零报告"),
            receipt("蓬莱镇", "豇豆", "2023-02-15 09:00", "扫描.pdf"),
        ],
    )
    (base / "2023-02" / "扫描.pdf").write_bytes(b"%PDF-1.4")
    entries = [
        ["湖头镇", "甲", "豇豆", "2.5亩", "2023-02-20 10:00"],
        ["感德镇", "丁", "豇豆", "2.5亩", "2023-02-26 08:00"],
    ]
    write_book(base / "2023-02" / "平台导出.xlsx", {"U": [UPLOADS, *entries]})
    celery = {"产品名称": "芹菜"}
    put(
        base / "2023-03",
        {
            "湖头3.xlsx": rows("湖头镇", "甲", **celery),
            "感德3.xlsx": rows("感德镇", "丙", **celery),
            "官桥3.xlsx": rows("官桥镇", "戊", **PIG),
        },
        [
            receipt("湖头镇", "芹菜", "2023-03-15 23:59", "湖头3.xlsx"),
            receipt("感德镇", "芹菜", "2023-03-16 00:01", "感德3.xlsx"),
        ],
    )
    write_book(base / "2023-03" / "平台导出.xlsx", {"U": [UPLOADS, ["湖头镇", "别人", "芹菜", None, "2023-03-20"]]})
    return base


FEBRUARY_16 = {("zero", "on_time"): 1, ("unread", "on_time"): 1, ("not_reported", "pending"): 22}
FEBRUARY_17 = {
    ("reported", "on_time"): 2,
    ("zero", "on_time"): 1,
    ("unread", "on_time"): 1,
    ("not_reported", "pending"): 20,
}
FEBRUARY_18 = {
    ("reported", "on_time"): 2, ("reported", "late"): 1, ("zero", "on_time"): 1, ("unread", "on_time"): 1, ("not_reported", "overdue"): 19,
}  # fmt: skip
AFTER = {"not_submitted": 19, "late": 1, "unread": 1}
MARCH_16 = {("reported", "on_time"): 1, ("reported", "late"): 1, ("not_reported", "overdue"): 22}


@pytest.mark.parametrize(
    ("name", "product", "as_of", "states", "told"),
    [
        ("2023-02", "cowpea", "2023-02-16", FEBRUARY_16, {"unread": 1}),
        ("2023-02", "cowpea", "2023-02-17", FEBRUARY_17, {"unread": 1}),
        ("2023-02", "cowpea", "2023-02-18", FEBRUARY_18, AFTER),
        ("2023-02", "cowpea", "2023-02-24", FEBRUARY_18, AFTER),
        ("2023-02", "cowpea", "2023-02-25", FEBRUARY_18, AFTER),
        ("2023-02", "cowpea", "2023-02-26", FEBRUARY_18, {**AFTER, "not_uploaded": 3}),
        ("2023-03", "celery", "2023-03-14", {("not_reported", "pending"): 24}, {}),
        ("2023-03", "celery", "2023-03-15", {("reported", "on_time"): 1, ("not_reported", "pending"): 23}, {}),
        ("2023-03", "celery", "2023-03-16", MARCH_16, {"not_submitted": 22, "late": 1}),
        ("2023-03", "celery", "2023-03-24", MARCH_16, {"not_submitted": 22, "late": 1}),
        ("2023-03", "celery", "2023-03-25", MARCH_16, {"not_submitted": 22, "late": 1}),
        ("2023-03", "celery", "2023-03-26", MARCH_16, {"not_submitted": 22, "late": 1, "not_uploaded": 2}),
        ("2023-02", "celery", "2023-02-28", {("not_due", ""): 24}, {}),
    ],
)  # fmt: skip
def test_three_days_around_each_date(
    county: Path, name: str, product: str, as_of: str, states: dict[tuple[str, str], int], told: dict[str, int]
) -> None:
    round_ = om.open_round(county / name, as_of=as_of)
    found = progress.status(round_)
    here = found[found["product"] == product]
    assert Counter(zip(here["progress"], here["timeliness"], strict=True)) == states
    about = alerts.alerts(round_, found)
    assert about.loc[about["product"] == product, "alert"].value_counts().to_dict() == told


@pytest.mark.parametrize(
    ("as_of", "states", "sums"),
    [
        ("2023-02-17 16:59", {("reported", "on_time"): 1, ("zero", "on_time"): 1, ("unread", "on_time"): 1, ("not_reported", "pending"): 21}, [24, 1, 1, 2, 0]),
        ("2023-02-17 17:00", {("reported", "on_time"): 1, ("zero", "on_time"): 1, ("unread", "on_time"): 1, ("not_reported", "pending"): 21}, [24, 1, 1, 2, 0]),
        ("2023-02-17 17:01", {("reported", "on_time"): 1, ("reported", "late"): 1, ("zero", "on_time"): 1, ("unread", "on_time"): 1, ("not_reported", "overdue"): 20}, [24, 2, 1, 4, 0]),
    ],
)  # fmt: skip
def test_a_deadline_at_five(
    county: Path, tmp_path: Path, as_of: str, states: dict[tuple[str, str], int], sums: list[int]
) -> None:
    rules = tmp_path / "五点.toml"
    rules.write_text("[products.cowpea]\nreport_by = 2023-02-17T17:00:00\n", encoding="utf-8")
    round_ = om.open_round(county / "2023-02", as_of=as_of, rules=rules)
    found = progress.status(round_)
    here = found[found["product"] == "cowpea"]
    assert Counter(zip(here["progress"], here["timeliness"], strict=True)) == states
    total = progress.table(round_, found).iloc[-1]
    assert total[["应报品种", "已报", "零报告", "附件1条数", "待更正"]].tolist() == sums
    said = progress.sentence(round_, found)
    assert said.startswith("截至2月17日（周五）1")
    # Five o'clock itself is on time, and is named; a minute later it lies behind.
    assert ("请于2月17日（周五）17时前报送" in said) == (as_of != "2023-02-17 17:01")


def test_the_table_by_hand(county: Path) -> None:
    write_book(county / "2023-02" / "附件2.xlsx", {"S": [CONTACTS, ["乡镇", "湖头镇", "具体责任人", "芹菜", "另一人", None, "13900000008"], ["乡镇", "湖头镇", "具体责任人", None, "林办", None, "13900000009"]]})  # fmt: skip
    round_ = om.open_round(county / "2023-02", as_of="2023-02-26")
    found = progress.status(round_)
    table = progress.table(round_, found)
    assert list(table.columns) == progress.TABLE_HEADER
    shown = table.set_index("乡镇").astype("object").fillna("—")
    hutou, gande, guanqiao, xiping, penglai = (
        shown.loc[name] for name in ("湖头镇", "感德镇", "官桥镇", "西坪镇", "蓬莱镇")
    )
    assert hutou.tolist()[1:] == [1, 1, 0, "—", 2, 0, 1, 1, "2月17日 16:59", "林办 13900000009"]
    assert gande.tolist()[1:-1] == [1, 1, 0, "—", 2, 0, 1, 1, "2月17日 17:01"]
    assert guanqiao.tolist()[1:-1] == [1, 1, 0, "—", 1, 0, 0, 1, "2月18日 09:00"]
    assert xiping.tolist()[1:-1] == [1, 0, 1, "—", 0, 0, 0, 0, "2月16日 09:00"]
    assert penglai.tolist()[1:-1] == [1, 0, 0, "豇豆（已来件未能读取）", 0, 0, 0, 0, "2月15日 09:00"]
    assert shown.loc["凤城镇"].tolist()[1:] == [1, 0, 0, "豇豆", "—", "—", "—", "—", "—", "—"]
    assert shown.loc["合计"].tolist()[1:9] == [24, 3, 1, "20 个", 5, 0, 2, 3]
    assert progress.responsible(round_, "350524102", "celery") == "另一人 13900000008"
    said = progress.sentence(round_, found)
    assert said.startswith(
        "截至2月26日（周日），安溪县 24 个乡镇中，应报品种全部报齐 4 个、部分报送 0 个、没有报送 20 个"
    )
    assert "迟报 1 个乡镇 1 个品种：官桥镇（豇豆）" in said
    assert "已来件未能读取：蓬莱镇" in said
    assert said.endswith("待更正 0 条；平台未录入 3 条。")


def test_the_ranking_shows_its_parts(county: Path) -> None:
    round_ = om.open_round(county / "2023-02", as_of="2023-02-26")
    ranked = progress.ranking(round_, progress.status(round_)).set_index("township")
    assert list(progress.RANK_COLUMNS[:3]) == ["rank", "township_code", "township"]
    parts = ["on_time_share", "completeness", "correctness", "rating"]
    assert ranked.loc["湖头镇", parts].tolist() == [1.0, 1.0, 1.0, 100.0]
    assert ranked.loc["官桥镇", parts].tolist() == [0.0, 1.0, 1.0, 66.7]
    # No rows: nothing is said of correctness, and nothing made up.
    assert ranked.loc["西坪镇", parts].fillna(-1).tolist() == [1.0, 1.0, -1, 100.0]
    assert ranked.loc["蓬莱镇", parts].fillna(-1).tolist() == [1.0, 0.0, -1, 50.0]
    assert ranked.loc["凤城镇", parts].fillna(-1).tolist() == [0.0, 0.0, -1, 0.0]
    assert ranked.loc[["湖头镇", "西坪镇", "感德镇"], "rank"].tolist() == [1, 1, 1]


def test_weights_are_rules(county: Path, tmp_path: Path) -> None:
    rules = tmp_path / "w.toml"
    rules.write_text(
        "[progress]\nweights = { timeliness = 0, completeness = 3.0, correctness = 1.0 }\n", encoding="utf-8"
    )
    round_ = om.open_round(county / "2023-02", as_of="2023-02-26", rules=rules)
    ranked = progress.ranking(round_, progress.status(round_)).set_index("township")
    assert ranked.loc["官桥镇", "rating"] == 100.0
    rules.write_text(
        "[progress]\nweights = { timeliness = -1, completeness = 3.0, correctness = 1.0 }\n", encoding="utf-8"
    )
    with pytest.raises(om.rules.RulesError, match=r"progress\.weights"):
        om.open_round(county / "2023-02", rules=rules)


def test_a_date_of_an_earlier_month_was_met_in_that_months_round(county: Path) -> None:
    found = progress.status(om.open_round(county / "2023-03", as_of="2023-03-31"))
    cowpea = found[found["product"] == "cowpea"].set_index("township")
    assert cowpea["progress"].unique().tolist() == ["not_reported"]
    towns = ["湖头镇", "感德镇", "官桥镇", "西坪镇", "蓬莱镇", "凤城镇"]
    assert cowpea.loc[towns, "timeliness"].tolist() == ["on_time", "on_time", "late", "on_time", "on_time", "overdue"]
    assert cowpea.loc[towns, "earlier_round"].fillna("").tolist() == ["2023-02"] * 5 + [""]
    pig = found[found["product"] == "pig"].set_index("township")
    assert pig.loc["官桥镇", ["progress", "timeliness"]].tolist() == ["reported", "unregistered"]


def test_without_receipts_nothing_is_late(tmp_path: Path) -> None:
    round_ = om.open_round(
        put(tmp_path / "2023-03", {"a.xlsx": rows("湖头镇", "甲", 产品名称="芹菜")}), as_of="2023-03-31"
    )
    found = progress.status(round_)
    assert set(found["timeliness"]) == {"unregistered", "overdue", ""}
    # There is no February here: nobody can tell who was late with cowpea.
    assert set(found.loc[found["product"] == "cowpea", "timeliness"]) == {""}
    assert "late" not in set(alerts.alerts(round_, found)["alert"])
    assert "没有登记收到时间，未判迟早" in progress.sentence(round_, found)


def test_later_rounds_are_late_by_dates_that_somebody_set(tmp_path: Path) -> None:
    lines = [receipt("湖头镇", "芹菜", "2023-05-20 09:00", "a.xlsx")]
    folder = put(tmp_path / "2023-05", {"a.xlsx": rows("湖头镇", "甲", 产品名称="芹菜")}, lines)
    found = progress.status(om.open_round(folder))
    assert set(found["timeliness"]) == {""}
    (folder / "round.toml").write_text(
        "[products.celery]\nreport_by = 2023-05-15\nupload_by = 2023-05-25\n", encoding="utf-8"
    )
    round_ = om.open_round(folder)
    found = progress.status(round_)
    celery = found[found["product"] == "celery"].set_index("township")["timeliness"]
    assert celery["湖头镇"] == "late"
    assert (celery == "overdue").sum() == 23
    assert set(found.loc[found["product"] != "celery", "timeliness"]) == {""}
    assert set(alerts.alerts(round_, found).query("alert == 'not_submitted'")["product"]) == {"celery"}


def test_typed_counts_are_labelled_and_what_is_not_known_is_not_zero(tmp_path: Path) -> None:
    folder = put(
        tmp_path / "2023-03",
        {"a.xlsx": rows("湖头镇", "甲", "乙", "丙", 产品名称="芹菜") + rows("感德镇", "丁", 产品名称="芹菜")},
    )
    write_book(folder / "已录入.xlsx", {"U": [["乡镇", "产品", "已录入数"], ["湖头镇", "芹菜", 2]]})
    round_ = om.open_round(folder, as_of="2023-03-26")
    found = progress.status(round_)
    celery = found[found["product"] == "celery"].set_index("township")
    assert celery.loc["湖头镇", ["records", "uploaded", "not_uploaded", "upload_basis"]].tolist() == [3, 2, 1, "count"]
    assert celery.loc["感德镇", "upload_basis"] == ""
    assert pd.isna(celery.loc["感德镇", "uploaded"])
    about = alerts.alerts(round_, found)
    assert "手工计数" in about.loc[about["alert"] == "not_uploaded", "what"].item()
    assert about.loc[about["alert"] == "upload_unknown", "count"].item() == 1


def test_an_export_matches_names_as_they_are_written(tmp_path: Path) -> None:
    two = rows("湖头镇", "安溪县绿园农民专业合作社", 产品名称="芹菜")
    two.append(
        grower(
            乡镇="湖头镇", 种养殖主体="安溪县绿园农民专业合作社", 产品名称="芹菜", 基地地址="另一块地", 点位经纬度=None
        )
    )
    folder = put(tmp_path / "2023-03", {"a.xlsx": two})
    write_book(folder / "导出.xlsx", {"U": [UPLOADS, ["湖头镇", "绿园合作社", "西芹", "2.5", "2023-03-10"]]})
    found = progress.status(om.open_round(folder, as_of="2023-03-26"))
    row = found[(found["product"] == "celery") & (found["township"] == "湖头镇")].iloc[0]
    assert row[["records", "uploaded", "not_uploaded", "upload_basis"]].tolist() == [2, 1, 1, "entry"]
    others = found[(found["product"] == "cowpea") & (found["township"] == "湖头镇")].iloc[0]
    assert pd.isna(others["uploaded"])


# ---- the other alerts ----


def told(round_: om.Round, alert: str) -> pd.DataFrame:
    found = alerts.alerts(round_)
    return found[found["alert"] == alert].reset_index(drop=True)


def test_livestock_with_nothing_dated_this_month_or_the_last(tmp_path: Path) -> None:
    content = rows("湖头镇", "旧户", 采集日期="2023-01-31", **PIG) + rows(
        "湖头镇", "新户", 采集日期="2023-02-01", **PIG
    )
    # A herd of which one row is new is current.
    content += rows("湖头镇", "两行", 采集日期="2022-12-01", **PIG) + rows(
        "湖头镇", "两行", 采集日期="2023-03-01", **PIG
    )
    folder = put(tmp_path / "2023-03", {"a.xlsx": content})
    (row,) = told(om.open_round(folder), "livestock_stale").to_dict("records")
    assert (row["product"], row["count"], row["cells"], row["since"]) == (
        "pig",
        1,
        "a.xlsx〔S〕Q3",
        pd.Timestamp(2023, 1, 31),
    )
    assert "旧户" in row["what"]
    assert told(om.open_round(folder, as_of="2023-02-28"), "livestock_stale").empty
    assert told(om.open_round(folder, as_of="2023-05-01"), "livestock_stale")["count"].tolist() == [3]


def test_crops_collected_after_their_market_start_or_past_their_window(tmp_path: Path) -> None:
    window = "预计上市时间/下市时间"
    content = [
        *rows("湖头镇", "晚采", 采集日期="2023-03-05", **{window: "2月-5月"}),
        *rows("湖头镇", "当天", 采集日期="2023-03-01", **{window: "3月-5月"}),
        *rows("湖头镇", "过期", 采集日期="2022-12-01", **{window: "2023年1月-2月"}),
        *rows("湖头镇", "换茬", 采集日期="2022-12-01", **{window: "2023年1月-2月"}),
        *rows("湖头镇", "换茬", 采集日期="2023-03-01", 茬次="第二茬", **{window: "5月-7月"}),
    ]
    folder = put(tmp_path / "2023-03", {"a.xlsx": content})
    round_ = om.open_round(folder)
    late, past = told(round_, "collected_late"), told(round_, "crop_past")
    assert late[["count", "cells"]].to_numpy().tolist() == [[1, "a.xlsx〔S〕Q3"]]
    assert past[["count", "cells"]].to_numpy().tolist() == [[1, "a.xlsx〔S〕L5"]]
    assert past["since"].item() == pd.Timestamp(2023, 2, 28)
    assert told(om.open_round(folder, as_of="2023-02-28"), "crop_past").empty


def test_registered_but_missing_and_zero_against_the_table(tmp_path: Path) -> None:
    folder = put(
        tmp_path / "2023-03", {"a.xlsx": rows("湖头镇", "甲", 产品名称="芹菜"), "感德.xlsx": [["感德镇", None, "无"]]}
    )
    write_book(folder / "感德.xlsx", {"S": collection_sheet(["无"], title="填报单位：感德镇 芹菜采集表")})
    listed = [
        ["湖头镇", None, name, "农户", name, None, "芹菜", size, "亩", f"{name}地"]
        for name, size in (("甲", 2), ("漏", 3), ("小", 0.2))
    ]
    listed.append(["感德镇", None, "有", "农户", "有", None, "芹菜", 5, "亩", "某地"])
    write_book(folder / "名录.xlsx", {"S": [REGISTRY, *listed]})
    write_book(folder / "附件5.xlsx", {"S": area_sheet([1, "感德镇", None, 7, None, 7])})
    round_ = om.open_round(folder)
    (missing,) = told(round_, "registered_missing").to_dict("records")
    assert (missing["township"], missing["count"], missing["cells"]) == ("湖头镇", 1, "名录.xlsx〔S〕C3")
    (zero,) = told(round_, "zero_against_baseline").to_dict("records")
    assert (zero["township"], zero["cells"]) == ("感德镇", "附件5.xlsx〔S〕D3")
    assert zero["what"] == "报了零，但附件5有 7 亩，名录有 1 个达到规模的主体"


def test_a_verdict_that_two_names_are_one_finds_the_missing(tmp_path: Path) -> None:
    folder = put(tmp_path / "2023-03", {"a.xlsx": rows("湖头镇", "林大山", 产品名称="芹菜")})
    listed = [["湖头镇", None, "阿山", "农户", "阿山", None, "芹菜", 3, "亩", "某地"]]
    write_book(folder / "名录.xlsx", {"S": [REGISTRY, *listed]})
    assert len(told(om.open_round(folder), "registered_missing")) == 1
    verdict = om.matching.verdict("350524102", "阿山", "林大山", same=True, why="问过本人", round_name="2023-03")
    om.decisions.of_county(folder).record(verdict, by=om.decisions.Person("林", "质监"), at="2023-03-20T09:00:00")
    assert told(om.open_round(folder), "registered_missing").empty


def test_wrong_values_missing_contacts_and_files_that_nobody_registered(tmp_path: Path) -> None:
    folder = put(tmp_path / "2023-03", {"a.xlsx": rows("湖头镇", "甲", 种养规模="若干")})
    assert told(om.open_round(folder), "no_lead")["count"].tolist() == [25]
    listed = [
        ["县", "局", "牵头负责人", None, "陈", None, "13900000001"],
        ["县", "局", "具体责任人", None, "李", None, "13900000002"],
    ]
    listed += [["乡镇", "湖头镇", "具体责任人", None, "林", None, "13900000003"]]
    write_book(folder / "附件2.xlsx", {"S": [CONTACTS, *listed]})
    round_ = om.open_round(folder)
    (wrong,) = told(round_, "values_wrong").to_dict("records")
    assert (wrong["township"], wrong["count"], wrong["cells"], wrong["call"]) == (
        "湖头镇",
        1,
        "a.xlsx〔S〕I3",
        "林 13900000003",
    )
    assert len(told(round_, "no_lead")) == 24
    assert len(told(round_, "no_keeper")) == 23
    (loose,) = told(round_, "unregistered").to_dict("records")
    assert (loose["township"], loose["count"], loose["call"]) == ("全县", 1, "李 13900000002")
    assert "湖头镇" not in set(told(round_, "no_keeper")["township"])
    chase = alerts.chase_list(round_, alerts.alerts(round_), "350524102")
    assert list(chase.columns) == alerts.CHASE_HEADER
    assert "缺牵头负责人" in chase["事项"].tolist()
    assert chase["县里联系人"].unique().tolist() == ["李 13900000002"]


def test_a_contact_that_changed_is_told(tmp_path: Path) -> None:
    for name, keeper in (("2023-02", "旧人"), ("2023-03", "新人")):
        folder = put(tmp_path / name, {"a.xlsx": rows("湖头镇", "甲")})
        write_book(
            folder / "附件2.xlsx",
            {"S": [CONTACTS, ["乡镇", "湖头镇", "具体责任人", None, keeper, None, "13900000003"]]},
        )
    before, round_ = om.open_round(tmp_path / "2023-02"), om.open_round(tmp_path / "2023-03")
    found = alerts.alerts(round_, before=before)
    (row,) = found[found["alert"] == "contact_changed"].to_dict("records")
    assert (row["township"], row["what"], row["cells"]) == ("湖头镇", "具体责任人由旧人改为新人", "附件2.xlsx〔S〕E2")
    assert "contact_changed" not in set(alerts.alerts(round_)["alert"])


def test_every_alert_says_what_closes_it() -> None:
    assert set(om.vocab.codes("alert")) == set(alerts._CLOSES)
