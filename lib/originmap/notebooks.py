"""Notebooks: run with checked parameters, made deterministic, turned into pages that need no network.

Parameters stand as plain literals in the one cell tagged ``parameters``. They are checked before a kernel starts: a
name that the notebook does not know would otherwise be ignored without a word.
"""

import ast
import copy
import difflib
import hashlib
import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

# The schema library takes longer to load a grammar of web addresses than all the rest together; no notebook is checked by it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat  # noqa: E402
from nbformat import NotebookNode  # noqa: E402

from originmap.kernels import Kernel, NotebookError  # noqa: E402
from originmap.rounds import PROJECT  # noqa: E402
from originmap.webpage import page  # noqa: E402

WIDGET_VIEW: Final = "application/vnd.jupyter.widget-view+json"
PARAMETERS: Final = "parameters"
INJECTED: Final = "injected-parameters"

_KEPT_METADATA: Final = ("kernelspec", "language_info", "originmap")
_KEPT_CELL_METADATA: Final = ("tags", "jupyter")
_PAGE_TYPES: Final = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
_TYPE_NAMES: Final = {
    "str": "文字",
    "int": "整数",
    "float": "数",
    "bool": "True 或 False",
    "list": "列表",
    "tuple": "列表",
    "dict": "字典",
}


class ParameterError(ValueError):
    """A parameter that the notebook does not know, or of another type; the message names the known ones."""


def committed() -> list[Path]:
    """Return the workbook's notebooks in their working order."""
    return sorted((PROJECT / "notebooks").glob("*.ipynb"))


def title(notebook: NotebookNode) -> str:
    """Return the notebook's title, the first heading in its prose, empty where it has none."""
    prose = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = (found[1].strip() for text in prose if (found := re.search(r"(?m)^# (.+)$", text)))
    return next(headings, "")


def known_parameters(notebook: NotebookNode, *, name: str = "") -> dict[str, Any]:
    """Return ``{parameter: default}`` from the cell tagged ``parameters``, empty where there is none.

    Raises
    ------
    ParameterError
        The cell holds anything but assignments of plain literals.
    """
    known: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and PARAMETERS in cell.metadata.get("tags", []):
            for target, node in _assignments(cell.source, name):
                known[target] = ast.literal_eval(node)
    return known


def execute(
    path_in: Path, *, parameters: Mapping[str, object] | None = None, kernel: Kernel | None = None
) -> NotebookNode:
    """Return the notebook at `path_in`, executed from top to bottom; the file stays as it is.

    Parameters
    ----------
    path_in
        The notebook.
    parameters
        Values laid over the defaults of its parameter cell, as plain literals; they go into a cell of their own behind
        it, tagged ``injected-parameters``.
    kernel
        A kernel that others run in as well; by default a fresh one, which works in the notebook's folder.

    Raises
    ------
    ParameterError
        An unknown name or a value of another type than the default; no kernel has been started then.
    NotebookError
        A cell failed.
    """
    notebook = read(path_in)
    _check(notebook, parameters or {}, path_in.name)
    if parameters:
        _inject(notebook, parameters)

    with ExitStack() as own:
        (kernel or own.enter_context(Kernel(path_in.resolve().parent))).run(notebook, name=path_in.name)
    return notebook


def clean(notebook: NotebookNode) -> NotebookNode:
    """Return a copy with outputs and counts kept, and everything dropped that differs from run to run.

    Dropped are widget state, random widget models, timings, the interpreter's version and editors' metadata. An output
    that was a widget keeps its plain text and is marked with ``widget`` in its metadata.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata = NotebookNode(
        {key: notebook.metadata[key] for key in _KEPT_METADATA if key in notebook.metadata}
    )
    notebook.metadata.kernelspec = NotebookNode(display_name="Python 3 (ipykernel)", language="python", name="python3")
    notebook.metadata.language_info = NotebookNode(name="python")
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in _KEPT_CELL_METADATA if key in cell.metadata})
        if cell.get("id", "") in seen | {""}:
            cell["id"] = f"cell-{number:03}"
        seen.add(cell["id"])
        if cell.cell_type == "code":
            cell.outputs = _clean_outputs(cell.outputs)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook, cleaned, with sorted keys and the same bytes on every system; the old file stays until then."""
    text = nbformat.writes(clean(notebook), version=nbformat.NO_CONVERT).rstrip("\n") + "\n"
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(path)


