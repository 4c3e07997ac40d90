"""Notebooks run with checked parameters, give the same bytes twice, and become pages that load nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from originmap import kernels, notebooks
from originmap.webpage import page

PARAMETERS = (
    'inbox = "data/sample"\nas_of = ""\nproducts = ["cowpea"]\ntolerance_pct = 5.0\nquota: int = 3\nname = None'
)


def written(folder: Path, *cells: nbformat.NotebookNode) -> Path:
    path = folder / "10_small.ipynb"
    first = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 小本"), first, *cells]), path)
    return path


@pytest.fixture
def no_kernel(monkeypatch):
    """Any attempt to start a kernel fails the test."""

    def refuse(*_args, **_kwargs):
        pytest.fail("a kernel was started")

    monkeypatch.setattr("nbclient.NotebookClient.execute", refuse)


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"township": "湖头镇"}, ["township", "可用的参数：inbox、as_of、products、tolerance_pct、quota、name"]),
        ({"as_off": "2023-03-15"}, ["是否想写 as_of"]),
        ({"as_of": 20230315}, ["as_of 应为文字", "20230315"]),
        ({"as_of": None}, ["as_of 应为文字"]),
        ({"products": "cowpea"}, ["products 应为列表"]),
        ({"products": ["cowpea", 1]}, ["products 应为列表"]),
        ({"quota": 2.5}, ["quota 应为整数"]),
        ({"quota": True}, ["quota 应为整数"]),
        ({"tolerance_pct": float("nan")}, ["tolerance_pct 应为数"]),
        ({"inbox": Path("data")}, ["inbox 应为文字"]),
    ],
)
def test_a_wrong_parameter_is_said_before_a_kernel_starts(tmp_path, parameters, said):
    path = written(tmp_path)
    with pytest.raises(notebooks.ParameterError) as error:
        notebooks.execute(path, parameters=parameters)
    assert all(text in str(error.value) for text in said), error.value


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("line", ["inbox = input()", "import os", "a = b = 1", "x ="])
def test_a_parameter_cell_holds_literals_only(tmp_path, line):
    path = tmp_path / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(line, metadata={"tags": ["parameters"]})]), path)
    with pytest.raises(notebooks.ParameterError, match="参数单元"):
        notebooks.execute(path)


def test_values_are_laid_over_the_defaults(tmp_path):
    shown = new_code_cell("inbox, products, tolerance_pct, quota, name")
    path = written(tmp_path, shown)
    before = path.read_bytes()
    given = {"inbox": "湖头'\"\n", "products": ["celery", "egg"], "tolerance_pct": 3, "name": "甲"}
    done = notebooks.execute(path, parameters=given)
    assert path.read_bytes() == before
    assert done.cells[2].metadata.tags == ["injected-parameters"]
    expected = repr(("湖头'\"\n", ["celery", "egg"], 3, 3, "甲"))
    assert done.cells[-1].outputs[0].data["text/plain"] == expected
    assert [cell.execution_count for cell in done.cells if cell.cell_type == "code"] == [1, 2, 3]


def test_two_runs_give_the_same_bytes(tmp_path):
    cells = [
        new_code_cell("import os, sys\nfor i in range(200):\n    print(i, flush=True)\nos.path.basename(os.getcwd())"),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider(value=4)"),
        new_code_cell("import pandas as pd\npd.DataFrame({'面积': [1.5]})"),
    ]
    path = written(tmp_path, *cells)
    saved = []
    for name in ("a.ipynb", "b.ipynb"):
        notebooks.write(notebooks.execute(path), tmp_path / name)
        saved.append((tmp_path / name).read_bytes())
    assert saved[0] == saved[1]
    text = saved[0].decode()
    assert not re.search(r"model_id|widget-view|widget-state|execution\"|iopub|\"version\"", text)
    assert text.endswith("}\n")
    done = nbformat.reads(text, as_version=4)
    nbformat.validate(done)
    streams = [output for output in done.cells[2].outputs if output.output_type == "stream"]
    assert len(streams) == 1, "pieces of one stream are one output"
    assert done.cells[3].outputs[0].data["text/plain"] == "IntSlider(value=4)"
    assert notebooks.clean(done) == done, "cleaning twice is cleaning once"


def test_a_failing_cell_is_named_in_one_line(tmp_path):
    path = written(tmp_path, new_code_cell("1 / 0"))
    with pytest.raises(kernels.NotebookError) as error:
        notebooks.execute(path)
    assert str(error.value) == "笔记本 10_small.ipynb 第 2 个代码单元出错：ZeroDivisionError: division by zero"


def test_notebooks_of_one_kernel_see_nothing_of_each_other(tmp_path):
    first = written(tmp_path, new_code_cell("left = 1\nimport os\nprint(os.getpid())"))
    second = tmp_path / "20_second.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("import os\nprint(os.getpid())\n'left' in globals()")]), second)
    with kernels.Kernel(tmp_path) as kernel:
        one = notebooks.execute(first, kernel=kernel)
        two = notebooks.execute(second, kernel=kernel)
        again = notebooks.execute(first, kernel=kernel)
    assert one.cells[-1].outputs == again.cells[-1].outputs == two.cells[0].outputs[:1], "one process ran all three"
    result = two.cells[0].outputs[1]
    assert (result.data["text/plain"], result.execution_count) == ("False", 1)
    pid = int(one.cells[-1].outputs[0].text)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_takes_a_second_and_serves_nothing_is_not_loaded():
    ask = "import sys, originmap.kernels, originmap.notebooks; print(sys.modules['rfc3987_syntax'])"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "None"


def rich() -> nbformat.NotebookNode:
    table = (
        "<style scoped>.x { background: url(http://a.example/x.png) }</style><script src='http://a.example/x.js'></script>"
        "<table style='text-align: right; position: fixed'><tr><td colspan=2 onclick='x()'>面积</td></tr></table>"
        "<img src='http://a.example/p.png'><img src='data:image/png;base64,AAAA'><iframe src='http://a.example'></iframe>"
    )
    outputs = [
        new_output("display_data", data={"text/html": table, "text/plain": "t"}),
        new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "f"}),
        new_output("display_data", data={notebooks.WIDGET_VIEW: {"model_id": "7"}, "text/plain": "Map(center=[])"}),
        new_output("display_data", data={"application/javascript": "alert(1)"}),
    ]
    cells = [
        new_markdown_cell(
            "# 一张图\n\n> 引文\n\n|a|b|\n|-|-|\n|1|2|\n\n[下一本](30_reconcile.ipynb#a) <script>x()</script>"
        ),
        new_code_cell("secret_name = 1", execution_count=1, outputs=outputs),
    ]
    return new_notebook(cells=cells, metadata={"widgets": {"state": 1}})


@pytest.mark.parametrize("cleaned", [False, True])
def test_a_page_loads_nothing_and_runs_nothing(cleaned):
    notebook = notebooks.clean(rich()) if cleaned else rich()
    text = notebooks.to_html(notebook, title="县 <b>", show_code=False)
    assert not re.search(r"<(script|link|iframe|object|embed|base|form)\b|javascript|onclick|@import|url\(", text)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?\s*(?:https?:)?//", text)
    assert "<title>县 &lt;b&gt;</title>" in text
    assert "Noto Sans SC" in text
    assert '<td colspan="2">面积</td>' in text
    assert 'style="text-align: right;"' in text
    assert text.count("data:image/png;base64,") == 2
    assert "<blockquote>" in text
    assert 'href="30_reconcile.html#a"' in text
    assert "Map(center" not in text, "a widget's name says nothing on a page"
    assert "secret_name" not in text
    assert "a.example" not in text


def test_code_is_shown_on_request_only():
    assert "secret_name" in notebooks.to_html(rich(), title="x", show_code=True)


def test_an_ordinary_link_stays_and_a_dangerous_one_goes():
    text = page(
        '<a href="https://example.org">a</a><a href="javascript:x()">b</a><a href="data:text/html,x">c</a>', title=""
    )
    assert text.count("href=") == 1
    assert 'href="https://example.org"' in text


def test_working_copies_are_set_to_the_inbox_and_never_lose_work(tmp_path, monkeypatch):
    shown = new_code_cell("inbox", execution_count=2, outputs=[new_output("stream", name="stdout", text="样例")])
    (tmp_path / "notebooks").mkdir()
    original = written(tmp_path / "notebooks", shown)
    monkeypatch.setattr(notebooks, "PROJECT", tmp_path)
    inbox = tmp_path / "inbox" / "安溪县" / "2023-03"
    folder, settings = notebooks.working_copies(inbox, tmp_path / "private")
    copy = folder / original.name
    read = nbformat.read(copy, as_version=4)
    assert notebooks.known_parameters(read) == notebooks.known_parameters(nbformat.read(original, as_version=4)) | {
        "inbox": inbox.as_posix()
    }
    assert not any(cell.get("outputs") for cell in read.cells)
    assert "zh_CN" in (settings / "@jupyterlab/translation-extension/plugin.jupyterlab-settings").read_text()

    read.cells[0].source = "# 我的话"
    nbformat.write(read, copy)
    notebooks.working_copies(inbox, tmp_path / "private")
    assert nbformat.read(copy, as_version=4).cells[0].source == "# 我的话"

    written(tmp_path / "notebooks", shown, new_code_cell("1"))
    notebooks.working_copies(inbox, tmp_path / "private")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["10_small.ipynb", "10_small_旧1.ipynb"]
    assert nbformat.read(folder / names[1], as_version=4).cells[0].source == "# 我的话"


def test_paths_are_left_out_of_what_is_handed_over(tmp_path):
    folder, project = str(tmp_path / "county" / "2023-03"), str(tmp_path)
    output = new_output("execute_result", data={"text/plain": repr(folder), "text/html": f"<p>{project}</p>"})
    notebook = new_notebook(
        cells=[new_markdown_cell("# 县\n# 2"), new_code_cell(f"inbox = {folder!r}", outputs=[output])]
    )
    short = notebooks.without_paths(notebook, {project: ".", folder: "2023-03"})
    assert short.cells[1].source == "inbox = '2023-03'"
    assert dict(short.cells[1].outputs[0].data) == {"text/plain": "'2023-03'", "text/html": "<p>.</p>"}
    assert project in notebook.cells[1].source, "the argument stays as it was"
    assert notebooks.title(short) == "县"


def test_the_command_reruns_in_place(tmp_path, capsys):
    path = written(tmp_path, new_code_cell("1 + 1"))
    assert notebooks.main([str(path)]) == 0
    assert nbformat.read(path, as_version=4).cells[-1].outputs[0].data["text/plain"] == "2"
    before = path.read_bytes()
    assert notebooks.main([str(path)]) == 0
    assert path.read_bytes() == before
    bad = written(tmp_path, new_code_cell("1 / 0"))
    before = bad.read_bytes()
    assert notebooks.main([str(bad)]) == 2
    assert bad.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err
