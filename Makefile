# Everything a developer runs. `make demo` and `make test` need Python 3.11 and make; the rest is bootstrapped.
PYTHON ?= python3
TOOLS := .tools
UV := $(TOOLS)/bin/uv
BIN := .venv/bin
MEMBERS := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml))
INSTALLED := .venv/.installed
CRD := deploy/helm/reelmesh/templates/crds/workerpools.yaml
PEERS := .peers
LITELLM := .peers-litellm
# A file of tests stays in one process, with what its tests share; those with the longest tests come first.
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The tests and benchmarks start hundreds of processes: each would compile anew all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test test-unit test-cluster cluster-binaries cluster-images check format lint types contracts buf protos-check protos chart chart-renders states pages lock image chaos simulate simulate-scaling crd crd-check bench bench-inflight bench-draining bench-peers clean chaos-money chaos-peers

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-17s %s\n", $$1, $$2}'

$(UV):
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.8'

$(INSTALLED): requirements.lock $(MEMBERS:=/pyproject.toml) | $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps $(MEMBERS:%=-e %)
	@touch $@

install: $(INSTALLED) ## make .venv with everything that requirements.lock pins

demo: $(INSTALLED) ## start the mesh, make a real video end to end, show how
	@$(BIN)/reelmesh demo

test: $(INSTALLED) ## every test that this machine can run, but those of test-cluster; what it lacks is skipped with a reason
	@$(PYTEST) --ignore tests/cluster

test-unit: $(INSTALLED) ## the fast tests: pure models, use cases on fakes
	@$(PYTEST) tests/unit

cluster-binaries: $(INSTALLED) ## build the Kubernetes of test-cluster, and a collector, with Go, once; it is kept in ~/.cache/reelmesh/cluster
	@$(BIN)/python -m tests.cluster.programs

cluster-images: $(INSTALLED) ## build the images that test-cluster installs, as root, with buildah; kept beside cluster-binaries
	@$(BIN)/python -m tests.cluster.images.building

test-cluster: $(INSTALLED) ## the tests that need a Kubernetes: a node of our own, for root, or that of REELMESH_TEST_KUBECONFIG; JSON=path
	@$(BIN)/pytest tests/cluster

check: format lint types contracts buf protos-check chart crd-check ## everything that reads the code without running it

format: $(INSTALLED) ## the code is formatted
	@$(BIN)/ruff format --check --quiet . || { echo "run .venv/bin/ruff format ."; exit 1; }

lint: $(INSTALLED) ## the code keeps ruff's rules, and ours on time, chance and the environment
	@$(BIN)/ruff check --quiet .

types: $(INSTALLED) ## the types agree, strictly
	@$(BIN)/pyright

contracts: $(INSTALLED) ## the imports keep to the rooms of .importlinter
	@$(BIN)/python -m scripts.contracts

buf: $(INSTALLED) ## lint, format and breaking changes of the protos
	@$(BIN)/buf lint
	@$(BIN)/buf format --diff --exit-code
	@scripts/check-breaking

protos-check: $(INSTALLED) ## the generated code agrees with the protos
	@scripts/check-protos

protos: $(INSTALLED) ## generate libs/api from protos/
	@scripts/generate-protos

chart: $(INSTALLED) ## the Helm chart renders what is kept, and Kubernetes would take it
	@$(BIN)/python -m scripts.chart

chart-renders: $(INSTALLED) ## render the Helm chart anew into deploy/helm/renders, and its README
	@$(BIN)/python -m scripts.chart_page --write
	@$(BIN)/python -m scripts.chart --write

crd-check: $(INSTALLED) ## the definition of WorkerPool agrees with the classes that read it
	@scripts/print-crd | cmp -s - $(CRD) || { echo "run make crd"; exit 1; }

crd: $(INSTALLED) ## write the definition of WorkerPool from the classes that read it
	@scripts/print-crd > $(CRD)

states: $(INSTALLED) ## write docs/states.md from the tables of the state machines
	@scripts/print-states > docs/states.md

pages: $(INSTALLED) ## write docs/settings.md, docs/errors.md, docs/limits.md, docs/metrics.md and the chart's README from the code
	@scripts/print-settings > docs/settings.md
	@scripts/print-errors > docs/errors.md
	@scripts/print-limits > docs/limits.md
	@scripts/print-metrics > docs/metrics.md
	@$(BIN)/python -m scripts.chart_page --write

lock: $(UV) ## write requirements.lock anew from the members' dependencies
	@$(UV) export --quiet --all-packages --all-groups --no-emit-workspace --no-header --no-annotate -o requirements.lock

image: ## the container image of all services: IMAGE=reelmesh:dev BASE_IMAGE=python:3.13-slim PACKAGES=fonts-noto-core BUILD_ARGS=
	@scripts/build-image

chaos: $(INSTALLED) ## break a whole mesh in every way: JOBS=60 SEED=1 DATABASE=sqlite|postgresql JSON=path
	@$(BIN)/python -m tests.chaos --jobs $(or $(JOBS),60) --seed $(or $(SEED),1) --database $(or $(DATABASE),sqlite) --json "$(JSON)"

chaos-money: $(INSTALLED) ## count what is paid under 1,000 faults at every vendor: FAULTS=1000 SEED=1 JSON=path
	@$(BIN)/python -m tests.chaos_money --faults $(or $(FAULTS),$(JOBS),1000) --seed $(or $(SEED),1) --json "$(JSON)"

simulate: $(INSTALLED) ## live through seeds on a virtual clock, and find planted bugs: SEEDS=1000 SEED=1 JSON=path
	@$(BIN)/python -m tests.simulation --planted --seeds $(or $(SEEDS),1000) --seed $(or $(SEED),1) --json "$(JSON)"

simulate-scaling: $(INSTALLED) ## days of traffic through the operator's decisions, beside KEDA's rule: SEEDS=20 SEED=1 JSON=path
	@$(BIN)/python -m tests.scaling --seeds $(or $(SEEDS),20) --seed $(or $(SEED),1) --json "$(JSON)"

bench: $(INSTALLED) ## measure everything, with a table for each part; JSON=path keeps the numbers
	@JSON=$(JSON) $(BIN)/python -m bench

$(PEERS)/.installed: | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(PEERS)
	@$(UV) pip install --quiet --python $(PEERS)/bin/python 'dbos==3.4.0'
	@touch $@

bench-inflight: $(INSTALLED) ## how soon one worker knows that a job has ended, with 5,000 in flight; JSON=path keeps the numbers
	@JSON=$(JSON) $(BIN)/python -m bench.inflight

bench-draining: $(INSTALLED) ## workers that are told to end with work in flight: how soon others go on; JSON=path keeps the numbers
	@JSON=$(JSON) $(BIN)/python -m bench.draining

bench-peers: $(INSTALLED) $(PEERS)/.installed ## the same jobs by other systems, beside ours; they get a .peers of their own
	@JSON=$(JSON) $(BIN)/python -m bench.peers

$(LITELLM)/.installed: | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(LITELLM)
	@$(UV) pip install --quiet --python $(LITELLM)/bin/python 'litellm[proxy]==1.106.2'
	@touch $@

chaos-peers: $(INSTALLED) $(LITELLM)/.installed ## what other gateways pay under the same faults, beside ours: REQUESTS=3 JSON=path
	@$(BIN)/python -m tests.chaos_money.peers --requests $(or $(REQUESTS),3) --json "$(JSON)"

clean: ## remove what was made here
	rm -rf .venv .tools .peers .peers-litellm uv.lock .pytest_cache .ruff_cache .hypothesis demo-output
