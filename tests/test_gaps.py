"""The identity of a gap: every term exact, every subject with its cells, unknown never zero."""

import random
from pathlib import Path

import pandas as pd
import pytest
from books import AREA_HEADER, REGISTRY_HEADER, area_sheet, collection_sheet, grower, write_book
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import originmap as om
from originmap.decisions import Person
from originmap.reconcile import SIGNS, TERM_COLUMNS, TERMS

TOWN = "350524102"  # 湖头镇


def listed(name: object, size: object, product: str = "豇豆", town: str = "湖头镇", kind: str = "农户") -> list[object]:
    unit = {"豇豆": "亩", "芹菜": "亩", "韭菜": "亩", "茶叶": "亩", "铁观音": "亩", "鸡蛋": "只"}.get(product, "头")
    phone = f"138{sum(map(ord, str(name))):08d}"  # a number of one's own: a shared one would be evidence
    return [town, "前溪村", name, kind, name, phone, product, size, unit, "前溪村"]


def registry_sheet(*rows: list[object]) -> list[list[object]]:
    return [["重点农产品品种监管名录（样例数据）"], REGISTRY_HEADER, *rows]


def county(
    folder: Path,
    *,
    area: list[list[object]],
    registry: list[list[object]] | None,
    rows: list[list[object]],
    rules: Path | None = None,
    more: dict[str, list[list[object]]] | None = None,
) -> om.Round:
    folder = folder / "2023-03"
    if area:
        write_book(folder / "附件5.xlsx", {"S": area_sheet(*area)})
    if registry is not None:
        write_book(folder / "附件4.xlsx", {"名录": registry_sheet(*registry)})
    write_book(folder / "附件1.xlsx", {"附件1": collection_sheet(*rows)})
    for name, sheet in (more or {}).items():
        write_book(folder / name, {"S": sheet})
    return om.open_round(folder, rules=rules)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> om.Round:
    """A township with a subject behind every term."""
    registry = [
        listed("甲有田", 5),
        listed("乙不采", 3),
        listed("丙太小", 0.4),
        listed("丁难认", 2),
        listed("戊改数", 6),
        listed("己无数", None),
        listed("庚无数", None),
        listed("辛收购", 9, kind="产地收购商"),
    ]
    rows = [
        grower(种养殖主体="甲有田", 种养规模=5, 电话="13900000011"),
        grower(种养殖主体="丁难认", 种养规模="若干", 电话="13900000012"),
        grower(种养殖主体="戊改数", 种养规模=4.5, 电话="13900000013"),
        grower(种养殖主体="己无数", 种养规模=1.25, 电话="13900000014"),
        grower(种养殖主体="壬名外", 种养规模=2.75, 电话="13900000015"),
        grower(种养殖主体="癸收购", 种养规模=50, 主体类型="产地收购商", 电话="13900000016"),
    ]
    folder = tmp_path_factory.mktemp("one")
    return county(folder, area=[[1, "湖头镇", 20.1, 0, 0, 20.1]], registry=registry, rows=rows)


def gap(gaps: pd.DataFrame, product: str = "cowpea", town: str = TOWN) -> pd.Series:
    (row,) = (row for _, row in gaps.iterrows() if row["township_code"] == town and row["product"] == product)
    return row


def test_every_term_of_the_identity(one: om.Round) -> None:
    row = gap(om.reconcile.planting_area(one))
    assert (row["baseline_mu"], row["registry_mu"], row["collected_mu"], row["gap_mu"]) == (20.1, 16.4, 13.5, 6.6)
    assert row[TERM_COLUMNS].to_dict() == {
        "unregistered_mu": 3.7,
        "exempt_mu": 0.4,
        "missing_mu": 3.0,
        "unreadable_mu": 2.0,
        "size_difference_mu": -0.25,  # 4.5 − 6, and 1.25 − 0 for a registered row without a size
        "unlisted_mu": 2.75,
    }
    assert (row["registry_unsized"], row["in_review"]) == (2, 0)
    assert sum(SIGNS[name] * row[f"{name}_mu"] for name in TERMS) == pytest.approx(row["gap_mu"], abs=1e-9)


