"""What a card tells beside its row: the subject's rows in the rounds before, under its number, its name or the name it had."""

import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import cards
from originmap.past import PAST_COLUMNS, Past


@pytest.fixture(scope="module")
def round_(tmp_path_factory):
    """The last of three rounds of one township: one grower stays, one takes another name with its phone and village, one is new."""
    base = tmp_path_factory.mktemp("county")
    stays = {"种养殖主体": "甲", "电话": "13900000011"}
    renamed = {"电话": "13900000012", "基地地址": "前溪村7号地", "村": "前溪村", "联系人": "郑春"}
    write_book(base / "2023-01" / "一月.xlsx", {"S": collection_sheet(grower(**stays, 种养规模=1.5))})
    write_book(base / "2023-02" / "二月.xlsx", {"S": collection_sheet(
        grower(**stays, 点位经纬度="118.0502,25.2302"), grower(**stays, 产品名称="芹菜"), grower(**renamed, 种养殖主体="安溪县绿园蔬菜农民专业合作社"),
    )})  # fmt: skip
    write_book(base / "2023-03" / "三月.xlsx", {"S": collection_sheet(
        grower(**stays, 种养规模=3.5), grower(**renamed, 种养殖主体="绿园合作社"), grower(种养殖主体="<b>新</b>", 电话="13900000013"),
    )})  # fmt: skip
    return om.open_round(base / "2023-03")


@pytest.fixture(scope="module")
def past(round_):
    return Past(round_)


def at(round_, name):
    return int((round_.records["subject_name"] == name).to_numpy().nonzero()[0][0])


def test_a_subject_is_followed_back_through_the_rounds_with_its_cells(round_, past):
    found = past.of(at(round_, "甲"))
    assert list(found) == PAST_COLUMNS
    assert found["round"].tolist() == ["2023-02", "2023-01"]
    assert found["size_value"].tolist() == [2.5, 1.5]  # not its celery
    assert found["lon"].tolist() == [118.0502, 118.0501]
    assert found["size_cell"].tolist() == ["二月.xlsx〔S〕I3", "一月.xlsx〔S〕I3"]
    assert found["window_cell"].tolist() == ["二月.xlsx〔S〕L3", "一月.xlsx〔S〕L3"]
    assert found["point_cell"].tolist() == ["二月.xlsx〔S〕K3", "一月.xlsx〔S〕K3"]


def test_another_name_of_the_same_subject_is_found_and_nothing_of_a_new_one(round_, past):
    names = om.changes.changes(past.rounds[0], round_).query("change == 'renamed'")
    assert names["subject_before"].tolist() == ["安溪县绿园蔬菜农民专业合作社"]
    assert past.of(at(round_, "绿园合作社"))["subject_name"].tolist() == ["安溪县绿园蔬菜农民专业合作社"]
    assert past.of(at(round_, "<b>新</b>")).empty


def test_rounds_are_opened_only_when_somebody_looks_back(round_, monkeypatch):
    opened = []
    monkeypatch.setattr(om.past, "earlier_rounds", lambda *_, **__: opened.append(1) or [])
    panel = om.onemap.OneMap(round_)
    panel.show(at(round_, "甲"))
    assert not opened
    panel.look_back.click()
    assert opened
    assert "以前的批次里没有找到" in panel.card.value


def test_the_card_tells_them_escaped(round_, past):
    html = cards.card(round_, at(round_, "甲"), past=past)
    assert "2023-02 甲：2.5亩（I3），5–7月（L3），118.050200, 25.230200（K3）" in html
    assert "2023-02 甲: 2.5 mu (I3), May–Jul (L3)" in cards.card(round_, at(round_, "甲"), past=past, lang="en")
    assert "<b>新" not in cards.card(round_, at(round_, "<b>新</b>"), past=past)
