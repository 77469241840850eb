# Everything one does with this repository. `make help` lists it.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

OPERATOR ?= demo
MINUTES ?= 30
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# Two test processes at once; the tests of one file stay together.
SIDE_BY_SIDE := -n 2 --dist loadfile

.PHONY: help run test lint format test-unit test-integration test-portal test-e2e bench soak check-invariants dead-letters faults clean requirements translations docs

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-18s %s\n", $$1, $$2 }'

run: $(STAMP) ## start the portal with everything it needs; OPERATOR=ministry picks a preset; Ctrl-C stops it
	@exec $(VENV_PYTHON) -m deploy.local run --operator "$(OPERATOR)"

test: lint test-unit test-integration test-portal test-e2e ## lint, then every test, on real RabbitMQ, PostgreSQL and Chromium

lint: $(STAMP) ## code style, types, import rules, templates
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/djlint --lint --quiet gateway

format: $(STAMP) ## bring the code into the common form
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

test-unit: $(STAMP) ## unit, contract and architecture tests: no broker, no database
	@$(VENV)/bin/pytest -q $(SIDE_BY_SIDE) tests/unit tests/contract tests/architecture

test-integration: $(STAMP) ## tests on a real RabbitMQ and PostgreSQL
	@$(VENV)/bin/pytest -q $(SIDE_BY_SIDE) tests/integration tests/faults --ignore tests/faults/test_short.py
	@$(VENV)/bin/pytest -q -s tests/faults/test_short.py

test-portal: $(STAMP) ## the portal's pages and API without a browser
	@$(VENV)/bin/pytest -q tests/portal

test-e2e: $(STAMP) ## the whole stack, driven in a headless Chromium
	@$(VENV_PYTHON) -m deploy.local.chromium
	@$(VENV)/bin/pytest -q tests/e2e

bench: $(STAMP) ## measure, and print each figure beside its yardstick
	@exec $(VENV_PYTHON) -m tests.benchmarks

soak: $(STAMP) ## half an hour of steady load; 1 where memory, connections or anything else grows; MINUTES=10
	@exec $(VENV_PYTHON) -m tests.soak --minutes "$(MINUTES)"

check-invariants: $(STAMP) ## prove on a running `make run` that nothing was lost, doubled or forgotten
	@exec $(VENV_PYTHON) -m operations.invariants --stack "$(or $(STACK),.local/run/$(basename $(notdir $(OPERATOR))))"

faults: $(STAMP) ## put one fault after another into a running installation; prints what became of its work (FAULTS="--short")
	@exec $(VENV_PYTHON) -m tests.faults $(FAULTS)

dead-letters: $(STAMP) ## messages that were given up on; ARGS="show orders <id>", ARGS="replay orders --reason given_up"
	@exec $(VENV_PYTHON) -m operations.dead_letters --stack "$(or $(STACK),.local/run/$(basename $(notdir $(OPERATOR))))" $(or $(ARGS),list)

requirements: $(STAMP) ## pin the dependencies anew, with hashes
	@for part in base dev; do \
		$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --no-header requirements/$$part.in --output-file requirements/$$part.txt; \
	done

translations: $(STAMP) ## collect the portal's texts and bring the catalogues up to date
	@$(VENV_PYTHON) -m deploy.local.translations

docs: $(STAMP) ## write the generated pages anew
	@$(VENV_PYTHON) -m deploy.local.pages

clean: ## stop what an earlier run left behind and remove every trace: .venv, .local, caches
	@if [ -x $(VENV_PYTHON) ]; then $(VENV_PYTHON) -m deploy.local clean || true; fi
	@rm -rf $(VENV) .local .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installed anew only when the pins changed.
$(STAMP): requirements/base.txt requirements/dev.txt deploy/local/venv.sh
	@deploy/local/venv.sh $(VENV)
	@touch $@
