"""Servers and a real Chromium for tests: JupyterLab on working copies, Voila on one of them."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlsplit

import pytest

playwright = pytest.importorskip("playwright.sync_api")

TOKEN = "browser-tests"  # noqa: S105 - of a server that lives for one test
START_S, WAIT_MS = 60, 60_000
playwright.expect.set_options(timeout=20_000)  # a busy machine is no finding
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
# Below the range that systems hand out by themselves: a kernel or a browser starting beside us cannot take one of these, and a
# process beside us counts elsewhere.
PORTS = itertools.count(20_000 + 20 * (os.getpid() % 500))


@contextlib.contextmanager
def serving(module, arguments, address, log, **environment):
    """A server of its own with folders of its own; everything that it started is stopped with it."""
    folder = log.parent / "jupyter"
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    with log.open("wb") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=said,
            stderr=said,
            cwd=log.parent,
            env={**os.environ, **own, **environment},
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + START_S
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            while True:
                assert server.poll() is None, log.read_text(encoding="utf-8", errors="replace")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8", errors="replace")
                with contextlib.suppress(OSError), opener.open(address, timeout=5) as answer:
                    if answer.status == 200:
                        break
                time.sleep(0.2)
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


@contextlib.contextmanager
def browsing(chromium, folder, script=""):
    """A page in a fresh profile, and what went wrong on it: errors it reported, requests that left this machine; `script` runs first on it."""
    errors, abroad = [], []
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=chromium,
            args=FLAGS,
            viewport={"width": 1360, "height": 1500},
            locale="zh-CN",
        )
        try:
            page = context.pages[0]
            page.set_default_timeout(WAIT_MS)
            if script:
                page.add_init_script(script)
            # A dialog is opened by nothing of ours: some text became a program.
            page.on("dialog", lambda dialog: (errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("request", lambda request: None if at_home(request.url) else abroad.append(request.url))
            yield page, errors, abroad
        finally:
            context.close()


def at_home(url):
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"


def free_port():
    """The next port of this worker's own that nobody listens on."""
    for port in PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError


@contextlib.contextmanager
def in_jupyterlab(chromium, notebook, settings, folder, script=""):
    """The notebook run from top to bottom in JupyterLab: its page, the errors there, the requests that left this machine."""
    port = free_port()
    arguments = [
        "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={notebook.parent}", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    home = f"http://127.0.0.1:{port}"
    with (
        serving("jupyterlab", arguments, f"{home}/api", folder / "lab.log", JUPYTERLAB_SETTINGS_DIR=str(settings)),
        browsing(chromium, folder, script) as (page, errors, abroad),
    ):
        page.goto(f"{home}/lab/tree/{notebook.name}?token={TOKEN}&reset")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.wait_for_function(
            "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        yield page, errors, abroad


@contextlib.contextmanager
def in_voila(chromium, notebook, root, folder, script="", load_s=WAIT_MS / 1000):
    """The notebook as a plain page in Voila, with our template: its page, the errors there, the requests that left this machine."""
    port = free_port()
    arguments = [
        str(notebook), "--template=originmap", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", "--Voila.port_retries=0",
    ]  # fmt: skip
    home = f"http://127.0.0.1:{port}"
    # Voila's own templates fetch an icon font from elsewhere; ours does not, and lies beside the library.
    own = {"JUPYTER_PATH": str(root / "lib" / "originmap")}
    own["PYTHONPATH"] = os.pathsep.join([str(root / "lib"), os.environ.get("PYTHONPATH", "")])
    with (
        serving("voila", arguments, f"{home}/voila/static/voila.js", folder / "voila.log", **own),
        browsing(chromium, folder, script) as (page, errors, abroad),
    ):
        page.goto(home, timeout=load_s * 1000)
        yield page, errors, abroad
