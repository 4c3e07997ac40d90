"""Panels by their values, without a browser: map, counts and table move together, whoever sets a filter."""

import numpy as np
import pandas as pd
import pytest
from many import many

from originmap import maps, panels


@pytest.fixture(scope="module")
def round_():
    return many()


@pytest.fixture(scope="module")
def gaps(round_):
    rows = []
    for number, product in enumerate(round_.rules.baseline_products):
        for at, (code, name) in enumerate(round_.places.names.items()):
            collected = np.nan if at % 6 == 5 else 10.0 * (at % 6) + 40 + number
            status = "not_submitted" if at % 6 == 5 else "balanced" if abs(100 - collected) < 5 else "short"
            rows.append([code, name, product, 100.0, 90.0, collected, 100 - collected, 5.0, collected, status])
    columns = "township_code township product baseline_mu registry_mu collected_mu gap_mu tolerance_mu coverage_pct gap_status"
    return pd.DataFrame(rows, columns=columns.split())


def test_coverage_map_counts_and_table_move_together(round_, gaps):
    panel = panels.CoveragePanel(round_, gaps)
    assert panel.product.value == round_.rules.baseline_products[0]
    before = panel.digest()["值"]
    assert before["未报"] == "4 个乡镇"
    assert before["<50%"] == "4 个乡镇"
    assert "数据齐全 20/24 个乡镇" in panel.counts.value
    panel.product.value = "celery"
    after = panel.digest()["值"]
    assert after["产品"] == "芹菜"
    assert after["坐标摘要"] == before["坐标摘要"]
    assert "芹菜" in panel.counts.value
    assert panel.shown["gap_mu"].iloc[0] == panel.shown["gap_mu"].max()
    assert panel.shown["gap_status"].iloc[-1] == "not_submitted"
    first = panel.shown["township"].iloc[0]
    assert panel.table.value.index(first) < panel.table.value.index(panel.shown["township"].iloc[-1])
    assert "42%" in panel._labels.layers[0].icon.html
    assert maps.drawn(panel.cells)["features"] == 24
