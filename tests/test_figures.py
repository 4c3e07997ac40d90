"""Printed maps: what they show is tested as data, how they look by the boxes of their texts, never by pixels."""

import dataclasses
import re
import subprocess
import sys
import warnings
import zlib
from datetime import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import originmap as om
from originmap import figures, page, plans, symbols
from originmap.places import load_places, points_of
from originmap.rules import load_rules

DAY = datetime(2023, 3, 31, 23, 59, 59)  # noqa: DTZ001 (a county's own time, as typed)
FURNITURE = page.Furniture(
    "福建省泉州市安溪县", "2023-03", DAY, sample=True, source="各乡镇报送的采集表（附件1）", drawn_by="安溪县农业农村局", note="备注在此。"
)  # fmt: skip
STATUSES = ("not_submitted", "not_reported", "no_baseline", "not_due")


@pytest.fixture(scope="module")
def rules():
    return load_rules()


@pytest.fixture(scope="module")
def places(rules):
    return load_places(rules)


@pytest.fixture(scope="module")
def records(rules, places):
    """1,500 synthetic rows about the seats: some without a point, some not accepted, some buyers."""
    chance, n, towns = np.random.default_rng(7), 1500, places.townships
    town, product = chance.integers(0, len(towns), n), chance.choice(list(rules.products), n)
    crop = np.array([rules.products[code].kind == "crop" for code in product])
    size = np.array([rules.products[code].threshold for code in product]) * np.exp(chance.normal(1.2, 1.1, n))
    lost = chance.random(n) < 0.08
    lon = towns["seat_lon"].to_numpy()[town] + chance.normal(0, 0.025, n)
    lat = towns["seat_lat"].to_numpy()[town] + chance.normal(0, 0.02, n)
    frame = {
        "record_id": [f"r{number:05d}" for number in range(n)],
        "township_code": towns["township_code"].to_numpy()[town],
        "township": towns["township"].to_numpy()[town],
        "product": product,
        "subject_type": chance.choice(["household", "cooperative", "buyer"], n, p=[0.8, 0.17, 0.03]),
        "area_mu": np.where(crop, size.round(1), np.nan),
        "head_count": np.where(crop, np.nan, size.round()),
        "status": chance.choice(["accepted", "quarantined", "duplicate"], n, p=[0.94, 0.04, 0.02]),
    }
    geometry = points_of(pd.Series(np.where(lost, np.nan, lon)), pd.Series(np.where(lost, np.nan, lat)))
    return gpd.GeoDataFrame(frame, geometry=geometry)


@pytest.fixture(scope="module")
def gaps(rules, places):
    """Every status in every crop, a baseline of 0 among them, and a coverage on each break."""
    rates = [*STATUSES, "zero", 10.0, 50.0, 79.9, 80.0, 95.0, 105.0, 105.1, 130.0]
    rows = []
    for number, (code, name) in enumerate(places.names.items()):
        for shift, product in enumerate(rules.baseline_products):
            rate = rates[(number + shift * 5) % len(rates)]
            baseline, collected, status = 20.0 * (number + 1), np.nan, rate
            if rate == "zero":
                baseline, collected, status = 0.0, 3.0, "over"
            elif not isinstance(rate, str):
                collected = baseline * rate / 100
                status = (
                    "balanced" if abs(baseline - collected) <= 0.05 * baseline else "short" if rate < 100 else "over"
                )
            elif rate == "no_baseline":
                baseline, collected = np.nan, 12.0
            percent = rate if not isinstance(rate, str) else np.nan
            rows.append(
                (code, name, product, baseline, baseline, collected, baseline - collected, 1.0, percent, status, 3)
            )
    columns = "township_code township product baseline_mu registry_mu collected_mu gap_mu tolerance_mu coverage_pct gap_status subjects"
    return pd.DataFrame(rows, columns=columns.split())


@pytest.fixture(scope="module", params=["distribution", "coverage", "briefing", "briefing_en"])
def drawn(request, records, gaps, places, rules):
    """Each map drawn once, its name first."""
    english = dataclasses.replace(
        FURNITURE, lang="en", region="Anxi County", drawn_by="bureau", source="sheets", note=""
    )
    if request.param == "coverage":
        figure = figures.coverage_map(gaps, places, rules, FURNITURE, product="cowpea")
    elif request.param.startswith("briefing"):
        figure = figures.briefing_map(records, gaps, places, rules, english if "_en" in request.param else FURNITURE)
    else:
        figure = figures.distribution_map(records, places, rules, FURNITURE)
    return request.param, figure


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def printed(figure):
    """Return the real texts, without the white edge behind a label and the sample mark, with their boxes in pixels."""
    FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()
    real = [text for text in texts(figure) if text.get_gid() not in ("halo", "watermark") and text.axes.axison is False]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in real]


