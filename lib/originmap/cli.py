"""The command line: ``originmap check | report | compare | sample | decisions | lab | app``.

Exit status: 0 done, 1 done but a ``--fail-on`` severity was met, 2 cannot run (one clear line on stderr, nothing
half-written).
"""

import argparse
import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from originmap.decisions import DecisionsError, Person, Store, conflicts, of_county, plain
from originmap.kept import collect_rarely
from originmap.rounds import PROJECT, SAMPLE, InboxError, earlier_rounds, open_round, resolve
from originmap.rules import RulesError

if TYPE_CHECKING:
    import pandas as pd

    from originmap.rounds import Round

_SYSTEM_ERRORS = {
    errno.ENOSPC: "磁盘满了，请腾出空间再运行",
    errno.EDQUOT: "磁盘配额用完了，请腾出空间再运行",
    errno.EACCES: "没有写入或读取的权限",
    errno.EPERM: "没有写入或读取的权限",
    errno.EROFS: "这个位置只读，不能写入",
    errno.ENOTDIR: "路径中有一段是文件，不是文件夹",
    errno.EEXIST: "已有同名的文件",
    errno.ENOENT: "找不到文件或文件夹",
    errno.ENAMETOOLONG: "路径太长，请换一个短一些的文件夹",
}
_BAD = {"error": ("error",), "warning": ("error", "warning")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; a bad call is one line on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A Windows console may not be UTF-8: a message must never fail for a character.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    collect_rarely()
    from originmap.kernels import NotebookError
    from originmap.notebooks import ParameterError
    from originmap.publishing import OutputError

    try:
        return int(options.run(options))
    except (InboxError, RulesError, DecisionsError, ParameterError, NotebookError, OutputError) as error:
        print(f"originmap: {error}", file=sys.stderr)
    except OSError as error:
        told = _SYSTEM_ERRORS.get(error.errno or 0, error.strerror or str(error))
        print(f"originmap: {told}：{error.filename or '（没有文件名）'}。原有的结果没有改动。", file=sys.stderr)
    except KeyboardInterrupt:
        print("originmap: 已中断，原有的结果没有改动。", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="originmap", description="农产品产地一张图：读表、核对、制图、出报告。")
    parser.add_argument("-V", "--version", action="version", version=f"originmap {version('originmap')}", help="版本")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="读一个批次的表，列出问题，不出图")
    _inbox(check, "outputs/check")
    check.add_argument("--no-returns", action="store_true", help="不写退回各乡镇的更正表")
    check.add_argument("--fail-on", choices=sorted(_BAD), help="有这一级别（或更重）的问题时退出码为 1")
    check.set_defaults(run=_check)

    _report_options(commands)

    sample = commands.add_parser("sample", help="生成虚构的样例县")
    sample.add_argument("folder", type=Path, metavar="DIR")
    sample.add_argument("--seed", type=int, default=2023, metavar="N", help="随机种子，同样的种子给同样的文件")
    sample.add_argument("--counties", type=int, default=1, metavar="N", help="几个县")
    sample.add_argument("--rows", type=int, metavar="N", help="每县采集表的行数")
    sample.set_defaults(run=_sample)

    ledger = commands.add_parser("decisions", help="与同事交换决定：导出、合并一个 .xlsx")
    ways = ledger.add_subparsers(required=True, metavar="export|merge|import")
    for name, run, what in (
        ("export", _export_decisions, "把本县的全部决定写成 .xlsx"),
        ("merge", _merge_decisions, "并入同事导出的决定；同一文件可反复合并"),
    ):
        way = ways.add_parser(name, help=what)
        way.add_argument("file", type=Path, metavar="FILE.xlsx", help="交换的文件")
        way.add_argument("--inbox", default=str(SAMPLE), metavar="INBOX", help="该县任一批次文件夹，默认样例")
        way.set_defaults(run=run)
    field = ways.add_parser("import", help="读外业采的点和地块（GPX、GeoJSON、KML），对到记录；确认的才成为决定")
    field.add_argument("file", type=Path, metavar="FILE", help=".gpx、.geojson 或 .kml")
    field.add_argument("inbox", nargs="?", default=str(SAMPLE), metavar="INBOX", help="批次文件夹，默认样例")
    field.add_argument("--datum", choices=["wgs84", "gcj02", "bd09"], default="wgs84", help="文件的坐标系，默认 wgs84")
    field.add_argument(
        "--confirm", default="", metavar="N,N|sure", help="采用哪几条（序号），或 sure：拿得准的；不写只列出"
    )
    field.add_argument("--who", default="", metavar="NAME", help="决定人")
    field.add_argument("--section", default="", metavar="NAME", help="科室")
    field.add_argument("--why", default="", metavar="TEXT", help="理由；不写则记文件和名称")
    field.set_defaults(run=_import_survey)

    lab = commands.add_parser("lab", help="用 JupyterLab 打开工作簿的副本（在 data/private/ 里）")
    lab.add_argument("inbox", nargs="?", default=str(SAMPLE), metavar="INBOX", help="批次文件夹，默认样例")
    lab.set_defaults(run=_lab)

    app = commands.add_parser("app", help="把一张图当网页打开（Voila，没有代码），不联网")
    app.add_argument("inbox", nargs="?", default=str(SAMPLE), metavar="INBOX", help="批次文件夹，默认样例")
    app.add_argument("--notebook", default="20_one_map", metavar="NAME", help="打开哪个笔记本，默认 20_one_map")
    app.set_defaults(run=_app)
    return parser


