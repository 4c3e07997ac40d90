"""Formats: what a file really is, told from its content, and how much of it may be unpacked.

A township's .xls may be a web page, its .et an .xlsx, its .xlsx a photograph. Nothing is believed that a name or a
header declares: a part is read only as far as the limits of the rules file (``[limits]``) allow.
"""

import io
import lzma
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Final

from originmap.compound import MAGIC, Compound, CompoundError
from originmap.findings import mask_phone
from originmap.rules import Rules

SPREADSHEETS: Final = (".xlsx", ".xlsm", ".xls", ".ods", ".et")
# What a township may have meant as a table: damaged, it is to be sent again; anything else is to be converted.
TABLES: Final = (*SPREADSHEETS, ".csv", ".tsv", ".docx", ".zip")
IGNORED: Final = re.compile(r"^(~\$|\.|__MACOSX$|thumbs\.db$|desktop\.ini$|round\.toml$)", re.IGNORECASE)
# 18 digits (the last may be X), by themselves, or anywhere when region, birth date and number can be told apart.
ID_NUMBER: Final = re.compile(
    r"(?<!\d)\d{17}[\dXx](?!\d)|\d{6}[ -]?(?:19|20)\d{2}[ -]?(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[\dXx]"
)

# What can be read.
READABLE: Final = ("xlsx", "ods", "fods", "biff", "html", "text", "xml2003", "docx", "zip")
# What only arrived: how it is called in a finding.
FORMAT_NAMES: Final = {
    "image": "图片",
    "pdf": "PDF",
    "doc": "旧版 Word 或 WPS 文字文档",
    "ppt": "演示文稿",
    "xlsb": "二进制工作簿（.xlsb）",
    "rar": "RAR 压缩包",
    "7z": "7z 压缩包",
    "gzip": "gzip 压缩包",
    "ofd": "OFD 版式文件",
    "mhtml": "单个文件网页（.mht）",
    "opendocument": "OpenDocument 文档",
    "video": "音视频",
    # Read, though the name promised something else.
    "html": "网页",
    "text": "纯文本",
    "xml2003": "XML 表格",
    "docx": "Word 文档",
    "zip": "压缩包",
}

_IMAGES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x18ftyphei", b"AT&TFORM")
_STARTS: Final = {
    b"%PDF": "pdf",
    b"Rar!\x1a\x07": "rar",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\x1f\x8b\x08": "gzip",
    b"{\\rtf": "doc",
    b"ID3": "video",
    b"#!AMR": "video",
}
# Files that an office's encryption software left locked when they were sent.
_LOCKED: Final = (b"%TSD-Header", b"E-SafeNet")
# A beginning-of-file record of any BIFF version, outside a compound file as simple exporters write it.
_BARE_BIFF: Final = re.compile(rb"\x09[\x00\x02\x04\x08][\x04-\x10]\x00[\x00-\xff]{2}(?:\x10|\x05|\x40)\x00", re.DOTALL)
_WEB: Final = re.compile(rb"<(?:!doctype\s+html|html|head|body|meta|table|tr|td|div|style|center)[\s>]", re.IGNORECASE)
_CHUNK: Final = 1 << 16  # small enough that what is made of a piece stays in the processor's cache
_LONGEST: Final = 4 << 20


