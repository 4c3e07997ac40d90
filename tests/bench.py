"""Measure what design budgets, as ratios in one run: ``make bench``. Never part of the tests.

Prints one line a budget. Times are medians of warm runs in one process unless the line says that it is a whole command.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import fastexcel
import geopandas as gpd
import numpy as np
import pandas as pd
import xlsxwriter
from rapidfuzz import process
from rapidfuzz.distance import OSA

import originmap as om
from originmap import likeness, matching, names, notation, returns, windows
from originmap.rules import load_rules

HEADER = (
    "序号 乡镇 村 种养殖主体 主体类型 联系人 电话 产品名称 种养规模 基地地址 经度 纬度 预计上市时间 下市时间 "
    "生产方式 追溯方式 信用等级 网格化监管员 信息采集员 采集日期"
).split()
_FAMILY, _GIVEN = "林陈黄王李张吴郑刘苏谢许杨柯洪", "安平福生文建国华明志清水金玉春秋冬梅兰竹菊山海江河松柏桂芳"


def write_large(path: Path, rows: int) -> None:
    """Write one invented collection sheet of `rows` × 20 cells, a few sizes written with units; the same bytes each time."""
    rules = load_rules()
    places = om.places.load_places(rules)
    villages = {code: group["village"].tolist() for code, group in places.villages.groupby("township_code")}
    towns, products = places.townships.to_dict("records"), list(rules.products.values())
    dice = np.random.default_rng(2023)
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("附件1")
        sheet.write_row(0, 0, ["重点农产品产地溯源信息采集表（样例数据）"])
        sheet.write_row(1, 0, HEADER)
        for number, at in enumerate(np.sort(dice.integers(0, len(towns), rows))):
            town, product = towns[at], products[dice.integers(len(products))]
            village = villages[town["township_code"]][dice.integers(len(villages[town["township_code"]]))]
            name = "".join(signs[dice.integers(len(signs))] for signs in (_FAMILY, _GIVEN, _GIVEN))
            name += chr(0x4E00 + number % 977)
            crop, month = product.kind == "crop", int(dice.integers(4, 9))
            size = round(float(product.threshold * np.exp(dice.normal(0.8, 0.7))), 1 if crop else 0)
            way = dice.random()
            sheet.write_row(number + 2, 0, [
                number + 1, town["township"], village, name, "农户", name,
                f"13{dice.integers(10)}0000{number % 10000:04d}", product.name,
                f"{size}亩" if crop and way < 0.1 else f"约{size}亩" if crop and way < 0.15 else size,
                f"{village}{number % 300}号地", round(town["seat_lon"] + float(dice.normal(0, 0.005)), 6),
                round(town["seat_lat"] + float(dice.normal(0, 0.005)), 6), f"{month}月上旬", f"{month + 2}月",
                "露地" if crop else None, "承诺达标合格证、电子追溯码" if number % 3 else "承诺达标合格证", "ABCD"[number % 4],
                f"监管{at}", f"采集{at}", f"2023-03-{1 + number % 14:02d}",
            ])  # fmt: skip


def once_s(work: Callable[[], object]) -> float:
    """Return the wall time of one run, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_s(work: Callable[[], object], runs: int) -> float:
    """Return the median wall time of `runs` runs after one warm-up, in seconds."""
    work()
    return statistics.median(once_s(work) for _ in range(runs))


