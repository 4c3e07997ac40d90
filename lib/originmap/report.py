"""Report: everything that is made of a round, as one tree of folders; `publishing` swaps it in whole."""

import difflib
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
from tqdm import tqdm

from originmap import (
    briefing,
    exports,
    figures,
    frontpage,
    gate,
    gazette,
    gisfiles,
    growers,
    manifest,
    mapbook,
    notebooks,
    onepage,
    outgoing,
    reconcile,
    summaries,
    traces,
    vocab,
)
from originmap.kept import collect_rarely, environment, join, shared
from originmap.kernels import Kernel
from originmap.publishing import OutputError, new_tree
from originmap.returns import write_slips
from originmap.rounds import PROJECT, Round, earlier_rounds, open_round


@dataclass(frozen=True)
class Settings:
    """What a report is made from. `inbox` and `rules` are absolute paths and never printed."""

    inbox: Path
    as_of: str = ""
    rules: Path | None = None
    profile: Literal["internal", "public"] = "internal"
    county_only: bool = False
    townships: tuple[str, ...] = ()
    paper: Literal["A4", "A3"] = "A4"

    def public_form(self) -> dict[str, Any]:
        """Return the effective parameters as the manifest shows them: no path of this machine."""
        return {
            "as_of": self.as_of,
            "profile": self.profile,
            "county_only": self.county_only,
            "townships": list(self.townships),
            "paper": self.paper,
            "rules": manifest.sha256(self.rules) if self.rules else None,
        }


# With these the libraries start no thread of their own when they are loaded.
ALONE: Final = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


@lru_cache(maxsize=1)
def _round(settings: Settings) -> Round:
    return open_round(settings.inbox, as_of=settings.as_of, rules=settings.rules)


@lru_cache(maxsize=1)
def _earlier(settings: Settings) -> tuple[Round, ...]:
    """Return the rounds before, the nearest first."""
    return tuple(earlier_rounds(_round(settings), rules=settings.rules))


def write_report(
    settings: Settings, target: Path, *, jobs: int = 1, tell: Callable[[int, int, str], None] | None = None
) -> tuple[Round, Path]:
    """Make the whole tree of ``originmap report`` and swap it in; return the round and where the tree stands.

    The work is split into independent pieces; `jobs` processes do them, and the bytes are the same for any number. `tell` is called before each
    piece with how many are done, of how many, and its label.

    Raises
    ------
    OutputError
        `target` holds something that is not ours, or cannot be written; InboxError and RulesError as `open_round`.
    """
    _round.cache_clear()
    _earlier.cache_clear()
    with shared() as folder, _workers(jobs, folder) as pool:
        round_ = _round(settings)
        codes = _township_codes(round_, settings.townships)
        with new_tree(target, settings.inbox) as (build, place):
            _build(round_, settings, build, codes, pool, tell)
            return round_, place()


def _build(
    round_: Round,
    settings: Settings,
    build: Path,
    codes: list[str] | None,
    pool: ProcessPoolExecutor | None,
    tell: Callable[[int, int, str], None] | None,
) -> None:
    pieces = _pieces(settings)
    with tqdm(
        total=len(pieces) + 1, desc="出报告", unit="项", ascii=" =", leave=False, disable=tell is not None
    ) as bar:
        if pool is None:
            for done, (name, piece) in enumerate(pieces.items()):
                if tell:
                    tell(done, len(pieces) + 1, piece.label)
                _make(name, settings, build, codes)
                bar.update()
            _finish(round_, settings, build)
        else:
            try:
                futures = [pool.submit(_make, name, settings, build, codes) for name in pieces]
                for future in as_completed(futures):
                    future.result()
                    bar.update()
                _finish(round_, settings, build, each=partial(pool.map, chunksize=8))
            except BrokenProcessPool as error:
                raise OutputError("一个工作进程被系统终止（多半是内存不足），请加 --jobs 1 再运行。") from error
            except BaseException:
                # What failed is said now, not after all the rest has been made for nothing.
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        bar.update()


def _finish(round_: Round, settings: Settings, build: Path, each: Callable[..., Iterable[list[str]]] = map) -> None:
    """Write the first page and the manifest, and let the gate read everything."""
    public = settings.profile == "public"
    frontpage.write(round_, build, public=public)
    manifest.write(round_, build, settings.public_form(), public=public)
    gate.inspect(build, gate.Watch.of(round_, settings.profile), each=each)


@contextmanager
def _workers(jobs: int, folder: str) -> Iterator[ProcessPoolExecutor | None]:
    """Give the processes that make the pieces, none for one job; they load the library while the round is read."""
    if jobs == 1:
        yield None
        return
    # A copy of this process, which may have threads, could hang; on Linux they are copies of one that has loaded the library, and has none.
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(folder,)) as pool:
        with environment(ALONE):
            for _ in range(jobs):
                pool.submit(os.getpid)
        yield pool