def test_every_subject_has_its_term_and_its_cells_on_both_sides(one: om.Round) -> None:
    linked = om.growers.growers(one)
    made = om.gaps.subjects(one, linked, product="cowpea", township_code=TOWN)
    told = {
        row["registered_name"] if pd.notna(row["registered_name"]) else row["collected_name"]: row
        for row in made.to_dict("records")
    }
    assert {name: row["term"] for name, row in told.items()} == {
        "丙太小": "exempt",
        "乙不采": "missing",
        "丁难认": "unreadable",
        "戊改数": "size_difference",
        "己无数": "size_difference",
        "壬名外": "unlisted",
        "庚无数": "unsized",
    }
    both = told["戊改数"]
    assert (both["registry_cells"], both["collection_cells"]) == ("附件4.xlsx〔名录〕H7", "附件1.xlsx〔附件1〕I5")
    assert (both["registered_size"], both["collected_size"], both["amount"]) == (6, 4.5, -1.5)
    assert told["己无数"]["mark"] == "名录无面积"
    assert told["丁难认"]["collection_cells"] == "附件1.xlsx〔附件1〕I4"
    assert pd.isna(told["乙不采"]["collection_cells"])
    assert pd.isna(told["庚无数"]["amount"])
    assert [row["registered_name"] for row in om.gaps.subjects(one, linked, term="missing").to_dict("records")] == [
        "乙不采"
    ]
    with pytest.raises(ValueError, match="不存在"):
        om.gaps.subjects(one, linked, township_code="1")
    with pytest.raises(ValueError, match="不在规则中"):
        om.gaps.subjects(one, linked, product="rice")


def test_terms_say_how_much_who_and_what_to_do(one: om.Round) -> None:
    linked, gaps = om.growers.growers(one), om.reconcile.planting_area(one)
    made = om.gaps.terms(linked, gaps, product="cowpea", township_code=TOWN).set_index("term")
    assert made["amount"].tolist() == [3.7, 0.4, 3.0, 2.0, -0.25, 2.75]
    assert made["subjects"].fillna(-1).tolist() == [-1, 1, 1, 1, 2, 1]
    shown = om.vocab.shown(made.reset_index())
    assert shown["怎么办"].tolist()[1] == "无需处理"
    assert shown["谁来办"].tolist()[2] == "乡镇信息采集员"
    whole = om.gaps.terms(linked, gaps, product="cowpea").set_index("term")
    assert whole["amount"].tolist() == made["amount"].tolist()  # the one township that is known
    silent = om.gaps.terms(linked, gaps, product="cowpea", township_code="350524100")
    assert silent[["amount", "in_review", "subjects"]].isna().all(axis=None)


def test_the_steps_lead_from_the_baseline_to_what_was_collected(one: om.Round) -> None:
    linked, gaps = om.growers.growers(one), om.reconcile.planting_area(one)
    made = om.gaps.waterfall(linked, gaps, product="cowpea", township_code=TOWN)
    assert made["step"].tolist() == ["baseline", "unregistered", "registry", *TERMS[1:], "collected"]
    assert made["end"].iloc[-2] == made["end"].iloc[-1] == 13.5
    assert made["kind"].tolist() == ["total", "down", "total", "down", "down", "down", "down", "up", "total"]
    assert (made["start"].iloc[1:-1] == made["end"].shift().iloc[1:-1])[made["kind"].iloc[1:-1] != "total"].all()
    county_wide = om.gaps.waterfall(linked, gaps, product="cowpea")
    assert (county_wide["known_townships"].iat[0], county_wide["townships"].iat[0]) == (1, 24)
    unknown = om.gaps.waterfall(linked, gaps, product="cowpea", township_code="350524100")
    assert unknown["end"].isna().all()