# What is drawn, as data


def test_only_accepted_rows_with_a_point_are_planned(records, rules):
    plan = figures.point_plan(records, rules)
    settled = records[(records["status"] == "accepted") & ~records.geometry.isna()]
    assert sorted(plan["record_id"]) == sorted(settled["record_id"])
    assert plan.crs.to_epsg() == 4548
    assert plans.located(records, rules)["located"].sum() == len(plan)
    assert plans.located(records, rules)["records"].sum() == (records["status"] == "accepted").sum()
    missing = plans.not_located(records, rules)
    assert missing.sum() == (records["status"] == "accepted").sum() - len(plan)


def test_one_product_has_one_colour_and_one_shape(records, rules):
    plan = figures.point_plan(records, rules)
    looks = plan.groupby("product")[["colour", "marker"]].nunique()
    assert (looks == 1).all(axis=None)
    assert plan.drop_duplicates("product").set_index("product")["colour"].to_dict() == {
        code: rules.products[code].colour for code in plan["product"].unique()
    }
    assert len(set(plans.markers(rules).values())) == len(rules.products)


def test_size_classes_begin_with_their_break_and_unknown_sizes_have_none(records, rules):
    rows = (
        records[(records["product"] == "cowpea") & (records["status"] == "accepted") & ~records.geometry.isna()]
        .head(6)
        .copy()
    )
    rows["area_mu"] = [0.99, 1.0, 5.0, 19.9, 20.0, np.nan]
    plan = figures.point_plan(rows, rules).set_index("record_id").loc[rows["record_id"]]
    assert plan["size_class"].tolist()[:5] == [0, 1, 2, 2, 3]
    assert pd.isna(plan["size_class"].iat[5])
    assert plan["area_pt2"].iat[5] > 0


def test_points_must_come_in_wgs84(records, rules):
    with pytest.raises(ValueError, match="4326"):
        figures.point_plan(records.to_crs("EPSG:4548"), rules)


def test_planning_is_independent_of_the_order_of_rows(records, rules):
    one = figures.point_plan(records, rules)
    other = figures.point_plan(records.sample(frac=1, random_state=1), rules)
    pd.testing.assert_frame_equal(pd.DataFrame(one.to_wkb()), pd.DataFrame(other.to_wkb()))


def test_coverage_classes_hold_their_breaks(rules):
    percent = [0.0, 49.9, 50.0, 79.9, 80.0, 94.9, 95.0, 105.0, 105.1, 400.0]
    frame = pd.DataFrame({"coverage_pct": percent, "gap_status": "short"})
    assert figures.coverage_class(frame, rules).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert figures.coverage_labels(rules) == ["<50%", "50–80%", "80–95%", "95–105%", ">105%"]


def test_unknown_is_in_no_class_and_keeps_its_word(gaps, places, rules):
    plan = figures.coverage_plan(gaps, places, rules, "cowpea")
    unknown = plan[plan["gap_status"].isin(STATUSES)]
    assert set(unknown["gap_status"]) == set(STATUSES)
    assert unknown["class_index"].isna().all()
    assert set(unknown["label"]) == {"未报", "未报此品种", "无底数", "未要求"}
    assert (unknown["colour"] == "#FFFFFF").all()
    zero = plan[plan["kind"] == "zero_baseline"]
    assert len(zero)
    assert zero["class_index"].isna().all()
    even_if = pd.DataFrame({"coverage_pct": [100.0], "gap_status": ["not_due"]})
    assert figures.coverage_class(even_if, rules).isna().all()


def test_circles_share_one_scale_across_products(gaps, places, rules):
    plan = pd.concat([figures.coverage_plan(gaps, places, rules, product) for product in rules.baseline_products])
    large = plan[plan["area_mu"] > 60]
    ratio = large["area_pt2"] / large["area_mu"]
    assert ratio.max() / ratio.min() == pytest.approx(1)


def test_a_township_absent_from_gaps_is_not_reported(gaps, places, rules):
    plan = figures.coverage_plan(gaps[gaps["township_code"] != "350524100"], places, rules, "celery")
    assert len(plan) == 24
    assert plan.set_index("township_code").loc["350524100", "kind"] == "not_reported"


