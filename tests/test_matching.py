"""Matching: certain pairs are never wrong, doubtful ones wait for a person, and nothing else about the lists decides."""

import itertools
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

import originmap as om
from originmap import likeness, matching, names
from originmap.decisions import DecisionsError, Person, Store
from originmap.places import load_places
from originmap.rules import RulesError, load_rules
from originmap.subjects import normal_name

RULES = load_rules()
PLACES = load_places(RULES)
SAMPLE = om.rounds.PROJECT / "data" / "sample"
TOWN, OTHER_TOWN = "350524100", "350524105"
COLUMNS = ["township_code", "product", "subject_name", "contact_phone", "village", "contact_name", "subject_type"]


def subjects(*people: tuple[str | None, ...], town: str = TOWN, product: str = "cowpea") -> pd.DataFrame:
    """Return the subjects of rows given as (name, phone, village, contact, type), as many as matter."""
    rows = [[town, product, *person, *[None] * (5 - len(person))] for person in people]
    return matching.subjects(pd.DataFrame(rows, columns=COLUMNS).astype("str"), PLACES)


def told(left: pd.DataFrame, right: pd.DataFrame, **options: object) -> list[tuple[str, str, str]]:
    """Return the pairs as (left subject, right subject, band)."""
    pairs = matching.match(left, right, RULES, **options)
    ours, theirs = left["subject"].loc[pairs["left"]], right["subject"].loc[pairs["right"]]
    return list(zip(ours, theirs, pairs["band"], strict=True))


def only(left: tuple[str | None, ...], right: tuple[str | None, ...]) -> tuple[str, str]:
    """Return band and evidence of the one pair that two subjects make, nothing where they make none."""
    pairs = matching.match(subjects(left), subjects(right), RULES)
    assert len(pairs) < 2
    return (pairs["band"].iat[0], pairs["evidence"].iat[0]) if len(pairs) else ("", "")


PHONE, PHONE_2 = "13900000001", "13900000002"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("安溪县云岭蔬菜农民专业合作社", "云岭蔬菜合作社"),
        ("安溪县云岭蔬菜农民专业合作社", "云岭蔬菜专业合作社"),
        ("凤城镇松涛家庭农场", "松涛家庭农场"),
        ("（安溪）松涛家庭农场", "安溪县凤城镇松涛家庭农场"),
        ("翠园农业发展有限公司", "福建省安溪县翠园农业发展有限责任公司"),
        ("陈　岑", "陈岑"),
        ("林 小明", "林小明"),
        ("ＡＢ农场", "ab农场"),
    ],
)
def test_one_name_written_in_two_ways_is_the_same(one, other):
    assert only((one,), (other,))[0] == "same"