def test_scope_says_which_list_and_whether_it_is_there(one: om.Round) -> None:
    made = om.gaps.scope(one, om.growers.growers(one)).set_index("subject_name")
    told = made[["scope", "there", "registered"]].apply(tuple, axis=1).to_dict()
    assert told == {
        "甲有田": ("due", "collected", True),
        "乙不采": ("due", "missing", True),
        "丙太小": ("exempt", "not_needed", True),
        "丁难认": ("due", "unreadable", True),
        "戊改数": ("due", "collected", True),
        "己无数": ("due", "collected", True),
        "庚无数": ("unknown", "not_needed", True),
        "壬名外": ("due", "collected", False),
        "辛收购": ("buyer", "missing", True),
        "癸收购": ("buyer", "collected", False),
    }


def test_the_threshold_holds_for_the_subject_or_for_each_plot(tmp_path: Path) -> None:
    two = [listed("甲双块", 0.3), [*listed("甲双块", 0.3)[:-1], "石竹村"], listed("乙一半", 0.5)]
    registry = [*two, [*listed("丙大小", 0.3)[:-1], "石竹村"], listed("丙大小", 0.6)]
    options = {"area": [[1, "湖头镇", 3, 0, 0]], "registry": registry, "rows": [grower(种养殖主体="别人", 种养规模=1)]}
    row = gap(om.reconcile.planting_area(county(tmp_path / "a", **options)))
    assert (row["exempt_mu"], row["missing_mu"]) == (0, 2.0)
    rules = tmp_path / "plot.toml"
    rules.write_text('[reconcile]\nthreshold_level = "plot"\n', encoding="utf-8")
    by_plot = county(tmp_path / "b", **options, rules=rules)
    row = gap(om.reconcile.planting_area(by_plot))
    assert (row["exempt_mu"], row["missing_mu"]) == (0.9, 1.1)
    made = om.gaps.subjects(by_plot, om.growers.growers(by_plot), product="cowpea")
    split = made[made["registered_name"] == "丙大小"].set_index("term")["amount"].to_dict()
    assert split == {"exempt": 0.3, "missing": 0.6}


def test_a_registry_or_a_reply_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    area = [[1, "湖头镇", 3, 2, 1], [2, "感德镇", 4, 4, 4]]
    round_ = county(
        tmp_path,
        area=area,
        registry=[listed("乙", 2), listed("丙", None, "芹菜")],
        rows=[grower(乡镇="感德镇"), grower()],
    )
    gaps = om.reconcile.planting_area(round_)
    sent = gaps[(gaps["township"] == "感德镇") & (gaps["product"] == "cowpea")].iloc[0]
    assert (sent["collected_mu"], sent["gap_mu"]) == (2.5, 1.5)
    assert sent[["registry_mu", *TERM_COLUMNS]].isna().all()
    silent = gap(gaps, "celery")
    assert silent["gap_status"] == "not_reported"
    assert silent[["registry_mu", "missing_mu"]].isna().all()  # registered without a size: how much is unknown
    assert gap(gaps, "chinese_chive")["registry_mu"] == 0
    linked = om.growers.growers(round_)
    # Nobody is unlisted where there is no registry, nor missing where nothing was said.
    terms = linked.frame.set_index(["township_code", "product"])["term"]
    assert pd.isna(terms[sent["township_code"], "cowpea"])
    assert pd.isna(terms[TOWN, "celery"])
    total = om.reconcile.county_terms(gaps).set_index("product").loc["cowpea"]
    assert (total["known_townships"], total["baseline_mu"]) == (1, 3)
    assert om.reconcile.county(gaps).set_index("product").loc["cowpea", "known_townships"] == 2


def test_no_registry_and_no_table_at_all(tmp_path: Path) -> None:
    round_ = county(tmp_path, area=[], registry=None, rows=[grower()])
    row = gap(om.reconcile.planting_area(round_))
    assert (row["collected_mu"], row["gap_status"]) == (2.5, "no_baseline")
    assert row[["baseline_mu", "registry_mu", "gap_mu", "coverage_pct", *TERM_COLUMNS]].isna().all()
    said = round_.findings.loc[round_.findings["rule"] == "carried_forward", "message"].str.cat()
    assert "附件4名录" in said
    assert "附件5面积表" in said


