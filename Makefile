# Two commands do everything: `make demo` and `make test`. Each does its own set-up first.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := oshwatch osh_domain edge_agent ingest_service alert_rules firmware_sim dashboards
# Debian packages: broker, browser and databases for the demo and the tests.
APT := mosquitto chromium postgresql influxdb
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command 'make lock'
# The pictures that the README shows.
PICTURES := overview-desk-light.png zone-heat-desk-light.png case-phone-light.png

.PHONY: demo test check bench chaos fuzz screenshots generate lock system-packages setup clean help

help: ## List what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: setup ## Start simulated factories, the service and its pages
	@exec $(BIN)/oshwatch demo $(ARGS)

test: setup ## Run the whole suite (skips by name what needs a package that cannot be had)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: setup ## Style, types, import contracts, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.generated --check

bench: setup ## Measure the road from a gateway's publish to a notice
	$(BIN)/oshwatch bench ingest $(ARGS)

chaos: setup ## Let processes, roads and stores fail for as long as told (ARGS='--minutes 30')
	$(BIN)/python -m tests.delivery.campaign $(ARGS)

fuzz: setup ## Fuzz every parser for as long as told (ARGS='--seconds 600 senml-cbor')
	$(BIN)/python -m tests.fuzz $(ARGS)

screenshots: setup ## Make a picture of every page (build/pictures) and keep those of the README
	@mkdir -p build/pictures docs/pictures
	OSHWATCH_TEST_SCREENSHOTS=build/pictures $(BIN)/python -m pytest -q tests/browser -k screenshots
	@cd build/pictures && cp $(PICTURES) ../../docs/pictures/

generate: setup ## Write the files that are made from code (samples, references)
	$(BIN)/python -m tests.generated
	$(BIN)/python -m ingest_service.locale

lock: setup ## Resolve the dependencies again: for working on it, for the image, for building the wheel
	$(COMPILE) --upgrade --extra dev pyproject.toml -o requirements.lock
	@sed -E 's/ *(--hash=.*|\\)$$//' requirements.lock > $(VENV)/constraints.txt
	$(COMPILE) -c $(VENV)/constraints.txt --no-annotate --extra server --extra dashboards --extra sim \
	  pyproject.toml -o deploy/requirements.server.lock
	$(COMPILE) -c $(VENV)/constraints.txt --no-annotate --extra agent pyproject.toml -o deploy/requirements.agent.lock
	$(COMPILE) -c $(VENV)/constraints.txt --no-annotate --extra packaging pyproject.toml \
	  -o deploy/requirements.packaging.lock

setup: system-packages $(READY) ## Set up only: virtual environment and Debian packages

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "OSHWatch needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "python3 cannot make a virtual environment. On Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing the locked dependencies (once, a minute or so) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

system-packages:
	@deploy/system-packages $(APT)

clean: ## Remove the virtual environment, caches and demo data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis demo-data
