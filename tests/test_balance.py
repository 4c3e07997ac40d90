"""The panel of the area check, without a browser: everything moves together, verdicts are saved and taken back."""

from pathlib import Path

import pandas as pd
import pytest

import originmap as om
from originmap.balance import Balance
from originmap.decisions import Store
from originmap.waterfalls import columns, svg


@pytest.fixture(scope="module")
def sample() -> om.Round:
    return om.open_round()


@pytest.fixture
def panel(sample: om.Round, tmp_path: Path) -> Balance:
    return Balance(sample, Store(tmp_path / "decisions.db"), who="林一", section="种植业股")


def test_map_waterfall_and_list_move_together(panel: Balance) -> None:
    before = panel.digest()["值"]
    assert (before["乡镇"], before["柱"], before["构成行"]) == ("全县", "9", "6")
    panel.product.value = "celery"
    celery = panel.digest()["值"]
    assert (before[["图上 50–80%", "图摘要", "表摘要"]] != celery[["图上 50–80%", "图摘要", "表摘要"]]).all()
    panel._cell_clicked(properties={"township_code": "350524102"})
    one = panel.digest()["值"]
    assert one["乡镇"] == "湖头镇"
    assert (celery[["图摘要", "表摘要"]] != one[["图摘要", "表摘要"]]).all()
    on_map = [name for name in celery.index if name.startswith("图上")]
    assert one[on_map].equals(celery[on_map])  # the whole county stays on the map
    panel.term.value = "missing"
    wanted = om.gaps.subjects(panel.round_, panel.linked, product="celery", township_code="350524102", term="missing")
    assert panel.digest()["值"]["列出主体"] == str(len(wanted))
    panel._cell_clicked(properties={"township_code": "350524102"})
    assert panel.township.value == ""


def test_where_a_figure_is_unknown_nothing_is_drawn_and_the_reason_stands_there(panel: Balance) -> None:
    gaps = panel.gaps
    silent = gaps[(gaps["product"] == "cowpea") & (gaps["gap_status"] == "not_submitted")].iloc[0]
    panel.township.value = silent["township_code"]
    assert "<svg" not in panel.waterfall.value
    assert "不是 0" in panel.waterfall.value
    assert "未报" in panel.waterfall.value
    assert panel.digest()["值"]["柱"] == "0"


def test_a_pair_is_decided_in_place_and_taken_back(panel: Balance) -> None:
    before, pair = panel.digest()["值"], panel.queue.iloc[0]
    assert int(before["待核"]) > 1
    assert pair["left_name"] in panel.card.value
    assert pair["registry_cells"] in panel.card.value
    panel.same.click()
    assert "请写明理由" in panel.status.value  # nothing is saved without a reason
    assert panel.store.entries().empty
    panel.why.value = "电话核实"
    panel.same.click()
    after = panel.digest()["值"]
    assert "已保存" in panel.status.value
    assert int(after["待核"]) == int(before["待核"]) - 1
    assert after["图摘要"] != before["图摘要"]
    saved = panel.store.entries().iloc[0]
    assert (saved["kind"], saved["who"], saved["section"], saved["why"]) == ("match", "林一", "种植业股", "电话核实")
    # Another desk on the same store sees it at once.
    other = Balance(panel.round_, panel.store)
    assert other.digest()["值"]["图摘要"] == after["图摘要"]
    panel.undo.click()
    assert panel.digest()["值"][["待核", "图摘要", "表摘要"]].equals(before[["待核", "图摘要", "表摘要"]])
    assert panel.store.entries()["kind"].tolist() == ["match", "undo"]
    panel.undo.click()
    assert "没有决定可撤销" in panel.status.value


def test_two_pairs_told_apart_leave_the_figures_as_they_were(panel: Balance) -> None:
    before = om.reconcile.planting_area(panel.round_, linked=panel.linked)
    panel.why.value = "现场看过"
    panel.different.click()
    after = panel.gaps
    figures = [name for name in before.columns if name != "in_review"]
    pd.testing.assert_frame_equal(before[figures], after[figures])
    assert after["in_review"].sum() == before["in_review"].sum() - 1


def test_an_explanation_is_recorded_for_the_township_that_is_shown(panel: Balance) -> None:
    panel.why.value = "电话核实"
    panel.explanation.value = "部分改种"
    panel.explain.click()
    assert "先选一个乡镇" in panel.status.value
    panel.township.value = "350524102"
    assert panel.explanation.value == ""
    panel.explanation.value = "部分改种"
    panel.explain.click()
    told = om.gaps.explanations(panel.round_, panel.store.entries())
    assert told[["township_code", "product", "explanation"]].to_numpy().tolist() == [
        ["350524102", "cowpea", "部分改种"]
    ]
    panel.township.value = "350524101"
    assert panel.explanation.value == ""


def test_who_decides_must_be_said_and_a_wrong_product_is_one_clear_error(sample: om.Round, tmp_path: Path) -> None:
    panel = Balance(sample, Store(tmp_path / "d.db"))
    panel.why.value = "x"
    panel.same.click()
    assert "姓名和科室" in panel.status.value
    with pytest.raises(ValueError, match="没有底数的产品"):
        Balance(sample, panel.store, product="pig")


def test_bars_stand_where_the_steps_say_and_texts_are_escaped() -> None:
    steps = pd.DataFrame(
        [("baseline", "total", 0.0, 10.0, 10.0, 0.0), ("missing", "down", 10.0, 4.0, -6.0, 1.5), ("unlisted", "up", 4.0, 5.0, 1.0, 0.0), ("collected", "total", 0.0, 5.0, 5.0, 0.0)],
        columns=["step", "kind", "start", "end", "amount", "in_review"],
    )  # fmt: skip
    made = columns(steps)
    assert made[["low", "high"]].to_numpy().tolist() == [[0, 1], [0.4, 1], [0.4, 0.5], [0, 0.5]]
    assert made["value"].tolist() == ["10", "−6", "+1", "5"]
    assert made["doubt"].tolist() == ["", "1.5", "", ""]
    drawn = svg(steps, title="<script>", empty="")
    assert drawn.count("om-bar") == 4
    assert "<script>" not in drawn
    unknown = svg(steps.assign(end=float("nan")), title="t", empty="<b>没有")
    assert "&lt;b&gt;没有" in unknown
