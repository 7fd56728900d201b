# One way to set up, check and show the connector; `make` alone lists the commands.

# A pyenv shim can stand on the path without a version behind it, so every candidate is started before it is chosen.
PYTHON ?= python3.11 python3.12 python3.13 python3 $(wildcard $(HOME)/.pyenv/versions/3.1[123].*/bin/python)
VENV   := .venv
BIN    := $(VENV)/bin

# What the locks are made with; it is never installed into $(VENV).
UV_VERSION := 0.13.9
COMPILE := $(VENV)-lock/bin/uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# Tests that try random or all cases; in `make test` they try few, and the same ones each time.
SOAKED = $(shell grep -lE 'IS_SOAK|EXAMPLES|in_turns|messages_to_be_killed_after' integration_tests/test_*.py)

# Some environments keep Python from storing what it has compiled: each process of the tests would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

# Where all tests of a file need one thing that takes long to make: several processes would each make their own.
ALONE := --numprocesses=0

# Python compiles what it loads, a part of all: to compile the rest took a third of the time to install it.
INSTALL := install --quiet --no-compile

.DEFAULT_GOAL := help
.PHONY: help setup setup-pyairbyte setup-serverless test installed form live image soak lint types check fix demo bench profile lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/project.stamp ## make .venv with the locked dependencies and the connector itself

setup-pyairbyte: $(VENV)-pyairbyte/stamp ## make .venv-pyairbyte with the locked PyAirbyte, for the demo and `make installed`

setup-serverless: $(VENV)-serverless/stamp ## make .venv-serverless with the locked AirbyteServerless, for `make installed`

test: setup ## run all tests
	$(BIN)/python -m pytest $(ARGS)

installed: setup setup-pyairbyte setup-serverless ## build the wheel, install it in a clean environment, and read with real clients
	$(BIN)/python -m pytest -m installed $(ALONE) integration_tests/test_installed.py $(ARGS)

form: setup ## show the settings as a form in a headless browser, test it, and leave a picture in build/form.png
	$(BIN)/python -m pytest -m form $(ALONE) integration_tests/test_form.py $(ARGS)

live: setup ## ask a real instance, that of secrets/config.json, what is still uncertain, and run the standard tests on it
	$(BIN)/python -m pytest -m "live and not image_tests" -s integration_tests/test_live.py $(ARGS)

image: setup ## build the container image without a Docker engine, and test it; needs root on Debian or Ubuntu
	$(BIN)/python -m pytest -m image $(ALONE) integration_tests/test_image.py $(ARGS)

soak: setup ## look for what shows itself rarely: hundreds of crashes, thousands of random answers, new histories; over an hour
	SOAK=1 $(BIN)/python -m pytest -s $(SOAKED) $(ARGS)

lint: setup ## look for mistakes and for unformatted files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## check the types
	$(BIN)/mypy --strict

check: lint types test ## everything that has to hold before a commit

fix: setup ## correct what can be corrected by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: setup setup-pyairbyte ## sync from a simulated ERP and show what arrives
	$(BIN)/python -m integration_tests.demo

bench: setup ## measure what the connector costs
	$(BIN)/python -m benchmark $(ARGS)

profile: setup ## show where the connector's time goes
	$(BIN)/python -m benchmark.profile

lock: $(VENV)-lock/uv.stamp ## write the lock files (UPGRADE=1 takes newer versions too)
	$(COMPILE) pyproject.toml --output-file requirements.lock
	$(COMPILE) pyproject.toml --excludes requirements-left-out.txt --constraint requirements.lock --output-file requirements-image.lock
	$(COMPILE) pyproject.toml --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) pyproject.toml --extra pyairbyte --output-file requirements-pyairbyte.lock
	echo "airbyte-serverless>=0.37,<1" | $(COMPILE) - --output-file requirements-serverless.lock
	echo hatchling | $(COMPILE) - --constraint requirements-dev.lock --output-file requirements-build.lock

clean: ## remove what these commands have made
	rm -rf $(VENV) $(VENV)-lock $(VENV)-pyairbyte $(VENV)-serverless integration_tests/form/node_modules build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

# Two steps, so that a changed setting of a tool does not install a hundred packages again.
$(VENV)/project.stamp: pyproject.toml $(VENV)/lock.stamp
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/lock.stamp: requirements-dev.lock
	@$(MAKE_VENV) $(VENV)
	$(BIN)/python -m pip $(INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@

# A client in an environment of its own. pip does not look for what it would miss: the lock is whole, and of some packages
# it names no extras.
$(VENV)-%/stamp: requirements-%.lock
	@$(MAKE_VENV) $(VENV)-$*
	$(VENV)-$*/bin/python -m pip $(INSTALL) --no-deps --require-hashes --requirement $<
	@touch $@

$(VENV)-lock/uv.stamp: Makefile
	@$(MAKE_VENV) $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet uv==$(UV_VERSION)
	@touch $@

# Usage: $(MAKE_VENV) FOLDER. Takes the first candidate that runs, has a supported version and can make environments.
define MAKE_VENV
make_venv() { \
	bare=; \
	for python in $(PYTHON); do \
		"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1 || continue; \
		if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
			echo "making $$1 with $$("$$python" --version)"; \
			rm -rf "$$1" && "$$python" -m venv "$$1"; return; \
		fi; \
		bare="$${bare:-$$python}"; \
	done; \
	if [ -n "$$bare" ]; then \
		echo "$$bare runs, but cannot make virtual environments: its module ensurepip is missing. On Debian and Ubuntu the package python3-venv brings it." >&2; \
	else \
		echo "No Python 3.11, 3.12 or 3.13 was found (tried: $(PYTHON)). Install one of them, or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	fi; \
	return 1; \
}; make_venv
endef
