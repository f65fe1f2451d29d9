# Requires Python 3.11 or later with venv. Start with `make demo`, then run `make test`.

PYTHON ?= python3
VENV   := .venv
LOWEST := .venv-lowest
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test test-browser test-cluster test-site test-slow test-lowest stress lint lint-page bench bench-end-to-end bench-softmax bench-node2vec docs pictures wheel clean

demo: $(VENV)/installed                 ## train on Python's standard library and show the result
	$(BIN)/firth demo

test: $(VENV)/installed-test            ## the tests for every change
	$(BIN)/pytest -q -n 2

test-slow: $(VENV)/installed-peers      ## also the slow tests, and comparisons with other programs
	$(BIN)/pytest -q -n 2 -m "not cluster"

test-browser: $(VENV)/installed-browser ## the explorer in Chromium, which is installed from Debian's packages if need be
	command -v chromium > /dev/null || (apt-get update && apt-get install --yes --no-install-recommends chromium)
	$(BIN)/pytest -q tests/explore/test_browser*.py

test-cluster: $(VENV)/installed-cluster ## training on Ray clusters of several nodes, all on this machine
	$(BIN)/pytest -q -m cluster tests/cluster

test-lowest: $(LOWEST)/installed        ## the tests with the lowest allowed versions of dependencies
	$(LOWEST)/bin/pytest -q -n 2

stress: $(VENV)/installed-stress        ## kills, faults and a million malformed files; resumes where it stopped
	PYTHONPATH=tests $(BIN)/python -m stress $(ARGS)

lint: $(VENV)/installed-lint            ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright --project pyproject.toml
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory lint-page; \
	else echo "lint: Node.js is not installed, so the types of the explorer's page are not checked"; fi

lint-page: $(VENV)/typescript           ## the types of the explorer's page
	$(VENV)/typescript/node_modules/.bin/tsc --project tsconfig.json

bench: $(VENV)/installed-bench          ## compare with gensim: make bench CORPUS=wiki.txt
	@test -n "$(CORPUS)" || { echo "give a text file: make bench CORPUS=wiki.txt" >&2; exit 2; }
	$(BIN)/python benchmarks/compare.py --corpus "$(CORPUS)" $(ARGS)

bench-end-to-end: $(VENV)/installed-bench ## whole runs on four texts: make bench-end-to-end ARGS="--english wiki.txt"
	$(BIN)/python benchmarks/end_to_end.py $(ARGS)

bench-softmax: $(VENV)/installed-bench-softmax ## compare with PyTorch: make bench-softmax CORPUS=wiki.txt
	@test -n "$(CORPUS)" || { echo "give a text file: make bench-softmax CORPUS=wiki.txt" >&2; exit 2; }
	$(BIN)/python benchmarks/softmax.py "$(CORPUS)" $(ARGS)

bench-node2vec: $(VENV)/installed-bench  ## compare with PecanPy: make bench-node2vec ARGS="--peer-python pecan/bin/python"
	$(BIN)/python benchmarks/node2vec.py $(ARGS)

docs: $(VENV)/installed-docs            ## build the documentation in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

test-site: $(VENV)/installed-site       ## the documentation in Chromium, with a Korean font
	(command -v chromium && fc-list :lang=ko | grep .) > /dev/null || \
		(apt-get update && apt-get install --yes --no-install-recommends chromium fontconfig fonts-nanum)
	$(BIN)/pytest -q -m "slow or not slow" tests/test_site.py

pictures: $(VENV)/installed-docs       ## draw docs/images again
	$(BIN)/python docs/pictures.py docs/images

wheel: $(VENV)/installed                ## dist/firth-*.whl
	$(PIP) wheel --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) $(LOWEST) dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# One stamp file for each set of extras, so that it is reinstalled only when pyproject.toml changes.

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable .
	touch $@

$(VENV)/installed-%: pyproject.toml | $(VENV)/installed
	$(PIP) install --editable ".[$*]"
	touch $@

# uv can install the lowest versions, pip cannot. Only wheels: old versions without one for this Python are skipped.
$(LOWEST)/installed: pyproject.toml
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip --quiet --disable-pip-version-check install uv
	$(LOWEST)/bin/python -m uv --quiet --no-cache pip install --python $(LOWEST)/bin/python --resolution lowest-direct \
		--only-binary :all: --no-binary firth --editable ".[test]"
	touch $@

$(VENV)/typescript: tsconfig.json | $(VENV)/bin/python
	npm install --silent --no-audit --no-fund --prefix $@ typescript@7
	touch $@

.PRECIOUS: $(VENV)/installed-%