def ratio(work: Callable[[], object], against: Callable[[], object], runs: int) -> tuple[float, float, float]:
    """Return the median of work ÷ against, taken pair by pair so that both meet the same noise, and both medians in seconds."""
    work()
    against()
    pairs = [(once_s(work), once_s(against)) for _ in range(runs)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    return statistics.median(a / b for a, b in pairs), ours, theirs


def plain_read(path: Path) -> None:
    """Read every sheet of a workbook with the fastest reader and do nothing with it."""
    book = fastexcel.read_excel(path)
    for name in book.sheet_names:
        book.load_sheet(name, header_row=None, dtypes="string").to_arrow()


def row_by_row(path: Path) -> None:
    """Judge the same sheet the usual way: pandas over openpyxl, and the same grammars called for each row."""
    rules = load_rules()
    places = om.places.load_places(rules)
    west, south, east, north = places.townships.total_bounds
    words = {word: factor for family in rules.units.values() for word, factor in family.items()}
    names, cells = (
        rules.product_names(),
        places.townships.set_index("township_code").geometry.to_crs(places.measure_crs),
    )
    frame = pd.read_excel(path, header=1, dtype="str", engine="openpyxl")
    for row in frame.itertuples(index=False):
        (
            _,
            town,
            _,
            subject,
            kind,
            contact,
            phone,
            product,
            size,
            _,
            lon,
            lat,
            first,
            last,
            mode,
            trace,
            grade,
            *_,
            day,
        ) = row
        code = places.aliases().get(town)
        notation.quantity(str(size), words)
        notation.phone(str(phone)), notation.phone(contact)
        point = notation.point(f"{lon},{lat}", (west - 0.5, south - 0.5, east + 0.5, north + 0.5))
        windows.between(first, last, 2023, 3)
        windows.day(day)
        for field, text in (
            ("subject_type", kind),
            ("production_mode", mode),
            ("trace_methods", trace),
            ("credit_grade", grade),
        ):
            if isinstance(text, str):
                notation.choices(text, rules.choices[field])
        _ = names.get(product), om.findings.mask_phone(subject)
        if point is not None and code in cells.index:
            om.places.points_of(pd.Series([point.lon]), pd.Series([point.lat])).to_crs(cells.crs).distance(
                cells[code], align=False
            )


def peak_over(folder: Path) -> tuple[float, float]:
    """Return how far `open_round` rises above the idle process, in MB, and its records' deep memory."""

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    om.open_round(om.rounds.PROJECT / om.rounds.SAMPLE)
    idle, peak, going = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not going.wait(0.005):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    round_ = om.open_round(folder)
    going.set()
    watcher.join()
    return peak[0] - idle, round_.records.memory_usage(deep=True).sum() / 2**20


def line(what: str, value: str, budget: str, *, met: bool) -> None:
    """Print one measured budget."""
    print(f"{'ok  ' if met else 'MISS'}  {what:<62} {value:>30}   {budget}", flush=True)


def intake(rows: int, runs: int) -> None:
    """Measure reading and judging one large sheet against the fastest plain read of it, and against the usual way."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "2023-03"
        folder.mkdir()
        path = folder / "大表.xlsx"
        write_large(path, rows)
        rules = load_rules()
        times, ours, theirs = ratio(
            lambda: om.workbooks.read_file(path.read_bytes(), "x", rules), lambda: plain_read(path), runs
        )
        what = f"read {rows:,} x 20 cells to raw text with addresses"
        line(what, f"{ours:.2f} s = {times:.2f} x {theirs:.2f} s", "<= 1.5 x", met=times <= 1.5)
        times, ours, theirs = ratio(lambda: om.open_round(folder), lambda: plain_read(path), runs)
        line(
            "  check --no-returns: read, parse, place, judge",
            f"{ours:.2f} s = {times:.2f} x {theirs:.2f} s",
            "<= 4 x",
            met=times <= 4,
        )
        slow = once_s(lambda: row_by_row(path))
        line(
            "  the same rules row by row over pandas + openpyxl",
            f"{slow:.1f} s = {slow / ours:.1f} x ours",
            ">= 10 x",
            met=slow >= 10 * ours,
        )
        command = [sys.executable, __file__, "--peak-of", str(folder)]
        above, deep = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        line(
            "  peak memory above idle, against the records'",
            f"{above:.0f} MB = {above / deep:.1f} x",
            "<= 5 x",
            met=above <= 5 * deep,
        )


def report_s(*options: str) -> float:
    """Return the wall time of ``originmap report`` on the sample as a whole command, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "originmap.cli", "report", "--out", f"{folder}/out", *options]
        return once_s(lambda: subprocess.run(command, check=True, capture_output=True))


def datum_ratio(runs: int, points: int = 1_000_000) -> float:
    """Return how many forward passes one inverse of GCJ-02 costs."""
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(75, 134, points), rng.uniform(18, 53, points)
    forward = median_s(lambda: om.datum.gcj02_from_wgs84(lon, lat), runs)
    return median_s(lambda: om.datum.wgs84_from_gcj02(lon, lat), runs) / forward


