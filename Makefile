# Every verb sets up what it needs; a second run starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
READY := $(VENV)/.ready
RIVALS := $(VENV)/.rivals

# images of Python often forbid it: each kernel, worker and test process would then compile every module anew
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help report test lint lab sample notebooks lock bench bench-large clean

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

$(LOCKED): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "klavnb needs Python 3.11 or newer, found: $$($(PYTHON) --version 2>&1). Name one with: make PYTHON=python3.12 …"; exit 1; }
	@echo "Setting up $(VENV) (once, one to two minutes) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $(LOCKED)

$(READY): $(LOCKED) pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q klavnb # once here, not in each process where PYTHONDONTWRITEBYTECODE is set
	@touch $(READY)

report: $(READY) ## the sample export -> HTML reports in reports/
	@$(BIN)/klavnb report

test: $(READY) ## every test
	@$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

lint: $(READY) ## style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

lab: $(READY) ## explore the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

sample: $(READY) ## make data/sample and data/tiny again, byte for byte
	@$(BIN)/klavnb sample data/sample
	@$(BIN)/klavnb sample data/tiny --profiles 150 --days 120

notebooks: $(READY) ## execute the notebooks anew, keeping the outputs that tests compare
	@$(BIN)/python tests/refresh_notebooks.py

lock: $(READY) ## resolve requirements.txt anew (pinned, hashed)
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --upgrade --quiet --output-file requirements.txt
	@$(BIN)/uv pip compile --group bench --constraint requirements.txt --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --upgrade --quiet --output-file bench/requirements.txt

$(RIVALS): $(READY) bench/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement bench/requirements.txt
	@touch $(RIVALS)

bench: $(RIVALS) ## measure, side by side in one run
	@$(BIN)/python bench/bench.py
	@$(BIN)/python bench/segments.py
	@$(BIN)/python bench/load.py
	@$(BIN)/python bench/attribution.py 1 10 --report-rounds 1

bench-large: $(RIVALS) ## the same for attribution at 50 and 100 million events: hours, 15 GB of disk
	@$(BIN)/python bench/attribution.py 50 --alone 10 100 --out bench/results/attribution-large

clean: ## remove what the other verbs made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f reports/*.html
