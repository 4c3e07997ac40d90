"""Two editions of a report: what is another is named by file, figure and cell; what is the same is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from originmap import cli, editions, exports, manifest
from originmap.catalogue import FIGURE_HEADER, SOURCE_HEADER
from originmap.publishing import OutputError
from originmap.rounds import InboxError
from originmap.traces import FIGURES, SOURCES

Tree = Callable[..., Path]
FIGURE = ("A-01-cowpea-collected", "tables/面积核对表.xlsx", "采集", 5.0, "亩", "")
CELLS = [
    ("A-01-cowpea-collected", "r1", "湖头3月.xlsx", "附件1", "G3", "2.0"),
    ("A-01-cowpea-collected", "r2", "湖头3月.xlsx", "附件1", "G4", "3.0"),
    ("A-01-cowpea-collected", None, "附件5.xlsx", "附件5", "C3", "9"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return what writes a tree with figures, cells and other files, and its manifest."""

    def write(
        name: str, figures: list[tuple[Any, ...]], cells: list[tuple[Any, ...]], files: dict[str, str] | None = None, **more: Any
    ) -> Path:  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        sheets = {
            FIGURES: pd.DataFrame(figures, columns=FIGURE_HEADER),
            SOURCES: pd.DataFrame(cells, columns=SOURCE_HEADER),
        }
        exports.write_book(folder / "lineage.xlsx", sheets)
        for file, text in {"index.html": "页", **(files or {})}.items():
            (folder / file).write_text(text, encoding="utf-8")
        outputs = {path.name: manifest.sha256(path) for path in folder.iterdir()}
        told = {"made_by": "originmap", "round": "2023-03", "outputs": outputs, **more}
        (folder / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
        return folder

    return write


def test_a_record_that_moved_to_another_file_and_row_has_not_changed(tree: Tree) -> None:
    moved = [
        (one, record, "湖头4月.xlsx", "表", f"H{at}", value)
        for at, (one, record, _, _, _, value) in enumerate(CELLS[:2])
    ]
    found = editions.compare(tree("旧", [FIGURE], CELLS), tree("新", [FIGURE], [*moved, CELLS[2]]))
    assert found.figures.empty
    assert found.cells.empty
    assert editions.said(found) == ["数字都没有变。"]


def test_a_figure_that_changed_leads_to_the_cells_that_changed(tree: Tree) -> None:
    cells = [
        (CELLS[0][0], "r1", "湖头4月.xlsx", "附件1", "G9", "2.0"),
        (CELLS[1][0], "r2", "湖头4月.xlsx", "附件1", "G3", "4.5"),
        (CELLS[0][0], "r3", "湖头4月.xlsx", "附件1", "G4", "1.0"),
    ]
    old = tree("旧", [FIGURE, ("A-01-egg-collected", "", "采集", 10.0, "只", "")], CELLS)
    new = tree("新", [(*FIGURE[:3], 7.5, "亩", ""), ("A-01-pig-collected", "", "采集", None, "头", "")], cells)
    found = editions.compare(old, new)
    assert found.figures[["变化", "编号", "差"]].fillna(0).to_numpy().tolist() == [
        ["变大", "A-01-cowpea-collected", 2.5],
        ["消失", "A-01-egg-collected", 0],
        ["新增", "A-01-pig-collected", 0],
    ]
    said = {(row["变化"], row["record_id"]) for row in found.cells.fillna("").to_dict("records")}
    assert said == {("内容变了", "r2"), ("新增", "r3"), ("消失", "")}
    lines = "\n".join(editions.said(found))
    assert "3 个数字变了：变大 1，消失 1，新增 1；涉及 3 处单元格。" in lines
    assert "A-01-cowpea-collected 采集：5 → 7.5 亩" in lines
    assert "内容变了 湖头4月.xlsx〔附件1〕G3：3.0 → 4.5" in lines
    assert "消失 附件5.xlsx〔附件5〕C3：9 → —" in lines


def test_unknown_is_not_zero_and_rounding_is_no_change(tree: Tree) -> None:
    old = tree(
        "旧", [(*FIGURE[:3], None, "亩", ""), ("B", "", "乙", 0.3, "亩", ""), ("C", "", "丙", None, "亩", "")], []
    )
    new = tree(
        "新", [(*FIGURE[:3], 0.0, "亩", ""), ("B", "", "乙", 0.1 + 0.2, "亩", ""), ("C", "", "丙", None, "亩", "")], []
    )
    found = editions.compare(old, new)
    assert found.figures["编号"].tolist() == [FIGURE[0]]
    assert "— → 0 亩" in editions.said(found)[1]


def test_the_command_writes_all_of_it(tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tree("旧", [FIGURE], CELLS), tree("新", [(*FIGURE[:3], 4.0, "亩", "")], CELLS[:2])
    assert cli.main(["compare", str(old), str(new), "--out", str(tmp_path / "差别.xlsx")]) == 0
    assert "1 个数字变了：变小 1" in capsys.readouterr().out
    sheets = pd.read_excel(tmp_path / "差别.xlsx", sheet_name=None, engine="calamine")
    assert list(sheets["变了的数字"]) == editions.CHANGED_HEADER
    assert sheets["变动的单元格"]["原单元格"].tolist() == ["C3"]
    (tmp_path / "空").mkdir()
    for other in (tmp_path / "空", tmp_path / "没有"):
        assert cli.main(["compare", str(old), str(other)]) == 2
        assert "里没有 lineage.xlsx" in capsys.readouterr().err
    (new / "lineage.xlsx").write_bytes(b"PK")
    assert cli.main(["compare", str(old), str(new)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_verify_names_every_difference(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {
        "as_of": "",
        "profile": "internal",
        "county_only": True,
        "townships": [],
        "paper": "A4",
        "rules": None,
    }
    first = {"inputs": {"a.xlsx": "1", "b.xlsx": "1"}, "versions": {"pandas": "2"}, "decisions": {"count": 0}}
    old = tree(
        "旧",
        [FIGURE],
        CELLS,
        {"同.txt": "x", "少.txt": "x", "改.txt": "x", "没.txt": "x"},
        parameters=parameters,
        **first,
    )
    exports.write_book(old / "表.xlsx", {"表一": pd.DataFrame({"数": [1, 2]})})
    (old / "改.txt").write_text("手改", encoding="utf-8")
    (old / "没.txt").unlink()
    (old / ".DS_Store").write_text("", encoding="utf-8")
    now = {"inputs": {"a.xlsx": "2", "c.xlsx": "1"}, "versions": {"pandas": "3"}, "decisions": {"count": 1}}
    new = tree("新", [(*FIGURE[:3], 4.0, "亩", "")], CELLS[:2], {"同.txt": "x", "改.txt": "x", "没.txt": "x"}, **now)
    exports.write_book(new / "表.xlsx", {"表一": pd.DataFrame({"数": [1, 3]})})
    round_ = type("Round", (), {"name": "2023-03"})
    asked: list[Any] = []

    def again(settings: Any, *_: Any, **__: Any) -> Any:
        asked.append(settings)
        return round_, new

    monkeypatch.setattr(editions, "write_report", again)
    lines = "\n".join(editions.verify(old, tmp_path / "2023-03"))
    assert asked[0].county_only
    for text in (
        "报送文件变了：a.xlsx", "报送文件没有了：b.xlsx", "报送文件新增：c.xlsx", "环境变了：pandas：2 → 3", "决定记录变了",
        "多出来的：少.txt", "不同：改.txt（出过之后被改动）", "不见了：没.txt", "不同：表.xlsx", "〔表一〕A3 2 → 3",
        "不同：lineage.xlsx", "采集：5 → 4 亩", "消失 附件5.xlsx〔附件5〕C3",
    ):  # fmt: skip
        assert text in lines, (text, lines)
    assert "同.txt" not in lines
    assert ".DS_Store" not in lines
    with pytest.raises(OutputError, match="请去掉 --rules"):
        editions.verify(old, tmp_path, rules=old / "index.html")
    round_.name = "2023-04"
    with pytest.raises(InboxError, match="是 2023-03 批次的结果"):
        editions.verify(old, tmp_path / "2023-04")
    (old / "manifest.json").unlink()
    with pytest.raises(OutputError, match="无从核对"):
        editions.verify(old, tmp_path)
