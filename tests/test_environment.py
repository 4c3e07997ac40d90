"""One list of dependencies: pyproject.toml says it, requirements.lock pins it, environment.yml mirrors it."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(text) for text in PROJECT["dependencies"]]
TESTING = [Requirement(text) for text in PROJECT["optional-dependencies"]["test"]]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRIES = re.findall(
    r"^(\S+?)==(\S+?)(?: ; ([^\\\n]+?))?((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", LOCK, re.MULTILINE
)
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
PIP = next(line["pip"] for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))

# conda-forge's name where it differs, and what its packages need named beside them.
CONDA_NAMES = {"jupyter-server": "jupyter_server", "matplotlib": "matplotlib-base", "nbconvert": "nbconvert-core"}
CONDA_ONLY = {"python", "pip", "tinycss2"}  # tinycss2 is what bleach[css] brings


def names(requirements: list[Requirement]) -> list[str]:
    return [requirement.name for requirement in requirements]


@pytest.mark.parametrize("requirement", [*RUNTIME, *TESTING], ids=str)
def test_every_dependency_is_pinned_within_its_bounds(requirement):
    pins = [(version, marker) for name, version, marker, _ in ENTRIES if name == canonicalize_name(requirement.name)]
    assert pins
    assert all(requirement.specifier.contains(version) for version, _ in pins)
    lowest = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux"}
    assert any(not marker or Marker(marker).evaluate(lowest) for _, marker in pins)


def test_every_dependency_has_a_lower_bound():
    assert all(any(part.operator == ">=" for part in one.specifier) for one in [*RUNTIME, *TESTING])


def test_the_lock_is_hashed_and_holds_no_address():
    pinned = [line for line in LOCK.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert len(ENTRIES) == len(pinned) > len(RUNTIME)
    assert [name for name, _, _, hashes in ENTRIES if "--hash=" not in hashes] == []
    assert not re.search(r"://|@ |--(?:extra-)?index|--find-links|file:", LOCK)


def test_the_environment_lists_the_same_packages():
    specs = {MatchSpec(line).name.normalized: MatchSpec(line) for line in CONDA}
    by_pip = {Requirement(line).name for line in PIP if not line.startswith("-e")}
    wanted = {CONDA_NAMES.get(name, name) for name in names([*RUNTIME, *TESTING]) if name not in by_pip}
    assert set(specs) == wanted | CONDA_ONLY
    assert by_pip <= set(names([*RUNTIME, *TESTING]))
    assert PIP[-1] == "-e ."
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("requirement", [*RUNTIME, *TESTING], ids=str)
def test_the_environment_has_the_same_bounds(requirement):
    conda = {MatchSpec(line).name.normalized: str(MatchSpec(line).version) for line in CONDA}
    pip = {Requirement(line).name: str(Requirement(line).specifier) for line in PIP if not line.startswith("-e")}
    found = conda.get(CONDA_NAMES.get(requirement.name, requirement.name)) or pip[requirement.name]
    assert SpecifierSet(found) == requirement.specifier


def test_the_floor_of_python_agrees():
    floor = PROJECT["requires-python"]
    assert f"python {floor}" in CONDA
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    minimum = Version(floor.removeprefix(">="))
    assert tools["ruff"]["target-version"] == f"py{minimum.major}{minimum.minor}"
    assert tools["mypy"]["python_version"] == str(minimum)
