"""A hostile file costs one finding, under 5 s and at most 300 MB above the idle process; the file beside it is read."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import hostile
import pytest
from books import collection_sheet, grower, write_book

SECONDS, MEGABYTES = 5.0, 300.0
TESTS = Path(__file__).parent
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each case is read in a forked process")


class Taken(NamedTuple):
    """What reading one case took: (file, rule) of its findings, rows of the good file, seconds of work, MB above idle."""

    findings: list[list[str]]
    rows: int
    seconds: float
    megabytes: float


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, set[str]], dict[str, Taken | None]]:
    folder = tmp_path_factory.mktemp("hostile")
    try:
        wanted = hostile.write_all(folder)
        write_book(folder / "warm" / "a.xlsx", {"S": collection_sheet(grower())})
        path = os.pathsep.join([str(TESTS), *sys.path])
        command = [sys.executable, str(TESTS / "hostile.py"), str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path}
        )
    finally:
        shutil.rmtree(folder)
    seen = {case: taken and Taken(*taken) for case, taken in json.loads(done.stdout).items()}
    return wanted, seen


CASES = [*hostile.cases(b""), *(f"slow_{name}" for name in hostile.SLOW), "paragraphs"]


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_costs_one_finding_little_time_and_little_memory(
    read: tuple[dict[str, set[str]], dict[str, Taken | None]], case: str
) -> None:
    wanted, seen = read
    taken = seen[case]
    assert taken is not None, "the process died"
    assert taken.rows == 1
    rules = [rule for file, rule in taken.findings if file != "好.xlsx"]
    if wanted[case]:
        assert len(rules) == 1
        assert rules[0] in wanted[case]
    assert taken.seconds < SECONDS
    assert taken.megabytes < MEGABYTES


def test_no_case_is_left_out(read: tuple[dict[str, set[str]], dict[str, Taken | None]]) -> None:
    assert set(read[1]) == set(read[0]) == set(CASES)