@pytest.mark.parametrize(
    ("left", "right", "band", "evidence"),
    [
        (("林小明", PHONE, "甲村"), ("林小明", PHONE_2, "甲村"), "same", "名称相同；电话不同；同村"),
        (("林小明", PHONE, "甲村"), ("林小明", PHONE, "乙村"), "same", "名称相同；电话相同；不同村"),
        (("林小明",), ("林小明", PHONE, "乙村"), "same", "名称相同；电话不全，无从比较；村名不全，无从比较"),
        # Two people of one name.
        (("林小明", PHONE, "甲村"), ("林小明", PHONE_2, "乙村"), "review", "名称相同；电话不同；不同村"),
        # The same sound, in the words of a form or of a phone call.
        (("林小明", PHONE, "甲村"), ("林晓明", PHONE, "甲村"), "review", "名称一字之差，读音相同或相近；电话相同；同村"),
        (("林小明",), ("林晓明",), "review", "名称一字之差，读音相同或相近；电话不全，无从比较；村名不全，无从比较"),
        (("陈志明", PHONE, "甲村"), ("陈志民", PHONE_2, "甲村"), "review", "名称一字之差，读音相同或相近；电话不同；同村"),
        (("林小明", PHONE, "甲村"), ("林晓明", PHONE_2, "乙村"), "", ""),
        # A slip of the pen, a sign left out, two signs the wrong way round.
        (("杜朗打", PHONE, "甲村"), ("杜朗汀", PHONE, "甲村"), "review", "名称一字之差；电话相同；同村"),
        (("杜朗打", None, "甲村"), ("杜朗汀", PHONE, "甲村"), "review", "名称一字之差；电话不全，无从比较；同村"),
        (("杜朗打", PHONE, "甲村"), ("杜朗汀", PHONE_2, "甲村"), "", ""),
        (("林明", PHONE, "甲村"), ("林小明", PHONE, "甲村"), "review", "名称一字之差；电话相同；同村"),
        (("林小明", PHONE, "甲村"), ("林明小", PHONE, "甲村"), "review", "名称一字之差；电话相同；同村"),
        # Father and son, husband and wife, two farms of one boss.
        (("叶秋德", PHONE, "甲村"), ("叶溯芸", PHONE, "甲村"), "review", "同姓不同名；电话相同；同村"),
        (("叶秋德", PHONE, "甲村"), ("李翠", PHONE, "甲村"), "review", "名称不同；电话相同；同村"),
        (("叶秋德", PHONE, "甲村"), ("李翠", PHONE, "乙村"), "", ""),
        (("春风家庭农场", PHONE, "甲村"), ("园山家庭农场", PHONE, "甲村"), "review", "名称不同；电话相同；同村"),
        (("云岭蔬菜合作社", PHONE, "甲村"), ("云岭养牛合作社", PHONE, "甲村"), "review", "名称一字之差；电话相同；同村"),
        (("云岭蔬菜合作社", PHONE, "甲村"), ("云岭蔬菜公司", PHONE, "甲村"), "review", "名称相同而组织形式不同；电话相同；同村"),
        (("张三", PHONE, "甲村"), ("张三家庭农场", PHONE, "甲村"), "review", "名称相同而组织形式不同；电话相同；同村"),
        # Only more or less of a form is written; without the phone a person has to look.
        (("云岭合作社", PHONE, "甲村"), ("云岭蔬菜合作社", PHONE, "甲村"), "same", "名称只差行业或组织形式的写法；电话相同；同村"),
        (("松涛农场", PHONE), ("松涛家庭农场", PHONE), "same", "名称只差行业或组织形式的写法；电话相同；村名不全，无从比较"),
        (("云岭合作社", None, "甲村"), ("云岭蔬菜合作社", PHONE, "甲村"), "review", "名称只差行业或组织形式的写法；电话不全，无从比较；同村"),
        # The farm that a person runs.
        (("施棠", PHONE, "甲村"), ("绿春家庭农场", PHONE, "甲村", "施棠"), "review", "一方是另一方的联系人；电话相同；同村"),
        (("施棠", PHONE_2, "乙村"), ("绿春家庭农场", PHONE, "甲村", "施棠"), "", ""),
        (("秋野家庭农场（王霖晴）", PHONE, "甲村"), ("秋野家庭农场", PHONE, "甲村"), "review", "括注以外名称相同；电话相同；同村"),
        # Numbered holdings are not each other.
        (("样例农户12", None, "甲村"), ("样例农户13", None, "甲村"), "", ""),
        (("138****0001的场", "138****0001", "甲村"), ("别的场", "138****0001", "甲村"), "", ""),
    ],
)  # fmt: skip
def test_a_pair_is_judged_by_names_phone_and_village(left, right, band, evidence):
    assert only(left, right) == (band, evidence)
    assert only(right, left) == (band, evidence)


def test_organisations_are_compared_by_what_tells_them_apart():
    spelt = names.spelled(
        pd.Series(["云岭蔬菜合作社", "云谷蔬菜合作社", "蔬菜合作社", "农场", "林果蔬"], dtype="str"), RULES
    )
    assert spelt.str.len().tolist() == [4, 4, 3, 2, 3]
    assert names.core(spelt).tolist() == ["云岭", "云谷", "蔬菜", "农场", "林果蔬"]


def test_equal_names_wait_where_another_name_has_the_phone():
    left = subjects(("林小明", PHONE, "甲村"))
    right = subjects(("林小明", PHONE_2, "甲村"), ("林晓明", PHONE, "甲村"))
    assert told(left, right) == [("林小明", "林晓明", "review"), ("林小明", "林小明", "review")]


def test_a_form_is_only_certain_where_nobody_else_has_name_or_phone():
    left = subjects(("云岭合作社", PHONE))
    right = subjects(("云岭蔬菜合作社", PHONE), ("云岭养牛合作社", PHONE))
    assert {band for *_, band in told(left, right)} == {"review"}
    assert len(told(left, right)) == 2


def test_an_agents_phone_says_nothing():
    people = [("叶秋德", PHONE), ("李翠", PHONE), ("王大", PHONE), ("陈二", PHONE)]
    left, right = subjects(*[(name, phone, "甲村") for name, phone in people]), subjects(("苏三", PHONE, "甲村"))
    assert told(left, right) == []
    assert len(told(left.iloc[:3], right)) == 3


def test_only_one_township_and_product_is_a_block():
    one = subjects(("林小明", PHONE, "甲村"))
    assert told(one, subjects(("林小明", PHONE, "甲村"), town=OTHER_TOWN)) == []
    assert told(one, subjects(("林小明", PHONE, "甲村"), product="celery")) == []
    both = [matching.subjects(rows, PLACES, by=("township_code",)) for rows in (_rows("cowpea"), _rows("celery"))]
    assert told(*both, by=("township_code",)) == [("林小明", "林小明", "same")]


def _rows(product: str) -> pd.DataFrame:
    return pd.DataFrame([[TOWN, product, "林小明", None, None, None, None]], columns=COLUMNS).astype("str")


def test_a_subject_keeps_its_best_candidates():
    villages = ["甲村", "乙村", None]
    left = subjects(*[(f"林{sign}明", None, villages[at % 3]) for at, sign in enumerate("小晓筱孝笑校")])
    right = subjects(*[(f"林{sign}明", None, villages[at % 3]) for at, sign in enumerate("潇萧霄消销硝")])
    every = matching.match(left, right, load_rules(settings={"matching": {"candidates": 1000}}))
    assert len(every) == 36
    assert every["score"].nunique() == 3
    every["names"] = [
        "".join(sorted([left["subject"].loc[one], right["subject"].loc[other]]))
        for one, other in zip(every["left"], every["right"], strict=True)
    ]
    best = every.sort_values(["score", "names"], ascending=[False, True])
    wanted = pd.concat([best.groupby(side).head(3) for side in ("left", "right")])
    kept = matching.match(left, right, RULES)
    assert set(zip(kept["left"], kept["right"], strict=True)) == set(zip(wanted["left"], wanted["right"], strict=True))
    assert 18 <= len(kept) < 36


def test_subjects_are_the_same_in_any_order():
    rows = pd.DataFrame(
        [
            [TOWN, "cowpea", "云岭合作社", f"{PHONE};{PHONE_2}", "乙村", "张三", "cooperative"],
            [TOWN, "cowpea", "云岭农民专业合作社", PHONE, "甲村", None, "cooperative"],
            [TOWN, "cowpea", "云岭合作社", None, "甲村", "李四", "enterprise"],
            [TOWN, "cowpea", None, PHONE, "甲村", None, None],
            [TOWN, "cowpea", "（）", PHONE, "甲村", None, None],
            [None, "cowpea", "林小明", PHONE, "甲村", None, None],
        ],
        columns=COLUMNS,
    ).astype("str")
    made = matching.subjects(rows, PLACES)
    assert made.to_dict("records") == [
        {
            "township_code": TOWN,
            "product": "cowpea",
            "subject": "云岭合作社",
            "subject_name": "云岭合作社",
            "subject_type": "cooperative",
            "aside": made["aside"].iat[0],
            "village": "乙村;甲村",
            "phones": f"{PHONE};{PHONE_2}",
            "contacts": "张三;李四",
            "rows": 3,
        }
    ]
    assert made["aside"].isna().all()
    for order in itertools.islice(itertools.permutations(range(6)), 0, None, 37):
        pd.testing.assert_frame_equal(matching.subjects(rows.iloc[list(order)], PLACES), made)
    empty = matching.subjects(rows.iloc[:0], PLACES)
    pd.testing.assert_frame_equal(empty.dtypes.to_frame(), made.dtypes.to_frame())
    assert matching.match(empty, made, RULES).empty


