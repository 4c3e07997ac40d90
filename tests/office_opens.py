"""Open every .docx and .xlsx of a folder in LibreOffice and count the pages that it prints: for ``make soak``, where LibreOffice is installed."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pypdf


def main() -> int:
    """Return how many documents did not open, or opened empty."""
    wanted = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix in (".docx", ".xlsx"))
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        home = f"-env:UserInstallation={(Path(scratch) / 'home').as_uri()}"
        for at, path in enumerate(wanted):
            out = Path(scratch) / str(at)
            command = ["soffice", home, "--headless", "--convert-to", "pdf", "--outdir", out, path]
            subprocess.run([str(part) for part in command], capture_output=True, timeout=300, check=False)
            made = out / f"{path.stem}.pdf"
            pages = pypdf.PdfReader(made).pages if made.exists() else []
            empty = not any(page.extract_text().strip() for page in pages)
            bad += empty
            print(f"{path.name}: {'NOT OPENED' if empty else f'{len(pages)} pages'}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
