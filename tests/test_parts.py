"""The fast ways give what the slow ones give, and what a sheet says beside its cells is read before it is laid out."""

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import write_book
from hypothesis import given, settings
from hypothesis import strategies as st

from originmap import notation, parts, placing, records, texts, workbooks
from originmap.findings import mask_phone, mask_phones
from originmap.formats import Limits, UnreadableFileError
from originmap.rules import load_rules

RULES = load_rules()
LIMITS = replace(Limits.of(RULES), merges=1000)
BOX = (117.0, 24.5, 119.0, 26.0)


def rewritten(path: Path, change) -> Path:
    """Return the workbook with `change` applied to its first sheet's XML."""
    target = path.with_stem(path.stem + "改")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, change(data) if info.filename == "xl/worksheets/sheet1.xml" else data)
    return target


def scanned(path: Path) -> list[parts.Part]:
    with zipfile.ZipFile(path) as archive:
        return parts.scan(archive, LIMITS)


def read(path: Path, name: str, rules) -> list[workbooks.RawSheet]:
    return workbooks.read_file(path.read_bytes(), name, rules)[0]


def test_a_sheet_says_its_merges_hidden_rows_and_errors(tmp_path):
    rows = [["题"], ["甲", "乙", "丙"], ["1", "2", "3"], ["4", None, "6"]]
    path = write_book(tmp_path / "a.xlsx", {"一": rows, "二": []}, merges=[("一", "A1:C1")], hidden=["二"])

    def spoil(data: bytes) -> bytes:
        data = data.replace(b'<row r="3"', b'<row r="3" hidden="1"')
        return data.replace(b'<row r="4"', b'<row r="4" customHeight="1"').replace(
            b'<c r="A4"', b'<c r="B4" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="A4"'
        )

    one, two = scanned(rewritten(path, spoil))
    assert (one.name, one.hidden, one.merges, one.hidden_rows) == ("一", False, [(0, 0, 0, 2)], [2])
    assert one.errors == {(3, 1): "#DIV/0!"}
    assert (two.name, two.hidden, two.rows) == ("二", True, 0)
    sheet = read(rewritten(path, spoil), "改.xlsx", RULES)[0]
    assert sheet.cells[3].tolist() == ["4", "#DIV/0!", "6"]
    assert sheet.hidden_rows == (2,)


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="XFD1048576"><v>1</v></c>',
        b'<c s="0" r="XFD1048576"><v>1</v></c>',
        b"<c r='XFD1048576'><v>1</v></c>",
        b'<c r="A1048576" ><v>1</v></c><c r="ZZ9"><v>1</v></c>',
    ],
)
def test_a_far_cell_is_seen_however_it_is_written(tmp_path, cell):
    path = write_book(tmp_path / "a.xlsx", {"一": [["a", "b"], ["c", "d"]]})
    far = rewritten(path, lambda data: data.replace(b"</row>", cell + b"</row>", 1))
    with pytest.raises(UnreadableFileError, match="file_too_large"):
        scanned(far)
    with pytest.raises(UnreadableFileError) as error:
        read(far, "改.xlsx", RULES)
    assert error.value.rule == "file_too_large"


def test_a_far_row_and_a_million_merges_are_seen(tmp_path):
    path = write_book(tmp_path / "a.xlsx", {"一": [["a", "b"], ["c", "d"]]})
    far = rewritten(path, lambda data: re.sub(rb'<row r="2"', b'<row r="1048576"', data))
    with pytest.raises(UnreadableFileError, match="file_too_large"):
        scanned(
            rewritten(far, lambda data: data.replace(b'r="A2"', b'r="Z1048576"').replace(b'r="B2"', b'r="AA1048576"'))
        )
    styled = rewritten(
        path, lambda data: data.replace(b"</sheetData>", b'<row r="1048576"><c r="A1048576" s="1"/></row></sheetData>')
    )
    assert (scanned(styled)[0].rows, scanned(styled)[0].columns) == (2, 2), "a styled empty row reaches nowhere"
    assert len(read(styled, "x", RULES)[0]) == 2
    merges = b"".join(b'<mergeCell ref="A%d:B%d"/>' % (row, row) for row in range(1, 2000))
    many = rewritten(
        path, lambda data: data.replace(b"</sheetData>", b"</sheetData><mergeCells>" + merges + b"</mergeCells>")
    )
    with pytest.raises(UnreadableFileError, match="file_too_large"):
        scanned(many)


def test_names_with_a_prefix_are_read(tmp_path):
    """Some programs write <x:row> and <x:c>."""
    path = write_book(tmp_path / "a.xlsx", {"一": [["a", "b"], ["c", "d"]]}, merges=[("一", "A1:B1")])

    def prefixed(data: bytes) -> bytes:
        data = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", data)
        return data.replace(b'xmlns="', b'xmlns:x="').replace(b"<x:?xml", b"<?xml")

    (part,) = scanned(rewritten(path, prefixed))
    assert (part.rows, part.merges, part.from_a) == (2, [(0, 0, 0, 1)], True)
    assert read(rewritten(path, prefixed), "x", RULES)[0].cells.shape == (2, 2)


@pytest.mark.parametrize("first", [0, 1, 3])
def test_empty_columns_in_front_keep_their_place(tmp_path, first):
    rows = [[None] * first + ["甲", "乙"], [None] * first + ["1", "2.5"]]
    path = write_book(tmp_path / "a.xlsx", {"一": rows})
    assert read(path, "a", RULES)[0].cells.tolist() == [list(row) for row in rows]


def test_both_readers_agree_on_every_sheet_of_the_sample(monkeypatch, root):
    paths = sorted((root / "data" / "sample" / "anxi" / "2023-03").rglob("*.xlsx"))
    fast = [read(path, path.name, RULES) for path in paths]
    real = parts.scan
    monkeypatch.setattr(workbooks, "scan", lambda *args, **kw: [_not_from_a(part) for part in real(*args, **kw)])
    for path, sheets in zip(paths, fast, strict=True):
        for one, other in zip(sheets, read(path, path.name, RULES), strict=True):
            assert np.array_equal(one.cells, other.cells), (path.name, one.sheet)
            assert one.merges == other.merges


def _not_from_a(part: parts.Part) -> parts.Part:
    part.from_a = False
    return part


SIGNS = "0123456789１２.,，、 　-:；°E'N东北林陈一亩万半约()（）xX*+"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(alphabet=SIGNS, max_size=24),
            st.from_regex(r"1\d{2}\.\d{1,6},2\d\.\d{1,6}", fullmatch=True),
            st.from_regex(r"1[3-9]\d{9}", fullmatch=True),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_columns_are_read_as_single_texts_are(cells):
    column = pd.Series([cell or None for cell in cells], dtype="str")
    phones, points = records._phones(column), placing._points(column, BOX)
    assert mask_phones(column).fillna("").tolist() == [mask_phone(cell) for cell in cells]
    for at, cell in enumerate(cells):
        if not cell:
            continue
        assert tuple(phones.loc[at, ["numbers", "rest", "rule"]]) == tuple(notation.phone(cell))
        point = notation.point(cell, BOX)
        if point is None:
            assert np.isnan(points.loc[at, "lon"])
        else:
            assert tuple(points.loc[at, ["lon", "lat", "rule", "settled"]]) == (
                point.lon,
                point.lat,
                point.rule,
                point.settled,
            )
    assert texts.half_width(column).fillna("").tolist() == [
        notation.narrow(cell).replace("。", ".") if cell else "" for cell in cells
    ]
