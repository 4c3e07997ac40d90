"""The documentation is kept honest: what it links to exists, what it tells to type runs, what it lists is complete."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
PAGES = [*READMES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
BINARY = {".parquet", ".xlsx", ".xls", ".ods", ".png", ".pdf", ".zip", ".gpkg", ".docx", ".et", ".jpg", ".gif"}

# Written in pieces, so that this file does not find itself.
MACHINE_PATH = re.compile(
    "|".join(["/" + "home/", "/" + "Users/", "/" + "root/", "/" + "work/", r"[A-Z]:\\" + "Users"])
)
ADDRESS = re.compile(
    "|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", "file" + "://", "find" + "-links =", "--index" + "-url"])
)

page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def tracked() -> list[Path]:
    """Return the files that are, or would be, committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    if not paths:
        pytest.skip("not a git checkout")
    return [path for path in paths if path.is_file()]


def commands(prefix: str, path: Path) -> set[str]:
    """Return the words that follow `prefix` in code, inline or in blocks."""
    page_text = re.sub(r"(?ms)^```python\n.*?^```$", "", text(path))
    code = re.findall(r"`([^`\n]+)`", page_text) + re.findall(r"(?ms)^```[^\n]*\n(.*?)^```", page_text)
    found = (re.findall(rf"(?m)(?:^|[\s$;&|(])(?:\.venv/bin/)?{prefix} ([a-z][a-z-]*)", piece) for piece in code)
    return {word for words in found for word in words}


@page
def test_every_link_and_picture_exists(path):
    links = re.findall(r"\]\(([^)\s]+)\)", text(path)) + re.findall(r'(?:src|href)="([^"]+)"', text(path))
    local = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in local if not (path.parent / link).exists()] == []


@page
def test_every_make_target_exists(path):
    targets = set(re.findall(r"(?m)^([a-z-]+):", text(ROOT / "Makefile")))
    assert commands("make", path) - targets == set()


@page
def test_every_command_exists(path):
    from originmap.cli import _parser

    known = set(re.findall(r"(?m)^ {4}(\w+) ", _parser().format_help()))
    assert {"check", "report", "sample", "lab"} <= known
    assert commands("originmap", path) - known == set()


def test_the_command_runs_from_the_shell():
    done = subprocess.run(
        [sys.executable, "-m", "originmap.cli", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_a_readme_says_how_to_start_and_names_every_module_and_notebook(path):
    assert {"report", "test"} <= commands("make", path)
    modules = [module.stem for module in (ROOT / "lib" / "originmap").glob("*.py") if module.stem != "__init__"]
    assert [name for name in sorted(modules) if not re.search(rf"\b{name}\b", text(path))] == []
    assert [book.stem for book in (ROOT / "notebooks").glob("*.ipynb") if book.stem not in text(path)] == []


def test_the_changelog_has_this_version():
    version = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["version"]
    assert re.search(rf"(?m)^## \[?{re.escape(version)}\b", text(ROOT / "CHANGELOG.md"))
    import originmap

    assert originmap.__version__ == version


def test_decisions_are_numbered_without_gaps():
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert len(DECISIONS) >= 9


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_whole(path):
    assert re.search(rf"^# {int(path.name[:4])}\. ", text(path))
    assert re.findall(r"(?m)^## (.+)$", text(path)) == ["Context", "Decision", "Consequences"]
    assert re.search(r"(?m)^Status: (accepted|superseded by \d{4})", text(path))
    assert len(text(path).splitlines()) <= 25


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "README.zh.md"])
def test_a_file_that_everyone_looks_for_is_not_empty(name):
    assert text(ROOT / name).strip()


def test_no_file_holds_a_path_of_a_machine_or_a_registry_address():
    found = []
    for path in tracked():
        if path.suffix not in BINARY:
            content = path.read_bytes().decode("utf-8", errors="replace")
            found += [
                f"{path.relative_to(ROOT)}: {hit}" for hit in MACHINE_PATH.findall(content) + ADDRESS.findall(content)
            ]
    assert found == []


def test_the_page_of_rules_is_the_table_of_rules():
    from originmap.findings import RULES, rules_page

    assert text(ROOT / "docs" / "rules.md") == rules_page(), "run make docs"
    assert all(rule.zh and rule.en and rule.example and rule.source for rule in RULES.values())
