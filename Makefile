# The one way in. `make` alone lists what there is; every test target takes T=path and K=expression.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 9000
STEPLESS_HOME ?= .stepless
STAGE ?= default

BIN := .venv/bin
# Both cores for whole suites, one for a picked test.
PARALLEL = $(if $(T)$(K),,-n 2 --dist loadgroup)
PYTEST = $(BIN)/python -m pytest $(if $(K),-k '$(K)')

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@ / {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: ## Make .venv from the hash-locked requirements (every target that needs it does this)
	@scripts/venv.sh dev

##@ Run

.PHONY: run
run: install ## Start the authority on https://localhost:9000 (PORT=, STEPLESS_HOME=) until Ctrl-C
	@exec $(BIN)/python -m stepless_dev run --port $(PORT) --home '$(STEPLESS_HOME)'

.PHONY: local
local: build ## Serve the built functions with `sam local start-api` (needs Docker)
	@exec .venv-sam/bin/sam local start-api --port 3000 --warm-containers LAZY

##@ Test

.PHONY: test
test: install ## Everything, real clients included; ends with pytest's closing line
	@scripts/get-tools.sh || echo "Tests of what is missing fail as 'failed to prepare'." >&2
	@exec $(PYTEST) $(PARALLEL) $(T)

.PHONY: unit
unit: install ## What needs no server and no network, and is fast
	@exec $(PYTEST) $(PARALLEL) -m 'not interop and not emulator and not aws and not slow' $(T)

.PHONY: contract
contract: install ## Every adapter against the embedded AWS
	@exec $(PYTEST) -m emulator $(or $(T),tests/contract)

.PHONY: interop
interop: install tools ## Real clients against the local authority
	@exec $(PYTEST) -m interop $(T)

.PHONY: cover
cover: install ## Branch coverage of the fast tests
	@exec $(PYTEST) -m 'not interop and not emulator and not aws and not slow' --cov --cov-report=term $(T)

.PHONY: tools
tools: ## Fetch or build the real clients into .tools
	@scripts/get-tools.sh

##@ Check

.PHONY: lint
lint: style typecheck imports templates ## Every static check: the four below

.PHONY: style
style: install ## ruff: rules and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --diff .

.PHONY: typecheck
typecheck: install ## mypy, strict
	@$(BIN)/mypy --no-error-summary

.PHONY: imports
imports: install ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-logo

.PHONY: templates
templates: ## sam validate and cfn-lint
	@scripts/lint-template.sh

.PHONY: format
format: install ## Format the code and fix what ruff can fix
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

.PHONY: check
check: lint unit size ## The one command before a push

##@ Build and deploy

.PHONY: build
build: ## Build functions and layers for Lambda, byte code included (.aws-sam/build)
	@scripts/build.sh

.PHONY: size
size: build ## Hold the built layers to their size budget
	@scripts/size.sh

.PHONY: deploy
deploy: build ## Deploy to AWS: STAGE= names the environment in samconfig.toml
	@.venv-sam/bin/sam deploy --config-env $(STAGE)

##@ Measure

.PHONY: bench
bench: install tools ## Measure speed and write docs/benchmarks.md
	@$(BIN)/python -m bench

.PHONY: soak
soak: install ## Issue and renew for MINUTES=10 and watch memory and errors
	@$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),10)

##@ Keep

.PHONY: lock
lock: ## Hash-lock every requirements file, seven days behind the newest releases (UPGRADE=1)
	@scripts/lock.sh $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove the local authority (.stepless or STEPLESS_HOME=), build output and caches
	@if [[ -f '$(STEPLESS_HOME)/remembered.json' ]]; then rm -rf '$(STEPLESS_HOME)'; fi
	@rm -rf .stepless .aws-sam .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## clean, and what was installed: virtual environments and tools
	@rm -rf .venv .venv-* .venv.lock .venv-*.lock .tools
