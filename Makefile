# Each target makes its own virtual environment in .venv; nothing but Python 3.11 or newer is needed.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
BIN := $(VENV)/bin

.PHONY: demo test test-slow check bench clean

demo: $(STAMP)
	@$(BIN)/tongzhang demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n auto --dist loadfile -m 'not slow'

test-slow: $(STAMP)
	@$(BIN)/python -m pytest -n auto --dist loadfile -m slow

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/tongzhang bench

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: $(PYTHON) was not found; install Python 3.11 or newer, or: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV) || { \
	  echo "error: the venv module does not work here; on Debian: apt install python3-venv"; rm -rf $(VENV); exit 1; }; }
	@echo "installing the project and its tools into $(VENV): about a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