def test_versions_that_contradict_leave_the_figure_unknown_or_waiting(tmp_path: Path) -> None:
    area = [[1, "湖头镇", 3, 0, 0], [2, "湖头", 4, 0, 0]]
    twice = county(tmp_path, area=area, registry=[listed("林小样", 2.5)], rows=[grower()])
    row = gap(om.reconcile.planting_area(twice))
    assert (row["gap_status"], row["registry_mu"], row["missing_mu"]) == ("no_baseline", 2.5, 0)
    assert pd.isna(row["unregistered_mu"])


def test_a_row_whose_product_nobody_can_read_may_be_the_registered_one(tmp_path: Path) -> None:
    rows = [grower(种养殖主体="丁难认", 产品名称="菜豆", 种养规模=2), grower(种养殖主体="别人", 电话="13900000077")]
    round_ = county(
        tmp_path, area=[[1, "湖头镇", 9, 0, 0]], registry=[listed("丁难认", 2), listed("乙不采", 1)], rows=rows
    )
    row = gap(om.reconcile.planting_area(round_))
    assert (row["unreadable_mu"], row["missing_mu"]) == (2, 1)


def test_an_earlier_rounds_registry_is_named_with_its_round(tmp_path: Path) -> None:
    write_book(tmp_path / "2023-02" / "名录.xlsx", {"名录": registry_sheet(listed("乙不采", 1.5))})
    round_ = county(tmp_path, area=[[1, "湖头镇", 9, 0, 0]], registry=None, rows=[grower()])
    made = om.gaps.subjects(round_, om.growers.growers(round_), term="missing")
    assert made["registry_cells"].tolist() == ["2023-02/名录.xlsx〔名录〕H3"]


def test_livestock_is_registry_against_collection_in_heads(tmp_path: Path) -> None:
    registry = [listed("甲养", 60, "生猪"), listed("乙养", 40, "生猪"), listed("丙养", 5, "生猪")]
    rows = [
        grower(种养殖主体="甲养", 产品名称="生猪", 种养规模="55头", 生产方式=None, 茬次=None, 采集日期="2023-02-20"),
        grower(种养殖主体="甲养", 产品名称="生猪", 种养规模="50头", 生产方式=None, 茬次=None, 采集日期="2023-03-20"),
    ]
    round_ = county(tmp_path, area=[], registry=registry, rows=rows)
    herds = om.reconcile.livestock(round_)
    assert list(herds.columns) == om.reconcile.HERD_COLUMNS
    row = gap(herds, "pig")
    figures = [
        "registry_heads",
        "collected_heads",
        "gap_heads",
        "exempt_heads",
        "missing_heads",
        "size_difference_heads",
    ]
    assert row[figures].tolist() == [105, 50, 55, 5, 40, -10]  # of a herd the latest month counts
    assert row["gap_status"] == "no_baseline"
    steps = om.gaps.waterfall(om.growers.growers(round_), herds, product="pig")
    assert (steps["step"].iat[0], steps["end"].iat[-2], steps["end"].iat[-1]) == ("registry", 50, 50)


def test_a_townships_explanation_is_kept_and_a_conflict_shown(one: om.Round, tmp_path: Path) -> None:
    store = om.decisions.Store(tmp_path / "decisions.db")
    first = om.gaps.explanation(one, TOWN, "cowpea", "部分已改种水稻", why="电话核实", gap=6.6)
    store.record(first, by=Person("林一", "种植业股"), at="2023-03-20T10:00:00+08:00")
    told = om.gaps.explanations(one, store.entries())
    assert told.to_dict("records") == [
        {"township_code": TOWN, "product": "cowpea", "explanation": "部分已改种水稻", "verified": "林一（种植业股）2023-03-20", "conflict": False}
    ]  # fmt: skip
    other = om.gaps.explanation(one, TOWN, "cowpea", "面积表有误", why="现场核实")
    made = store.record(other, by=Person("陈二", "质监站"), at="2023-03-21T10:00:00+08:00")
    both = om.gaps.explanations(one, store.entries()).iloc[0]
    assert both["conflict"]
    assert both["explanation"] == "说法不一：部分已改种水稻（林一）；面积表有误（陈二）"
    store.undo(made, by=Person("陈二", "质监站"), why="撤回", at="2023-03-22T10:00:00+08:00")
    assert om.gaps.explanations(one, store.entries())["explanation"].tolist() == ["部分已改种水稻"]
    with pytest.raises(ValueError, match="说明"):
        om.gaps.explanation(one, TOWN, "cowpea", " ", why="x")
    assert om.gaps.explanations(one).empty