def test_breaks_that_are_none_are_refused(gaps, rules):
    wrong = dataclasses.replace(rules, source={**rules.source, "classes": {"coverage": [50.0, 80.0]}})
    with pytest.raises(ValueError, match=r"classes\.coverage"):
        figures.coverage_class(gaps, wrong)


def test_the_gap_table_says_what_is_unknown(gaps, places):
    table = figures.gap_table(gaps, places)
    assert len(table) == 25
    of = gaps[gaps["product"] == "cowpea"].reset_index(drop=True)
    for number, row in of.iterrows():
        shown = table.loc[number, "cowpea"]
        if row["gap_status"] in STATUSES:
            assert shown["gap_mu"] == "—"
            assert not shown["coverage_pct"].endswith("%")
        elif row["baseline_mu"] > 0:
            assert shown["coverage_pct"] == f"{row['coverage_pct']:.1f}%"
    known = of["baseline_mu"].notna() & of["collected_mu"].notna()
    assert table.loc[24, ("cowpea", "known")] == f"{known.sum()}/24"
    assert table.loc[24, ("cowpea", "baseline_mu")] == f"{of.loc[known, 'baseline_mu'].sum():.1f}"


def test_labels_do_not_overlap_however_close_the_seats(rules):
    chance = np.random.default_rng(3)
    anchors = pd.DataFrame(
        {"x": 50 + chance.random(24) * 60, "y": 50 + chance.random(24) * 60, "r": 1.0, "w": 8.0, "h": 3.0}
    )
    spots = symbols.place_labels(anchors, (0, 0, 200, 160))
    dx = np.abs(spots["x"].to_numpy()[:, None] - spots["x"].to_numpy())
    dy = np.abs(spots["y"].to_numpy()[:, None] - spots["y"].to_numpy())
    assert ((dx >= 8) | (dy >= 3) | np.eye(24, dtype=bool)).all()
    pd.testing.assert_frame_equal(spots, symbols.place_labels(anchors, (0, 0, 200, 160)))


def test_circles_are_pushed_apart():
    x, y = symbols.spread(np.array([0.0, 3.9, 3.9]), np.array([0.0, 0.0, 0.0]), np.array([4.0, 3.0, 2.0]))
    away = np.hypot(x[:, None] - x, y[:, None] - y) + 100 * np.eye(3)
    assert (away >= np.array([[0, 7, 6], [7, 0, 5], [6, 5, 0]])).all()


@pytest.mark.parametrize(
    "text",
    [
        "未定位 96 条：凤城镇\u00a06、蓬莱镇\u00a04、湖头镇\u00a02、官桥镇\u00a03、剑斗镇\u00a06",
        "坐标系（EPSG:4548），中央经线117°E。",
    ],
)
def test_wrapping_loses_nothing_and_keeps_to_the_width(text):
    lines = page.wrap(text, size=7, width=40)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(page.width_mm(line, 7) <= 40 + 2.5 for line in lines)
    assert not any(line[0] in "，。、；）" for line in lines)


# How it is drawn


def test_nothing_leaves_the_page_or_overlaps(drawn):
    name, figure = drawn
    boxes = printed(figure)
    width, height = figure.canvas.get_width_height()
    margin = 5 / 25.4 * figure.dpi
    for text, box in boxes:
        assert margin <= box.x0 <= box.x1 <= width - margin, text
        assert margin <= box.y0 <= box.y1 <= height - margin, text
    low, high = np.array([box.p0 for _, box in boxes]), np.array([box.p1 for _, box in boxes])
    common = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    # Lines of one block may touch by less than half a millimetre: a box is taller than its signs.
    pairs = np.argwhere(np.triu((common > 0.5 / 25.4 * figure.dpi).all(axis=-1), 1))
    assert [(boxes[one][0], boxes[other][0]) for one, other in pairs] == [], name


def test_all_furniture_is_there(drawn, places):
    name, figure = drawn
    said = "".join(text.get_text() for text in texts(figure))
    if name.endswith("_en"):
        wanted = [
            "Anxi County",
            "SAMPLE DATA",
            "Internal",
            "EPSG:4548",
            "2023-03-31",
            "1:",
            "km",
            "/24",
            "Drawn by",
        ]
    else:
        wanted = [
            "福建省泉州市安溪县",
            "样例数据",
            "数据截至：2023年3月31日",
            "2023年3月批次",
            "EPSG:4548",
            "CGCS2000",
            "数据来源：",
            "制图：安溪县农业农村局",
        ]
        wanted += ["北", "1:", "km", "117°50′E", "25°10′N", "备注在此。", *places.names.values()]
        wanted += ["内部资料"]
        wanted += [] if name == "coverage" else ["已定位", "乡镇驻地（位置为估计）", "产地收购商"]
        wanted += (
            ["未报", "未报此品种", "无底数", "未要求", "95–105%", "在田面积"]
            if name in ("coverage", "briefing")
            else []
        )
        wanted += ["县界（概化示意）"] if not name.startswith("briefing") else ["/24 个乡镇", "不是 0"]
    assert [word for word in wanted if word not in said] == []
    assert "图幅以外" not in said


