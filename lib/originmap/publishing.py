"""Publishing: a whole tree of outputs, built beside the old one and swapped in by renames.

A complete tree always stands at DIR, or, when a swap was cut short, at DIR.old: the next command completes it. Only an empty folder or
one with our manifest is ever replaced or removed; a tree that is being built has a manifest that says so, from its first moment to its last.
"""

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tqdm import tqdm

MANIFEST: Final = "manifest.json"
_BUILDING: Final = {"made_by": "originmap", "building": True}
# Less than this on the disk, and whatever failed in building failed for that.
_LEAST_FREE_BYTES: Final = 2**20


class OutputError(RuntimeError):
    """A place that cannot be written to; the message says what to do."""


@contextmanager
def new_tree(target: Path, inbox: Path) -> Iterator[tuple[Path, Callable[[], Path]]]:
    """Give an empty folder beside `target` to build in and the call that swaps it in; clean up when interrupted.

    Raises
    ------
    OutputError
        `target` lies in the inbox, or it or a folder that is needed beside it holds something that is not ours.
    OSError
        Nothing can be written there, or the disk is full.
    """
    target = target.resolve()
    if target.is_relative_to(inbox.resolve()):
        msg = f"结果不能写在报送文件夹里面（{target}），否则下次会被当成报来的表；请另选 --out。"
        raise OutputError(msg)
    complete_swap(target)
    build, old = _beside(target)
    for folder in (target, build, old):
        if folder.exists() and not _replaceable(folder):
            msg = f"{folder} 里有别的文件，不敢覆盖；请另选一个空文件夹（--out）。"
            raise OutputError(msg)
    for folder in (build, old):
        _remove(folder)
    build.mkdir(parents=True)
    try:
        # A file is there before its content is, and an empty manifest is nobody's: a hidden file, then one step.
        beside = build / f".{MANIFEST}"
        beside.write_text(json.dumps(_BUILDING), encoding="utf-8")
        beside.replace(build / MANIFEST)
        yield build, lambda: _swap(build, target)
    except Exception as error:
        # A full disk has many voices: each library says it in its own words.
        if not isinstance(error, OSError) and shutil.disk_usage(build.parent).free < _LEAST_FREE_BYTES:
            raise OSError(errno.ENOSPC, "No space left on device", str(build.parent)) from error
        raise
    finally:
        # After a swap there is nothing left here; otherwise it is half a tree.
        with suppress(OSError):
            _remove(build)


def complete_swap(target: Path) -> None:
    """Finish a swap that was cut short: afterwards `target` is a complete tree, or was never there."""
    build, old = _beside(target)
    if not target.exists() and _is_ours(old):
        # The old tree steps aside only when the new one is complete.
        (build if _is_complete(build) else old).rename(target)
    if target.exists() and _is_ours(old):
        with suppress(OSError):
            _remove(old)


def _swap(build: Path, target: Path) -> Path:
    _, old = _beside(target)
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
    with suppress(OSError):
        _remove(old)
    return target


def _beside(target: Path) -> tuple[Path, Path]:
    """Return where the next tree is built and where the last one steps aside."""
    return target.with_name(f"{target.name}.new"), target.with_name(f"{target.name}.old")


def _remove(folder: Path) -> None:
    """Remove a tree of ours, its manifest last: cut short, what is left is still known as ours."""
    if not folder.exists():
        return
    for path in folder.iterdir():
        if path.name != MANIFEST:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (folder / MANIFEST).unlink(missing_ok=True)
    folder.rmdir()


def _free(target: Path) -> Path:
    number = 2
    while (path := target.with_name(f"{target.name}-{number}")).exists():
        number += 1
    return path


def _is_ours(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and '"made_by": "originmap"' in (folder / MANIFEST).read_text(encoding="utf-8")


def _is_complete(folder: Path) -> bool:
    return _is_ours(folder) and json.loads((folder / MANIFEST).read_text(encoding="utf-8")) != _BUILDING


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and (_is_ours(folder) or all(path.name.startswith(".") for path in folder.iterdir()))
