"""Measure what design budgets, as ratios in one run: ``make bench``. Never part of the tests.

Prints one line a budget. Times are medians of warm runs in one process unless the line says that it is a whole command.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import python_calamine

import originmap as om
from originmap.sample import write_county


def median_s(work: Callable[[], object], runs: int) -> float:
    """Return the median wall time of `runs` runs after one warm-up, in seconds."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def plain_read(folder: Path) -> None:
    """Read every sheet of every workbook with the fast reader and do nothing with it."""
    for path in om.workbooks.list_files(folder):
        if path.suffix == ".xlsx":
            with python_calamine.CalamineWorkbook.from_path(path) as book:
                for name in book.sheet_names:
                    book.get_sheet_by_name(name).to_python(skip_empty_area=False)


def line(what: str, value: str, budget: str, *, met: bool) -> None:
    """Print one measured budget."""
    print(f"{'ok  ' if met else 'MISS'}  {what:<58} {value:>24}   {budget}")


def report_s(*options: str) -> float:
    """Return the wall time of ``originmap report`` on the sample as a whole command, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "originmap.cli", "report", "--out", f"{folder}/out", *options]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start


def datum_ratio(runs: int, points: int = 1_000_000) -> float:
    """Return how many forward passes one inverse of GCJ-02 costs."""
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(75, 134, points), rng.uniform(18, 53, points)
    forward = median_s(lambda: om.datum.gcj02_from_wgs84(lon, lat), runs)
    return median_s(lambda: om.datum.wgs84_from_gcj02(lon, lat), runs) / forward


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each")
    parser.add_argument("--rows", type=int, default=0, help="also open a county with this many collection rows")
    options = parser.parse_args()
    sample = om.rounds.PROJECT / om.rounds.SAMPLE
    opened = median_s(lambda: om.open_round(sample), options.runs)
    read = median_s(lambda: plain_read(sample), options.runs)
    line("open_round of the sample county", f"{opened:.2f} s", "<= 2 s", met=opened <= 2)
    line("  the same against a plain read of its files", f"{opened / read:.1f} x", "for comparison", met=True)
    whole = statistics.median(report_s() for _ in range(max(options.runs // 2, 1)))
    line("report, 24 townships, whole command", f"{whole:.1f} s", "<= 60 s on 2 cores", met=whole <= 60)
    county = statistics.median(report_s("--county-only") for _ in range(max(options.runs // 2, 1)))
    line("  the same against --county-only", f"{whole / county:.2f} x", "<= 2 x", met=whole <= 2 * county)
    round_ = om.open_round(sample)
    panel = om.panels.OneMap(round_)

    def filter_twice() -> None:
        panel.product.value = ("cowpea",)
        panel.product.value = ()

    moved = median_s(filter_twice, options.runs) / 2
    line("one map: filter to data sent, in the kernel", f"{moved * 1000:.0f} ms", "<= 300 ms", met=moved <= 0.3)
    ratio = datum_ratio(options.runs)
    line("GCJ-02 to WGS84, 1,000,000 points, against one way there", f"{ratio:.2f} x", "<= 4 x", met=ratio <= 4)
    if options.rows:
        with tempfile.TemporaryDirectory() as folder:
            write_county(Path(folder), rows=options.rows)
            large = Path(folder) / "2023-03"
            read = median_s(lambda: plain_read(large), 1)
            opened = median_s(lambda: om.open_round(large), 1)
            deep = om.open_round(large).records.memory_usage(deep=True).sum() / 2**20
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            text = f"{opened:.1f} s = {opened / read:.1f} x"
            line(f"open_round, {options.rows:,} rows, against a plain read", text, "intake's budget", met=True)
            print(f"      records {deep:.0f} MB, peak of the process {peak:.0f} MB, pandas {pd.__version__}")


if __name__ == "__main__":
    main()