def without_paths(notebook: NotebookNode, names: Mapping[str, str]) -> NotebookNode:
    """Return a copy in which every text has each key of `names` replaced by its value, the longest key first."""
    # A path stands in a parameter or an output as Python writes it: on Windows with doubled backslashes.
    forms = {form: short for long, short in names.items() for form in (long, repr(long)[1:-1], Path(long).as_posix())}
    order = sorted(forms, key=len, reverse=True)

    def replaced(value: Any) -> Any:
        if isinstance(value, str):
            for form in order:
                value = value.replace(form, forms[form])
            return value
        if isinstance(value, list):
            return [replaced(item) for item in value]
        return {key: replaced(item) for key, item in value.items()} if isinstance(value, dict) else value

    return nbformat.from_dict(replaced(notebook))  # type: ignore[no-any-return, unused-ignore]


def to_html(notebook: NotebookNode, *, title: str, show_code: bool = False) -> str:
    """Return the notebook as one page that loads nothing: no script, no style sheet, no picture from elsewhere.

    Widgets are left out (each has its table or static twin beside it), markup from outputs is held to a list of
    harmless tags, and links to other notebooks lead to their pages.

    Parameters
    ----------
    notebook
        An executed notebook, cleaned or not.
    title
        The page's title, plain text.
    show_code
        Whether the code stands above its results.
    """
    from nbconvert import HTMLExporter

    notebook = clean(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(_printable, cell.outputs) if output is not None]
        elif cell.cell_type == "markdown":
            cell.source = re.sub(r"(\]\([^():\s]+)\.ipynb(?=[#)])", r"\1.html", cell.source)
    log = logging.getLogger("originmap.nbconvert")
    log.setLevel(logging.ERROR)  # its remarks on pictures without a description would stand in every run
    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=not show_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        log=log,
    )
    body, _ = exporter.from_notebook_node(notebook)
    body = body.replace('alt="No description has been provided for this image"', 'alt=""')
    return page(body, title=title)


def working_copies(inbox: Path, private: Path) -> tuple[Path, Path]:
    """Lay copies of the workbook into `private`, set to `inbox`; return their folder and JupyterLab's settings folder.

    Copies start without outputs. A copy that stands there already is kept with everything in it; when the workbook's
    own notebook has changed since, the old copy is kept beside the new one under another name. The settings give
    Chinese menus and ask nothing of the network.
    """
    folder = private / "notebooks" / f"{inbox.parent.name}_{inbox.name}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in committed():
        notebook = read(path)
        origin = hashlib.sha256(path.read_bytes() + str(inbox).encode()).hexdigest()
        copied = folder / path.name
        if copied.exists():
            if read(copied).metadata.get("originmap", {}).get("origin") == origin:
                continue
            copied.replace(_unused(folder, f"{path.stem}_旧"))
        if "inbox" in known_parameters(notebook, name=path.name):
            _set_default(notebook, "inbox", inbox.as_posix())
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        notebook.metadata["originmap"] = {"origin": origin}
        write(notebook, copied)
    settings = private / "lab-settings"
    for plugin, values in _LAB_SETTINGS.items():
        file = settings / f"{plugin}.jupyterlab-settings"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return folder, settings


def point_at(folder: Path, *, inbox: str, as_of: str) -> None:
    """Let the working copies in a folder open with a round and a moment: their parameters' defaults, nothing else."""
    for path in sorted(folder.glob("*.ipynb")):
        if path.stem in {one.stem for one in committed()}:
            notebook = read(path)
            for name, value in (("inbox", inbox), ("as_of", as_of)):
                if name in known_parameters(notebook):
                    _set_default(notebook, name, value)
            nbformat.write(notebook, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Re-execute notebooks in place, ready to commit: ``python -m originmap.notebooks FILE ...``."""
    for name in sys.argv[1:] if arguments is None else arguments:
        path = Path(name)
        try:
            write(execute(path), path)
        except (NotebookError, ParameterError) as error:
            print(error, file=sys.stderr)
            return 2
        print(f"{path.name} ✓")
    return 0


def read(path: Path) -> NotebookNode:
    """Read a notebook file in the current format."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def _assignments(source: str, name: str) -> list[tuple[str, ast.expr]]:
    pairs: list[tuple[str, ast.expr]] = []
    try:
        for node in ast.parse(source).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value):
                    pairs.append((target, value))
                case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                    pairs.append((target, value))
                case _:
                    raise ValueError(ast.unparse(node))  # noqa: TRY301 - one message for all that is no literal
            ast.literal_eval(value)
    except (SyntaxError, ValueError) as error:
        msg = f"笔记本 {name} 的参数单元只能有“名字 = 文字、数或列表”：{error}"
        raise ParameterError(msg) from error
    return pairs


def _check(notebook: NotebookNode, parameters: Mapping[str, object], name: str) -> None:
    known = known_parameters(notebook, name=name)
    names = "、".join(known) or "（没有参数）"
    for key, value in parameters.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"（是否想写 {near[0]}？）" if near else ""
            msg = f"笔记本 {name} 没有参数 {key}{hint}；可用的参数：{names}。"
            raise ParameterError(msg)
        if not _fits(known[key], value):
            kind = _TYPE_NAMES.get(type(known[key]).__name__, "文字、数或列表")
            msg = f"笔记本 {name} 的参数 {key} 应为{kind}（如 {known[key]!r}），现为 {value!r}；可用的参数：{names}。"
            raise ParameterError(msg)


def _fits(default: object, value: object) -> bool:
    """Say whether `value` is a plain literal of the default's type; a default of None takes any literal."""
    if isinstance(value, list | tuple):
        sample = next(iter(default), None) if isinstance(default, list | tuple) else None
        return (default is None or isinstance(default, list | tuple)) and all(_fits(sample, item) for item in value)
    if isinstance(value, dict):
        return (default is None or isinstance(default, dict)) and all(_fits(None, item) for item in value.values())
    if type(value) not in (str, int, float, bool, type(None)) or value in (float("inf"), float("-inf")):
        return False
    if default is None or type(value) is type(default):
        return bool(value == value)  # noqa: PLR0124 - NaN has no literal
    return type(default) is float and type(value) is int


def _inject(notebook: NotebookNode, parameters: Mapping[str, object]) -> None:
    lines = [f"{key} = {value!r}" for key, value in parameters.items()]
    cell = nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": [INJECTED]}, id=INJECTED)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    at = next(number for number, own in enumerate(tags) if PARAMETERS in own)
    kept = [(number, old) for number, old in enumerate(notebook.cells) if INJECTED not in tags[number]]
    notebook.cells = [
        *(old for number, old in kept if number <= at),
        cell,
        *(old for number, old in kept if number > at),
    ]


def _set_default(notebook: NotebookNode, name: str, value: str) -> None:
    for cell in notebook.cells:
        if PARAMETERS in cell.metadata.get("tags", []):
            lines = cell.source.split("\n")
            for target, node in _assignments(cell.source, name):
                if target == name and node.end_lineno is not None:
                    rest = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
                    lines[node.lineno - 1 : node.end_lineno] = [f"{name} = {value!r}{rest}"]
                    break
            cell.source = "\n".join(lines)


def _clean_outputs(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and kept and kept[-1].get("name") == output.name:
            kept[-1].text += output.text
            continue
        if WIDGET_VIEW in output.get("data", {}):
            del output.data[WIDGET_VIEW]
            output.metadata = NotebookNode(widget=True)
            if not output.data:
                continue
        kept.append(output)
    return kept


def _printable(output: NotebookNode) -> NotebookNode | None:
    """Return what a page can show of an output, None for a widget or a script."""
    if output.output_type not in ("display_data", "execute_result"):
        return output
    output.data = NotebookNode({kind: output.data[kind] for kind in _PAGE_TYPES if kind in output.data})
    return output if output.data and not output.metadata.get("widget") else None


def _unused(folder: Path, stem: str) -> Path:
    names = (folder / f"{stem}{number}.ipynb" for number in range(1, sys.maxsize))
    return next(path for path in names if not path.exists())


_LAB_SETTINGS: Final[Mapping[str, Mapping[str, object]]] = {
    "@jupyterlab/translation-extension/plugin": {"locale": "zh_CN"},
    # A map's state may hold names, and the key of a tile server.
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": False},
    # Else the answers to two quick changes may run side by side, and the older one end last.
    "@jupyterlab/apputils-extension/kernels-settings": {"commsOverSubshells": "disabled"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


if __name__ == "__main__":
    sys.exit(main())