def test_type_is_legible_and_packaged(drawn):
    _, figure = drawn
    for text in texts(figure):
        assert "pylopdf_fonts_zh_cn" in str(text.get_fontproperties().get_file())
        assert text.get_fontsize() >= (6.5 if "_en" not in drawn[0] else 5.5), text.get_text()


def test_cells_are_drawn_only_from_official_boundaries(records, places, rules):
    official = dataclasses.replace(places, quality="official")
    sheets = [figures.distribution_map(records, kind, rules, FURNITURE) for kind in (places, official)]
    lines = [len(sheet.axes[1].lines) for sheet in sheets]
    assert lines[1] >= lines[0] + 24
    words = ["".join(text.get_text() for text in texts(sheet)) for sheet in sheets]
    assert ["乡镇界" in said for said in words] == [False, True]


def test_the_smallest_marks_have_no_rim_that_would_cover_them(records, places, rules):
    figure = figures.distribution_map(records, places, rules, FURNITURE)
    (ground,) = [axes for axes in figure.axes if axes.get_xlim()[1] > 10_000]
    (points,) = [marks for marks in ground.collections if marks.get_zorder() == 4]
    plan = plans.point_plan(records, rules)
    assert len(points.get_offsets()) == len(plan)
    drawn = np.asarray(points.get_linewidths())
    order = plan["area_pt2"].sort_values(ascending=False, kind="stable").to_numpy()
    small = order == plans.SIZE_PT2[0]
    assert set(drawn[small]) == {0.0, 1.1}, "a buyer's is hollow, and has its line"
    assert set(drawn[~small]) == {0.35, 1.1}


def test_an_empty_round_still_prints(records, places, rules):
    figure = figures.distribution_map(records.iloc[:0], places, rules, FURNITURE)
    assert any("已定位 0 / 0" in text.get_text() for text in texts(figure))


def test_points_beyond_the_frame_are_said(records, places, rules):
    far = records[(records["status"] == "accepted") & ~records.geometry.isna()].head(3).copy()
    far = far.set_geometry(
        gpd.GeoSeries(gpd.points_from_xy([119.0, 118.0, 118.0], [25.1] * 3), index=far.index, crs=4326)
    )
    figure = figures.distribution_map(far, places, rules, FURNITURE)
    assert any("图幅以外 1 条" in text.get_text() for text in texts(figure))


def test_tables_by_township_are_never_public(records, gaps, places, rules):
    public = dataclasses.replace(FURNITURE, profile="public")
    with pytest.raises(ValueError, match="内部版"):
        figures.coverage_map(gaps, places, rules, public, product="cowpea")
    with pytest.raises(ValueError, match="内部版"):
        figures.briefing_map(records, gaps, places, rules, public)


def test_the_same_data_give_the_same_bytes(records, gaps, places, rules, tmp_path):
    for at in ("one", "two"):
        (tmp_path / at).mkdir()
        shuffled = records.sample(frac=1, random_state=len(at) + ord(at[0]))
        figures.save(figures.distribution_map(shuffled, places, rules, FURNITURE), tmp_path / at / "分布图", dpi=60)
        figures.save(
            figures.coverage_map(gaps, places, rules, FURNITURE, product="celery"),
            tmp_path / at / "v1.0_覆盖率",
            dpi=60,
        )
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["v1.0_覆盖率.pdf", "v1.0_覆盖率.png", "分布图.pdf", "分布图.png"]
    for name in names:
        data = (tmp_path / "one" / name).read_bytes()
        assert data == (tmp_path / "two" / name).read_bytes(), name
        assert b"CreationDate" not in data
        assert b"matplotlib" not in data.lower()


def test_pdf_text_can_be_selected(places, records, rules, tmp_path):
    """Every sign of the title has its entry in the file's tables from glyph to Unicode, and no font is left outside."""
    (file,) = figures.save(
        figures.distribution_map(records, places, rules, FURNITURE), tmp_path / "map", formats=("pdf",)
    )
    data = file.read_bytes()
    streams = []
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            streams.append(zlib.decompress(found[1]))
        except zlib.error:
            continue
    tables = b"".join(stream for stream in streams if b"begincmap" in stream).lower()
    signs = "福建省泉州市安溪县重点农产品产地分布图内部资料样例数据"
    assert [sign for sign in signs if f"{ord(sign):04x}".encode() not in tables] == []
    assert b"/Type3" in data.replace(b" ", b"")