def test_a_bad_call_is_said():
    good = subjects(("林小明",))
    with pytest.raises(ValueError, match="缺少列 subject"):
        matching.match(good.drop(columns="subject"), good, RULES)
    with pytest.raises(ValueError, match="重复的主体"):
        matching.match(good, pd.concat([good, good], ignore_index=True), RULES)
    with pytest.raises(DecisionsError, match="两个主体名称"):
        matching.verdict(TOWN, "林小明", "", same=True, why="核实")


@pytest.mark.parametrize(
    "entry",
    [
        {"likeness": 0.0},
        {"edits": 9},
        {"candidates": 0},
        {"weights": {"name": -1.0}},
        {"trades": [""]},
        {"alike_sounds": [["zh"]]},
        {"forms": {"cooperative": "合作社"}},
        {"forms": {"own": "社"}},
    ],
)
def test_rules_for_matching_that_mean_nothing_are_refused(entry):
    with pytest.raises(RulesError, match="matching"):
        load_rules(settings={"matching": entry})


# ---- Verdicts ----

MEI, LIN = Person("样例员甲", "农安股"), Person("样例员乙", "农安股")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "decisions.db")


def say(
    store: Store, name_a: str, name_b: str, *, same: bool, by: Person = MEI, town: str = TOWN, replaces: str = ""
) -> str:
    verdict = matching.verdict(town, name_a, name_b, same=same, why="电话核实", replaces=replaces)
    return store.record(verdict, by=by)


def test_a_verdict_joins_or_parts_and_can_be_taken_back(store: Store):
    left, right = subjects(("林小明", PHONE, "甲村")), subjects(("林晓明", PHONE, "甲村"))

    def now() -> pd.DataFrame:
        return matching.match(left, right, RULES, verdicts=matching.decided(store.entries()))

    assert now()["band"].tolist() == ["review"]
    first = say(store, "林晓明", "林小明", same=True)
    assert now()[["band", "decided"]].to_numpy().tolist() == [["same", first]]
    assert now()["evidence"].iat[0] == "名称一字之差，读音相同或相近；电话相同；同村；已决定：是同一主体"
    second = say(store, "林小明", "林晓明", same=False)
    assert now()[["band", "decided"]].to_numpy().tolist() == [["different", second]]
    assert matching.status(left, now(), side="left").tolist() == ["unmatched"]
    store.undo(second, by=MEI, why="误点")
    assert now()["decided"].tolist() == [first]
    store.undo(first, by=MEI, why="误点")
    assert now()["band"].tolist() == ["review"]
    assert matching.decided(store.entries()).empty


def test_contradicting_verdicts_are_shown_and_not_applied(store: Store):
    left, right = subjects(("林小明", PHONE, "甲村")), subjects(("林晓明", PHONE, "甲村"))
    say(store, "林小明", "林晓明", same=True)
    other = say(store, "林小明", "林晓明", same=False, by=LIN)
    verdicts = matching.decided(store.entries())
    assert verdicts[["state", "same", "who"]].sort_values("who").to_numpy().tolist() == [
        ["conflict", False, LIN.name],
        ["conflict", True, MEI.name],
    ]
    pairs = matching.match(left, right, RULES, verdicts=verdicts)
    assert pairs["band"].tolist() == ["review"]
    assert pairs["evidence"].iat[0].endswith("各人决定互相矛盾，均未采用")
    last = say(store, "林小明", "林晓明", same=True, replaces=other)
    pairs = matching.match(left, right, RULES, verdicts=matching.decided(store.entries()))
    assert pairs["band"].tolist() == ["same"]
    assert last or pairs["decided"].iat[0]


