# Everything runs in .venv, made from requirements.lock; all that it takes is make and Python 3.11 or newer.
# More for a command: make report ARGS="data/private/anxi/2023-03 --county-only"

ARGS ?=
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help report check-inbox lab sample test check format notebooks docs soak bench lock clean

help:  ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || { \
	  for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	  done; \
	  test -n "$$python" || { echo 'Python 3.11 or newer is needed; none was found.' >&2; exit 2; }; \
	  echo "Setting up .venv with $$python (once, a few minutes) ..."; \
	  "$$python" -m venv .venv || { rm -rf .venv; exit 2; }; \
	}
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

report: $(READY)  ## Read a round (the sample by default) and write maps, tables and pages to outputs/report
	@$(BIN)/originmap report $(ARGS)

check-inbox: $(READY)  ## Read a round and list what is wrong with it, into outputs/check
	@$(BIN)/originmap check $(ARGS)

lab: $(READY)  ## Open the workbook in JupyterLab, on copies in data/private
	@$(BIN)/originmap lab $(ARGS)

sample: $(READY)  ## Make the synthetic county in data/sample anew
	@$(BIN)/originmap sample data/sample $(ARGS)

test: $(READY)  ## Run all tests: library, notebooks, browser
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --nbval --doctest-modules lib/originmap tests notebooks

check: $(READY)  ## Lint, formatting and types
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary

format: $(READY)  ## Format code and notebooks
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

notebooks: $(READY)  ## Run the committed notebooks again in place, ready to commit
	@$(BIN)/python -m originmap.notebooks notebooks/*.ipynb

docs: $(READY)  ## Write docs/rules.md anew from the table of rules
	@$(BIN)/python -c "from originmap.findings import rules_page; print(rules_page(), end='')" > docs/rules.md

soak: $(READY)  ## Kill deciding and publishing processes some 500 times and count what is lost; open the hand-over in QGIS, every document and workbook of a report in LibreOffice
	@ORIGINMAP_SOAK=200 $(BIN)/python -m pytest -q tests/test_decisions.py tests/test_publishing.py tests/test_report.py -k killed
	@$(BIN)/originmap report
	@if command -v soffice >/dev/null; then $(BIN)/python tests/office_opens.py outputs/report; else echo 'LibreOffice is not installed: documents and workbooks were not opened in it.'; fi
	@if command -v qgis >/dev/null; then $${QGIS_PYTHON:-/usr/bin/python3} tests/qgis_opens.py outputs/report/gis; else echo 'QGIS is not installed: the hand-over was not opened in it.'; fi

bench: $(READY)  ## Measure, as docs/performance says
	@$(BIN)/python tests/bench.py $(ARGS)

lock: $(READY)  ## Resolve requirements.lock anew from pyproject.toml
	@$(PIP) install uv
	@$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --extra test --generate-hashes \
	  --no-emit-index-url --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml

clean:  ## Remove what was made: caches and outputs (never data, decisions or .venv)
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis outputs/report outputs/report.old outputs/check outputs/check.old
	@find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +
