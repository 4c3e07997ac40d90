"""Manifest: what a tree was made from and what stands in it, so that it can be checked and made again."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from originmap import exports
from originmap.archives import list_files
from originmap.earlier import Earlier
from originmap.formats import shown_name
from originmap.publishing import MANIFEST
from originmap.rounds import Round

# What the bytes of an output depend on besides ourselves.
_LIBRARIES: Final = (
    "docxtpl geopandas ipyleaflet jupyterlab matplotlib openpyxl pandas pyarrow pyogrio python-calamine shapely typst xlsxwriter"
).split()


def write(round_: Round, tree: Path, parameters: Mapping[str, Any], *, public: bool = False) -> None:
    """Write ``manifest.json`` into a tree that is complete but for that: sha256 of all that went in and came out, parameters, versions."""
    inputs = {shown_name(name): digest for name, digest in _digests(round_.folder, list_files(round_.folder)).items()}
    reference = round_.rules.reference
    decisions = repr(round_.decisions.to_dict("list")).encode("utf-8", "surrogatepass")
    before = Earlier(round_.folder, round_.name, round_.as_of, round_.rules, round_.places).folders
    content = {
        "made_by": "originmap",
        "round": round_.name,
        "as_of": round_.as_of.isoformat(sep=" "),
        "sample": round_.is_sample,
        "parameters": dict(parameters),
        # A public tree names no file: a township's file may carry a grower's name.
        "inputs": sorted(inputs.values()) if public else inputs,
        "earlier": {name: _together(_digests(folder, list_files(folder))) for name, folder in before.items()},
        "decisions": {"count": len(round_.decisions), "sha256": hashlib.sha256(decisions).hexdigest()},
        "reference": _digests(reference, list_files(reference)),
        "outputs": _digests(
            tree, sorted(path for path in tree.rglob("*") if path.is_file() and path != tree / MANIFEST)
        ),
        "versions": {"python": platform.python_version(), "originmap": version("originmap")}
        | {name: version(name) for name in _LIBRARIES},
    }
    # In one step: until then the tree says that it is being built.
    beside = tree / f".{MANIFEST}"
    exports.write_json(beside, content)
    beside.replace(tree / MANIFEST)


def read(tree: Path) -> dict[str, Any] | None:
    """Return a tree's manifest, None where there is none of ours."""
    try:
        content = json.loads((tree / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("made_by") == "originmap" else None


def sha256(path: Path) -> str:
    """Return the digest of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digests(folder: Path, files: list[Path]) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def _together(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(digests.items())).encode("utf-8", "surrogatepass")).hexdigest()
