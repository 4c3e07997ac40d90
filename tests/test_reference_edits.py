"""What an analyst changes, an analyst changes in `data/reference/` alone: a product, a threshold, a word, a limit."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from books import COLLECTION_HEADER, collection_sheet, grower, write_book

import originmap as om

TEA = """
[products.tea]
name = "茶叶"
name_en = "Tea"
kind = "crop"
unit = "mu"
threshold = 1.0
aliases = ["铁观音"]
report_by = 2023-03-15
upload_by = 2023-03-25
plausible = [0.05, 300.0]
colour = "#445500"
"""
Edited = Callable[..., om.Round]


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """Open a one-sheet round by a copied reference folder in which `file` says `new` for `old`."""

    def open_edited(rows: object, file: str, old: str, new: str) -> om.Round:
        reference = tmp_path / "reference"
        shutil.copytree(om.rules.REFERENCE, reference)
        text = (reference / file).read_text(encoding="utf-8")
        assert text.count(old) >= 1
        (reference / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        write_book(tmp_path / "2023-03" / "湖头镇.xlsx", {"S": rows})  # type: ignore[dict-item]
        return om.open_round(tmp_path / "2023-03", reference=reference)

    return open_edited


def plain(tmp_path: Path, rows: object) -> om.Round:
    write_book(tmp_path / "before" / "2023-03" / "湖头镇.xlsx", {"S": rows})  # type: ignore[dict-item]
    return om.open_round(tmp_path / "before" / "2023-03")


def renamed(old: str, new: str) -> list[str]:
    return [new if name == old else name for name in COLLECTION_HEADER]


def test_a_new_product(edited: Edited, tmp_path: Path) -> None:
    rows = collection_sheet(grower(产品名称="铁观音", 种养规模=3))
    assert plain(tmp_path, rows).records["product"].isna().all()
    round_ = edited(rows, "rules.toml", "[not_products]", f"{TEA}\n[not_products]")
    assert round_.records[["product", "size_value", "status"]].to_numpy().tolist() == [["tea", 3.0, "accepted"]]


def test_a_new_product_as_the_header_of_a_column(edited: Edited) -> None:
    rows = [
        ["样例数据"],
        ["主体名称", "主体类型", "联系人", "电话", "茶叶(亩)"],
        ["林小样", "农户", "林小样", "13900000001", 3],
    ]
    round_ = edited(rows, "rules.toml", "[not_products]", f"{TEA}\n[not_products]")
    assert round_.registry[["product", "size_value"]].to_numpy().tolist() == [["tea", 3.0]]


def test_a_changed_threshold(edited: Edited, tmp_path: Path) -> None:
    rows = collection_sheet(grower(种养规模=0.4))
    assert plain(tmp_path, rows).records["in_scope"].tolist() == [False]
    assert edited(rows, "rules.toml", "threshold = 0.5", "threshold = 0.3").records["in_scope"].tolist() == [True]


@pytest.mark.parametrize(
    ("header", "file", "old", "new"),
    [
        ("播种面积", "headers.toml", 'size = ["种养规模"', 'size = ["播种面积", "种养规模"'),
        ("种养规模(垧)", "rules.toml", 'mu = { "亩" = 1.0', 'mu = { "垧" = 15.0, "亩" = 1.0'),
    ],
)
def test_a_new_header_and_a_new_unit(
    edited: Edited, tmp_path: Path, header: str, file: str, old: str, new: str
) -> None:
    rows = [["样例数据"], renamed("种养规模", header), grower(种养规模=2)]
    before = plain(tmp_path, rows).records["size_value"].tolist()
    after = edited(rows, file, old, new).records["size_value"].tolist()
    assert after == ([2.0] if file == "headers.toml" else [30.0])
    assert before != after


def test_a_new_unit_in_a_cell(edited: Edited, tmp_path: Path) -> None:
    rows = collection_sheet(grower(种养规模="2垧"))
    assert pd.isna(plain(tmp_path, rows).records["size_value"].iat[0])
    round_ = edited(rows, "rules.toml", 'mu = { "亩" = 1.0', 'mu = { "垧" = 15.0, "亩" = 1.0')
    assert round_.records["size_value"].tolist() == [30.0]


def test_a_new_choice(edited: Edited, tmp_path: Path) -> None:
    rows = collection_sheet(grower(生产方式="半露地"))
    assert plain(tmp_path, rows).records["production_mode"].isna().all()
    round_ = edited(rows, "rules.toml", 'open = ["露地"', 'open = ["半露地", "露地"')
    assert round_.records["production_mode"].tolist() == ["open"]


def test_a_new_word_for_a_total(edited: Edited, tmp_path: Path) -> None:
    rows = collection_sheet(grower(), ["全镇共", None, None, None, None, None, None, None, 2.5])
    assert len(plain(tmp_path, rows).records) == 2
    round_ = edited(
        rows, "headers.toml", 'total = ["合计", "小计", "总计"', 'total = ["全镇共", "合计", "小计", "总计"'
    )
    assert len(round_.records) == 1
    assert round_.skipped["reason"].tolist() == ["title", "header", "total"]


def test_a_new_former_name(edited: Edited, tmp_path: Path) -> None:
    rows = collection_sheet(grower(乡镇="云上乡"), title="样例数据")
    assert plain(tmp_path, rows).records["township_code"].isna().all()
    line = next(
        line
        for line in (om.rules.REFERENCE / "townships.csv").read_text(encoding="utf-8").splitlines()
        if line.startswith("350524102")
    )
    fields = line.split(",")
    fields[4] = "云上乡"
    round_ = edited(rows, "townships.csv", line, ",".join(fields))
    assert round_.records["township"].tolist() == ["湖头镇"]


def test_a_new_kind_of_sheet(edited: Edited) -> None:
    kind = '[kinds.weather]\nlabel = "天气"\nall = ["weather"]\nany = ["township"]\nat_least = 1\n\n[kinds.contacts]'
    rows = [["样例数据"], ["乡镇", "天气", "品种"], ["湖头镇", "晴", "豇豆"]]
    fields = '[fields]\nweather = ["天气"]'
    round_ = edited(rows, "headers.toml", "[kinds.contacts]", kind.replace("天气", "天气表"))
    assert round_.sheets["kind"].tolist() == ["unrecognised"]  # a kind needs its words
    path = round_.rules.reference / "headers.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("[fields]", fields, 1), encoding="utf-8")
    again = om.open_round(round_.folder, reference=round_.rules.reference)
    assert again.sheets[["kind", "accepted"]].to_numpy().tolist() == [["weather", 1]]
