# `make demo` and `make test` need Python 3.11 or newer and nothing else of ours.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
SANDBOX_PORT ?= 8001
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage proof bench scale check format lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.run ## the environment that runs the gateway

demo: $(VENV)/.run ## a simulated WhatsApp and the gateway in front of it (PORT, SANDBOX_PORT)
	@$(BIN)/avatar-gateway demo --port $(PORT) --sandbox-port $(SANDBOX_PORT)

test: $(VENV)/.dev ## the test suite, in parallel (JOBS)
	$(BIN)/python -m pytest -n $(JOBS)

coverage: $(VENV)/.dev ## the same, a third slower, and fails below 95 % of all branches
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term

proof: $(VENV)/.dev ## the long proofs, one after the other: minutes
	$(BIN)/python -m pytest -s tests/proof

bench: $(VENV)/.dev ## measure beside others (wrk, nginx, Varnish …): ten minutes, writes docs/benchmarks.*
	$(BIN)/python -m tests.bench

scale: $(VENV)/.dev ## simulate days of up to 100 million views: a quarter of an hour, writes docs/scaling*
	$(BIN)/python -m tests.scale

check: $(VENV)/.dev ## format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(BIN)/uv ## pin all requirements anew, with hashes
	$(BIN)/uv pip compile $(LOCK) pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra dev -c requirements.txt -o requirements-dev.txt
	echo hatchling editables | tr ' ' '\n' | $(BIN)/uv pip compile $(LOCK) - -o requirements-build.txt

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-strip-extras --upgrade

clean: ## remove the environment and all caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage* proof-report

PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.run: requirements.txt requirements-build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.txt -r requirements-build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(PIP) uv

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@
