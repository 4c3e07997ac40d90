"""Archives: every file of an inbox by the name that findings show, those inside a .zip as files of their own.

``湖头.zip/3月/豇豆.xlsx`` is such a name. Members are unpacked one at a time and into memory only: no path inside an
archive leads anywhere.
"""

import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from originmap.formats import (
    IGNORED,
    SPREADSHEETS,
    TABLES,
    Limits,
    UnreadableFileError,
    check_size,
    kind_of,
    member_bytes,
    opened,
    shown_name,
    too_large,
)
from originmap.rules import Rules


@dataclass(frozen=True)
class Source:
    """One file as it arrived: `name` as shown in findings, and its bytes, or why there are none."""

    name: str
    data: bytes = field(default=b"", repr=False)
    error: UnreadableFileError | None = None


@dataclass
class _Allowance:
    """What the members of one archive may still take, archives in it included."""

    members: int
    size: float


def list_files(folder: Path) -> list[Path]:
    """Return the files of an inbox, subfolders included, sorted; lock files and the like are left out."""
    files = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in files if not any(IGNORED.match(part) for part in path.relative_to(folder).parts))
    return sorted(kept, key=lambda path: path.relative_to(folder).as_posix())


def sources(folder: Path, rules: Rules) -> Iterator[Source]:
    """Read the files of an inbox one after another, archives member by member, in the order of their names.

    No two have the same `name`: where hidden digits make names equal, the later ones are numbered.
    """
    yield from _sources(folder, Limits.of(rules))


def source_bytes(folder: Path, name: str, rules: Rules) -> bytes:
    """Return the original bytes of a file by the name that `sources` gives it, a member of an archive too.

    Raises
    ------
    KeyError
        There is no such file, or it cannot be had from its archive.
    """
    for source in _sources(folder, Limits.of(rules), wanted=name):
        if source.name == name and source.error is None:
            return source.data
    raise KeyError(name)


def member_name(info: zipfile.ZipInfo) -> str:
    """Return a member's path in clear: Chinese names without their flag, Windows' strokes, and no way upwards.

    Programs on a Chinese Windows write names in GBK and do not say so; `zipfile` then takes them for cp437.
    """
    name = info.orig_filename or info.filename
    if not info.flag_bits & 0x800:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            raw = b""
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding) or name
                break
            except UnicodeDecodeError:
                continue
    parts = name.split("\0")[0].replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..") and not part.endswith(":"))


def _sources(folder: Path, limits: Limits, wanted: str | None = None) -> Iterator[Source]:
    taken: Counter[str] = Counter()
    for path in list_files(folder):
        name = _unique(shown_name(path.relative_to(folder).as_posix()), taken)
        if not _on_the_way(name, wanted):
            continue
        try:
            check_size(path.stat().st_size, limits)
            data = path.read_bytes()
        except UnreadableFileError as error:
            yield Source(name, error=error)
        except OSError as error:
            # Locked by another program, or withdrawn while it was read.
            yield Source(name, error=UnreadableFileError("file_unreadable", type(error).__name__))
        else:
            allowance = _Allowance(limits.zip_members, limits.inflated_mb * 2**20)
            yield from _unpacked(name, data, limits, allowance, wanted=wanted, depth=0)


def _on_the_way(name: str, wanted: str | None) -> bool:
    return wanted is None or wanted == name or wanted.startswith(f"{name}/")


def _unpacked(
    name: str, data: bytes, limits: Limits, allowance: _Allowance, *, wanted: str | None, depth: int
) -> Iterator[Source]:
    """Yield a file itself, or the members of the archive that it is."""
    if name == wanted or not data.startswith(b"PK") or kind_of(data) != "zip":
        yield Source(name, data)
        return
    try:
        with opened(data) as archive:
            members = _members(archive, name, limits, allowance, depth=depth)
            for shown, info in members:
                if _on_the_way(shown, wanted):
                    yield from _member(archive, shown, info, limits, allowance, wanted=wanted, depth=depth)
    except UnreadableFileError as error:
        yield Source(name, error=error)


def _members(
    archive: zipfile.ZipFile, name: str, limits: Limits, allowance: _Allowance, *, depth: int
) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return an archive's files with their shown names, sorted, or refuse it whole before anything is unpacked."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if depth >= limits.zip_depth:
        raise UnreadableFileError("archive_too_deep", f"{limits.zip_depth}")
    if len(infos) > allowance.members:
        raise too_large(f"压缩包内 {len(infos):,} 个文件，限 {limits.zip_members:,}")
    declared = sum(info.file_size for info in infos)
    if declared > allowance.size:
        raise too_large(f"解压后 {declared / 2**20:.0f} MB，限 {limits.inflated_mb:g} MB")
    allowance.members -= len(infos)
    paths = sorted((member_name(info) or "_", at) for at, info in enumerate(infos))
    kept = [(path, infos[at]) for path, at in paths if not any(IGNORED.match(part) for part in path.split("/"))]
    suffixes = {PurePosixPath(path).suffix.lower() for path, _ in kept}
    if PurePosixPath(name).suffix.lower() in SPREADSHEETS and not suffixes & set(TABLES):
        raise UnreadableFileError("file_wrong_type", "是压缩包，不是表格")
    if not kept:
        raise UnreadableFileError("archive_empty")
    if all(info.flag_bits & 1 for _, info in kept):
        raise UnreadableFileError("file_encrypted")
    taken: Counter[str] = Counter()
    return [(_unique(shown_name(f"{name}/{path}"), taken), info) for path, info in kept]


def _member(
    archive: zipfile.ZipFile,
    name: str,
    info: zipfile.ZipInfo,
    limits: Limits,
    allowance: _Allowance,
    *,
    wanted: str | None,
    depth: int,
) -> Iterator[Source]:
    """Unpack one member; what is wrong with it concerns it alone."""
    try:
        check_size(info.file_size, limits)
        allowance.size -= info.file_size
        if allowance.size < 0:
            raise too_large(f"压缩包解开后超过 {limits.inflated_mb:g} MB")
        data = member_bytes(archive, info)
    except UnreadableFileError as error:
        yield Source(name, error=error)
    else:
        yield from _unpacked(name, data, limits, allowance, wanted=wanted, depth=depth + 1)


def _unique(name: str, taken: Counter[str]) -> str:
    taken[name] += 1
    if taken[name] == 1:
        return name
    path = PurePosixPath(name)
    return _unique(str(path.with_name(f"{path.stem}（{taken[name]}）{path.suffix}")), taken)