SIZE = st.one_of(st.none(), st.decimals("0.01", "9", places=2).map(float))
PEOPLE = st.lists(st.tuples(SIZE, SIZE, st.booleans(), st.booleans()), min_size=1, max_size=9)
NAMES = "赵钱孙周吴郑王冯陈"
GIVEN = ("望岭", "登科", "小满", "雪梅", "建国", "阿福", "守田", "月娥", "宝财")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    towns=st.lists(PEOPLE, min_size=2, max_size=3),
    baselines=st.lists(SIZE, min_size=3, max_size=3),
    seed=st.integers(0, 99),
)
def test_over_generated_counties(
    tmp_path_factory: pytest.TempPathFactory, towns: list[list[tuple[object, ...]]], baselines: list[object], seed: int
) -> None:
    """The identity holds wherever it is claimed, order changes nothing, nobody is lost, the county is the sum of its townships."""
    folder = tmp_path_factory.mktemp("county")
    names = ("湖头镇", "感德镇", "西坪镇")
    registry: list[list[object]] = []
    rows: list[list[object]] = []
    for town, people in zip(names, towns, strict=False):
        for at, (registered, collected, in_registry, readable) in enumerate(people):
            name = f"{NAMES[at]}{GIVEN[at]}"
            phone = f"139{names.index(town)}00001{at:02d}"
            if in_registry:
                registry.append([town, "前溪村", name, "农户", name, phone, "豇豆", registered, "亩", "前溪村"])
            if collected is not None:
                size = collected if readable else "若干"
                rows.append(grower(乡镇=town, 种养殖主体=name, 电话=phone, 种养规模=size))
    area: list[list[object]] = [
        [at, town, size, 0, 0] for at, (town, size) in enumerate(zip(names, baselines, strict=True))
    ]
    rows = rows or [grower()]
    one = county(folder / "a", area=area, registry=registry, rows=rows)
    shuffled = random.Random(seed)  # noqa: S311 -- an order, no secret
    for part in (registry, rows, area):
        shuffled.shuffle(part)
    other = county(folder / "b", area=area, registry=registry, rows=rows)
    gaps = om.reconcile.planting_area(one)
    again = om.reconcile.planting_area(other)
    pd.testing.assert_frame_equal(gaps.drop(columns="baseline_cell"), again.drop(columns="baseline_cell"))
    claimed = gaps[gaps[["baseline_mu", "registry_mu", "collected_mu"]].notna().all(axis=1)]
    total = sum((SIGNS[name] * claimed[f"{name}_mu"] for name in TERMS), pd.Series(0.0, index=claimed.index))
    assert ((total - claimed["gap_mu"]).abs() < 0.005).all()
    assert gaps.loc[gaps["registry_mu"].isna() | gaps["collected_mu"].isna(), TERM_COLUMNS[1:]].isna().all(axis=None)
    linked = om.growers.growers(one)
    for frame, of in ((one.registry, linked.registry), (one.records, linked.collection)):
        usable = frame[["township_code", "product", "subject_name"]].notna().all(axis=1) & (
            frame["status"] != "duplicate"
        )
        assert sorted(of.index) == list(frame.index[usable & (frame["subject_type"] != "buyer")])
        assert of.index.is_unique
        assert of.isin(linked.frame.index).all()
    county_wide = om.reconcile.county_terms(gaps)
    for row in county_wide.to_dict("records"):
        of = claimed[claimed["product"] == row["product"]]
        assert row["known_townships"] == len(of)
        for name in ("baseline_mu", "registry_mu", "collected_mu", "gap_mu", *TERM_COLUMNS):
            assert pd.isna(row[name]) if of.empty else row[name] == pytest.approx(of[name].sum(), abs=0.005)


