"""Kernels: the process that runs the cells of a notebook, and of the next one, each in an empty namespace."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from nbformat import NotebookNode  # `notebooks` keeps it from loading what takes a second

CELL_TIMEOUT_S: Final = 1800
# What the notebook before has left is gone, and cells are counted from one; what modules have read stays theirs.
_EMPTY: Final = "from originmap.kept import collect_rarely; collect_rarely(); get_ipython().reset(aggressive=False)"


class NotebookError(RuntimeError):
    """A notebook whose cell failed; the message names the notebook, the cell and the error, without a traceback."""


class Kernel:
    """A Python kernel that works in the folder `cwd`: started with its first notebook, ended with the ``with`` block.

    Starting a kernel and loading the library takes longer than most notebooks do.
    """

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd
        self._manager: Any = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self, notebook: "NotebookNode", *, name: str) -> None:
        """Execute the notebook's cells from top to bottom, outputs into the notebook itself; `name` stands in the message.

        Raises
        ------
        NotebookError
            A cell failed, or the kernel died.
        """
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        client: Any = NotebookClient(
            notebook,
            km=self._started(),
            timeout=CELL_TIMEOUT_S,
            coalesce_streams=True,
            record_timing=False,
            store_widget_state=False,
            on_notebook_start=lambda notebook: client.kc.execute(_EMPTY, silent=True),  # noqa: ARG005 - by its name
        )
        try:
            client.execute(cleanup_kc=False)
        except CellExecutionError as error:
            msg = f"笔记本 {name} 第 {client.code_cells_executed} 个代码单元出错：{error.ename}: {error.evalue}"
            raise NotebookError(msg) from error
        except (CellTimeoutError, DeadKernelError) as error:
            msg = f"笔记本 {name} 没有运行完：内核中断或超时。"
            raise NotebookError(msg) from error
        finally:
            if client.kc is not None:
                client.kc.stop_channels()

    def _started(self) -> Any:
        if self._manager is None:
            from jupyter_client.manager import AsyncKernelManager
            from jupyter_core.utils import run_sync

            # Nobody's own IPython set-up takes part, and nobody's history keeps what ran here.
            profile = tempfile.TemporaryDirectory(prefix="originmap-", ignore_cleanup_errors=True)
            manager = AsyncKernelManager(kernel_name="python3")
            environment = {**os.environ, "IPYTHONDIR": self._open.enter_context(profile)}
            run_sync(manager.start_kernel)(
                cwd=str(self._cwd), env=environment, extra_arguments=["--IPKernelApp.log_level=ERROR"]
            )
            self._open.callback(run_sync(manager.shutdown_kernel))
            self._manager = manager
        return self._manager