def _begin(folder: str) -> None:
    collect_rarely()
    join(folder)
    _end_with_parent()


def _end_with_parent() -> None:
    """Let a worker end when the command is killed, so that it writes nothing into the next command's tree."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def write_check_tree(round_: Round, target: Path, *, returns: bool = True) -> Path:
    """Make the tree of ``originmap check`` and swap it in; return where it stands. Errors as `write_report`."""
    with new_tree(target, round_.folder) as (build, place):
        exports.write_check(round_, build)
        if returns:
            write_slips(round_, build / "returns")
        manifest.write(round_, build, Settings(round_.folder).public_form())
        gate.inspect(build, gate.Watch.of(round_))
        return place()


def _township_codes(round_: Round, names: tuple[str, ...]) -> list[str] | None:
    if not names:
        return None
    codes = round_.places.township_of(pd.Series(names, dtype="str"))
    if codes.isna().any():
        wrong = [name for name, code in zip(names, codes, strict=True) if pd.isna(code)]
        known = round_.places.aliases()
        near = [
            round_.places.names[known[found]] for name in wrong for found in difflib.get_close_matches(name, known, n=1)
        ]
        hint = f"是否想写 {'、'.join(dict.fromkeys(near))}？" if near else ""
        msg = f"没有这个乡镇：{'、'.join(wrong)}。{hint}可用：{'、'.join(round_.places.names.values())}。"
        raise OutputError(msg)
    return list(codes)


@dataclass(frozen=True)
class Piece:
    """One independent part of the tree: ``make(round_, settings, build, codes)`` writes it into `build`, in a process of its own.

    `label` tells a person what is being made; `codes` are the townships asked for, None for all.
    """

    label: str
    make: Callable[[Round, Settings, Path, list[str] | None], None]
    county: bool = True


def _pieces(settings: Settings) -> dict[str, Piece]:
    """Return what is to be made by its name, the slowest first."""
    pieces = PUBLIC_PIECES if settings.profile == "public" else PIECES
    return {name: piece for name, piece in pieces.items() if piece.county or not settings.county_only}


def _make(name: str, settings: Settings, build: Path, codes: list[str] | None) -> None:
    """Make one piece of the tree; runs in a process of its own."""
    _pieces(settings)[name].make(_round(settings), settings, build, codes)


def _distribution(round_: Round, _settings: Settings, build: Path, _: list[str] | None) -> None:
    figure = figures.distribution_map(round_.records, round_.places, round_.rules, figures.furniture(round_))
    figures.save(figure, _folder(build, "maps") / "产地分布图")


def _coverage(round_: Round, _settings: Settings, build: Path, _: list[str] | None) -> None:
    gaps = reconcile.planting_area(round_)
    for product in round_.rules.baseline_products:
        figure = figures.coverage_map(gaps, round_.places, round_.rules, figures.furniture(round_), product=product)
        figures.save(figure, _folder(build, "maps") / f"覆盖率_{round_.rules.products[product].name}")


def _briefings(round_: Round, settings: Settings, build: Path, codes: list[str] | None) -> None:
    before = next(iter(_earlier(settings)), None)
    desk = briefing.desk(round_, before=before, profile=settings.profile)
    traces.write_briefings(desk, build, townships=[] if settings.county_only else codes)


def _desk(round_: Round, settings: Settings, build: Path, codes: list[str] | None) -> None:
    write_slips(round_, build / "desk", townships=codes, nested=True)
    outgoing.write_desks(round_, build / "desk", townships=codes, before=next(iter(_earlier(settings)), None))


def _progress(round_: Round, settings: Settings, build: Path, _: list[str] | None) -> None:
    outgoing.write_tables(round_, _folder(build, "tables"), before=next(iter(_earlier(settings)), None))


def _multiples(round_: Round, settings: Settings, build: Path, _: list[str] | None) -> None:
    outgoing.write_multiples(round_, _folder(build, "maps"), earlier=_earlier(settings))


def _mapbook(
    round_: Round, settings: Settings, build: Path, codes: list[str] | None, *, part: Literal["townships", "products"]
) -> None:
    if part == "products":
        mapbook.write_products(round_, _folder(build, "maps"), paper=settings.paper)
    else:
        mapbook.write_townships(round_, _folder(build, "maps"), townships=codes, paper=settings.paper)


def _folder(build: Path, name: str) -> Path:
    folder = build / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _notebooks(_round: Round, settings: Settings, build: Path, _: list[str] | None) -> None:
    with Kernel(PROJECT / "notebooks") as kernel:
        for source in notebooks.committed():
            _notebook(source, settings, _folder(build, "notebooks"), kernel)


def _notebook(source: Path, settings: Settings, folder: Path, kernel: Kernel) -> None:
    parameters: dict[str, object] = {"inbox": str(settings.inbox), "as_of": settings.as_of}
    if settings.rules:
        parameters["rules"] = str(settings.rules)
    with tempfile.TemporaryDirectory() as scratch:
        # The tree has these pictures already: what a notebook saves by itself is not kept twice.
        known = notebooks.known_parameters(notebooks.read(source))
        if "out" in known:
            parameters["out"] = scratch
        made = notebooks.execute(source, parameters=parameters, kernel=kernel)
        # What is handed over names the round, not the folder of whoever made it.
        places = {str(settings.inbox): settings.inbox.name, scratch: str(known.get("out", "")), str(PROJECT): "."}
        if settings.rules:
            places[str(settings.rules)] = settings.rules.name
        made = notebooks.without_paths(made, places)
    notebooks.write(made, folder / source.name)
    page = notebooks.to_html(made, title=notebooks.title(made))
    (folder / f"{source.stem}.html").write_text(page, encoding="utf-8")


def _tables(round_: Round, _settings: Settings, build: Path, _: list[str] | None) -> None:
    folder = _folder(build, "tables")
    linked = growers.growers(round_)
    gaps = reconcile.planting_area(round_, linked=linked)
    notes = exports.stamp(round_)
    measure = vocab.code("area_measure", linked.measure)
    lines = [*notes, f"采集面积按{measure}计。", *summaries.AREA_NOTES]
    table, last = summaries.area_table(round_, gaps, gaps)
    name = round_.name
    exports.write_xlsx(folder / "面积核对表.xlsx", table, title=f"面积核对表（{name}）", notes=lines, totals=last)
    table, last = summaries.herd_table(round_, reconcile.livestock(round_, linked=linked))
    notes = exports.stamp(round_)
    lines = [*notes, *summaries.HERD_NOTES]
    exports.write_xlsx(folder / "存栏核对表.xlsx", table, title=f"存栏核对表（{name}）", notes=lines, totals=last)
    summary = exports.summary_table(round_)
    exports.write_xlsx(folder / "乡镇品种汇总.xlsx", summary, title=f"乡镇×品种汇总（{name}）", notes=notes, totals=1)
    for stem, made, of in (
        ("附件1汇总", summaries.collection_table, "重点农产品产地溯源信息采集表"),
        ("附件4汇总", summaries.registry_table, "重点农产品品种监管名录"),
    ):
        table, last = made(round_)
        lines = [*notes, f"农户电话已隐去中间四位。小计、合计不含收购商，面积按{measure}计，亩、头、只不相加。"]
        exports.write_xlsx(folder / f"{stem}.xlsx", table, title=f"{of}（{name} 汇总）", notes=lines, totals=last)


def _gis(round_: Round, _settings: Settings, build: Path, _: list[str] | None) -> None:
    gisfiles.write_round(round_, _folder(build, "gis"))
    accepted = round_.records[round_.records["status"] == "accepted"]
    onepage.write(_folder(build, "maps").parent / frontpage.ONE_MAP, round_, accepted)


def _public_maps(round_: Round, _settings: Settings, build: Path, _: list[str] | None) -> None:
    gazette.write_maps(round_, _folder(build, "maps"))
    gisfiles.write_public(round_, gazette.cells(round_, gazette.shown(round_)), _folder(build, "gis"))


def _public_tables(round_: Round, _settings: Settings, build: Path, _: list[str] | None) -> None:
    gazette.write_tables(round_, _folder(build, "tables"))


PIECES: Final[Mapping[str, Piece]] = {
    # What takes longest starts first.
    "notebooks": Piece("笔记本", _notebooks),
    "briefings": Piece("简报", _briefings),
    "township_maps": Piece("乡镇图册", partial(_mapbook, part="townships"), county=False),
    "desk": Piece("各乡镇工作件", _desk, county=False),
    "product_maps": Piece("品种图册", partial(_mapbook, part="products")),
    "coverage": Piece("覆盖率图", _coverage),
    "tables": Piece("核对表和汇总表", _tables),
    "gis": Piece("移交数据", _gis),
    "progress": Piece("进度表", _progress),
    "distribution": Piece("产地分布图", _distribution),
    "multiples": Piece("分批次图", _multiples),
}
PUBLIC_PIECES: Final[Mapping[str, Piece]] = {
    "briefings": Piece("简报", _briefings),
    "maps": Piece("地图", _public_maps),
    "tables": Piece("表格", _public_tables),
}
