# What a person or a machine does with this repository. `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

ARGS ?=
TESTS ?= tests
WORKERS ?= 2

.PHONY: help run test lint bench figures soak sbom clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; \
		do printf '  make %-9s %s\n' "$$name" "$$text"; done

run: $(VENV)/installed ## Install what is needed and start the service on 127.0.0.1:8000 (ARGS="--port 9000")
	@exec $(BIN)/moderation serve $(ARGS)

test: $(VENV)/installed-dev ## Run all tests (TESTS=tests/moderation WORKERS=1 ARGS="-k queue")
	@$(BIN)/python -m pytest -n $(WORKERS) $(TESTS) $(ARGS)

lint: $(VENV)/installed-dev ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/installed-dev ## Measure speed on this machine, twelve minutes at most; writes bench.json and bench.svg
	@$(BIN)/python -m tests.benchmarks $(ARGS)

figures: $(VENV)/installed-dev ## Run the long form of the tests (three hours at most; DATA=DIR for those on public sets) and print one table
	@DATA="$(abspath $(DATA))" $(BIN)/python -m tests.figures

soak: $(VENV)/installed-dev ## Keep the service under a steady load for eight hours, to see that nothing grows (ARGS="--minutes 1")
	@$(BIN)/python -m tests.soak $(ARGS)

sbom: $(VENV)/installed-dev ## Write what is installed (sbom.json, LICENCES.md), and ask for advisories
	@$(BIN)/python -m tests.supply_chain

clean: ## Remove what was built; data folders stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; install it, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment here; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "Installing into $(VENV) (a minute or two) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "Installing into $(VENV), with what the tests need (a minute or two) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $@ $(VENV)/installed