class UnreadableFileError(Exception):
    """A file that gives no sheets; `rule` names the finding, `detail` says more."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(rule)
        self.rule, self.detail = rule, detail


@dataclass(frozen=True)
class Limits:
    """The section ``[limits]`` of the rules file, where each entry is explained."""

    file_mb: float
    inflated_mb: float
    inflation: float
    text_mb: float
    cells: int
    grid_cells: int
    sparse_cells: int
    tags: int
    merges: int
    sheets: int
    text_chars: int
    zip_depth: int
    zip_members: int

    @classmethod
    def of(cls, rules: Rules) -> "Limits":
        """Return the limits of `rules`."""
        return cls(**{field.name: rules["limits"][field.name] for field in fields(cls)})


def shown_name(name: str) -> str:
    """Return a file's or sheet's name as it may be shown: ID numbers out, phones masked."""
    return mask_phone(ID_NUMBER.sub("〔号码已删〕", unicodedata.normalize("NFC", name)))


def too_large(detail: str) -> UnreadableFileError:
    """Return the refusal of a file that is over a limit."""
    return UnreadableFileError("file_too_large", detail)


def check_size(size: int, limits: Limits) -> None:
    """Raise UnreadableFileError when a file of `size` bytes is over the limit."""
    if size > limits.file_mb * 2**20:
        raise too_large(f"{size / 2**20:.0f} MB，限 {limits.file_mb:g} MB")


def kind_of(data: bytes, suffix: str = "") -> str:
    """Tell what a file is from its content; `suffix` decides only whether plain text is meant as a table.

    Returns
    -------
    One of `READABLE`; a key of `FORMAT_NAMES` for what only arrived; ``encrypted``, ``empty`` or ``unknown``.

    >>> kind_of("<html><table><tr><td>湖头镇".encode("gb18030"), ".xls"), kind_of(b"%PDF-1.4", ".xlsx")
    ('html', 'pdf')
    """
    start = data[:4096]
    if not data.strip(b"\0 \r\n\t"):
        return "empty"
    if any(mark in start[:512] for mark in _LOCKED) or start.startswith(b"\x62\x14\x23\x65"):
        return "encrypted"
    if start.startswith(b"PK"):
        return _kind_of_zip(data)
    if start.startswith(MAGIC[:4]):
        return _kind_of_compound(data)
    if _BARE_BIFF.match(start):
        return "biff"
    named = next((kind for mark, kind in _STARTS.items() if start.startswith(mark)), None)
    if named or start.startswith(_IMAGES) or start[:4] + start[8:12] == b"RIFFWEBP":
        return named or "image"
    if start[4:8] == b"ftyp":
        return "image" if start[8:12] in (b"heic", b"mif1", b"avif") else "video"
    return _kind_of_text(data, start, suffix.lower())


def is_wide(start: bytes) -> bool:
    """Tell whether text without a mark is UTF-16: every second byte of its digits, commas and line ends is zero."""
    zeros = start[1::2].count(0)
    return zeros * 16 > len(start) and start[::2].count(0) * 2 < zeros


def _kind_of_text(data: bytes, start: bytes, suffix: str) -> str:
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff")) or is_wide(start)
    plain = start.decode("utf-16", "replace").encode() if wide else start
    if not wide and (b"\0" in start or sum(sign < 32 and sign not in b"\t\n\r\x0b\x0c\x1a" for sign in start) > 4):
        return "unknown"
    if plain[:16].lower().startswith(b"mime-version"):
        return "mhtml"
    if b"urn:schemas-microsoft-com:office:spreadsheet" in plain and b"<?xml" in plain[:64]:
        return "xml2003"
    if b"<office:document" in plain and b"opendocument.spreadsheet" in plain:
        return "fods"
    if _WEB.search(plain):
        return "html"
    # A page may begin with a long comment or style.
    if plain.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") and _WEB.search(data[: 1 << 18]):
        return "html"
    return "text" if suffix in (*TABLES, ".txt") and not plain.startswith(b"<?xml") else "unknown"


def _kind_of_compound(data: bytes) -> str:
    try:
        names = Compound(data).names
    except CompoundError:
        # Cut or damaged; an encrypted package is still told by its name.
        return "encrypted" if "EncryptedPackage".encode("utf-16-le") in data else "unknown"
    for name, kind in {
        "EncryptedPackage": "encrypted",
        "Workbook": "biff",
        "Book": "biff",
        "WordDocument": "doc",
        "PowerPoint Document": "ppt",
    }.items():
        if name in names:
            return kind
    return "unknown"


def _kind_of_zip(data: bytes) -> str:
    try:
        with opened(data) as archive:
            names = set(archive.namelist())
            if "xl/workbook.bin" in names:
                return "xlsb"
            if any(name.startswith("xl/") for name in names):
                return "xlsx"
            if "word/document.xml" in names:
                return "docx"
            if "content.xml" in names:
                return _kind_of_opendocument(archive, names)
            marks = {"ppt/presentation.xml": "ppt", "OFD.xml": "ofd"}
            return next((kind for mark, kind in marks.items() if mark in names), "zip")
    except UnreadableFileError:
        return "unknown"


def _kind_of_opendocument(archive: zipfile.ZipFile, names: set[str]) -> str:
    def beginning(name: str) -> bytes:
        if name not in names:
            return b""
        with _told(), archive.open(name) as stream:
            return stream.read(_CHUNK)

    if b"encryption-data" in beginning("META-INF/manifest.xml"):
        return "encrypted"
    kind = beginning("mimetype").strip() or b"spreadsheet"
    return "ods" if b"spreadsheet" in kind else "opendocument"


@contextmanager
def _told() -> Iterator[None]:
    """Turn whatever is wrong with a zip or one of its parts into one UnreadableFileError."""
    try:
        yield
    except RuntimeError as error:
        # zipfile says so when a password is asked for; NotImplementedError is one too: packed in a way nobody unpacks.
        locked = "password" in str(error) or "encrypt" in str(error)
        raise UnreadableFileError("file_encrypted" if locked else "file_unreadable") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, struct.error) as error:
        raise UnreadableFileError("file_unreadable") from error


@contextmanager
def opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    """Open a zip in memory.

    Raises
    ------
    UnreadableFileError
        It is damaged.
    """
    with _told():
        archive = zipfile.ZipFile(io.BytesIO(data))
    with archive:
        yield archive


def member_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return one member unpacked; `zipfile` gives no byte more than was declared and checks what it gave.

    Raises
    ------
    UnreadableFileError
        It is damaged or asks for a password.
    """
    with _told():
        return archive.read(info)


def chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Iterator[bytes]:
    """Unpack one XML part piece by piece; its real size and its longest text or tag are bounded, entities refused.

    Raises
    ------
    UnreadableFileError
        ``file_too_large`` for a bomb; ``file_wrong_type`` for a part that declares a document type or entities, which no
        office program writes.
    """
    size, run, rest = 0, 0, b""
    with _told():
        stream = archive.open(info)
    with stream:
        while True:
            with _told():
                chunk = stream.read(_CHUNK)
            if not chunk:
                return
            size += len(chunk)
            if size > limits.inflated_mb * 2**20:
                raise too_large(f"解压后超过 {limits.inflated_mb:g} MB")
            run = len(chunk) - 1 - chunk.rfind(b"<") if b"<" in chunk else run + len(chunk)
            if run > _LONGEST:
                raise too_large(f"一个标记或文字超过 {_LONGEST // 2**20} MB")
            seam = rest + chunk
            if b"<!" in seam and (b"<!DOCTYPE" in seam or b"<!ENTITY" in seam):
                raise UnreadableFileError("file_wrong_type", "内含实体声明（DOCTYPE）")
            rest = chunk[-16:]
            yield chunk


def check_package(
    archive: zipfile.ZipFile,
    limits: Limits,
    *,
    skip: Callable[[str], bool] = lambda _name: False,
    marks: int | None = None,
) -> None:
    """Bound an office package before a parser sees it: declared size, then every XML part as it really unpacks.

    Parts that `skip` names are left to a caller who reads them through `chunks` anyway; `marks` is how many ``<`` a part may
    have for a parser that takes them one by one.
    """
    infos = archive.infolist()
    if len(infos) > 16 * limits.sheets:
        raise too_large(f"内含 {len(infos)} 个部件")
    total_mb = sum(info.file_size for info in infos) / 2**20
    if total_mb > limits.inflated_mb:
        raise too_large(f"解压后 {total_mb:.0f} MB，限 {limits.inflated_mb:g} MB")
    for info in infos:
        if info.flag_bits & 1:
            raise UnreadableFileError("file_encrypted")
        if info.filename.endswith((".xml", ".rels")) and not skip(info.filename):
            _check_part(chunks(archive, info, limits), info, limits, marks)


def _check_part(pieces: Iterator[bytes], info: zipfile.ZipInfo, limits: Limits, marks: int | None) -> None:
    """Bound one part by its marks; without a limit for them, by its growth: shared strings do not repeat themselves."""
    found = size = 0
    allowed = max(16 * 2**20, limits.inflation * info.compress_size)
    for piece in pieces:
        found += piece.count(b"<")
        size += len(piece)
        if marks is not None and found > marks:
            raise too_large(f"超过 {marks:,} 个标记")
        if marks is None and size > allowed:
            raise too_large(f"解压后膨胀超过 {limits.inflation:g} 倍")
        if marks is None and b"sheetData" in piece:
            raise UnreadableFileError("file_wrong_type", "工作表不在其应在之处")
