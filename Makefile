# Everything a checkout can do. The environment is .venv/, made from hashed locks; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Some containers set it: every process would compile anew whatever it imports, and start in twice the time.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV_PIP = $(BIN)/uv pip install --quiet --python $(BIN)/python
# Annoy is compiled here: portable flags on x86-64, and no cache, which would hand back a build for another processor.
ANNOY_FLAGS := -O3,-march=x86-64-v3,-ffast-math,-fno-associative-math,-DANNOYLIB_MULTITHREADED_BUILD,-std=c++14
ifeq ($(shell uname -m),x86_64)
ANNOY_ENV := ANNOY_COMPILER_ARGS="$(ANNOY_FLAGS)"
endif

.PHONY: help demo test check fmt lint types imports bench chaos docs schemas up down clean lock debian

help: ## list these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## set up, then run the main job on samples/ with servers of its own
	@$(BIN)/python samples/demo.py

test: $(VENV)/.dev debian ## set up, then check the code and run every test; what was skipped is said last
	@$(MAKE) --no-print-directory check
	@set -o pipefail; worst=0; told=$$(mktemp); trap 'rm -f $$told' EXIT; \
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -m "not alone" --numprocesses auto --maxprocesses 4 --dist worksteal \
	  | tee $$told || worst=$$?; \
	$(BIN)/python -m pytest -m alone $$(grep -rl --include='test_*.py' 'mark\.alone' tests) | tee -a $$told || worst=$$(( $$? > worst ? $$? : worst )); \
	if grep -q '^SKIPPED' $$told; then echo "skipped in both runs:"; grep '^SKIPPED' $$told; fi; exit $$worst

check: lint types imports ## formatter, linter, types, import contracts

fmt: $(VENV)/.dev ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix --quiet .

lint: $(VENV)/.dev ## formatter and linter, changing nothing
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && echo "lint: ok"

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

imports: $(VENV)/.dev ## the dependency rules
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.dev ## the benchmarks behind docs/benchmarks.md
	@status=0; for program in tests/benchmarks/*.py; do name=$$(basename $$program .py); \
	echo "== $$name"; $(BIN)/python -m tests.benchmarks.$$name || status=1; done; \
	exit $$status

chaos: $(VENV)/.dev ## random kills under load, with an account of what was lost
	@$(BIN)/python -m tests.faults.chaos $(CHAOS)

docs: $(VENV)/.dev ## generate the reference pages and build the site into site/
	@$(BIN)/python docs/generate.py && NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict && echo "docs: site/index.html"

schemas: $(VENV)/.dev ## write schemas/json/
	@$(BIN)/python -m audiofeat.api.export

up: $(VENV)/.demo ## broker, workers and API in the foreground until Ctrl-C
	@$(BIN)/audiofeat up

down: ## end what a killed `make up` or demo left behind
	@pkill -f '$(CURDIR)/$(BIN)/[p]ython.*(audiofeat|celery|workers)' && echo "ended" || echo "nothing runs"

clean: ## remove the environment, local state and caches
	rm -rf $(VENV) .audiofeat .demo site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

lock: $(BIN)/uv ## resolve the locks anew
	@for extra in demo dev; do \
	  name=requirements$$([ $$extra = dev ] && echo -dev).lock; \
	  $(BIN)/uv pip compile pyproject.toml --extra $$extra --universal --fork-strategy fewest --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-emit-package annoy --no-annotate --no-header --quiet \
	    --constraint requirements.lock --output-file $$name; \
	done

debian: ## as root: the servers that some tests need; never starts a system service
	@$(BIN)/python tests/debian.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "audiofeat needs Python 3.11 to 3.13: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.demo: requirements.lock requirements-annoy.lock pyproject.toml $(wildcard audiofeat/native/*) | $(BIN)/uv
	@echo "installing what the demo needs (some minutes the first time)"
	@$(UV_PIP) --require-hashes -r requirements.lock
	@$(MAKE) --no-print-directory $(VENV)/.annoy
	@$(UV_PIP) --no-deps --editable .
	@$(BIN)/python -m audiofeat.index.selftest
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.demo
	@echo "installing what the tests need"
	@$(UV_PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.annoy: requirements-annoy.lock | $(BIN)/uv
	@$(ANNOY_ENV) $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-cache-dir \
	  --require-hashes -r requirements-annoy.lock
	@touch $@
