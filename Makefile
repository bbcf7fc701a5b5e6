# AlphaStrike needs Python 3.11 to 3.13 and make; everything else is set up here, in .venv.

PYTHON ?= python3
ARGS ?=
# Tests run in two processes, each of which takes from the other what it has not begun when it is done.
PYTEST := -m pytest -n 2 --dist worksteal
VENV := .venv
BIN := $(VENV)/bin
# Written when set-up has ended, never before: a venv without it is made anew.
READY := $(VENV)/.ready

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help replay test test-all check kill-test bench scorecard wheel-check clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  ARGS=…    more arguments for replay, test, test-all, bench and scorecard: make test ARGS='-k leverage -x'"
	@echo "            (tests run in two processes; a debugger wants one: ARGS='-n 0 --pdb')"
	@echo "  PYTHON=…  Python for a new $(VENV), 3.11 to 3.13 (default: python3); to change it, remove $(VENV) first"
	@echo
	@echo "  Versions are pinned with hashes in requirements.txt. To renew them: change pyproject.toml, resolve all of its"
	@echo "  extras into requirements.txt with any resolver that writes hashes for Python 3.11 to 3.13 and no addresses,"
	@echo "  then make test-all check wheel-check."

replay: $(READY) ## Main job: what would have happened without the LLM; makes and records a sample market if there is none
	$(BIN)/alphastrike replay --policy no-llm $(ARGS)

test: $(READY) ## Run the tests, without the slow ones
	$(BIN)/python $(PYTEST) $(ARGS)

test-all: $(READY) ## Run every test
	$(BIN)/python $(PYTEST) -m "" $(ARGS)

check: $(READY) ## Format, lint, strict types, import directions, purity of what decides
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --no-error-summary .ci/purity.py
	$(BIN)/lint-imports --no-logo
	$(BIN)/python .ci/purity.py

kill-test: $(READY) ## Kill a live run at 100 random moments; it must come to what the undisturbed run comes to
	$(BIN)/python -m tests.live.kill $(ARGS)

bench: $(READY) ## Measure the engine; figures also in reports/out/bench.json
	$(BIN)/python -m tests.bench $(ARGS)

scorecard: $(READY) ## Hold intervals, triggers and tuning against worlds whose truth is known; writes docs/scorecard.md
	$(BIN)/python -m experiments.scorecard $(ARGS)

wheel-check: $(READY) ## Build the wheel and use it from elsewhere in an empty environment
	.ci/wheel-check

clean: ## Remove caches and build products; keeps .venv, data and pages
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: no $(PYTHON) here: name a Python 3.11 to 3.13 with PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit("error: AlphaStrike needs Python 3.11 to 3.13, $(PYTHON) is %d.%d.%d: name another with PYTHON=…" % v[:3])'
	@test -e $@ || { echo "Setting up $(VENV) (once, a few minutes)"; $(PYTHON) -m venv --clear $(VENV); }
	@touch $(VENV)/.begun
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@mv $(VENV)/.begun $@