def two_lists(many: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two invented lists of `many` subjects, spread over townships and products as the sample's registry is.

    Seven in ten of the left list stand in the right one, of these one in ten under a name with one sign changed.
    """
    dice = np.random.default_rng(2023)
    listed = om.open_round(om.rounds.PROJECT / om.rounds.SAMPLE).registry
    blocks = listed[["township_code", "product"]].dropna().reset_index(drop=True)
    signs = _GIVEN + "晓小敏民英颖杰洁俊军丽莉红宏伟玮芳娟燕艳雪霞龙隆飞非辉晖强刚勇永斌彬荣蓉"

    def subjects(keys: pd.DataFrame, names: list[str], phones: np.ndarray) -> pd.DataFrame:
        frame = keys.assign(
            subject=pd.Series(names, dtype="str"), phones=pd.Series(phones).map("139{:08d}".format).astype("str")
        )
        frame["village"] = pd.Series(phones % 17).map("{}村".format).astype("str")
        return frame.drop_duplicates(["township_code", "product", "subject"], ignore_index=True)

    def drawn() -> list[str]:
        picks = dice.integers(0, [len(_FAMILY), len(signs), len(signs)], (many, 3))
        return [
            _FAMILY[a]
            + signs[b]
            + ("" if a % 7 == 0 else signs[c])
            + (dice.choice(["蔬菜合作社", "家庭农场"]) if c % 9 == 0 else "")
            for a, b, c in picks
        ]

    keys = blocks.iloc[dice.integers(0, len(blocks), many)].reset_index(drop=True)
    names, phones = drawn(), np.arange(many)
    others = blocks.iloc[dice.integers(0, len(blocks), many)].reset_index(drop=True)
    stay, slip, new = dice.random(many) < 0.7, dice.random(many) < 0.1, drawn()
    spoiled = [
        name[:1] + signs[dice.integers(len(signs))] + name[2:] if slips else name
        for name, slips in zip(names, slip, strict=True)
    ]
    second = [name if stays else other for name, other, stays in zip(spoiled, new, stay, strict=True)]
    return subjects(keys, names, phones), subjects(
        keys.where(pd.Series(stay), others), second, np.where(stay, phones, phones + many)
    )


def every_pair(
    left: np.ndarray, right: np.ndarray, blocks: tuple[np.ndarray, np.ndarray], rules: om.rules.Rules
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that `likeness.pairs` does by scoring all pairs of a block with rapidfuzz, the cheapest way round.

    That is: the sounds with a cut-off, many at once, and the signs of what is left.
    """
    limits = rules["matching"]
    share = 1 - limits["likeness"] / 100
    code = names.sounding(sorted({sign for name in [*left, *right] for sign in name}), rules)
    heard = [np.array([name.translate(code) for name in side], dtype=object) for side in (left, right)]
    lengths = [np.fromiter(map(len, side), np.int64, len(side)) for side in (left, right)]
    orders = [np.argsort(block, kind="stable") for block in blocks]
    edges = [
        np.searchsorted(block[order], np.arange(max(map(np.max, blocks)) + 2))
        for block, order in zip(blocks, orders, strict=True)
    ]
    found = []
    for one in range(len(edges[0]) - 1):
        ours, theirs = (order[edge[one] : edge[one + 1]] for order, edge in zip(orders, edges, strict=True))
        if not len(ours) or not len(theirs):
            continue
        table = process.cdist(
            heard[0][ours],
            heard[1][theirs],
            scorer=OSA.distance,
            score_cutoff=limits["edits"],
            dtype=np.uint8,
            workers=1,
        )
        at, to = np.nonzero(table <= limits["edits"])
        sounds, at, to = table[at, to].astype(np.int64), ours[at], theirs[to]
        longer = np.maximum(lengths[0][at], lengths[1][to])
        near = sounds <= share * longer + 1e-9
        at, to, sounds, longer = at[near], to[near], sounds[near], longer[near]
        signs = process.cpdist(left[at], right[to], scorer=OSA.distance, dtype=np.int32)
        near = (signs + sounds) / (2 * longer) <= share + 1e-9
        found.append((at[near], to[near]))
    at, to = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((to, at))
    return at[order], to[order]


def match(many: int, runs: int) -> None:
    """Measure matching two lists of `many` subjects against scoring all pairs within a township and product."""
    rules = load_rules()
    lists = two_lists(many)
    block = pd.concat(lists).groupby(["township_code", "product"]).ngroup().to_numpy()
    blocks = block[: len(lists[0])], block[len(lists[0]) :]
    left, right = (names.spelled(side["subject"], rules).to_numpy(dtype=object) for side in lists)
    times, ours, theirs = ratio(
        lambda: likeness.pairs(left, right, blocks, rules), lambda: every_pair(left, right, blocks, rules), runs
    )
    found = likeness.pairs(left, right, blocks, rules)
    at, to = every_pair(left, right, blocks, rules)
    same = np.array_equal(found.left, at) and np.array_equal(found.right, to)
    what = f"near names of {len(left):,} x {len(right):,} subjects, {block.max() + 1} blocks"
    line(what, f"{ours:.2f} s, {theirs:.2f} s = {1 / times:.1f} x", ">= 5 x all pairs", met=times <= 1 / 5)
    line("  the same pairs", f"{len(at):,}", "all of them", met=same)
    whole = median_s(lambda: matching.match(*lists, rules), runs)
    line(
        "  matched whole: names, phones, villages, evidence",
        f"{whole:.2f} s = {theirs / whole:.1f} x",
        "apart",
        met=True,
    )
    tracemalloc.start()
    matching.match(*lists, rules)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    each = peak * 2**20 / sum(map(len, lists))
    line("  its peak of memory", f"{peak:.0f} MB = {each:.0f} bytes a subject", "apart", met=True)


def many_records(n: int) -> SimpleNamespace:
    """Return a round of n random records over the county: what the one map looks at."""
    rules = om.rules.load_rules()
    places, chance = om.places.load_places(rules), np.random.default_rng(3)
    names = list(rules.products)
    product = chance.integers(0, len(names), n)
    units = np.array([rules.products[name].unit for name in names])[product]
    size, towns = np.exp(chance.normal(2, 1.5, n)).round(1), np.array(list(places.names))
    west, south, east, north = places.townships.total_bounds
    lon, lat, month = chance.uniform(west, east, n), chance.uniform(south, north, n), chance.integers(1, 11, n)
    town = towns[chance.integers(0, len(towns), n)]
    columns = {
        "record_id": [f"r{at:07d}" for at in range(n)],
        "township_code": town,
        "township": pd.Series(town).map(places.names).to_numpy(),
        "village": "某村",
        "subject_name": [f"户{at}" for at in chance.integers(0, n // 2 + 1, n)],
        "subject_type": np.array(["household", "cooperative", "buyer"])[chance.integers(0, 3, n)],
        "product": np.array(names)[product],
        "plot_key": np.array(["", "东", "西"])[chance.integers(0, 3, n)],
        "cropping": "1",
        "size_value": size,
        "size_unit": units,
        "area_mu": np.where(units == "mu", size, np.nan),
        "head_count": np.where(units == "mu", np.nan, size),
        "market_windows": np.array([f"2023-{at:02d}-01/2023-{at + 2:02d}-28" for at in range(1, 11)])[month - 1],
        "lon": lon,
        "lat": lat,
        "round": "2023-03",
    }
    plain = {"production_mode": "open", "trace_methods": "code", "credit_grade": "A", "coord_status": "ok", "base_address": "后山",
             "collected_on": "2023-03-01", "status": "accepted", "contact_name": "甲", "contact_phone": None, "source_file": "大表.xlsx",
             "source_sheet": "附件1", "source_row": 1}  # fmt: skip
    frame = pd.DataFrame(columns).assign(**plain)
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    records = gpd.GeoDataFrame(
        frame.astype(dict.fromkeys(texts, "str")), geometry=gpd.points_from_xy(lon, lat), crs=4326
    )
    findings = pd.DataFrame({"record_id": [], "severity": [], "message": [], "cell": []}, dtype="str")
    moment = datetime(2023, 3, 31)  # noqa: DTZ001 - a county's own time
    silent = {"plots": records.iloc[:0], "submissions": pd.DataFrame({"township_code": [], "product": []})}
    return SimpleNamespace(**silent, name="2023-03", as_of=moment, rules=rules, places=places, records=records, findings=findings, is_sample=True, rapid_tests=pd.DataFrame(),
                           cell=lambda *_: "")  # fmt: skip


def one_map(runs: int) -> None:
    """Measure a filter from 1,000 to 1,000,000 records: what the kernel takes and what it sends, whole county and one village."""
    for n in (1_000, 10_000, 100_000, 1_000_000):
        panel = om.onemap.OneMap(many_records(n))
        lists, turn = panel.controls.lists, itertools.cycle([("cowpea", "pig"), ()])
        views = [(10.0, ()), (15.0, ((25.0, 118.0), (25.02, 118.02)))]
        took, sent = [], []
        for zoom, bounds in views:
            panel.map.zoom = zoom
            panel.map.set_trait("bounds", bounds)
            took.append(
                median_s(lambda lists=lists, turn=turn: setattr(lists["product"], "value", next(turn)), 2 * runs)
            )
            sent.append(len(json.dumps(panel.points.data)))
        line(
            f"one map, {n:,} records: filter to data sent",
            f"{max(took) * 1000:.0f} ms",
            "<= 300 ms",
            met=max(took) <= 0.3,
        )
        line("  largest message", f"{max(sent) / 1e6:.2f} MB", "<= 0.5 MB", met=max(sent) <= 500_000)
        panel.layers.shade.value, panel.layers.mark.value = "findings", "subjects"
        shaded = median_s(lambda lists=lists, turn=turn: setattr(lists["product"], "value", next(turn)), 2 * runs)
        size = max(len(json.dumps(layer.data)) for layer in (panel.points, panel.layers.ground, panel.layers.symbols))
        line("  the same with townships shaded and marked", f"{shaded * 1000:.0f} ms, {size / 1e6:.2f} MB", "<= 300 ms, <= 0.5 MB",
             met=shaded <= 0.3 and size <= 500_000)  # fmt: skip


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the large sheet")
    parser.add_argument("--only", choices=["intake", "sample", "map", "match", "browser"], help="measure a part")
    parser.add_argument("--subjects", type=int, default=100_000, help="subjects of each list that is matched")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print(*peak_over(options.peak_of))
        return
    if options.only in (None, "match"):
        match(options.subjects, options.runs)
    if options.only in (None, "intake"):
        intake(options.rows, options.runs)
    if options.only in (None, "map"):
        one_map(options.runs)
    if options.only in (None, "browser"):
        import bench_browser

        bench_browser.measure(max(options.runs // 2, 1))
    if options.only in ("intake", "map", "match", "browser"):
        return
    sample = om.rounds.PROJECT / om.rounds.SAMPLE
    opened = median_s(lambda: om.open_round(sample), options.runs)
    line("open_round of the sample county", f"{opened:.2f} s", "<= 2 s", met=opened <= 2)
    round_ = om.open_round(sample)
    with tempfile.TemporaryDirectory() as folder:
        slips = once_s(lambda: returns.write_slips(round_, Path(folder)))
    line("  return slips of the sample", f"{slips:.2f} s", "apart", met=True)
    whole = statistics.median(report_s() for _ in range(max(options.runs // 2, 1)))
    line("report, 24 townships, whole command", f"{whole:.1f} s", "<= 60 s on 2 cores", met=whole <= 60)
    county = statistics.median(report_s("--county-only") for _ in range(max(options.runs // 2, 1)))
    line("  the same against --county-only", f"{whole / county:.2f} x", "<= 2 x", met=whole <= 2 * county)
    ratio = datum_ratio(options.runs)
    line("GCJ-02 to WGS84, 1,000,000 points, against one way there", f"{ratio:.2f} x", "<= 4 x", met=ratio <= 4)


if __name__ == "__main__":
    main()
