"""The order of the modules is true: each imports only what stands before it, and reads or draws only where it may."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lib" / "originmap"

ORDER = (
    "headings vocab phrases texts kept rules findings compound formats archives grids biff webtables officexml worddocs documents parts workbooks "
    "headers layouts slips skips sheets cells notation windows sizes datum boundaries places points diagnosis placing records "
    "baseline subjects names likeness evidence pairing sense peers decisions plots verdicts matching checks pairs resubmission "
    "outcomes submissions ledgers receipts composition judged earlier heard carrying rounds proposals survey growers reconcile disclosure manuscript lineage gaps "
    "progress alerts changes inspection seasons selection coding board detail plans waterfalls maps rapidtests shading ground basemaps panels legends past testimony drawing locate "
    "confirm balance cards listing controls layers page symbols bars seatmarks printed figures exports handover qgis gisfiles onepage publishing contents gate takeaway onemap "
    "multiples atlas mapbook gazette summaries corrections "
    "marks copies rebuilt returns uploading provenance picks catalogue annexes plates chapters press letterhead briefing traces outgoing intake desks "
    "webpage kernels notebooks manifest frontpage report editions morning sample scale cli"
).split()

# Where files are read or written, and where widgets and map layers live.
FILES = {
    *"kept formats archives parts workbooks sheets rules basemaps boundaries places decisions survey figures printed mapbook briefing exports gisfiles onepage takeaway copies returns outgoing notebooks "
    "publishing gate press letterhead traces manifest frontpage report editions sample scale cli".split(),
}
FILE_CALLS = set(
    "open read_text read_bytes write_text write_bytes read_csv read_excel read_parquet read_feather read_file to_csv "
    "to_excel to_parquet to_file mkdir unlink savefig load_workbook".split()
)
FRONT_END = {
    "ipywidgets": {
        "balance",
        "confirm",
        "controls",
        "desks",
        "drawing",
        "layers",
        "locate",
        "morning",
        "onemap",
        "panels",
        "takeaway",
    },
    "ipyleaflet": {"basemaps", "drawing", "layers", "locate", "maps", "panels"},
    "anywidget": {"listing"},
}
LAZY = ["anywidget", "matplotlib", "ipyleaflet", "ipywidgets", "nbclient", "nbconvert", "geopandas", "xlsxwriter"]
MAX_LINES = 400

MODULES = sorted(
    {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")} - {"__init__"}
)


def files(module: str) -> list[Path]:
    """Return a module's file, or the files of the package that it is."""
    return sorted((PACKAGE / module).rglob("*.py")) or [PACKAGE / f"{module}.py"]


def tree(module: str) -> ast.Module:
    return ast.parse("\n".join(path.read_text(encoding="utf-8") for path in files(module)))


def imported(parsed: ast.Module) -> set[str]:
    """Return the dotted names of everything imported, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = f"originmap.{node.module or ''}".rstrip(".") if node.level else str(node.module)
            names |= {f"{source}.{alias.name}" for alias in node.names}
    return names


def siblings(parsed: ast.Module) -> set[str]:
    """Return the modules of ours that are imported; the package itself gives its name."""
    parts = (name.split(".") for name in imported(parsed))
    return {part[1] if len(part) > 1 and part[1] in ORDER else "originmap" for part in parts if part[0] == "originmap"}


def pointing_back(module: str, parsed: ast.Module) -> list[str]:
    place = ORDER.index(module)
    return sorted(name for name in siblings(parsed) - {module} if name not in ORDER[:place])


def file_calls(parsed: ast.Module) -> list[str]:
    calls = [node.func for node in ast.walk(parsed) if isinstance(node, ast.Call)]
    names = [func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls]
    return sorted(name for name in names if name in FILE_CALLS)


def test_every_module_has_its_place():
    assert len(MODULES) >= 10
    assert [module for module in MODULES if module not in ORDER] == []
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_forward_only(module):
    assert pointing_back(module, tree(module)) == []


@pytest.mark.parametrize("source", ["from originmap.rounds import x", "def f():\n    from originmap import rounds"])
def test_an_import_that_points_back_is_seen(source):
    assert pointing_back("checks", ast.parse(source)) == ["rounds"]
    assert pointing_back("reconcile", ast.parse(source)) == []


@pytest.mark.parametrize("module", [module for module in MODULES if module not in FILES])
def test_the_analysis_touches_no_file(module):
    assert file_calls(tree(module)) == []


def test_a_file_call_is_seen():
    assert file_calls(ast.parse("pd.read_csv(x); open('a'); p.write_text('b')")) == ["open", "read_csv", "write_text"]


@pytest.mark.parametrize("module", MODULES)
def test_widgets_and_map_layers_stay_in_their_modules(module):
    roots = {name.split(".")[0] for name in imported(tree(module))}
    assert [name for name, allowed in FRONT_END.items() if name in roots and module not in allowed] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_stays_readable(module):
    longest = max(path.read_text(encoding="utf-8").count("\n") for path in files(module))
    assert longest <= MAX_LINES


def test_importing_the_package_loads_nothing_heavy():
    code = f"import originmap, sys; print([name for name in {LAZY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_clock_is_read_in_its_places_only():
    """`as_of` is a parameter; only stamps of decisions may look at the clock."""
    late = []
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                late += [f"{module}: {node.func.attr}"] * (node.func.attr in {"now", "today", "utcnow"})
    assert [entry for entry in late if not entry.startswith("decisions:")] == []