def _report_options(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser("report", help="读表、核对，写出地图、表格、笔记本和首页")
    _inbox(report, "outputs/report")
    report.add_argument("--profile", choices=["internal", "public"], default="internal", help="内部（默认）或公开")
    scope = report.add_mutually_exclusive_group()
    scope.add_argument("--county-only", action="store_true", help="只出县级成果，不出各乡镇的工作件")
    towns = "只出这些乡镇的工作件、图和简报，可以写几次"
    scope.add_argument("--township", nargs="+", action="extend", metavar="NAME", default=[], help=towns)
    report.add_argument("--paper", choices=["A4", "A3"], default="A4", help="地图册的纸，默认 A4")
    report.add_argument(
        "--verify",
        type=Path,
        metavar="DIR",
        help="按 DIR 里 manifest.json 的参数重新生成并核对，说出哪里不同；一致退出码 0，不一致 1",
    )
    report.add_argument(
        # One more than there are cores: a worker waits while its notebook's kernel works.
        "--jobs",
        type=int,
        default=min((os.cpu_count() or 1) + 1, 4),
        metavar="N",
        help="同时做几件（结果不变）",
    )
    report.set_defaults(run=_report)

    compare = commands.add_parser("compare", help="比较两次 report 的结果：哪些数字变了，因为哪些单元格")
    compare.add_argument("old", type=Path, metavar="OLD", help="原来的结果文件夹")
    compare.add_argument("new", type=Path, metavar="NEW", help="现在的结果文件夹")
    compare.add_argument("--out", type=Path, metavar="FILE.xlsx", help="全部差别写成一个工作簿")
    compare.set_defaults(run=_compare)


def _inbox(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("inbox", nargs="?", default=str(SAMPLE), metavar="INBOX", help="批次文件夹 YYYY-MM，默认样例")
    parser.add_argument("--out", default=None, metavar="DIR", help=f"写到哪里，默认 {out}")
    parser.add_argument("--as-of", default="", metavar="TIME", help="截止时间，如 2023-03-15 或 2023-03-15 17:00")
    parser.add_argument("--rules", default=None, metavar="FILE", help="叠加在默认规则上的规则文件")
    parser.set_defaults(default_out=out)


def _out(options: argparse.Namespace) -> Path:
    return Path(options.out) if options.out else PROJECT / options.default_out


def _say_round(round_: "Round") -> None:
    counts = round_.findings["severity"].value_counts()
    print(f"批次 {round_.name}", *round_.headline(), sep="\n  ")
    print(f"  错误 {counts.get('error', 0)}，存疑 {counts.get('warning', 0)}，已修正 {counts.get('fixed', 0)}。")


def _check(options: argparse.Namespace) -> int:
    from originmap.report import write_check_tree

    round_ = open_round(options.inbox, as_of=options.as_of, rules=options.rules)
    written = write_check_tree(round_, _out(options), returns=not options.no_returns)
    _say_round(round_)
    print(f"结果在 {written}")
    bad = round_.findings["severity"].isin(_BAD.get(options.fail_on or "", ())).any()
    return 1 if bad else 0


def _report(options: argparse.Namespace) -> int:
    inbox, rules = resolve(options.inbox).resolve(), resolve(options.rules).resolve() if options.rules else None
    jobs = max(options.jobs, 1)
    if options.verify:
        from originmap.editions import verify

        found = verify(options.verify, inbox, rules=rules, jobs=jobs)
        print(*(found or [f"重新生成的与 {options.verify} 逐字节一致。"]), sep="\n")
        return 1 if found else 0
    from originmap.report import Settings, write_report

    settings = Settings(
        inbox=inbox,
        as_of=options.as_of,
        rules=rules,
        profile=options.profile,
        county_only=options.county_only,
        townships=tuple(options.township),
        paper=options.paper,
    )
    round_, written = write_report(settings, _out(options), jobs=jobs)
    _say_round(round_)
    print(f"结果在 {written}，请从 {written / 'index.html'} 看起。")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from originmap import editions

    found = editions.compare(options.old, options.new)
    print(*editions.said(found), sep="\n")
    if options.out:
        editions.write_comparison(found, options.out)
        print(f"全部差别在 {options.out}")
    return 0


def _sample(options: argparse.Namespace) -> int:
    from originmap.sample import write_sample

    if options.counties < 1 or (options.rows is not None and options.rows < 1):
        msg = "--counties 和 --rows 应为正整数。"
        raise InboxError(msg)
    write_sample(options.folder, seed=options.seed, counties=options.counties, rows=options.rows)
    print(f"样例数据（虚构）已写到 {options.folder}")
    return 0


def _ledger(options: argparse.Namespace) -> Store:
    inbox = resolve(options.inbox)
    if not inbox.is_dir():
        msg = f"找不到文件夹：{inbox}"
        raise InboxError(msg)
    if options.file.suffix.lower() != ".xlsx":
        msg = f"交换的文件应为 .xlsx：{options.file.name}"
        raise DecisionsError(msg)
    return of_county(inbox)


def _export_decisions(options: argparse.Namespace) -> int:
    store = _ledger(options)
    count = store.export(options.file)
    print(f"{count} 条决定已写到 {options.file}")
    return 0


def _merge_decisions(options: argparse.Namespace) -> int:
    store = _ledger(options)
    new, known = store.merge(options.file)
    clashes = conflicts(store.entries())
    print(f"并入 {new} 条，原已有 {known} 条。" + (f"{len(clashes)} 条互相矛盾，均未采用：" if len(clashes) else ""))
    if len(clashes):
        from originmap.testimony import said_text
        from originmap.vocab import code

        for row in plain(clashes).to_dict("records"):
            about = row["hint"].get("label") or "、".join(map(str, row["target"].values()))
            who = f"{row['who']}（{row['section']}）{str(row['at'])[:10]}"
            print(f"  {code('decision', row['kind'])} {about}：{who} 定为 {said_text(row)}")
    return 0


def _import_survey(options: argparse.Namespace) -> int:
    from originmap import proposals, survey

    round_ = open_round(options.inbox)
    features = survey.read(survey.content(options.file), options.file.name, datum=options.datum)
    matches = survey.match(features, round_, proposals.of_round(round_, earlier=earlier_rounds(round_, count=1)))
    shown = survey.shown(matches, {code: product.name for code, product in round_.rules.products.items()})
    for number, one in shown.iterrows():
        print(f"{number}. {one['文件里的名称']}（{one['类别']}）", *_listed(one), sep="\n   ")
    lost = int(matches["row"].isna().sum())
    print(f"{len(matches)} 个要素，{int(matches['sure'].sum())} 个拿得准，{lost} 个对不上。")
    if not options.confirm:
        print("还没有采用任何一条；采用请加 --confirm 序号（或 sure）--who 姓名 --section 科室。")
        return 0
    if round_.folder.resolve().is_relative_to((PROJECT / SAMPLE).parents[1]):
        msg = "随软件的样例里不留决定；请换成自己的批次文件夹。"
        raise DecisionsError(msg)
    person = Person(options.who, options.section)
    chosen = matches.index[matches["sure"]] if options.confirm == "sure" else _numbered(options.confirm, matches.index)
    made = survey.decided(features, matches, chosen, round_, why=options.why)
    store = of_county(round_.folder)
    for verdict in made:
        store.record(verdict, by=person)
    print(f"已保存 {len(made)} 条决定（{person.name}，{person.section}）。")
    return 0


def _listed(one: "pd.Series") -> list[str]:
    """Return what a feature is matched to, and why, as lines."""
    record = " ".join(str(one[name]) for name in ("乡镇", "种养殖主体", "产品"))
    away = f"距记录的点 {one['距记录的点']}，距乡镇 {one['距乡镇']}"
    more = [
        text for text in (str(one["面积"]), f"已有决定：{one['已有决定']}" if one["已有决定"] != "—" else "") if text
    ]
    return [
        f"→ {record}（{one['依据']}；{away}；可直接采用：{one['可直接采用']}）"
        if "—" not in record
        else str(one["依据"]),
        *more,
    ]


def _numbered(text: str, labels: "pd.Index") -> list[int]:
    """Return the labels of the numbers (from 1) in ``1,3``; raises DecisionsError for anything else."""
    parts = [part.strip() for part in text.replace("，", ",").split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= len(labels) for part in parts):
        msg = f"--confirm 应为 1 到 {len(labels)} 的序号，用逗号分开，或写 sure；现为 {text!r}。"
        raise DecisionsError(msg)
    return [int(labels[int(part) - 1]) for part in dict.fromkeys(parts)]


def _copies(options: argparse.Namespace) -> tuple[Path, Path]:
    """Return the folder of working copies set to the inbox, and the settings beside it."""
    from originmap.notebooks import working_copies

    inbox = resolve(options.inbox).resolve()
    open_round(inbox)  # a bad folder is said here, not in a notebook
    return working_copies(inbox, PROJECT / "data" / "private")


def _lab(options: argparse.Namespace) -> int:
    folder, settings = _copies(options)
    print(f"笔记本副本在 {folder}；关闭请在此窗口按 Ctrl+C。")
    start = f"/lab/tree/{folder.relative_to(PROJECT).as_posix()}/00_start_here.ipynb"
    arguments = ["jupyterlab", f"--ServerApp.root_dir={PROJECT}", f"--LabApp.default_url={start}"]
    arguments.append("--LabApp.extension_manager=readonly")  # the other one asks a package index
    return _serve(arguments, {"JUPYTERLAB_SETTINGS_DIR": str(settings)})


def _app(options: argparse.Namespace) -> int:
    folder, _ = _copies(options)
    page = folder / f"{options.notebook}.ipynb"
    if not page.exists():
        names = "、".join(path.stem for path in sorted(folder.glob("*.ipynb")))
        msg = f"没有笔记本“{options.notebook}”；可用：{names}。"
        raise InboxError(msg)
    print("网页打开后，关闭请在此窗口按 Ctrl+C。")
    # Voila's own templates fetch an icon font from elsewhere; ours, beside this file, does not.
    from originmap.basemaps import SHOWN

    files = [f"--Voila.root_dir={PROJECT}", f"--VoilaConfiguration.file_allowlist=['{SHOWN}']"]
    return _serve(["voila", str(page), "--template=originmap", *files], {"JUPYTER_PATH": str(Path(__file__).parent)})


def _serve(arguments: list[str], environment: dict[str, str]) -> int:
    try:
        return subprocess.call([sys.executable, "-m", *arguments], env=os.environ | environment)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
