# What a newcomer needs: Python 3.11 or later with venv, and make. `make demo`, then `make test`.

PYTHON ?= python3
VENV   := .venv
LOWEST := .venv-lowest
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test test-slow test-lowest stress lint bench bench-softmax docs wheel clean

demo: $(VENV)/installed                 ## train on Python's own library, show what was learnt
	$(BIN)/firth demo

test: $(VENV)/installed-test            ## the tests that belong to every change
	$(BIN)/pytest -q -n 2

test-slow: $(VENV)/installed-peers      ## the long ones too, and those beside other programs
	$(BIN)/pytest -q -n 2 -m "slow or not slow"

test-lowest: $(LOWEST)/installed        ## the tests with the lowest versions that pyproject.toml allows
	$(LOWEST)/bin/pytest -q -n 2

stress: $(VENV)/installed-stress        ## kills, faults and a million malformed files; goes on where it was stopped
	PYTHONPATH=tests $(BIN)/python -m stress $(ARGS)

lint: $(VENV)/installed-lint            ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-bench          ## firth beside gensim: make bench CORPUS=wiki.txt
	@test -n "$(CORPUS)" || { echo "give a text file: make bench CORPUS=wiki.txt" >&2; exit 2; }
	$(BIN)/python benchmarks/compare.py --corpus "$(CORPUS)" $(ARGS)

bench-softmax: $(VENV)/installed-bench-softmax ## exact softmax beside PyTorch: make bench-softmax CORPUS=wiki.txt
	@test -n "$(CORPUS)" || { echo "give a text file: make bench-softmax CORPUS=wiki.txt" >&2; exit 2; }
	$(BIN)/python benchmarks/softmax.py "$(CORPUS)" $(ARGS)

docs: $(VENV)/installed-docs            ## the documentation as a site in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

wheel: $(VENV)/installed                ## dist/firth-*.whl
	$(PIP) wheel --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) $(LOWEST) dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# One stamp for each set of extras: made once, and again when pyproject.toml changes.

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable .
	touch $@

$(VENV)/installed-%: pyproject.toml | $(VENV)/installed
	$(PIP) install --editable ".[$*]"
	touch $@

# uv can choose lowest versions, pip cannot. Wheels only: old versions without one for this Python are skipped.
$(LOWEST)/installed: pyproject.toml
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip --quiet --disable-pip-version-check install uv
	$(LOWEST)/bin/python -m uv --quiet --no-cache pip install --python $(LOWEST)/bin/python --resolution lowest-direct \
		--only-binary :all: --no-binary firth --editable ".[test]"
	touch $@

.PRECIOUS: $(VENV)/installed-%
