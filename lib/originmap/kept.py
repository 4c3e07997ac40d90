"""Kept: while one command makes much of the same files, what one of its processes has read is there for the others.

A thing is kept under a digest of all that it is made from, so what has changed since is made anew. Nothing outlives the command.
"""

import gc
import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

_FOLDER: Final = "ORIGINMAP_KEPT"
# Tables, documents and maps are many small objects that live long: looking through them for dead ones as often as Python does by itself costs a
# twentieth of a report's time.
_COLLECT_AFTER: Final = (50_000, 20, 1_000)
_Made = TypeVar("_Made")


@contextmanager
def shared() -> Iterator[str]:
    """Keep what is made inside for this process and those that it starts; away with it at the end. The folder is given to `join`."""
    scratch = tempfile.TemporaryDirectory(prefix="originmap-", ignore_cleanup_errors=True)
    with scratch as folder, environment({_FOLDER: folder}):
        yield folder


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for this process and those that it starts inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def join(folder: str) -> None:
    """Take part, with this whole process, in what another shares: one that did not start this one itself."""
    os.environ[_FOLDER] = folder


def collect_rarely() -> None:
    """Let this process look for dead objects less often than Python does by itself, and never among those that it has now.

    For commands and the processes that they start, never on import.
    """
    gc.set_threshold(*_COLLECT_AFTER)
    gc.freeze()


def kept(make: Callable[[], _Made], *, files: Callable[[], Iterable[Path]], given: Iterable[object]) -> _Made:
    """Return what `make` returns, from this process or another that has made it already; outside `shared` it is always made.

    Parameters
    ----------
    files
        All that it is read from, by content.
    given
        All else that it depends on, each as its ``repr`` tells it from others.
    """
    return _under(digest(files=files, given=given), make)


def worked_out(make: Callable[[], _Made], *given: object, of: Iterable[str]) -> _Made:
    """Return what `make` returns, kept like `kept`, where it depends on nothing but things of the digests `of` and on `given`.

    A thing without a digest, an empty text in `of`, was not kept itself, and nothing worked out of it is.
    """
    known = list(of)
    return kept(make, files=tuple, given=[*known, *given]) if all(known) else make()


def digest(*, files: Callable[[], Iterable[Path]], given: Iterable[object]) -> str:
    """Return the digest that `kept` keeps a thing under, empty outside `shared`."""
    if not os.environ.get(_FOLDER):
        return ""
    made = hashlib.sha256(repr([repr(part) for part in given]).encode("utf-8", "surrogatepass"))
    for file in files():
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        made.update(f"\n{content} {file.as_posix()}".encode("utf-8", "surrogatepass"))
    return made.hexdigest()


def _under(name: str, make: Callable[[], _Made]) -> _Made:
    if not name:
        return make()
    path = Path(os.environ[_FOLDER]) / name
    if path.exists():
        return pickle.loads(path.read_bytes())  # noqa: S301 - written by ourselves, in a folder of our own
    made = make()
    beside = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # no room to keep it: the next one makes it again
        beside.write_bytes(pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
        beside.replace(path)
    return made
