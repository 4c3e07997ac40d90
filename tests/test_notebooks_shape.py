"""Notebooks keep their shape: one skeleton, short cells, literals for parameters, outputs of one fresh run."""

import ast
import itertools
import re
from pathlib import Path

import nbformat
import pytest

from originmap.notebooks import WIDGET_VIEW, known_parameters, write

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
EXPECTED = ["00_start_here", "10_intake", "20_one_map", "30_reconcile", "40_progress", "50_locate", "70_briefing"]
PATHS = sorted(FOLDER.glob("*.ipynb"))
MAX_LINES = 10
IGNORED = "nbval-ignore-output"

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def test_the_expected_notebooks_are_there():
    assert [name for name in EXPECTED if name not in {path.stem for path in PATHS}] == []


@each
def test_it_opens_with_a_title_and_ends_with_what_it_does_not_tell(path):
    cells = read(path).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert sum(bool(re.search(r"(?m)^# ", cell.source)) for cell in cells if cell.cell_type == "markdown") == 1
    assert cells[-1].cell_type == "markdown"
    assert re.search(r"不能(?:告诉|说明|回答)|没有说|看不出", cells[-1].source), (
        "the last cell says what this does not tell"
    )
    assert re.search(r"\]\([\w.]+\.ipynb", cells[-1].source), "the last cell says where to go next"


@each
def test_prose_stands_before_every_cell_but_the_first_three(path):
    """Imports, parameters and loading may follow each other; after them prose and code take turns."""
    cells = read(path).cells
    kinds = [cell.cell_type for cell in cells]
    assert "raw" not in kinds
    runs = "".join("c" if kind == "code" else "m" for kind in kinds)
    assert not re.search(r"c{4,}", runs)


@each
def test_one_cell_of_parameters_holding_literals(path):
    tagged = [cell for cell in code_cells(path) if "parameters" in tags(cell)]
    assert len(tagged) == 1
    assert "inbox" in known_parameters(read(path), name=path.name)
    assert not any("injected-parameters" in tags(cell) for cell in code_cells(path))


def test_a_parameter_means_the_same_everywhere():
    kinds: dict[str, set[type]] = {}
    for path in PATHS:
        for name, default in known_parameters(read(path), name=path.name).items():
            kinds.setdefault(name, set()).add(type(default))
    assert kinds
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


@each
def test_cells_are_short_and_hold_no_logic(path):
    for cell in code_cells(path):
        assert cell.source.strip(), "an empty cell"
        assert len(cell.source.splitlines()) <= MAX_LINES, cell.source
        parsed = ast.parse(cell.source)  # fails on a magic
        banned = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not any(isinstance(node, banned) for node in ast.walk(parsed)), cell.source
        assert not re.search(r"filterwarnings|simplefilter|catch_warnings|disable\(", cell.source), cell.source
        assert not re.search(r"""["'](?:/|~|[A-Za-z]:[\\/])""", cell.source), cell.source


@each
def test_it_was_run_once_from_top_to_bottom(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(path):
        results = [out.execution_count for out in cell.outputs if out.output_type == "execute_result"]
        assert results in ([], [cell.execution_count])


@each
def test_there_is_something_to_compare(path):
    """Without outputs a comparison passes on nothing."""
    compared = [cell for cell in code_cells(path) if cell.outputs and IGNORED not in tags(cell)]
    expressions = [cell for cell in code_cells(path) if isinstance(ast.parse(cell.source).body[-1], ast.Expr)]
    assert len(compared) >= 3
    assert all(cell.outputs for cell in expressions if not cell.source.rstrip().endswith(";"))


@each
def test_outputs_are_whole_and_quiet(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.get("text")
            assert WIDGET_VIEW not in output.get("data", {})


@each
def test_every_ignored_output_has_its_reason(path):
    cells = read(path).cells
    for before, cell in itertools.pairwise(cells):
        if cell.cell_type == "code" and IGNORED in tags(cell):
            assert before.cell_type == "markdown"
            assert re.search(r"不作比较|不比较|因为|not compared", before.source)


@each
def test_it_is_saved_as_make_notebooks_saves_it(path, tmp_path):
    write(read(path), tmp_path / "again.ipynb")
    assert path.read_bytes() == (tmp_path / "again.ipynb").read_bytes()


@each
def test_it_shows_the_sample_only(path):
    assert "data/private" not in path.read_text(encoding="utf-8")
    assert str(known_parameters(read(path))["inbox"]).startswith("data/sample/")