def test_a_ninth_product_with_a_table_of_its_own_needs_the_rules_file_alone(tmp_path: Path) -> None:
    rules = tmp_path / "tea.toml"
    rules.write_text(
        '[products.tea]\nname = "茶叶"\nname_en = "Tea"\nkind = "crop"\nunit = "mu"\nthreshold = 1.0\naliases = ["铁观音"]\n'
        "report_by = 2023-03-15\nupload_by = 2023-03-25\nbaseline = true\nplausible = [0.1, 500.0]\n"
        'colour = "#44AA99"\n',
        encoding="utf-8",
    )
    table = [["茶叶种植面积一览表（样例数据）"], ["序号", "乡镇", "茶叶（亩）", "备注"], [1, "湖头镇", 12.5, None], [2, "西坪镇", 30, None], ["合计", None, 42.5, None]]  # fmt: skip
    registry = [
        listed("林小样", 6, "茶叶"),
        listed("乙不采", 4, "铁观音"),
        listed("丙太小", 0.8, "茶叶"),
        listed("甲", 2),
    ]
    rows = [grower(产品名称="茶叶", 种养规模=5.5), grower(种养殖主体="甲", 种养规模=2, 电话="13900000033")]
    round_ = county(
        tmp_path,
        area=[[1, "湖头镇", 3, 1, 1, 5]],
        registry=registry,
        rows=rows,
        rules=rules,
        more={"茶叶面积表.xlsx": table},
    )
    gaps = om.reconcile.planting_area(round_)
    row = gap(gaps, "tea")
    assert (row["baseline_mu"], row["registry_mu"], row["collected_mu"], row["gap_status"]) == (
        12.5,
        10.8,
        5.5,
        "short",
    )
    assert row[TERM_COLUMNS].tolist() == [1.7, 0.8, 4.0, 0.0, -0.5, 0.0]
    assert row["baseline_cell"] == "茶叶面积表.xlsx〔S〕C3"
    assert gap(gaps, "cowpea")["baseline_mu"] == 3
    rules_found = set(round_.findings["rule"])
    assert "baseline_total_differs" not in rules_found
    assert "baseline_crop_missing" not in rules_found
    without = om.reconcile.planting_area(om.open_round(round_.folder))
    assert "tea" not in set(without["product"])


def test_the_tables_own_gaps_are_said_with_their_cells(tmp_path: Path) -> None:
    folder = tmp_path / "2023-03"
    header = [name for name in AREA_HEADER if name != "韭菜"]
    table = [
        ["一览表（样例数据）"],
        header,
        [1, "湖头镇", 3, 4, 8, None],
        [2, "感德镇", "待核", 1, 2, None],
        ["合计", None, 3, 6, 10, None],
    ]
    write_book(folder / "附件5.xlsx", {"S": table})
    write_book(folder / "附件1.xlsx", {"附件1": collection_sheet(grower())})
    round_ = om.open_round(folder)
    found = round_.findings[round_.findings["file"] == "附件5.xlsx"].set_index(["rule", "cell"])
    assert set(found.index) == {
        ("baseline_crop_missing", "B2"),
        ("baseline_township_missing", "B2"),
        ("baseline_total_differs", "E3"),
        ("baseline_total_differs", "D5"),
        ("baseline_unreadable", "C4"),
    }
    assert "韭菜" in found.loc[("baseline_crop_missing", "B2"), "message"]
    assert "西坪镇" in found.loc[("baseline_township_missing", "B2"), "message"]
    assert found.loc[("baseline_total_differs", "D5"), "proposal"] == "5"
    gaps = om.reconcile.planting_area(round_)
    assert set(gaps.loc[gaps["product"] == "chinese_chive", "gap_status"]) == {"no_baseline"}
    assert gaps.loc[gaps["township"] == "西坪镇", "baseline_mu"].isna().all()
