"""Field points: read from three formats, matched with their evidence, nothing lost, nothing moved before somebody confirms."""

import http.server
import json
import threading
from pathlib import Path

import pytest
import shapely
from books import collection_sheet, grower, write_book

import originmap as om
from originmap import cli, datum, decisions, proposals, survey
from originmap.confirm import Confirm, Datums
from originmap.decisions import DecisionsError
from originmap.rounds import earlier_rounds

FAR = "128.0501,25.2301"
KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>外业</name>{}</Folder></Document></kml>"""
GPX = '<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'


def placemark(name: str, shape: str, more: str = "") -> str:
    return f"<Placemark><name>{name}</name>{more}{shape}</Placemark>"


def kml_point(lon, lat) -> str:
    return f"<Point><coordinates>{lon},{lat},120</coordinates></Point>"


def kml_ring(*spots) -> str:
    ring = " ".join(f"{lon},{lat},0" for lon, lat in spots)
    return f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon>"


def geojson(*features) -> bytes:
    made = [
        {"type": "Feature", "properties": said, "geometry": shape and shapely.geometry.mapping(shape)}
        for said, shape in features
    ]
    return json.dumps({"type": "FeatureCollection", "features": made}, ensure_ascii=False).encode()


SQUARE = [(118.05, 25.23), (118.0504, 25.23), (118.0504, 25.2304), (118.05, 25.2304), (118.05, 25.23)]


@pytest.fixture
def opened(tmp_path: Path) -> om.Round:
    path = tmp_path / "县" / "2023-03"
    rows = [
        grower(点位经纬度=FAR),
        grower(种养殖主体="安溪县陈样农民专业合作社", 点位经纬度="见地图", 产品名称="芹菜", 基地地址="后山"),
        grower(种养殖主体="好样", 基地地址="甲地", 点位经纬度="118.06,25.22"),
        grower(种养殖主体="好样", 基地地址="乙地", 点位经纬度="118.06,25.26"),
    ]
    write_book(path / "湖头镇.xlsx", {"附件1": collection_sheet(*rows)})
    other = grower(乡镇="官桥镇", 村=None, 点位经纬度="118.12,24.95", 基地地址="官桥镇")
    write_book(path / "官桥镇.xlsx", {"附件1": collection_sheet(other)})
    return om.open_round(path)


def matched(round_: om.Round, content: bytes, file: str, **more):
    features = survey.read(content, file, **more)
    return features, survey.match(features, round_, proposals.of_round(round_))


def test_a_kml_of_folders_heights_and_several_shapes_is_read_whole():
    both = f"<MultiGeometry>{kml_point(118.05, 25.23)}{kml_ring(*SQUARE)}</MultiGeometry>"
    line = "<LineString><coordinates>118.05,25.23 118.06,25.23</coordinates></LineString>"
    content = KML.format(
        placemark("林小样", both, "<description>豇豆 &lt;b&gt;2亩&lt;/b&gt;</description>") + placemark("路", line)
    )
    features = survey.read(content.encode(), "外业.kml")
    assert features["name"].tolist() == ["林小样", "林小样", "路"]
    assert features["kind"].tolist() == ["point", "plot", "other"]
    assert features[["lon", "lat"]].iloc[0].tolist() == [118.05, 25.23]
    assert not features["geometry"].iloc[1].has_z


def test_a_gpx_gives_waypoints_and_a_track_that_comes_back_is_a_plot():
    walked = "".join(f'<trkpt lat="{lat}" lon="{lon}"/>' for lon, lat in [*SQUARE[:4], (118.05001, 25.23001)])
    strolled = '<trkpt lat="25.23" lon="118.05"/><trkpt lat="25.24" lon="118.05"/><trkpt lat="25.25" lon="118.05"/><trkpt lat="25.25" lon="118.06"/>'
    content = GPX.format(
        '<wpt lat="25.23" lon="118.05"><name>林小样</name><desc>豇豆</desc></wpt>'
        f"<trk><name>地块</name><trkseg>{walked}</trkseg></trk><trk><name>走过</name><trkseg>{strolled}</trkseg></trk>"
    )
    features = survey.read(content.encode(), "外业.GPX")
    assert dict(zip(features["name"], features["kind"], strict=True)) == {
        "林小样": "point",
        "地块": "plot",
        "走过": "other",
    }


def test_other_degrees_are_brought_to_wgs84():
    x, y = (float(value) for value in datum.from_wgs84(118.05, 25.23, "gcj02"))
    content = geojson(({"name": "a"}, shapely.Point(x, y)), ({"name": "b"}, shapely.box(x, y, x + 0.001, y + 0.001)))
    features = survey.read(content, "a.geojson", datum="gcj02")
    assert features[["lon", "lat"]].iloc[0].tolist() == [118.05, 25.23]
    assert features["geometry"].iloc[1].bounds[0] == pytest.approx(118.05, abs=1e-6)
    projected = json.loads(geojson(({"name": "a"}, shapely.Point(506000, 2790000))))
    projected["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    features = survey.read(json.dumps(projected).encode(), "a.json")
    assert (features["lon"].round(2).iat[0], features["lat"].round(2).iat[0]) == (117.06, 25.22)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>&b;</name></Placemark></kml>'
)
LEAK = '<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY x SYSTEM "/etc/passwd">]><gpx version="1.1"><wpt lat="1" lon="1"><name>&x;</name></wpt></gpx>'


@pytest.mark.parametrize(
    ("content", "file", "says"),
    [
        (BOMB, "a.kml", "实体"),
        (LEAK, "a.gpx", "实体"),
        ("<kml", "a.kml", "不是完整的 KML"),
        ("<OGRVRTDataSource/>", "a.kml", "内容不是 KML"),
        ("<kml/>", "a.gpx", "内容不是 GPX"),
        ('{"type": "Topology"}', "a.json", "不是 GeoJSON"),
        ("[" * 100_000, "a.json", "不是完整的 GeoJSON"),
        ("[1]", "a.geojson", "不是 GeoJSON"),
        ("x", "a.kmz", "另存为 .kml"),
        ("x", "a.shp", "只读"),
        ("x", "无名", "只读"),
        (" " * (survey.MOST_BYTES + 1), "a.kml", "超过 20 MB"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(content, file, says):
    with pytest.raises(DecisionsError, match=says) as told:
        survey.read(content.encode(), file)
    assert "\n" not in str(told.value)


def test_a_network_link_is_not_followed():
    asked = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 -- its name

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        link = f"<href>http://127.0.0.1:{server.server_port}/more.kml</href>"
        more = (
            f"<NetworkLink><name>x</name><Link>{link}</Link></NetworkLink><NetworkLink><Url>{link}</Url></NetworkLink>"
        )
        style = f'<Style id="s"><IconStyle><Icon>{link}</Icon></IconStyle></Style>'
        features = survey.read(
            KML.format(style + more + placemark("点", kml_point(118, 25), "<styleUrl>#s</styleUrl>")).encode(), "a.kml"
        )
        server.shutdown()
    assert features["name"].tolist() == ["点"]
    assert asked == []


def test_each_feature_goes_to_its_record_with_the_evidence_and_nothing_is_lost(opened):
    record = opened.records.set_index("subject_name").loc["安溪县陈样农民专业合作社", "record_id"]
    content = geojson(
        ({"name": "湖头镇林小样豇豆"}, shapely.Point(118.0502, 25.2302)),
        ({"name": "x", "record_id": record}, shapely.Point(118.04, 25.24)),
        ({"主体": "陈样专业合作社", "乡镇": "湖头", "产品": "芹菜"}, shapely.Polygon(SQUARE)),
        ({"name": "好样 豇豆"}, shapely.Point(118.0601, 25.2599)),
        ({"name": "田边"}, shapely.Point(118.0511, 25.2301)),
        ({"name": "没这个人"}, shapely.Point(118.2, 25.3)),
        ({"name": "空的"}, None),
        ({"name": "林小样 官桥"}, shapely.Point(118.1201, 24.9501)),
        ({"name": f"编号 {record} 路"}, shapely.LineString([(118, 25), (118.1, 25)])),
    )
    _, told = matched(opened, content, "外业.geojson")
    assert len(told) == 9
    names = told["row"].map(opened.records["subject_name"]).fillna("—").tolist()
    assert names == [
        "林小样", "安溪县陈样农民专业合作社", "安溪县陈样农民专业合作社", "好样", "林小样", "—", "—", "林小样", "—"
    ]  # fmt: skip
    assert told["how"].tolist() == ["name", "record_id", "name", "name", "nearest", "", "", "name", ""]
    assert told["reason"].tolist()[5:] == ["no_record", "not_a_place", "", "not_a_place"]
    assert told["sure"].tolist() == [True, True, True, False, False, False, False, True, False]
    assert told["several"].tolist()[3] == 2  # two plots of one subject: the nearest is given, to be looked at
    assert opened.records.loc[told["row"].iat[3], "lat"] == 25.26
    assert told["apart_m"].iat[4] == pytest.approx(101, abs=2)
    assert opened.records.loc[told["row"].iat[7], "township"] == "官桥镇"
    assert told["plot_mu"].iat[2] == pytest.approx(2.68, abs=0.01)
    shown = survey.shown(told, {"cowpea": "豇豆"})
    assert len(shown) == 9
    assert shown["依据"].tolist()[5:7] == ["对不上任何记录", "不是点也不是面，或坐标不通"]
    assert opened.decisions.empty


def test_two_features_for_one_record_are_not_sure_and_cannot_both_be_adopted(opened):
    content = geojson(
        ({"name": "湖头镇林小样"}, shapely.Point(118.05, 25.23)),
        ({"name": "湖头镇林小样"}, shapely.Point(118.06, 25.24)),
    )
    features, told = matched(opened, content, "a.json")
    assert told["sure"].tolist() == [False, False]
    with pytest.raises(DecisionsError, match="只能选一个"):
        survey.decided(features, told, told.index, opened)
    (verdict,) = survey.decided(features, told, [1], opened)
    assert (verdict.after["lon"], verdict.after["how"]) == (118.06, "survey")
    assert "a.json" in verdict.why


def test_a_plot_that_crosses_itself_is_said_by_name_and_nothing_is_decided(opened):
    bow = shapely.Polygon([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]])
    features, told = matched(opened, geojson(({"name": "湖头镇林小样"}, bow)), "a.json")
    with pytest.raises(DecisionsError, match="“湖头镇林小样”：地块的边线自己相交"):
        survey.decided(features, told, told.index, opened)


def test_the_packaged_sample_takes_no_decision(tmp_path, capsys):
    path = tmp_path / "a.geojson"
    path.write_bytes(geojson(({"name": "谁"}, shapely.Point(118.3, 25.3))))
    assert cli.main(["decisions", "import", str(path), "--confirm", "1", "--who", "林一", "--section", "股"]) == 2
    assert "样例里不留决定" in capsys.readouterr().err


def test_a_point_far_from_the_named_township_is_not_sure(opened):
    _, told = matched(opened, geojson(({"name": "湖头镇林小样"}, shapely.Point(118.12, 24.95))), "a.json")
    assert (told["how"].iat[0], bool(told["sure"].iat[0])) == ("name", False)


def test_the_panel_adopts_the_chosen_and_takes_them_back(opened, tmp_path):
    store = decisions.of_county(opened.folder)
    panel = Confirm(opened, proposals.of_round(opened), store, who="林一", section="种植业股")
    panel.adopt.click()
    assert "先选" in panel.status.value
    panel.path.value = str(tmp_path / "没有.gpx")
    panel.read.click()
    assert "没有这个文件" in panel.status.value
    path = tmp_path / "外业.geojson"
    path.write_bytes(
        geojson(
            ({"name": "湖头镇林小样"}, shapely.Point(118.0502, 25.2302)),
            ({"name": "湖头镇林小样"}, shapely.Polygon(SQUARE)),
            ({"name": "<b>谁</b>"}, shapely.Point(118.3, 25.3)),
        )
    )
    panel.path.value = str(path)
    panel.read.click()
    assert "3 个要素，2 个对到记录，2 个拿得准；1 个对不上" in panel.status.value
    assert "&lt;b&gt;谁&lt;/b&gt;" in panel.table.value
    assert panel.chosen.value == (0, 1)
    assert store.entries().empty
    panel.adopt.click()
    after = om.open_round(opened.folder)
    row = after.records.set_index(["township", "subject_name"]).loc[("湖头镇", "林小样")]
    assert (row["lon"], row["lat"], row["coord_status"]) == (118.0502, 25.2302, "ok")
    assert after.plots["how"].tolist() == ["survey"]
    assert after.decisions["why"].tolist()[0].startswith("现场采点：外业.geojson")
    # Who comes later with another survey replaces what stood, in plain sight.
    later = Confirm(after, proposals.of_round(after), store, who="陈二", section="畜牧股")
    later.load(geojson(({"name": "湖头镇林小样"}, shapely.Point(118.06, 25.24))), "后来.json")
    assert "林一" in later.table.value
    later.adopt.click()
    assert om.open_round(opened.folder).records["lon"].tolist().count(118.06) == 3
    later.undo.click()
    panel.undo.click()
    back = om.open_round(opened.folder)
    assert back.records.equals(opened.records)
    assert panel.undo.disabled


def test_an_uploaded_file_and_another_datum_are_read_anew(opened):
    panel = Confirm(opened, proposals.of_round(opened), decisions.of_county(opened.folder))
    panel.load(geojson(({"name": "湖头镇林小样"}, shapely.Point(118.0502, 25.2302))), "a.json")
    panel.datum.value = "gcj02"
    assert panel.matches["lon"].iat[0] < 118.047
    panel.load(geojson(), "空.json")
    assert panel.adopt.disabled
    assert "0 个要素" in panel.status.value


def shifted(tmp_path):
    """February vouched for in WGS84; in March one file of the same growers in GCJ-02, and one of somebody unknown."""
    names = [f"林{number}样" for number in "一二三四五六"]
    spots = [(118.05 + number / 300, 25.22 + number / 400) for number in range(6)]
    for month, name in (("2023-02", "wgs84"), ("2023-03", "gcj02")):
        made = [datum.from_wgs84(x, y, name) for x, y in spots]
        rows = [
            grower(种养殖主体=who, 基地地址=who, 点位经纬度=f"{float(x):.6f},{float(y):.6f}")
            for who, (x, y) in zip(names, made, strict=True)
        ]
        write_book(tmp_path / "县" / month / "湖头镇.xlsx", {"附件1": collection_sheet(*rows)})
    (tmp_path / "县" / "2023-02" / "round.toml").write_text('[datum]\n"*" = "wgs84"\n', encoding="utf-8")
    stranger = grower(种养殖主体="生人", 乡镇="官桥镇", 村=None, 基地地址="x", 点位经纬度="118.12,24.95")
    write_book(tmp_path / "县" / "2023-03" / "官桥镇.xlsx", {"附件1": collection_sheet(stranger)})
    return om.open_round(tmp_path / "县" / "2023-03")


def test_a_files_datum_is_confirmed_and_taken_back(tmp_path):
    march = shifted(tmp_path)
    store = decisions.of_county(march.folder)
    made = proposals.of_round(march, earlier=earlier_rounds(march, count=1))
    panel = Datums(march, made, store)
    assert panel.shown()["建议"].tolist() == ["GCJ-02（高德、微信）", "判断不了"]
    assert (panel.file.value, panel.datum.value) == ("湖头镇.xlsx", "gcj02")
    panel.save_all.click()
    assert "姓名和科室" in panel.status.value
    assert store.entries().empty
    assert len(panel.left) == 2
    panel.signed.who.value, panel.signed.section.value = "林一", "种植业股"
    panel.save_all.click()
    assert "已认定 1 个文件" in panel.status.value
    after = om.open_round(march.folder)
    assert after.datums == {"湖头镇.xlsx": "gcj02"}
    assert after.records.loc[after.records["source_file"] == "湖头镇.xlsx", "lon"].iat[0] == pytest.approx(
        118.05, abs=2e-6
    )
    assert "6 个主体" in after.decisions["why"].iat[0]
    panel.save.click()  # the other cannot be told, and is not guessed
    assert "问过采集员" in panel.status.value
    panel.datum.value, panel.why.value = "bd09", "问过采集员"
    panel.save.click()
    assert "没有待认定" in panel.table.value
    assert panel.save.disabled
    assert om.open_round(march.folder).datums["官桥镇.xlsx"] == "bd09"
    panel.undo.click()
    panel.undo.click()
    assert om.open_round(march.folder).datums == {}
    assert sorted(panel.left["file"]) == ["官桥镇.xlsx", "湖头镇.xlsx"]
    assert panel.undo.disabled


def test_the_command_lists_first_and_adopts_what_is_confirmed(opened, tmp_path, capsys):
    path = tmp_path / "外业.geojson"
    path.write_bytes(
        geojson(
            ({"name": "湖头镇林小样"}, shapely.Point(118.0502, 25.2302)), ({"name": "谁"}, shapely.Point(118.3, 25.3))
        )
    )
    call = ["decisions", "import", str(path), str(opened.folder)]
    assert cli.main(call) == 0
    said = capsys.readouterr().out
    assert "湖头镇 林小样 豇豆" in said
    assert "对不上任何记录" in said
    assert "还没有采用" in said
    assert decisions.of_county(opened.folder).entries().empty
    assert cli.main([*call, "--confirm", "sure"]) == 2
    assert "姓名和科室" in capsys.readouterr().err
    who = ["--who", "林一", "--section", "种植业股"]
    for wrong in ("3", "x", "0"):
        assert cli.main([*call, "--confirm", wrong, *who]) == 2
        assert "序号" in capsys.readouterr().err
    assert cli.main([*call, "--confirm", "2", *who]) == 2
    assert "对不上记录" in capsys.readouterr().err
    assert cli.main([*call, "--confirm", "sure", *who]) == 0
    assert "已保存 1 条" in capsys.readouterr().out
    assert 118.0502 in om.open_round(opened.folder).records["lon"].tolist()
    assert cli.main(["decisions", "import", str(tmp_path / "没有.gpx"), str(opened.folder)]) == 2
    assert "originmap:" in capsys.readouterr().err
