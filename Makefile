# ACP Mover. `make` lists the targets; nothing but Python 3.13, make and git is needed.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first interpreter that is really 3.13 or newer (a pyenv shim may exist and still fail).
PYTHON ?= $(shell for p in python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready
CHECKOV := .venv-checkov/.ready
AZURITE := local/azurite/node_modules/.package-lock.json
BROWSER := local/browser/node_modules/.package-lock.json
KUSTO := infra/kusto/node_modules/.package-lock.json
COMPILE := $(UV) pip compile --universal --python-version 3.13 --generate-hashes \
	--no-annotate --quiet --custom-compile-command "make lock"
COMPILE_DEV := $(COMPILE) pyproject.toml --extra local --group app --group dev --constraint requirements.txt
ARGS ?=

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: install
install: $(READY) $(AZURITE) $(BROWSER) $(KUSTO) ## make .venv, install Azurite, Chromium and Kusto's parser (other targets do it when needed)

$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.13 or newer is needed: install it, or name it with make PYTHON=..."; exit 1; }
	@echo "Installing the development environment into $(VENV) ..."
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV) && sed -n '/^uv==/,/[^\\]$$/p' $< > $(VENV)/uv.txt \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt; }
	@VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes --compile-bytecode requirements-dev.txt
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q function_app.py functions shared local cli
	@echo "Compiling the tests, once for all workers ..."
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -q | grep -A20 -E '^(E  |ERROR)' || true
	@touch $@

$(AZURITE): local/azurite/package-lock.json | $(READY)
	@echo "Installing Azurite ..."
	@$(BIN)/python -m local.azurite.install
	@touch $@

$(BROWSER): local/browser/package-lock.json | $(READY)
	@echo "Installing Chromium for the tests of the console ..."
	@$(BIN)/python -m local.browser.install
	@touch $@

$(KUSTO): infra/kusto/package-lock.json | $(READY)
	@echo "Installing Kusto's parser ..."
	@$(BIN)/python -m local.azurite.install infra/kusto
	@touch $@

.PHONY: demo
demo: install ## watch a simulated tenant being put right; ARGS="--users 500 --seed 7"
	@$(BIN)/acp demo $(ARGS)

.PHONY: test
test: install ## run the tests (unit, integration, e2e)
	@$(BIN)/pytest -n 4 --dist loadfile $(ARGS)

.PHONY: unit
unit: $(READY) $(KUSTO) ## run the unit tests only: milliseconds, no Azurite
	@$(BIN)/pytest tests/unit $(ARGS)

.PHONY: large
large: install ## run the tests that take long: a sweep of 20,000 users killed three times, and more
	@$(BIN)/pytest -m large tests $(ARGS)

.PHONY: worlds
worlds: install ## run the e2e tests in every world and with every form of the Teams listing (15 minutes at most)
	@$(BIN)/python -m tests.worlds $(ARGS)

.PHONY: check
check: $(READY) $(CHECKOV) $(KUSTO) ## format, lint, types, layers, spelling, stale requirements, workflows, infrastructure, package
	@$(MAKE) --no-print-directory --jobs=2 check-code check-types check-infra package

.PHONY: check-code check-types check-infra
check-code: $(READY) # the quick ones; `make check` runs two of these at a time
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/codespell
	@$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory check-lock
	@$(BIN)/zizmor --offline --quiet --no-progress --persona pedantic .github

check-types: $(READY)
	@$(BIN)/mypy

check-infra: $(READY) $(CHECKOV) $(KUSTO)
	@$(BIN)/python -m infra.checks

.PHONY: package
package: $(READY) ## build dist/acp-mover.zip and show that it runs
	@$(BIN)/python -m infra.package

.PHONY: checkov
checkov: $(CHECKOV) # installs checkov into an environment of its own (make check does it)

$(CHECKOV): requirements-checkov.txt | $(READY)
	@echo "Installing checkov into .venv-checkov ..."
	@test -x .venv-checkov/bin/python || $(UV) venv --quiet --python $(BIN)/python .venv-checkov
	@VIRTUAL_ENV=.venv-checkov $(UV) pip sync --quiet --require-hashes --compile-bytecode requirements-checkov.txt
	@touch $@

.PHONY: format
format: $(READY) ## format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(READY) ## compile the hashed requirements from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@$(COMPILE) $(UPGRADE) --group app --output-file requirements.txt
	@$(COMPILE_DEV) $(UPGRADE) --output-file requirements-dev.txt
	@$(COMPILE) $(UPGRADE) --group checkov --output-file requirements-checkov.txt
	@$(COMPILE) $(UPGRADE) --group audit --output-file requirements-audit.txt

.PHONY: check-lock
check-lock: $(READY) # fails when the hashed requirements are older than pyproject.toml
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && cp requirements*.txt "$$tmp" \
	&& $(COMPILE) --group app --output-file "$$tmp/requirements.txt" \
	&& $(COMPILE_DEV) --output-file "$$tmp/requirements-dev.txt" \
	&& $(COMPILE) --group checkov --output-file "$$tmp/requirements-checkov.txt" \
	&& $(COMPILE) --group audit --output-file "$$tmp/requirements-audit.txt" \
	&& (for one in requirements*.txt; do cmp -s "$$one" "$$tmp/$$one" || exit 1; done) \
	|| { echo "requirements*.txt do not match pyproject.toml: run make lock"; exit 1; }

.PHONY: docs
docs: $(READY) ## write the generated parts of docs from the code
	@$(BIN)/python -m docs.generate

.PHONY: plan
plan: $(READY) ## predict what each way of deploying creates (infra/predicted; needs Bicep)
	@$(BIN)/python -m infra.predictions
	@$(BIN)/python -m docs.generate

.PHONY: pictures
pictures: install ## run the demo and draw docs/pictures/demo.svg
	@$(BIN)/python -m docs.pictures

.PHONY: bench
bench: install ## print the figures of docs/performance.md
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: chaos
chaos: install ## suffer a seeded storm of faults and check every rule; ARGS="--seeds 20"
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: simulate
simulate: $(READY) ## live through many universes in virtual time; ARGS="--minutes 60", "--bugs", "--replay 7"
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.simulation $(ARGS)

.PHONY: mutants
mutants: $(READY) ## change domain and services in small ways and see which changes no test notices; ARGS="--room domain --show"
	@$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: clean
clean: ## remove everything that make installed or the tools cached
	rm -rf $(VENV) .venv-checkov dist mutants local/azurite/node_modules local/browser/node_modules infra/kusto/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
