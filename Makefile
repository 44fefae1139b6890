# `make demo` and `make test` set up everything they need; see README.md.
VENV ?= .venv
OUT ?= demo
# Worker processes of the tests: a number, or `logical` for one a core (four at most).
WORKERS ?= logical

BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q --numprocesses=$(WORKERS) --maxprocesses=4 --dist=worksteal
INSTALL_INPUTS := setup.cfg constraints.txt scripts/setup.sh

.PHONY: help demo test test-all lint format bench coppeliasim-check

help:
	@echo "make demo      see the benchmark run: three agents, four tasks, a table and a picture in $(OUT)/"
	@echo "make test      linters, type checker and the fast tests"
	@echo "make test-all  the slow tests as well"
	@echo "make lint      linters and type checker only"
	@echo "make format    format the code"
	@echo "make coppeliasim-check  the original simulator: what is missing, the contract tests, a small run (docs/coppeliasim.md)"
	@echo "make bench     speed, beside raw MuJoCo in the same run"
	@echo
	@echo "Each sets up what it needs first, in $(VENV)/."

demo: $(VENV)/.installed
	@$(BIN)/hamster-bench demo --out $(OUT)

test: lint
	@$(PYTEST) -m "not slow"

test-all: lint
	@$(PYTEST)

lint: $(VENV)/.installed-test
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Some files are not formatted: run 'make format'."; exit 1; }
	@$(BIN)/mypy --no-error-summary

format: $(VENV)/.installed-test
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: $(VENV)/.installed-test
	@$(BIN)/python tests/benchmarks/run.py

coppeliasim-check: $(VENV)/.installed-test
	@$(BIN)/hamster-bench doctor --engine coppeliasim
	@$(BIN)/python -m pytest -q tests/envs/test_engines.py -k coppeliasim
	@$(BIN)/hamster-bench run --engine coppeliasim --agents expert,random --tasks slide_block_to_target,close_box \
	  --factors no_var,man_obj_col,tab_tex --episodes 1 --out coppeliasim-check
	@$(BIN)/hamster-bench table coppeliasim-check

$(VENV)/.installed: $(INSTALL_INPUTS)
	@bash scripts/setup.sh $(VENV)
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@bash scripts/setup.sh $(VENV) test,lint,torch,franka
	@touch $@
