"""Publishing: a whole tree of outputs, built beside the old one and swapped in by renames.

A complete tree always stands at DIR, or, when a swap was cut short, at DIR.old: the next command completes it. Only an empty folder or
one with our manifest is ever replaced.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tqdm import tqdm

MANIFEST: Final = "manifest.json"


class OutputError(RuntimeError):
    """A place that cannot be written to; the message says what to do."""


@contextmanager
def new_tree(target: Path, inbox: Path) -> Iterator[tuple[Path, Callable[[], Path]]]:
    """Give an empty folder beside `target` to build in and the call that swaps it in; clean up when interrupted."""
    target = target.resolve()
    if target.is_relative_to(inbox.resolve()):
        msg = f"结果不能写在报送文件夹里面（{target}），否则下次会被当成报来的表；请另选 --out。"
        raise OutputError(msg)
    complete_swap(target)
    if not _replaceable(target):
        msg = f"{target} 里有别的文件，不敢覆盖；请另选一个空文件夹（--out）。"
        raise OutputError(msg)
    build = target.with_name(f"{target.name}.new")
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir(parents=True)
    try:
        yield build, lambda: _swap(build, target)
    finally:
        # After a swap there is nothing left here; otherwise it is half a tree.
        shutil.rmtree(build, ignore_errors=True)


def complete_swap(target: Path) -> None:
    """Finish a swap that was cut short: afterwards `target` is a complete tree, or was never there."""
    build, old = target.with_name(f"{target.name}.new"), target.with_name(f"{target.name}.old")
    if not target.exists() and _is_ours(old):
        # The old tree steps aside only when the new one is complete.
        (build if _is_ours(build) else old).rename(target)
    if target.exists() and _is_ours(old):
        shutil.rmtree(old, ignore_errors=True)


def _swap(build: Path, target: Path) -> Path:
    old = target.with_name(f"{target.name}.old")
    try:
        if target.exists():
            for hidden in (path for path in target.iterdir() if path.name.startswith(".")):
                (shutil.copytree if hidden.is_dir() else shutil.copy2)(hidden, build / hidden.name)
            target.rename(old)
        build.rename(target)
    except PermissionError as error:
        if not target.exists():
            old.rename(target)
        second = _free(target)
        build.rename(second)
        name = Path(error.filename or target).name
        tqdm.write(f"{name} 正被别的程序打开，旧结果没有动；新结果在 {second}。请关闭后再运行一次。")
        return second
    shutil.rmtree(old, ignore_errors=True)
    return target


def _free(target: Path) -> Path:
    number = 2
    while (path := target.with_name(f"{target.name}-{number}")).exists():
        number += 1
    return path


def _is_ours(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and '"made_by": "originmap"' in (folder / MANIFEST).read_text(encoding="utf-8")


def _replaceable(target: Path) -> bool:
    if not target.exists():
        return True
    if not target.is_dir():
        return False
    return _is_ours(target) or all(path.name.startswith(".") for path in target.iterdir())
