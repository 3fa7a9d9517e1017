# Everything here works on a fresh machine with Python 3.11 to 3.14 and make. `make` lists what there is.
#
# Sets everything up by itself, in this folder only: .venv/ (Python), .build/ and node_modules/ (what tests need).
# make run ARGS="--port 9000"     arguments for bargein serve
# make test ARGS="-k barge"       arguments for pytest
# make lock UPGRADE=1             take the newest versions that pyproject.toml allows
# PYTHON=/path/to/python3.12      the Python that .venv is made with

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Programs of the environment win over the machine's: Node.js may have been installed into it.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where nobody may keep bytecode, each of the many processes of a test run compiles the same files again.
unexport PYTHONDONTWRITEBYTECODE

PIP_INSTALL := $(BIN)/python -m pip install --quiet --require-hashes
PROGRAMS := chromium espeak-ng prometheus sox
NODE_MODULES := $(patsubst %/package-lock.json,%/node_modules/.installed,$(wildcard tests/*/package-lock.json))
STOCK_CLIENTS := .build/stock-clients
VOICE_FRAMEWORKS := .build/voice-frameworks
# Every server event that any test receives, for the tests that look at all of them at the end.
SERVER_EVENTS := $(CURDIR)/.build/server-events
# The package as its wheel holds it, the hot parts compiled: an entry of PYTHONPATH.
COMPILED := .build/compiled
# The same, but the C compiler was not asked to make it fast, which takes it many times as long: for tests.
COMPILED_QUICKLY := .build/compiled-quickly
# What runs compiled: the tests of the files that are compiled, and those that call all of them as callers do, on both
# transports. The others (HTTP, settings, commands, the demo, pages) are about files that are the same in both.
of = $(patsubst %,tests/$(1)/test_%.py,$(2))
COMPILED_TESTS := tests/core tests/session tests/sound tests/vad \
    $(call of,loop,chores lateness) \
    $(call of,gateway,drain intake memory outflow stalls websocket) \
    $(call of,upstream,cancellation chat chunks decoding endings reply_audio request sse) \
    $(call of,wire,beta binary encode errors golden images ladder long_items sample_stream to_core)
# Files go to the next worker that is free in the order of tests/conftest.py: first those that take longest.
IN_PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder

## Using it

.PHONY: run
run: $(VENV)/.can-run ## Serve on http://127.0.0.1:8765, with the demo model unless .env names another
	@$(BIN)/bargein serve $(ARGS)

.PHONY: wheel
wheel: $(COMPILED)/.made ## Build dist/bargein-*.whl with its hot parts compiled: some two fifths less CPU a caller

.PHONY: screenshots
screenshots: setup programs node-modules ## Make the pictures of the browser page, in all its states
	$(BIN)/python scripts/screenshots.py $(ARGS)

.PHONY: clip
clip: setup programs node-modules ## Make the clip of an interruption that the README shows
	$(BIN)/python scripts/stage_clip.py $(ARGS)

.PHONY: bench
bench: setup programs compiled ## Measure latencies; fails when a figure falls below its floor
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: capacity
capacity: compiled ## Callers per core: this server, a bare relay, a straightforward server; wants a quiet machine
	$(BIN)/python -m benchmarks.capacity $(ARGS)

.PHONY: load
load: setup compiled ## Two minutes of fake callers against a server of their own; writes a report
	$(BIN)/python -m benchmarks.load $(ARGS)

## Working on it

.PHONY: setup
setup: $(VENV)/.can-develop ## Make .venv with everything for development

.PHONY: test
test: setup programs node-modules stock-clients voice-frameworks ## Run all tests (fetches what they need where it can)
	@rm -rf $(SERVER_EVENTS) .pytest_cache/v/cache/lastfailed && mkdir -p $(SERVER_EVENTS)
	@export BARGEIN_TEST_EVENTS_DIR=$(SERVER_EVENTS); failed=0; compiling=; \
	    trap 'kill $$compiling 2>/dev/null; exit 130' INT TERM; \
	    if [ -z "$(ARGS)" ]; then \
	        nice -n 19 $(MAKE) --no-print-directory compiled-quickly >.build/compiling.log 2>&1 & compiling=$$!; \
	    fi; \
	    $(BIN)/pytest $(IN_PARALLEL) -m "not after_all" $(ARGS) || failed=$$?; \
	    if [ -z "$(ARGS)" ] && [ $$failed = 1 ]; then $(BIN)/python scripts/once_more.py && failed=0; fi; \
	    if [ -z "$(ARGS)" ]; then \
	        wait $$compiling || cat .build/compiling.log; compiling=; \
	        $(MAKE) --no-print-directory test-compiled || failed=1; \
	    fi; \
	    $(BIN)/pytest -m after_all tests/stock_clients || failed=1; \
	    exit $$failed

.PHONY: test-compiled
test-compiled: setup ## Run the tests of what is compiled on the compiled package
	@if CI=1 scripts/need-program cc; then \
	    $(MAKE) --no-print-directory $(COMPILED_QUICKLY)/.made && \
	    PYTHONPATH=$(COMPILED_QUICKLY) $(BIN)/pytest $(IN_PARALLEL) $(ARGS) $(COMPILED_TESTS); \
	else \
	    echo "Not run: the tests on the compiled package, for want of a C compiler or Python's headers."; \
	    [ -z "$$CI" ]; \
	fi

.PHONY: mutants
mutants: setup ## Put known faults into the code, one at a time: fails when no test notices
	$(BIN)/python scripts/mutants.py $(ARGS)

.PHONY: check
check: setup ## Lint, formatting, types, import layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: setup ## Format the code, apply safe fixes, write the generated parts of the documents
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python scripts/write_docs.py

.PHONY: docs
docs: setup ## Make the site of docs/ in .build/site
	$(BIN)/mkdocs build --strict --quiet

.PHONY: newcomer
newcomer: ## Play somebody who has never seen this: a fresh clone, and what the pages say, timed
	@python=$$(scripts/find-python) && $$python scripts/newcomer.py $(ARGS)

.PHONY: lock
lock: .build/lock/.installed ## Pin all dependencies again (UPGRADE=1: to the newest)
	scripts/lock $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove everything that was made here
	rm -rf $(VENV) .build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf $(dir $(NODE_MODULES))
	find server tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List these commands
	@awk '/^## / { printf "\n%s\n", substr($$0, 4) } \
	      /^[a-z-]+:.* ## / { split($$0, part, /:.* ## /); printf "  make %-12s %s\n", part[1], part[2] }' Makefile

# What the commands stand on

$(BIN)/python:
	@python=$$(scripts/find-python) && echo "Making $(VENV) with $$($$python --version)" && $$python -m venv $(VENV)

$(VENV)/.can-run: $(BIN)/python requirements/runtime.txt requirements/build.txt pyproject.toml
	@echo "Installing what Bargein needs to run (a minute or two, the first time)"
	@$(PIP_INSTALL) -r requirements/runtime.txt -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.can-develop: $(VENV)/.can-run requirements/dev.txt
	@echo "Installing what its development needs"
	@$(PIP_INSTALL) -r requirements/dev.txt
	@touch $@

$(COMPILED)/.made $(COMPILED_QUICKLY)/.made: \
    $(VENV)/.can-develop scripts/compile $(shell find server/bargein client_web -type f -not -name '*.pyc')
	@CI=1 scripts/need-program cc
	@echo "Compiling (some minutes)"
	@scripts/compile $(if $(findstring quickly,$@),--quickly) $(@D)
	@touch $@

# For what can also run interpreted, and then says so.
.PHONY: compiled compiled-quickly
compiled: setup
	@if CI=1 scripts/need-program cc; then $(MAKE) --no-print-directory wheel; fi
compiled-quickly: setup
	@if CI=1 scripts/need-program cc; then $(MAKE) --no-print-directory $(COMPILED_QUICKLY)/.made; fi

.PHONY: programs
programs:
	@scripts/need-program $(PROGRAMS)

.PHONY: node
node: $(BIN)/python
	@scripts/node-there || { echo "Installing Node.js into $(VENV)" && $(PIP_INSTALL) -r requirements/node.txt; }

.PHONY: node-modules
node-modules: $(NODE_MODULES)

tests/%/node_modules/.installed: tests/%/package-lock.json tests/%/package.json | node
	@echo "Installing the npm packages of tests/$*"
	@npm ci --prefix tests/$* --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: stock-clients
stock-clients: $(STOCK_CLIENTS)/.installed

.PHONY: voice-frameworks
voice-frameworks: $(VOICE_FRAMEWORKS)/.installed

.build/%/.installed: | $(BIN)/python
	@echo "Installing the $(subst -, ,$*) that the server is tested with"
	@$(BIN)/python -m venv .build/$*
	@.build/$*/bin/python -m pip install --quiet --require-hashes -r $(filter %.txt,$^)
	@touch $@

$(STOCK_CLIENTS)/.installed: requirements/stock_clients.txt
$(VOICE_FRAMEWORKS)/.installed: requirements/voice_frameworks.txt

.build/lock/.installed: requirements/lock.txt | $(BIN)/python
	@$(BIN)/python -m venv .build/lock
	@.build/lock/bin/python -m pip install --quiet --require-hashes -r requirements/lock.txt
	@touch $@
