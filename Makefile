# Accord. Every target does its own set-up: a bare Python >= 3.11 is enough.
# uv makes the environment where it is installed, venv and pip otherwise.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ARGS   ?=
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate

.DEFAULT_GOAL := help
.PHONY: help demo up test check format bench backfill lock schema clean crashes chaos chaos-processes

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  \033[36m%-15s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) .ci/environment.py $(VENV)
	@touch $@

demo: $(STAMP) ## Six scenarios live, one review left open (ARGS=--once decides it and ends)
	@$(BIN)/accord demo $(ARGS)

up: $(STAMP) ## Embedded stack, worker and gateway for your own integrations
	@$(BIN)/accord up $(ARGS)

check: $(STAMP) ## Seconds: ruff, mypy strict, import contracts, pure tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/pytest -q -m "not stack" $(ARGS)

test: $(STAMP) ## Minutes: everything, on a real PostgreSQL, a real Temporal server, real HTTP, a real browser
	@$(BIN)/pytest $(ARGS)

bench: $(STAMP) ## Costs of a change, a conflict, an echo, a burst, beside bare workflows (ARGS=--json)
	@$(BIN)/accord lab bench $(ARGS)

backfill: $(STAMP) ## An initial load of N records with the worker killed on the way (N=10000)
	@$(BIN)/accord lab backfill --pairs $(or $(N),10000) --kill $(ARGS)

crashes: $(STAMP) ## Worker and gateway die at every await that matters, in six kinds of work (ARGS="--share 0.2")
	@$(BIN)/accord lab crashes $(ARGS)

chaos: $(STAMP) ## Seeded random lives of a pair, judged by an independent checker (SEED=1 N=2000 HISTORY=file)
	@$(BIN)/python -m lab.chaos.run --seed $(or $(SEED),1) -n $(or $(N),2000) $(if $(HISTORY),--history $(HISTORY))

chaos-processes: $(STAMP) ## The same with whole processes that die, a few hundred lives on one stack (SEED=1 N=300 HISTORY=file)
	@$(BIN)/python -m lab.chaos.processes.run --seed $(or $(SEED),1) -n $(or $(N),300) $(if $(HISTORY),--history $(HISTORY))

format: $(STAMP) ## Format and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## Pin every dependency with its hash; the image's are the same without the extras
	@$(COMPILE) --all-extras -o requirements.lock pyproject.toml
	@$(COMPILE) -c requirements.lock -o deploy/requirements.lock pyproject.toml
	@echo "setuptools>=77" | $(COMPILE) -o deploy/build.lock -

schema: $(STAMP) ## JSON Schema of declarations, for editors
	@$(BIN)/python -m integrations.schema

clean: ## Remove the environment, caches and kept data
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
