# Each target prepares what it needs (tools/prepare.py: cached, outside the checkout) and can be run on its own.
PREPARE := $(or $(PYTHON3),python3) tools/prepare.py
PYTHON = venv=$$($(PREPARE) --print venv) && "$$venv/bin/python"
PYTEST = $(PYTHON) -m pytest $(PYTEST_FLAGS)
# Tests of the outer rings wait about as long as they compute, so three workers suit two cores. A real Jenkins is shared: one test at a time.
# The rings that wait most come first, so that the others fill their pauses.
WORKERS ?= $(if $(JENKINS_URL),0,3)
# On a busy machine a test that waits for processes can fail by time alone. It runs once more, and its traceback is shown even if it passes then.
RERUNS ?= 1
# The long tests, and further combinations of cases that the rings run one by one, are left to `make slow`.
FAST = -m "not slow"
SIDE_BY_SIDE = -n $(WORKERS) --dist worksteal --reruns $(RERUNS) --rerun-show-tracebacks

.PHONY: help demo test slow unit scenario stand-in cluster checks attack bench bench-comparison bench-scale lint types derived check-derived lock sbom release prepare
.DEFAULT_GOAL := help

help: ## List all targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-17s %s\n' "$$name" "$$text"; done

demo: ## See the operator enforce a policy, and restore it after someone switches 2FA off in Jenkins
	@$(PREPARE) venv kube stand-in
	@$(PYTHON) tools/demo.py $(DEMO_FLAGS)

test: prepare ## Run all tests except slow, and the checks (lint, types, derived files)
	@$(PYTEST) $(SIDE_BY_SIDE) $(FAST) tests/end_to_end tests/cluster tests/jenkins tests/attack tests/unit tests/scenario tests/checks

slow: prepare ## Run the long tests before a release: soak, state machines, fuzzed answers, a fleet of 1,000
	@$(PYTEST) $(SIDE_BY_SIDE) -m slow tests/slow tests/end_to_end tests/cluster tests/jenkins tests/attack

unit: ## Run the unit tests: seconds, without network, JVM or API server
	@$(PYTEST) tests/unit

scenario: ## Run whole reconciles in one process against fakes of Jenkins and the API server: seconds
	@$(PYTEST) tests/scenario

stand-in: ## Run the scripts and the transport against the Jenkins stand-in (JVM)
	@$(PREPARE) stand-in
	@$(PYTEST) $(SIDE_BY_SIDE) $(FAST) tests/jenkins

cluster: prepare ## Run CRDs, operator and commands on a real API server
	@$(PYTEST) $(SIDE_BY_SIDE) $(FAST) tests/end_to_end tests/cluster

checks: ## Run lint, types and check-derived as tests
	@$(PYTEST) tests/checks

attack: ## Send every kind of request as every kind of user to the gate (4 minutes); JENKINS_URL=... uses a real Jenkins
	@$(PREPARE) stand-in
	@$(PYTHON) -m tests.attack $(ATTACK_FLAGS)

bench: prepare ## Measure latency and idle cost, and write docs/benchmarks/latency.md (5 minutes)
	@venv=$$($(PREPARE) --print bench) && "$$venv/bin/python" bench/latency.py $(BENCH_FLAGS)

bench-comparison: prepare ## Compare this operator with configuration-as-code and scripts, and write docs/benchmarks/comparison.md (5 minutes)
	@venv=$$($(PREPARE) --print bench) && "$$venv/bin/python" bench/comparison.py $(BENCH_FLAGS)

bench-scale: prepare ## Measure fleets of 10, 100 and 1,000 controllers, and write docs/benchmarks/scale.md (15 minutes)
	@venv=$$($(PREPARE) --print bench) && "$$venv/bin/python" bench/scale.py $(BENCH_FLAGS)

lint: ## Run ruff
	@$(PYTHON) tools/check.py lint

types: ## Run mypy in strict mode
	@$(PYTHON) tools/check.py types

derived: ## Write schemas/ and the other derived files
	@$(PYTHON) tools/check.py --write derived

check-derived: ## Check that the derived files match their sources
	@$(PYTHON) tools/check.py derived

lock: ## Write constraints.txt and locks/ from pyproject.toml; LOCK_FLAGS=--upgrade takes the newest versions (needs uv)
	@$(PYTHON) tools/lock.py $(LOCK_FLAGS)

sbom: ## Write dist/sbom.cdx.json, a CycloneDX bill of materials of the image's Python packages
	@mkdir -p dist && $(PYTHON) tools/supply.py --sbom dist/sbom.cdx.json && echo dist/sbom.cdx.json

release: ## Build all files of a release into dist/, with checksums; publishes nothing (docs/releasing.md)
	@$(PREPARE) kube
	@$(PYTHON) tools/release.py $(RELEASE_FLAGS)

prepare: ## Download and build what the other targets need (5 to 8 minutes, once)
	@$(PREPARE) all
