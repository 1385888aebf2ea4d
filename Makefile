# Everything a developer runs. `make demo` and `make test` need Python 3.11 and make; the rest is bootstrapped.
PYTHON ?= python3
TOOLS := .tools
UV := $(TOOLS)/bin/uv
BIN := .venv/bin
MEMBERS := $(wildcard libs/* services/*)
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-unit check format lint types contracts protos protos-check buf lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

$(UV):
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.8'

$(INSTALLED): $(UV) requirements.lock $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
	@test -d .venv || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps $(foreach member,$(MEMBERS),-e $(member))
	@touch $@

install: $(INSTALLED) ## make .venv with everything that requirements.lock pins

demo: $(INSTALLED) ## start the mesh, make a real video end to end, show how
	@$(BIN)/reelmesh demo

test: $(INSTALLED) ## every test that this machine can run; what it lacks is skipped with a reason
	@$(BIN)/pytest

test-unit: $(INSTALLED) ## the fast tests: pure models, use cases on fakes
	@$(BIN)/pytest tests/unit

check: format lint types contracts buf protos-check ## everything that reads the code without running it

format: $(INSTALLED)
	@$(BIN)/ruff format --check --quiet . || { echo "run .venv/bin/ruff format ."; exit 1; }

lint: $(INSTALLED)
	@$(BIN)/ruff check --quiet .

types: $(INSTALLED)
	@$(BIN)/pyright

contracts: $(INSTALLED)
	@$(BIN)/lint-imports

buf: $(INSTALLED) ## lint, format and breaking changes of the protos
	@$(BIN)/buf lint
	@$(BIN)/buf format --diff --exit-code
	@tag=$$(git describe --tags --abbrev=0 2>/dev/null) && $(BIN)/buf breaking --against ".git#tag=$$tag" || test -z "$$tag"

protos: $(INSTALLED) ## generate libs/api from protos/
	@scripts/generate-protos

protos-check: protos ## the generated code agrees with the protos
	@test -z "$$(git status --porcelain libs/api/src)" || { git status --short libs/api/src; echo "generated code differs: run make protos and commit"; exit 1; }

lock: $(UV) ## write requirements.lock anew from the members' dependencies
	@$(UV) export --quiet --all-packages --all-groups --no-emit-workspace --no-header --no-annotate -o requirements.lock

clean: ## remove what was made here
	rm -rf .venv .tools uv.lock .pytest_cache .ruff_cache .import_linter_cache
