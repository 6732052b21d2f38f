# One way to run everything. Each target has one line of help behind two hashes; `make help` prints them.
# Steps run inside .venv, which `make` builds when pyproject.toml changes.

PYTHON ?= python3
VERSION ?= 3.12
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- The virtual environment: two stages, because the demo needs two packages and the tests need many ---

$(VENV)/.local-ready: pyproject.toml
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pylambda needs Python 3.11 or newer with venv; name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[local]'
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.local-ready
	@echo "Installing the development tools into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: venv
venv: $(VENV)/.dev-ready ## Make .venv with everything that the other targets need

# --- Run it ---

# --- Check it ---

.PHONY: test
test: $(VENV)/.dev-ready ## Run every test that this machine can run, and say what would enable the rest
	@$(BIN)/pytest

.PHONY: lint
lint: $(VENV)/.dev-ready ## Check types, style, shell and generated text
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/shellcheck bootstrap entry_script.sh .ci/run

.PHONY: format
format: $(VENV)/.dev-ready ## Write the style that lint asks for
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

# --- Images ---

# --- Clean ---

.PHONY: clean
clean: ## Remove what make built (downloads stay in .cache)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache
