# `make demo` and `make test` set up everything they need; see README.md.
VENV ?= .venv
OUT ?= demo
# Worker processes of the tests: a number, or `logical` for one a core (four at most).
WORKERS ?= logical
# The Python in which the original simulator is installed, for coppeliasim-check.
PYTHON ?= python3

BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q --numprocesses=$(WORKERS) --maxprocesses=4 --dist=worksteal
INSTALL_INPUTS := setup.cfg constraints.txt scripts/setup.sh

.PHONY: help demo test test-all lint format bench coppeliasim-check

help:
	@echo "make demo      see the benchmark run: five agents, three tasks, all columns; a table and a picture in $(OUT)/"
	@echo "make test      linters, type checker and the fast tests"
	@echo "make test-all  the slow tests as well"
	@echo "make lint      linters and type checker only"
	@echo "make format    format the code"
	@echo "make coppeliasim-check  the original simulator, in the Python environment that is active: what is missing, the contract"
	@echo "               tests, a small run (docs/coppeliasim.md)"
	@echo "make bench     speed, beside raw MuJoCo in the same run"
	@echo
	@echo "Each of the others sets up what it needs first, in $(VENV)/."

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

# The original wants other versions than $(VENV) has: this runs where it has been installed.
coppeliasim-check:
	@$(PYTHON) -m hamster_bench doctor --engine coppeliasim
	@$(PYTHON) -m pytest -q tests/envs/test_engines.py -k coppeliasim
	@$(PYTHON) -m hamster_bench run --engine coppeliasim --agents expert,random --tasks slide_block_to_target,close_box \
	  --factors no_var,man_obj_col,tab_tex --episodes 1 --out runs/coppeliasim-check
	@$(PYTHON) -m hamster_bench table runs/coppeliasim-check

$(VENV)/.installed: $(INSTALL_INPUTS)
	@bash scripts/setup.sh $(VENV) torch
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@bash scripts/setup.sh $(VENV) test,lint,torch,openvla,ray,franka
	@touch $@
