"""What is kept for other processes is never stale, never outlives its command, and changes nothing."""

import multiprocessing
import os
import pickle
from pathlib import Path

import pytest
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import heard, kept


def test_it_is_made_once_for_the_same_content_and_anew_for_any_other(tmp_path: Path) -> None:
    file, made = tmp_path / "a", []

    def ask(*given: object) -> int:
        return kept.kept(lambda: made.append(1) or len(made), files=lambda: [file], given=given)

    file.write_text("1", encoding="utf-8")
    assert [ask(), ask()] == [1, 2], "outside of a command nothing is kept"
    with kept.shared():
        assert [ask("x"), ask("x"), ask("y"), ask("x", None), ask("x")] == [3, 3, 4, 5, 3]
        file.write_text("2", encoding="utf-8")
        assert ask("x") == 6
        file.write_text("1", encoding="utf-8")
        assert ask("x") == 3
        folder = Path(os.environ["ORIGINMAP_KEPT"])
        with kept.shared():
            assert ask("x") == 7
        assert Path(os.environ["ORIGINMAP_KEPT"]) == folder
        assert ask("x") == 3
    assert not folder.exists()
    assert "ORIGINMAP_KEPT" not in os.environ


def test_a_kept_round_is_the_round_and_notices_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "县" / "2023-03"
    write_book(folder / "a.xlsx", {"附件1": collection_sheet(grower())})
    plain = om.open_round(folder)
    with kept.shared():
        first = om.open_round(folder)
        monkeypatch.setattr(heard, "read_inbox", lambda *_: pytest.fail("it was read again"))
        again = om.open_round(folder, rules="")
        monkeypatch.undo()
        for name in ("records", "findings", "files", "columns", "submissions"):
            assert getattr(plain, name).equals(getattr(again, name)), name
        assert pickle.dumps(first.name) == pickle.dumps(again.name)
        assert om.open_round(folder, as_of="2023-03-15").as_of != first.as_of
        write_book(folder / "b.xlsx", {"附件1": collection_sheet(grower(种养殖主体="另一家", 电话="13900000003"))})
        assert len(om.open_round(folder).records) == 2
        write_book(folder.parent / "2023-02" / "c.xlsx", {"附件1": collection_sheet(grower())})
        (folder / "b.xlsx").unlink()
        assert len(om.open_round(folder).records) == 1
        overlay = tmp_path / "r.toml"
        overlay.write_text("[products.cowpea]\nthreshold = 9.0\n", encoding="utf-8")
        assert om.open_round(folder, rules=overlay).rules.products["cowpea"].threshold == 9
        assert om.open_round(folder).rules.products["cowpea"].threshold != 9


def test_a_decision_is_heard_without_reading_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "县" / "2023-03"
    write_book(folder / "a.xlsx", {"附件1": collection_sheet(grower())})
    store = om.decisions.Store(tmp_path / "other.db")
    with kept.shared():
        plain = om.open_round(folder)
        monkeypatch.setattr(heard, "read_inbox", lambda *_: pytest.fail("it was read again"))
        one = plain.records["record_id"].iloc[0]
        verdict = om.verdicts.point_verdict(plain.records, plain.raw, one, 118.06, 25.24, why="试")
        store.record(verdict, by=om.decisions.Person("试", "试"))
        decided = om.open_round(folder, decisions=store.path)
        assert decided.records[["lon", "lat"]].to_numpy().tolist() == [[118.06, 25.24]]
        assert om.open_round(folder).records[["lon", "lat"]].equals(plain.records[["lon", "lat"]])
        assert decided.digest != om.open_round(folder).digest


def test_a_process_that_joins_takes_what_is_there() -> None:
    with kept.shared() as folder:
        kept.worked_out(lambda: 1, of=["a"])
        with multiprocessing.get_context("spawn").Pool(1, kept.join, (folder,)) as pool:
            assert pool.apply(asked) == 1
    assert kept.worked_out(lambda: 3, of=["a"]) == 3


def asked() -> int:
    """Return what is kept, or else 2."""
    return kept.worked_out(lambda: 2, of=["a"])
