"""The map book: names that fit, one legend on every sheet, scales of the same steps; a sheet for who has nothing, too."""

import dataclasses
from itertools import combinations
from pathlib import Path

import pandas as pd
import pypdf
import pytest
from matplotlib.figure import Figure

import originmap as om
from originmap import atlas, mapbook, page, report, symbols


@pytest.fixture(scope="module")
def book() -> atlas.Atlas:
    return atlas.Atlas(om.open_round())


@pytest.fixture(scope="module")
def empty(book: atlas.Atlas) -> atlas.Atlas:
    """Return the same county with a single record, a pig farm's of 湖头镇."""
    records = book.round.records
    one = records[
        (records["product"] == "pig") & (records["township"] == "湖头镇") & (records["status"] == "accepted")
    ].head(1)
    return atlas.Atlas(dataclasses.replace(book.round, records=one))


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_gid() != "halo"]


def test_no_name_covers_another_or_leaves_the_map(book: atlas.Atlas) -> None:
    named = {"base": 0, "village": 0}
    for code, town in book.places.names.items():
        frame = book.frame(code)
        figure, sheet = page.a4(landscape=True)
        _, taken = symbols.base(figure, sheet, frame, book.outline, book.places, book.furniture)
        own = book.plan[book.plan["township_code"] == code]
        labels = atlas.label_plan(own, book.seats, frame, own=code, taken=taken)
        assert labels.loc[labels["kind"] == "own", "text"].tolist() == [town]
        boxes = [
            (row.x - row.w / 2, row.y - row.h / 2, row.x + row.w / 2, row.y + row.h / 2) for row in labels.itertuples()
        ]
        for one, other in [*combinations(boxes, 2), *((box, held) for box in boxes for held in taken)]:
            assert one[0] >= other[2] or one[2] <= other[0] or one[1] >= other[3] or one[3] <= other[1], town
        for left, bottom, right, top in boxes:
            assert frame.left <= left, town
            assert right <= frame.left + frame.width, town
            assert frame.bottom <= bottom, town
            assert top <= frame.bottom + frame.height, town
        named = {kind: count + int((labels["kind"] == kind).sum()) for kind, count in named.items()}
        assert frame.scale in atlas.SCALES
    located = book.plan.groupby("township_code")["village"].nunique().sum()
    assert named["village"] > 0.8 * located
    assert named["base"] > 100


def test_every_sheet_has_the_furniture_and_the_same_legend(book: atlas.Atlas) -> None:
    legends = []
    for code in ("350524102", "350524106"):
        figure = mapbook.township_map(book.round, code, atlas=book)
        said = texts(figure)
        whole = "".join(said)
        for wanted in (f"福建省泉州市安溪县{book.places.names[code]}重点农产品产地图", "内部资料", "样例数据", "2023年3月批次", "数据截至", "坐标系", "数据来源",
                       "制图", "图　例", "北", "km", "已定位/全部", "在县内的位置"):  # fmt: skip
            assert wanted in whole, wanted
        breaks = [text for text in said if text.startswith(("<", "≥"))]
        legends.append(
            ([text for text in said if text in {item.name for item in book.rules.products.values()}], breaks)
        )
    assert legends[0] == legends[1]
    assert len(legends[0][0]) == len(book.rules.products)
    with pytest.raises(ValueError, match="没有这个乡镇代码"):
        mapbook.township_map(book.round, "350524999", atlas=book)
    with pytest.raises(ValueError, match="没有这个品种"):
        mapbook.product_map(book.round, "tea", atlas=book)


def test_who_has_nothing_has_a_sheet_that_says_so(empty: atlas.Atlas) -> None:
    assert "没有已定位的基地" in texts(mapbook.township_map(empty.round, "350524106", atlas=empty))
    assert "没有已定位的基地" in texts(mapbook.product_map(empty.round, "egg", atlas=empty))
    one = texts(mapbook.product_map(empty.round, "pig", atlas=empty))
    assert "没有已定位的基地" not in one
    assert "1/1" in one
    assert "没有已定位的基地" not in texts(mapbook.township_map(empty.round, "350524102", atlas=empty))


def test_figures_of_a_product_are_those_of_the_summary(book: atlas.Atlas) -> None:
    said = texts(mapbook.product_map(book.round, "celery", atlas=book))
    counts = om.reconcile.counts(book.round)
    known = counts[(counts["product"] == "celery") & counts["subjects"].notna()]
    assert f"全县（{len(known)}/24）" in said
    assert {f"{int(known['subjects'].sum())}", f"{known['size'].sum():,.2f}"} <= set(said)
    assert said.count("—") >= 2 * int(counts.loc[counts["product"] == "celery", "subjects"].isna().sum())


def test_the_book_is_bound_with_an_index_and_prints_on_a3(book: atlas.Atlas, tmp_path: Path) -> None:
    written = mapbook.write_townships(book.round, tmp_path, townships=["350524102", "350524106"], paper="A3")
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "乡镇图册.pdf",
        "乡镇/湖头镇.png",
        "乡镇/金谷镇.png",
    ]
    pdf = pypdf.PdfReader(written[0])
    assert len(pdf.pages) == 3
    assert [round(float(side) * 25.4 / 72) for side in pdf.pages[1].mediabox[2:]] == [420, 297]
    text = pdf.pages[0].extract_text()
    assert "乡镇图册" in text
    assert "金谷镇" in text
    # More ground at the same type: on A3 the same township is drawn at a larger scale.
    assert atlas.Atlas(book.round, "A3").frame("350524102").scale < book.frame("350524102").scale


def test_where_room_is_short_towns_stay_and_villages_go(book: atlas.Atlas) -> None:
    plan = book.plan[book.plan["township_code"] == "350524107"]
    # All villages on one spot: most names have no room, and that is counted.
    crowded = plan.set_geometry([plan.geometry.iloc[0]] * len(plan), crs=plan.crs)
    labels = atlas.label_plan(crowded, book.seats, book.frame("350524107"), own="350524107")
    assert labels.attrs["left_out"] > 0
    assert (labels["kind"] == "own").sum() == 1
    assert not pd.isna(labels[["x", "y", "w", "h"]]).to_numpy().any()


def test_a_county_only_report_binds_products_alone(book: atlas.Atlas) -> None:
    def made(**options: object) -> set[str]:
        return set(report._pieces(report.Settings(book.round.folder, **options)))  # type: ignore[arg-type]

    assert {"township_maps", "product_maps"} <= made()
    assert "product_maps" in made(county_only=True)
    assert not {"township_maps", "desk"} & made(county_only=True)
    assert not {"township_maps", "product_maps", "desk"} & made(profile="public")