def test_a_verdict_holds_for_every_product_and_list_of_its_township(store: Store):
    say(store, "施棠", "绿春家庭农场", same=True)
    verdicts = matching.decided(store.entries())
    for product in ("cowpea", "pig"):
        left, right = subjects(("施棠",), product=product), subjects(("绿春家庭农场",), product=product)
        assert told(left, right, verdicts=verdicts) == [("施棠", "绿春家庭农场", "same")]
        assert told(right, left, verdicts=verdicts) == [("绿春家庭农场", "施棠", "same")]
    elsewhere = subjects(("施棠",), town=OTHER_TOWN), subjects(("绿春家庭农场",), town=OTHER_TOWN)
    assert told(*elsewhere, verdicts=verdicts) == []


def test_a_verdict_can_part_namesakes_and_join_them(store: Store):
    left, right = subjects(("林小明", PHONE, "甲村")), subjects(("林小明", PHONE, "甲村"))
    verdict = say(store, "林小明", "林小明", same=False)
    assert told(left, right, verdicts=matching.decided(store.entries())) == [("林小明", "林小明", "different")]
    store.undo(verdict, by=MEI, why="误点")
    say(store, "林小明", "林小明", same=True)
    namesake = subjects(("林小明", PHONE_2, "乙村"))
    assert told(left, namesake, verdicts=matching.decided(store.entries())) == [("林小明", "林小明", "same")]


def test_same_stays_one_to_one_whatever_is_decided(store: Store):
    say(store, "林小明", "林晓明", same=True)
    say(store, "林小明", "林筱明", same=True)
    verdicts = matching.decided(store.entries())
    left = subjects(("林小明", PHONE, "甲村"))
    right = subjects(("林晓明", PHONE, "甲村"), ("林筱明", None, "甲村"))
    assert told(left, right, verdicts=verdicts) == [("林小明", "林晓明", "same"), ("林小明", "林筱明", "review")]
    # Both names in either list: each is itself.
    both = subjects(("林小明", PHONE, "甲村"), ("林晓明", PHONE, "甲村"))
    assert sorted(told(both, both, verdicts=verdicts)) == [("林小明", "林小明", "same"), ("林晓明", "林晓明", "same")]


def test_the_queue_shows_what_speaks_for_each_pair_and_no_phone():
    left = subjects(("林小明", PHONE, "甲村"), ("叶秋德", PHONE_2, "乙村"), ("陈岑",))
    right = subjects(("林晓明", PHONE, "甲村"), ("叶溯芸", PHONE_2, "乙村"), ("陈岑",))
    pairs = matching.match(left, right, RULES)
    shown = matching.queue(left, right, pairs)
    assert shown["left_name"].tolist() == ["林小明", "叶秋德"]
    assert shown["score"].is_monotonic_decreasing
    assert shown["evidence"].tolist() == [pairs["evidence"].loc[pairs["left"] == at].iat[0] for at in shown["left"]]
    assert not shown.astype("str").apply(lambda column: column.str.contains(PHONE[:8])).any(axis=None)
    assert matching.queue(left, right, pairs, band="same")["left_subject"].tolist() == ["陈岑"]


# ---- Properties ----

_SIGNS = "林陈小晓明民志云"
_NAME = st.one_of(
    st.text(_SIGNS, min_size=1, max_size=4),
    st.builds(lambda core, form: core + form, st.text("云岭松", min_size=1, max_size=3), st.sampled_from(["合作社", "蔬菜合作社", "家庭农场", "农场", "公司"])),
    st.builds(lambda core, aside: f"{core}农场（{aside}）", st.text("云岭", min_size=1, max_size=2), st.text(_SIGNS, min_size=1, max_size=3)),
    st.text(string.printable + "（）()·　", min_size=1, max_size=20),
)  # fmt: skip
_ROW = st.tuples(
    st.sampled_from([TOWN, OTHER_TOWN]),
    st.sampled_from(["cowpea", "pig"]),
    _NAME,
    st.sampled_from([None, "1", "2", "3", "1;2"]),
    st.sampled_from([None, "甲村", "乙村"]),
    st.one_of(st.none(), st.text(_SIGNS, min_size=2, max_size=3)),
    st.none(),
)
_ROWS = st.lists(_ROW, max_size=12)
_VERDICTS = st.lists(
    st.tuples(
        st.sampled_from([TOWN, OTHER_TOWN]), st.integers(0, 30), st.integers(0, 30), st.booleans(), st.booleans()
    ),
    max_size=6,
)


