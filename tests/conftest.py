"""What all tests share: the project's folder, quiet user folders and a browser, if there is one."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# For QGIS's own Python (make soak): no test of this one, which would import it to look for examples.
collect_ignore = ["qgis_opens.py"]

# Kernels that tests start must not see, nor write, anybody's own settings and history.
_HOME = tempfile.TemporaryDirectory(prefix="originmap-tests-", ignore_cleanup_errors=True)
os.environ["IPYTHONDIR"] = _HOME.name
os.environ["JUPYTER_CONFIG_DIR"] = _HOME.name
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
os.environ["MPLBACKEND"] = "agg"

_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of an installed Chromium; without one the test is skipped, or fails where CI is set."""
    for name in (os.environ.get("ORIGINMAP_CHROMIUM", ""), *_BROWSERS):
        found = shutil.which(name) if name else None
        if found:
            return found
    message = "no Chromium found: install one, or name it in ORIGINMAP_CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
