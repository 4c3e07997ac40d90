"""A synthetic county: two rounds of submissions as townships send them, and a truth file that says what they mean.

Same seed, same bytes. Everything about subjects is invented and every file says 样例数据.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from originmap.places import load_places
from originmap.rules import Rules, load_rules, read_toml
from originmap.sample.doubles import write_exchange
from originmap.sample.resubmitted import resubmit
from originmap.sample.submissions import FEBRUARY, MARCH, County
from originmap.sample.truth import Truth

ROWS: Final = 1500
TINY_ROWS: Final = 66
_SETTINGS: Final = "# 样例数据\nsample = true\n"
# What March's points are held against.
_SETTLED: Final = '\n# 已与各乡镇采集员核实\n[datum]\n"*.xlsx" = "wgs84"\n'
_README: Final = """# 样例数据 · sample data

全部主体、人名、电话、地块和数字均为虚构；乡镇和村名是真实的。由 `originmap sample` 按种子 {seed} 生成，同一种子得到相同的文件。
Everything but the names of townships and villages is invented; the same seed gives the same bytes.

`2023-02/`, `2023-03/`: what the townships sent, as .xlsx, .xls, .ods, .csv, .docx, .zip and a web page named .xls,
with one return slip mended and put back. `truth/`: for tests, what it means: every collection and registry row with
its cell's row, intended values (blank: cannot be had), expected status and planted mistakes (`mistakes.csv`: by cell).

对账 · reconciliation: one township sends no registry, one sends a registry and no collection sheet; registries list some
subjects without a size, some buyers, and some subjects under another name. `truth/` says what follows:

- `pairs.csv`: registry row and collected name, `same` yes or no, and the kind of uncertainty: exact; written, space, width,
  prefix, legal_form, bracket (any reader sees it); typo, sound, person (a farm listed under its owner), bracket_behind (a
  person must say so); not the same: near_person, near_farm, near_both, father_son (one phone), phone, alike. `against` another
  round: how a subject was written then.
- `verdicts.csv`: what a colleague has said about the pairs that names and phones alone do not settle. `名称判定.xlsx` beside the
  rounds is the same for use: `originmap decisions merge` brings it into a store.
- `terms.csv`: for each round, township and product the terms of the gap in `unit`, a total and below it each subject with its
  rows, verdicts applied; `claimed` where table, registry and collection are all known. `unsized` stands beside, not in it.
- `gap_status.csv`: the expected status at the end of the round, with the figures that lead to it.

报送与检测 · receipts, contacts, platform, tests, each with a truth file of its name:

- `收件登记.xlsx`: late by days and by an hour, a day without a time, times as text, nobody's name, a file that a later one
  replaced (two full submissions), a name that several folders have, a file that nobody registered, an increment, zero
  reports, and 无变化 said only in April. `document_file` is the file meant, `late` the products it was too late for.
- `附件2 工作联系方式.xlsx`: county and townships; one township has no 具体责任人, one has two, one changes in March.
- `国家追溯平台导出.xlsx`, `平台已录入数.xlsx`: entries of some townships, counts typed for others, nothing of the rest; one is late.
- `快检结果.xlsx`: 150 samples, six of them failed, a few of nobody who was collected.

坐标 · points: one file of March is in GCJ-02, one in BD-09, each with ten subjects and more that February knows (settled as WGS84
in its `round.toml`); a late file of three rows, in GCJ-02, cannot be told (`datums.csv`). In `collection.csv` `lon, lat` are what
the cells say, `true_lon, true_lat` where the plot lies. Two points have two decimals only.
"""


def write_sample(folder: Path, *, seed: int = 2023, counties: int = 1, rows: int | None = None) -> list[Path]:
    """Write one synthetic county to ``folder/anxi`` and a tiny one to ``folder/tiny``, or several to ``folder/county-0001`` and so on.

    A county of ordinary size also gets its verdicts on names as an exchange file.

    Parameters
    ----------
    folder
        Made when missing. An earlier sample there is replaced, anything else is left alone.
    seed
        Decides everything; each of several counties has a seed of its own, derived from it.
    counties
        How many.
    rows
        Collection rows a county in 2023-03, 1,500 by default; registries grow along.

    Returns
    -------
    The counties' folders, the tiny one's left out.

    Raises
    ------
    ValueError
        A number is not positive, or a folder in the way is no sample.
    """
    if counties < 1 or (rows is not None and rows < 1) or seed < 0:
        raise ValueError("seed 须为非负整数，counties 和 rows 须为正整数。")
    if counties == 1:
        write_county(folder / "anxi", seed=seed, rows=rows)
        resubmit(folder / "anxi", MARCH)
        write_county(folder / "tiny", seed=seed + 1, rows=TINY_ROWS, rounds=(MARCH,))
        if rows is None:
            # Each decision is synced to the disk: a large county has thousands.
            places = load_places(load_rules())
            for name in ("anxi", "tiny"):
                write_exchange(folder / name, places)
        return [folder / "anxi"]
    made = []
    for number in range(1, counties + 1):
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        made.append(folder / f"county-{number:04d}")
        write_county(made[-1], seed=own, rows=rows)
    return made


def write_county(
    folder: Path,
    *,
    seed: int = 2023,
    rows: int | None = None,
    rules: Rules | None = None,
    rounds: Sequence[str] = (FEBRUARY, MARCH),
) -> None:
    """Write one county: `rounds` and ``truth`` under `folder`; see `write_sample`."""
    rules = load_rules() if rules is None else rules
    _clear(folder)
    for name in rounds:
        (folder / name).mkdir(parents=True, exist_ok=True)
        settings = _SETTINGS + (_SETTLED if name != MARCH else "")
        (folder / name / "round.toml").write_text(settings, encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(_README.format(seed=seed), encoding="utf-8", newline="\n")
    with Truth(folder / "truth") as truth:
        County(folder, seed, rows or ROWS, rules, load_places(rules), truth).write(rounds)


def _clear(folder: Path) -> None:
    """Remove an earlier sample, and nothing else."""
    for name in (FEBRUARY, MARCH):
        old = folder / name
        if not old.exists():
            continue
        settings = read_toml(old / "round.toml") if (old / "round.toml").exists() else {}
        if settings.get("sample") is not True:
            raise ValueError(f"{old} 不是样例数据，未作改动；请另选文件夹。")
    for name in (FEBRUARY, MARCH, "truth"):
        if (folder / name).exists():
            shutil.rmtree(folder / name)
