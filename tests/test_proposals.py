"""Proposals: which points need a person, what is proposed for each, and what other rounds and files say."""

from pathlib import Path

import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import datum, decisions, proposals, verdicts
from originmap.decisions import Person, Verdict

LIN = Person("林一", "种植业股")
HOME = (118.0501, 25.2301)


def county(tmp_path: Path, month: str, *rows, settings: str = "", file: str = "湖头镇.xlsx") -> om.Round:
    path = tmp_path / "县" / month
    write_book(path / file, {"附件1": collection_sheet(*rows)})
    if settings:
        (path / "round.toml").write_text(settings, encoding="utf-8")
    return om.open_round(path)


def test_the_sample_queues_what_its_findings_say_and_nothing_else():
    round_ = om.open_round()
    made = proposals.of_round(round_)
    planted = round_.findings[round_.findings["rule"].isin(proposals.SUSPICIOUS)]
    assert set(made.queue["record_id"]) <= set(planted["record_id"])
    assert made.left == len(made.queue) >= 10
    assert set(made.candidates["row"]) <= set(made.queue.index)
    firsts = made.candidates[made.candidates["rank"] == 1].set_index("row")
    assert {"dms", "decimal_lost", "digit"} <= set(firsts["reading"])
    town = made.queue["township_code"].iat[0]
    part = proposals.of_round(round_, township_code=town)
    assert 0 < part.left < made.left
    assert set(part.queue["township_code"]) == {town}
    # No file of the sample says its datum, so none can vouch for another.
    assert made.datums["datum"].isna().all()


def test_an_earlier_round_that_is_vouched_for_tells_a_files_datum(tmp_path):
    names = [f"林{number}样" for number in "一二三四五六"]
    spots = [(118.05 + number / 300, 25.22 + number / 400) for number in range(6)]
    plain = [
        grower(种养殖主体=name, 基地地址=name, 点位经纬度=f"{x:.6f},{y:.6f}")
        for name, (x, y) in zip(names, spots, strict=True)
    ]
    february = county(tmp_path, "2023-02", *plain, settings='[datum]\n"*" = "cgcs2000"\n')
    shifted = []
    for name, (x, y) in zip(names, spots, strict=True):
        a, b = datum.from_wgs84(x, y, "gcj02")
        shifted.append(grower(种养殖主体=name, 基地地址=name, 点位经纬度=f"{a:.6f},{b:.6f}"))
    march = county(tmp_path, "2023-03", *shifted)
    told = proposals.datums(march, earlier=[february]).iloc[0]
    assert (told["datum"], told["reason"], told["anchors"]) == ("gcj02", "anchors", 6)
    assert proposals.datums(march).iloc[0]["reason"] == "few_anchors"
    path = march.folder
    verdict = verdicts.datum_verdict("2023-03", "湖头镇.xlsx", "gcj02", why="诊断")
    decisions.of_county(path).record(verdict, by=LIN)
    assert proposals.datums(om.open_round(path), earlier=[february]).empty


def test_a_records_earlier_point_is_evidence_and_a_refusal_is_kept(tmp_path):
    february = county(tmp_path, "2023-02", grower(点位经纬度=f"{HOME[0]},{HOME[1]}"))
    march = county(tmp_path, "2023-03", grower(点位经纬度="128.0501,25.2301"))
    made = proposals.of_round(march, earlier=[february])
    first = made.candidates.iloc[0]
    assert (first["reading"], first["earlier_m"], made.queue["rules"].tolist()) == ("digit", 0, ["point_far"])
    assert not first["refused"]
    target = {"record_id": made.queue["record_id"].iat[0], "reading": "digit"}
    decisions.of_county(march.folder).record(Verdict("proposal_refused", target, {"refused": True}, "不是"), by=LIN)
    again = proposals.of_round(om.open_round(march.folder), earlier=[february])
    assert again.candidates["refused"].tolist()[0]
    assert again.left == 1


def test_a_decided_record_leaves_the_queue(tmp_path):
    march = county(
        tmp_path, "2023-03", grower(点位经纬度="128.0501,25.2301"), grower(种养殖主体="陈样", 点位经纬度=None)
    )
    assert proposals.of_round(march).left == 2
    record = march.records["record_id"].iat[0]
    verdict = verdicts.point_verdict(march.records, march.raw, record, *HOME, why="现场", how="digit")
    decisions.of_county(march.folder).record(verdict, by=LIN)
    left = proposals.of_round(om.open_round(march.folder))
    assert left.queue["subject_name"].tolist() == ["陈样"]
    assert left.queue["reason"].tolist() == ["no_text"]
    assert left.candidates.empty


def test_the_subjects_other_plots_are_evidence(tmp_path):
    rows = [grower(点位经纬度="128.0501,25.2301"), grower(基地地址="另一块", 点位经纬度="118.0511,25.2301")]
    made = proposals.of_round(county(tmp_path, "2023-03", *rows))
    assert made.candidates["others_m"].iat[0] == pytest.approx(101, abs=2)
