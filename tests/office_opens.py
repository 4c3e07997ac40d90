"""Open every .docx and .xlsx of a folder in LibreOffice: for ``make soak``, where LibreOffice is installed. Documents are printed, of workbooks the text is taken."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pypdf


def said(made: Path) -> str:
    """Return the text of what LibreOffice has made of a file, empty where it made nothing."""
    if not made.exists():
        return ""
    if made.suffix == ".pdf":
        return "".join(page.extract_text() for page in pypdf.PdfReader(made).pages).strip()
    return made.read_text(encoding="utf-8", errors="replace").strip(" ,\n")


def main() -> int:
    """Return how many files did not open, or opened empty."""
    folder, bad, forms = Path(sys.argv[1]), 0, {".docx": "pdf", ".xlsx": "csv:Text - txt - csv (StarCalc):44,34,76"}
    for suffix, form in forms.items():
        with tempfile.TemporaryDirectory() as scratch:
            # Files of one name in several folders; LibreOffice starts once for all.
            given = {}
            for number, path in enumerate(sorted(folder.rglob(f"*{suffix}"))):
                given[number] = path
                shutil.copyfile(path, Path(scratch) / f"{number}{suffix}")
            command = ["soffice", f"-env:UserInstallation={(Path(scratch) / 'home').as_uri()}", "--headless"]
            command += ["--convert-to", form, "--outdir", scratch]
            files = [str(Path(scratch) / f"{number}{suffix}") for number in given]
            subprocess.run([*command, *files], capture_output=True, timeout=1800, check=False)
            for number, path in given.items():
                if not said(Path(scratch) / f"{number}.{form[:3]}"):
                    print(f"{path.relative_to(folder)}: NOT OPENED")
                    bad += 1
        print(f"{len(given)} × {suffix} in LibreOffice, {bad} not opened so far")
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
