"""Compound files: the container of .xls, .et, .doc and of encrypted workbooks, opened only as far as its streams.

Every chain of sectors is followed no further than the file has sectors, so that a forged one ends ([MS-CFB]).
"""

import struct
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST: Final = 0xFFFFFFFA  # sector numbers from here on are marks, not sectors
_ENTRY: Final = 128
_STREAM, _ROOT = 2, 5


class CompoundError(ValueError):
    """A compound file whose container is damaged."""


@dataclass(frozen=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


class Compound:
    """The streams that stand at the root of a compound file; those of objects embedded deeper are not its own.

    Raises
    ------
    CompoundError
        The container is cut, or refers to places that it does not have.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < 512 or not data.startswith(MAGIC):
            raise CompoundError("no header")
        self._data = data
        (shift, mini_shift) = struct.unpack_from("<HH", data, 30)
        (first_directory,) = struct.unpack_from("<I", data, 48)
        self._cutoff, first_mini, _, first_difat, _ = struct.unpack_from("<IIIII", data, 56)
        if shift not in (9, 12) or mini_shift != 6:
            raise CompoundError("sector size")
        self._sector, self._mini = 1 << shift, 1 << mini_shift
        self._sectors = (len(data) - 1) // self._sector
        self._fat = self._numbers(self._fat_sectors(first_difat))
        self._mini_fat = self._numbers(self._chain(first_mini, self._fat))
        directory = b"".join(map(self._at, self._chain(first_directory, self._fat)))
        entries = [self._entry(directory, at) for at in range(0, len(directory) - _ENTRY + 1, _ENTRY)]
        if not entries or entries[0].kind != _ROOT:
            raise CompoundError("no root")
        self._root = entries[0]
        self._streams = _children(entries)

    @property
    def names(self) -> frozenset[str]:
        """Names of the root's streams."""
        return frozenset(self._streams)

    def stream(self, name: str) -> bytes:
        """Return a stream's bytes, shorter than declared where the file is cut."""
        entry = self._streams[name]
        if entry.size >= self._cutoff:
            return b"".join(map(self._at, self._chain(entry.start, self._fat)))[: entry.size]
        small = b"".join(map(self._at, self._chain(self._root.start, self._fat)))
        places = self._chain(entry.start, self._mini_fat)
        return b"".join(small[at * self._mini : (at + 1) * self._mini] for at in places)[: entry.size]

    def _at(self, sector: int) -> bytes:
        start = (sector + 1) * self._sector
        return self._data[start : start + self._sector]

    def _fat_sectors(self, difat: int) -> list[int]:
        places = list(struct.unpack_from("<109I", self._data, 76))
        seen = 0
        while difat < _LAST:
            block = self._at(difat)
            seen += 1
            if len(block) < self._sector or seen > self._sectors:
                raise CompoundError("table of sectors")
            *more, difat = struct.unpack(f"<{self._sector // 4}I", block)
            places += more
        return [place for place in places if place < _LAST][: self._sectors + 1]

    def _numbers(self, sectors: list[int]) -> tuple[int, ...]:
        table = b"".join(map(self._at, sectors))
        return struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])

    def _chain(self, start: int, table: tuple[int, ...]) -> list[int]:
        chain: list[int] = []
        while start < _LAST:
            if len(chain) > len(table) or start >= len(table):
                raise CompoundError("chain of sectors")
            chain.append(start)
            start = table[start]
        return chain

    def _entry(self, directory: bytes, at: int) -> _Entry:
        length, kind = struct.unpack_from("<HB", directory, at + 64)
        name = directory[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
        left, right, child = struct.unpack_from("<III", directory, at + 68)
        start, size = struct.unpack_from("<II", directory, at + 116)
        return _Entry(name, kind, left, right, child, start, size)


def _children(entries: list[_Entry]) -> dict[str, _Entry]:
    """Return the streams directly under the root, by name."""
    found: dict[str, _Entry] = {}
    waiting, seen = [entries[0].child], set()
    while waiting:
        at = waiting.pop()
        if at >= len(entries) or at in seen:
            continue
        seen.add(at)
        entry = entries[at]
        waiting += [entry.left, entry.right]
        if entry.kind == _STREAM:
            found.setdefault(entry.name, entry)
    return found
