# Every verb sets itself up: Python 3.11+ with its venv module and make are all it needs.
# Another Python: make test PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SOURCES = $(wildcard src tests benchmarks examples)
# A uv on PATH that really runs (a version manager's shim may not), else the one inside the environment.
UV      = $$(if uv --version >/dev/null 2>&1; then echo uv; else echo $(BIN)/uv; fi)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: demo test prove check fmt bench simulate lock docs help

demo: $(READY)   ## show the order engine at work
	@$(BIN)/python examples/demo.py

test: $(READY)   ## prove: all tests, warnings are errors (ARGS="-k journal" goes to pytest)
	@$(BIN)/python -m pytest $(ARGS)

prove: $(READY)  ## prove it harder: kills under load, strangers, a soak; JSON lines (ONLY=soak SECONDS=240 SEED=1)
	@$(BIN)/python -m tests.prove $(if $(ONLY),--only $(ONLY)) --seconds $(or $(SECONDS),240) --seed $(or $(SEED),1)
	@$(if $(ONLY),:,ORDERWRIGHT_STRANGERS=$${ORDERWRIGHT_STRANGERS:-60} $(BIN)/python -m pytest tests/service/test_strangers.py \
	    --timeout=900)

check: $(READY)  ## verify: lint, format, types, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/lint-imports --no-logo

fmt: $(READY)    ## fix: format and safe lint fixes
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .
	@$(BIN)/ruff check .

bench: $(READY)  ## measure: JSON lines (ONLY=name runs one)
	@$(BIN)/python -m benchmarks $(ONLY)

simulate: $(READY) ## the live driver in virtual time, with crashes (SEED=1 RUNS=20, or EVERY=10: one life cut everywhere)
	@$(BIN)/python -m tests.live.world --seed $(or $(SEED),1) --runs $(or $(RUNS),20) --every $(or $(EVERY),0)

docs: $(READY)   ## draw the order life cycle and the configuration's keys from their tables
	@$(BIN)/python -m orderwright.core.diagram docs/order_states.md
	@$(BIN)/python -m orderwright.config.page docs/configuration.md

lock: $(VENV)/.uv ## pin what pyproject.toml asks for (ARGS=--upgrade takes the newest)
	@$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --fork-strategy fewest \
	    --quiet --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	    --output-file constraints.txt $(ARGS)

help:            ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16


# --- set-up: once, and again when pyproject.toml or constraints.txt changes ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Orderwright needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	         "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)

# Without any uv the set-up goes on: pip does the same, slower.
$(VENV)/.uv: | $(BIN)/python
	@uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv \
	    || echo "No uv to be had; going on with pip" >&2
	@touch $@

$(READY): pyproject.toml constraints.txt | $(VENV)/.uv
	@$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt \
	        --build-constraint constraints.txt --editable '.[dev]' \
	    || { echo "uv could not install (see above); trying pip" >&2; \
	         PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'; }
	@touch $@
