# Everything sets itself up: `make demo` and `make test` need python3.11 or newer with pip, make and git, nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
UV := .tools/bin/uv
STAMP := $(VENV)/.installed
MUTMUT := .tools/mutmut/.installed
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
# Each candidate is run: a name on the path may be a shim that leads nowhere.
PYTHON ?= $(shell for one in python3.13 python3.12 python3.11 python3 python /usr/bin/python3; do \
	$$one -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$one; break; }; done)

.PHONY: help demo test check lint format types layers docs pictures bench mutants lock clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(STAMP) ## a real adapter books at a mock vendor over HTTP, step by step
	@$(BIN)/kobling demo

test: $(STAMP) ## every test
	@$(BIN)/python -m pytest -q -n auto

check: lint types layers test docs ## all that CI checks

lint: $(STAMP) ## style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(STAMP) ## bring the code into shape
	@$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .

types: $(STAMP) ## mypy --strict
	@MYPYPATH=$$(echo plugins/*/src docs/how-to | tr ' ' ':') $(BIN)/mypy sdk/kobling sdk/kobling_cli mock_vendors/kobling_mocks contract_tests/kobling_contract contract_tests/kobling_zoo contract_tests/kobling_mutants plugins/*/src docs/how-to docs/tutorial

layers: $(STAMP) ## who may import whom
	@$(BIN)/lint-imports
	@set -e; for one in plugins/*/pyproject.toml; do $(BIN)/lint-imports --no-logo --config $$one; done

docs: $(STAMP) ## the site, in docs/_build/html
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html && echo "docs/_build/html/index.html"

pictures: $(STAMP) ## the site's pictures of programs, taken anew (needs chromium)
	@$(BIN)/python docs/pictures/take.py

bench: $(STAMP) ## ratios, measured side by side
	@$(BIN)/python sdk/benchmarks/run.py

MINUTES ?= 600
mutants: $(STAMP) $(MUTMUT) ## change the adapters in one place each: does the suite notice? hours, or MINUTES=n for each vendor
	@PYTHONPATH=.tools/mutmut $(BIN)/python -m pytest -q -n 0 contract_tests/tests/test_the_mutants.py
	@PYTHONPATH=.tools/mutmut $(BIN)/python -m kobling_mutants --minutes $(MINUTES)
	@PYTHONPATH=.tools/mutmut $(BIN)/python -m kobling_mutants --minutes $(MINUTES) --survivors --publish docs/reference/mutants.json

lock: $(UV) ## choose versions anew; the locks hold hashes and no addresses
	@$(UV) lock --upgrade --quiet
	@$(UV) export --quiet --all-packages --all-extras --all-groups --no-emit-workspace --no-header --no-annotate --output-file requirements.lock
	@rm -f uv.lock

clean: ## remove what was set up
	rm -rf $(VENV) .tools docs/_build

$(UV): tools.lock
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with pip was found. Install one (Debian: apt install python3 python3-pip)."; exit 1; }
	@echo "Setting up: uv into .tools"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --require-hashes --no-deps --upgrade --target .tools -r tools.lock
	@touch $@

# mutmut's operators only: neither its runner nor what that needs
$(MUTMUT): mutants.lock
	@echo "Setting up: mutmut into .tools/mutmut"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --require-hashes --no-deps --upgrade --target .tools/mutmut -r mutants.lock
	@touch $@

$(STAMP): $(UV) requirements.lock $(PROJECTS)
	@echo "Setting up: packages into $(VENV)"
	@test -x $(BIN)/python || $(UV) venv --quiet --no-python-downloads --python $$($(PYTHON) -c 'import sys; print(sys.executable)') $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . $(foreach one,$(wildcard plugins/*),--editable $(one))
	@touch $@
