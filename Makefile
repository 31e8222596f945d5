# `make demo` and `make test` are the two commands; the others are parts of them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
LOCKS := scripts/requirements/run.txt scripts/requirements/build.txt
SEED ?= 1
SECONDS ?= 60

.PHONY: help venv dev engine postgres demo demo-down test test-fast lint bench chaos docs lock

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: $(VENV)/.ready ## The virtual environment, with .venv/bin/cronbox

$(VENV)/.ready: $(LOCKS) pyproject.toml
	@scripts/setup/venv $(VENV) $(LOCKS)
	@touch $@

dev: $(VENV)/.ready-dev

$(VENV)/.ready-dev: $(VENV)/.ready scripts/requirements/dev.txt
	@scripts/setup/venv $(VENV) $(LOCKS) scripts/requirements/dev.txt
	@touch $@

engine: ## A Docker Engine and the base image, where they are missing
	@scripts/setup/engine
	@scripts/setup/base-image

postgres: ## A PostgreSQL for the tests to start, where it is missing
	@scripts/setup/postgres

demo: venv engine ## A real ETL job in a box: its run, its log, and how to look further
	@scripts/demo

demo-down: venv ## End the demo's daemon and remove its box
	@scripts/demo-down

lint: dev ## Style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-fast: lint ## All that needs no engine and no PostgreSQL
	@scripts/setup/pytest $(BIN) -q -n 2 -m "not engine and not slow and not postgres"

test: lint engine postgres ## Everything, on a real engine and a real PostgreSQL
	@scripts/setup/pytest $(BIN) -q -n 3 --dist loadgroup --no-loadscope-reorder

bench: dev engine postgres ## The table of measurements, each a ratio to its baseline
	$(BIN)/python -m benchmarks

chaos: dev engine postgres ## Faults at random for SECONDS=60, by SEED=1, and whether the record is true
	@$(BIN)/python -m tests.chaos --seed $(SEED) --seconds $(SECONDS)

docs: dev ## Check what the documentation says against the program
	@scripts/setup/pytest $(BIN) -q tests/docs

lock: dev ## Lock the dependencies again, with hashes
	@scripts/setup/lock $(BIN)