def frame(rows: list[tuple[str | None, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).astype("str")


def verdicts_on(left: pd.DataFrame, right: pd.DataFrame, picks: list[tuple[str, int, int, bool, bool]]) -> pd.DataFrame:
    known = sorted({*left["subject"], *right["subject"]}) or ["林小明"]
    rows = [
        [town, *sorted([known[one % len(known)], known[other % len(known)]]), same, "conflict" if clash else "active", f"{number}", "", "", "", ""]
        for number, (town, one, other, same, clash) in enumerate(picks)
    ]  # fmt: skip
    found = pd.DataFrame(rows, columns=matching.VERDICT_COLUMNS)
    return found.drop_duplicates(["township_code", "name_a", "name_b"])


def content(left: pd.DataFrame, right: pd.DataFrame, pairs: pd.DataFrame) -> list[tuple[str, ...]]:
    keys = ["township_code", "product", "subject"]
    ours, theirs = (
        left.loc[pairs["left"], keys].to_numpy().tolist(),
        right.loc[pairs["right"], keys].to_numpy().tolist(),
    )
    rest = pairs[["band", "score", "evidence", "decided"]].to_numpy().tolist()
    return [tuple(map(str, [*one, *other, *more])) for one, other, more in zip(ours, theirs, rest, strict=True)]


@given(_ROWS, _ROWS, _VERDICTS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_rows_may_stand_in_any_order_and_the_lists_change_places(left, right, picks, random):
    one, other = (matching.subjects(frame(rows), PLACES) for rows in (left, right))
    verdicts = verdicts_on(one, other, picks)
    pairs = matching.match(one, other, RULES, verdicts=verdicts)
    mixed = [
        made.sample(frac=1, random_state=random.randint(0, 999)).set_axis([f"r{at}" for at in range(len(made))])
        for made in (one, other)
    ]
    again = matching.match(*mixed, RULES, verdicts=verdicts.iloc[::-1])
    assert content(*mixed, again) == content(one, other, pairs)
    swapped = matching.match(other, one, RULES, verdicts=verdicts)
    turned = [(*line[3:6], *line[:3], *line[6:]) for line in content(other, one, swapped)]
    assert sorted(turned) == sorted(content(one, other, pairs))


@given(_ROWS, _ROWS, _VERDICTS)
@settings(max_examples=60, deadline=None)
def test_matched_and_unmatched_are_the_input_and_same_is_one_to_one(left, right, picks):
    one, other = (matching.subjects(frame(rows), PLACES) for rows in (left, right))
    verdicts = verdicts_on(one, other, picks)
    pairs = matching.match(one, other, RULES, verdicts=verdicts)
    same, review = pairs[pairs["band"] == "same"], pairs[pairs["band"] == "review"]
    for side, made in (("left", one), ("right", other)):
        assert same[side].is_unique
        status = matching.status(made, pairs, side=side)
        assert status.index.equals(made.index)
        assert (status == "matched").sum() + status.isin(["review", "unmatched"]).sum() == len(made)
        assert (status == "matched").sum() == len(same)
        undecided = review[review["decided"] == ""]
        assert not undecided[side].isin(same[side]).any()
    assert not pairs.duplicated(["left", "right"]).any()
    blocks = [
        made.loc[pairs[side], ["township_code", "product"]].to_numpy().tolist()
        for side, made in (("left", one), ("right", other))
    ]
    assert blocks[0] == blocks[1]
    # What a verdict parts is never the same; what it joins is, unless one of the two is another's already.
    says = {(row.township_code, row.name_a, row.name_b): row for row in verdicts.itertuples()}
    for town, _, ours, _, _, theirs, band, *_ in content(one, other, pairs):
        verdict = says.get((town, *sorted([ours, theirs])))
        if verdict is not None and (verdict.state == "conflict" or not verdict.same):
            assert band != "same"


@given(_ROWS)
@settings(max_examples=40, deadline=None)
def test_a_list_matched_with_itself_is_itself(rows):
    one = matching.subjects(frame(rows), PLACES)
    pairs = matching.match(one, one, RULES)
    assert pairs[pairs["band"] == "same"][["left", "right"]].to_numpy().tolist() == [[at, at] for at in one.index]
    assert (pairs["band"] == "same").all()


def brute(
    left: list[str], right: list[str], blocks: tuple[np.ndarray, np.ndarray], rules: om.rules.Rules
) -> list[tuple[int, int, float]]:
    """Return what `likeness.pairs` promises, by scoring every pair of a block."""
    code = names.sounding(sorted({sign for name in [*left, *right] for sign in name}), rules)
    found = []
    for at, one in enumerate(left):
        for to, other in enumerate(right):
            if blocks[0][at] != blocks[1][to]:
                continue
            by_sign, by_sound = OSA.distance(one, other), OSA.distance(one.translate(code), other.translate(code))
            score = 100 * (1 - (by_sign + by_sound) / (2 * max(len(one), len(other))))
            if by_sound <= rules["matching"]["edits"] and score >= rules["matching"]["likeness"] - 1e-6:
                found.append((at, to, round(score, 6)))
    return found


_TEXT = st.one_of(
    st.text("林小晓明民", min_size=1, max_size=5),
    st.text("林小晓明民云岭", min_size=9, max_size=16),
    st.text(min_size=1, max_size=4),
)
_LOOSE = {
    (likeness_, edits): load_rules(settings={"matching": {"likeness": likeness_, "edits": edits}})
    for likeness_ in (20.0, 65.0, 90.0)
    for edits in (0, 1, 2, 4)
}


@given(
    st.lists(st.tuples(_TEXT, st.integers(0, 1)), max_size=15),
    st.lists(st.tuples(_TEXT, st.integers(0, 1)), max_size=15),
    st.sampled_from(sorted(_LOOSE)),
)
@settings(max_examples=200, deadline=None)
def test_the_filter_loses_no_pair_that_scoring_all_would_find(left, right, limits):
    rules = _LOOSE[limits]
    blocks = tuple(np.array([block for _, block in side], dtype=np.int64) for side in (left, right))
    ours, theirs = ([name for name, _ in side] for side in (left, right))
    found = likeness.pairs(np.array(ours, dtype=object), np.array(theirs, dtype=object), blocks, rules)
    made = [
        (int(at), int(to), round(float(score), 6))
        for at, to, score in zip(found.left, found.right, found.score, strict=True)
    ]
    assert made == brute(ours, theirs, blocks, rules)


def test_the_filter_works_in_parts_that_fit_in_memory(monkeypatch):
    left = ["".join(signs) for signs in itertools.product("林陈", "小晓大", "明民")]
    blocks = np.zeros(len(left), np.int64), np.zeros(len(left), np.int64)
    array = np.array(left, dtype=object)
    whole = likeness.pairs(array, array, blocks, RULES)
    monkeypatch.setattr(likeness, "_AT_ONCE", 5)
    parts = likeness.pairs(array, array, blocks, RULES)
    for name in ("left", "right", "score", "signs", "sounds"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert len(whole.left) > 50


HOSTILE = [
    "",
    " ",
    "（）",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "林" * 10_000,
    "林" * 9_999 + "陈",
    "\ue000\ue100",
    "\U000f0000\U000f0001",
    "💩👩‍🌾",
    "a\x00b",
    "合作社",
    "蔬菜合作社",
    "[.*+?^${}|\\",
    ";",
    "林;明",
    "\u202e反",
    "e\u0301\u0301\u0301",
    "1",
    "①②③",
]


def test_hostile_names_are_names_like_others():
    left = subjects(*[(name, PHONE if number % 2 else None, "甲村") for number, name in enumerate(HOSTILE)])
    assert len(left) >= 15
    right = left.sample(frac=1, random_state=1).reset_index(drop=True)
    pairs = matching.match(left, right, RULES)
    same = pairs[pairs["band"] == "same"]
    assert (left["subject"].loc[same["left"]].to_numpy() == right["subject"].loc[same["right"]].to_numpy()).all()
    assert len(same) == len(left)
    near = subjects(("林" * 9_998, None, "甲村"))
    assert {band for *_, band in told(near, left)} == {"review"}


# ---- The sample's truth ----


def normal_truth(name: str, against: str) -> pd.DataFrame:
    frame_ = pd.read_csv(SAMPLE / name / "truth" / "pairs.csv", dtype="str")
    frame_ = frame_[(frame_["round"] == "2023-03") & (frame_["against"] == against)]
    for side in ("listed", "collected"):
        frame_[side] = normal_name(frame_[f"{side}_name"], PLACES)
    return frame_


def as_named(left: pd.DataFrame, right: pd.DataFrame, pairs: pd.DataFrame, *bands: str) -> set[tuple[str, ...]]:
    return {line[:3] + line[5:6] for line in content(left, right, pairs[pairs["band"].isin(bands)])}


def truly(pairs: pd.DataFrame) -> set[tuple[str, ...]]:
    return set(pairs[["township_code", "product", "listed", "collected"]].itertuples(index=False, name=None))


@pytest.fixture(scope="module", params=["anxi", "tiny"])
def lists(request: pytest.FixtureRequest) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    round_ = om.open_round(SAMPLE / request.param / "2023-03")
    collected = round_.records[round_.records["product"].notna()]
    return request.param, matching.subjects(round_.registry, PLACES), matching.subjects(collected, PLACES)


def test_against_the_truth_no_certain_pair_is_wrong_and_every_other_true_one_is_in_review(lists):
    name, registry, collected = lists
    truth = normal_truth(name, "registry")
    true, false = truly(truth[truth["same"] == "yes"]), truly(truth[truth["same"] == "no"])
    pairs = matching.match(registry, collected, RULES)
    same, review = (as_named(registry, collected, pairs, band) for band in ("same", "review"))
    assert same <= true
    assert not same & false
    assert true - same <= review
    asked = truly(truth[truth["kind"].isin(["typo", "sound", "person", "bracket_behind"])])
    assert len(same & true) >= 0.98 * len(true - asked)
    assert same == true - asked
    assert len(true) > (1000 if name == "anxi" else 40)
    assert name != "anxi" or len(same) >= 0.98 * len(true)
    assert len(review) <= 2 * len(asked)  # what a person must look at is little


def test_with_the_samples_verdicts_the_matches_are_the_truth(lists, store: Store):
    name, registry, collected = lists
    truth = normal_truth(name, "registry")
    said = pd.read_csv(SAMPLE / name / "truth" / "verdicts.csv", dtype="str")
    for side in ("name_a", "name_b"):
        said[side] = normal_name(said[side], PLACES)
    for row in said.itertuples():
        verdict = matching.verdict(row.township_code, row.name_a, row.name_b, same=row.verdict == "same", why=row.why)
        store.record(verdict, by=Person(row.who, row.section), at=row.at)
    pairs = matching.match(registry, collected, RULES, verdicts=matching.decided(store.entries()))
    true = truly(truth[truth["same"] == "yes"])
    assert as_named(registry, collected, pairs, "same") == true
    assert as_named(registry, collected, pairs, "review") == set()
    parted = truly(truth[(truth["same"] == "no")])
    assert as_named(registry, collected, pairs, "different") >= parted


def test_a_round_is_matched_with_the_one_before():
    before, now = (om.open_round(SAMPLE / "anxi" / name).records for name in ("2023-02", "2023-03"))
    left, right = (matching.subjects(rows[rows["product"].notna()], PLACES) for rows in (before, now))
    pairs = matching.match(left, right, RULES)
    truth = truly(normal_truth("anxi", "2023-02"))
    same = as_named(left, right, pairs, "same")
    assert truth
    assert truth <= same
    assert all(listed == collected for _, _, listed, collected in same)
