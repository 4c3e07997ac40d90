"""Documents: any readable file but an .xlsx as tables of text; what can only be received is named for what it is."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final

from originmap.biff import biff_grids
from originmap.formats import FORMAT_NAMES, SPREADSHEETS, TABLES, Limits, UnreadableFileError, check_size, kind_of
from originmap.grids import Reading, text_grid
from originmap.officexml import fods_grids, ods_grids, xml2003_grids
from originmap.webtables import web_grids
from originmap.worddocs import docx_grids

_READERS: Final[Mapping[str, Callable[[bytes, Limits], Reading]]] = {
    "biff": biff_grids,
    "ods": ods_grids,
    "fods": fods_grids,
    "xml2003": xml2003_grids,
    "docx": docx_grids,
    "html": web_grids,
}
# What a name promises; reading something else is worth a note. That .et and .ods are often .xls or .xlsx inside is not.
_OTHER: Final = ("html", "text", "xml2003", "docx")


def kind_to_read(data: bytes, name: str, limits: Limits) -> str:
    """Return what a file is, if it can be read.

    Parameters
    ----------
    data
        The whole file.
    name
        Its name: with the suffix of a table it is refused as damaged or mistaken, with another it has merely arrived.

    Raises
    ------
    UnreadableFileError
        It is too large, empty, damaged, encrypted, or of a kind that somebody has to convert.
    """
    check_size(len(data), limits)
    suffix = PurePosixPath(name).suffix.lower()
    kind = kind_of(data, suffix)
    if kind in _READERS or kind in ("xlsx", "text"):
        return kind
    if kind == "encrypted":
        raise UnreadableFileError("file_encrypted")
    if kind in FORMAT_NAMES and suffix not in SPREADSHEETS:
        raise UnreadableFileError("file_to_convert", f"（{FORMAT_NAMES[kind]}）")
    if kind in FORMAT_NAMES:
        raise UnreadableFileError("file_wrong_type", f"是{FORMAT_NAMES[kind]}，不是表格")
    if kind == "empty" or data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        # Begins as it should and does not go on.
        raise UnreadableFileError("file_unreadable" if suffix in TABLES else "file_to_convert")
    if suffix in TABLES:
        raise UnreadableFileError("file_wrong_type", "不是 Excel 或 WPS 表格")
    raise UnreadableFileError("file_to_convert")


def read_document(data: bytes, name: str, kind: str, limits: Limits) -> Reading:
    """Read the tables of a file that `kind_to_read` found to be of `kind`, any but ``xlsx``.

    Raises
    ------
    UnreadableFileError
        It is damaged, encrypted, or over the limits.
    """
    suffix = PurePosixPath(name).suffix.lower()
    reading = text_grid(data, limits, strict=suffix == ".txt") if kind == "text" else _READERS[kind](data, limits)
    if kind in _OTHER and suffix in SPREADSHEETS:
        return Reading(reading.grids, (("file_other_format", FORMAT_NAMES[kind]), *reading.notes))
    return reading