def test_png_is_shown_and_leaves_nothing_global(places, records, rules):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figure = figures.distribution_map(records, places, rules, FURNITURE)
    assert figures.png(figure, dpi=50)[:4] == b"\x89PNG"
    assert figures.png(figure, dpi=50) == figures.png(figure, dpi=50)
    assert dict(mpl.rcParams) == before


def test_no_font_of_the_system_is_needed(tmp_path):
    """In a process that knows only matplotlib's own Latin faces every sign is drawn: a missing one would warn, an error here."""
    script = f"""
import warnings; warnings.simplefilter("error")
import matplotlib, matplotlib.font_manager as fonts
own = matplotlib.get_data_path()
fonts.fontManager.ttflist[:] = [font for font in fonts.fontManager.ttflist if font.fname.startswith(own)]
assert not [font.name for font in fonts.fontManager.ttflist if "CJK" in font.name or "Noto" in font.name]
from datetime import datetime
from pathlib import Path
import geopandas as gpd, pandas as pd
from originmap import figures, page
from originmap.places import load_places
from originmap.rules import load_rules
rules = load_rules(); places = load_places(rules)
said = page.Furniture("福建省泉州市安溪县", "2023-03", datetime(2023, 3, 31), sample=True, source="来源", drawn_by="制图")
columns = dict.fromkeys(["record_id", "township_code", "township", "product", "subject_type", "status"], pd.Series(dtype="str"))
columns |= dict.fromkeys(["area_mu", "head_count"], pd.Series(dtype="float64"))
records = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=4326))
figures.save(figures.distribution_map(records, places, rules, said), Path({str(tmp_path / "map")!r}), dpi=60)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    embedded = set(re.findall(rb"/FontName /\w+\+(\w+)", (tmp_path / "map.pdf").read_bytes()))
    assert embedded == {b"NotoSansSC", b"NotoSerifSC"}


def test_signs_of_every_word_are_in_the_packaged_face(places, rules):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        everything = (
            "".join("".join(forms) for forms in page.WORDS.values()) + "".join(places.names.values()) + "−—°′·\u00a0　"
        )
        assert page.width_mm(everything + "".join(product.name for product in rules.products.values()), 7) > 0
    from matplotlib.ft2font import FT2Font

    known = FT2Font(str(page.faces.sans_path())).get_charmap()
    assert [sign for sign in set(everything) if ord(sign) not in known] == []


def test_furniture_refuses_what_is_none():
    with pytest.raises(ValueError, match="profile"):
        dataclasses.replace(FURNITURE, profile="secret")
    with pytest.raises(ValueError, match="YYYY-MM"):
        dataclasses.replace(FURNITURE, round="2023")
    noon = dataclasses.replace(FURNITURE, as_of=DAY.replace(hour=17, minute=0))
    assert noon.date_text == "2023年3月31日 17:00"


def test_the_printed_waterfall_keeps_its_labels_apart_and_within_the_page() -> None:
    round_ = om.open_round()
    linked, gaps = om.growers.growers(round_), om.reconcile.planting_area(round_)
    furniture = om.figures.furniture(round_)
    steps = om.gaps.waterfall(linked, gaps, product="cowpea")
    figure = om.figures.waterfall(steps, round_.rules, furniture, product="cowpea")
    FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    page = figure.bbox
    for at, one in enumerate(boxes):
        assert page.x0 <= one.x0
        assert one.x1 <= page.x1
        for other_at in range(at):
            assert not one.overlaps(boxes[other_at]), (texts[at].get_text(), texts[other_at].get_text())
    said = " ".join(text.get_text() for text in texts)
    assert "附件5底数" in said
    assert f"{steps['known_townships'].iat[0]} / 24" in said
    silent = gaps[gaps["collected_mu"].isna() & (gaps["product"] == "cowpea")].iloc[0]
    empty = om.gaps.waterfall(linked, gaps, product="cowpea", township_code=silent["township_code"])
    drawn = om.figures.waterfall(empty, round_.rules, furniture, product="cowpea", where=silent["township"])
    assert any("不是 0" in text.get_text() for text in drawn.axes[0].texts)
    with pytest.raises(ValueError, match="内部版"):
        om.figures.waterfall(steps, round_.rules, om.figures.furniture(round_, profile="public"), product="cowpea")
