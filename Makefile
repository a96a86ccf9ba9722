# `make help` lists the commands. PYTHON names the interpreter for .venv (3.11 or newer).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run logs restart status doctor superuser test check fmt migrate lock bench rooms metrics dashboards icons screenshot compose-test update audit sbom man

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: $(VENV)/.run-installed ## Start everything on this machine (PORT=8000 HOST=127.0.0.1 DATA=./data WORKERS=2; GATEWAY=1 TLS_PORT=8443: behind nginx)
	@SLIPBIN_MAKE=1 PORT="$(PORT)" HOST="$(HOST)" DATA="$(DATA)" WORKERS="$(WORKERS)" GATEWAY="$(GATEWAY)" TLS_PORT="$(TLS_PORT)" \
		exec $(BIN)/python -m launcher run

logs: $(VENV)/.run-installed ## Follow the logs of `make run` (args="web-1 main-worker" to choose)
	@SLIPBIN_MAKE=1 DATA="$(DATA)" exec $(BIN)/python -m launcher logs $(args)

restart: $(VENV)/.run-installed ## Restart programs of `make run`, even if they hang (args="main-beat")
	@SLIPBIN_MAKE=1 DATA="$(DATA)" exec $(BIN)/python -m launcher restart $(args)

status: $(VENV)/.run-installed ## How `make run` is doing, on one screen
	@SLIPBIN_MAKE=1 DATA="$(DATA)" exec $(BIN)/python -m launcher main status $(args)

doctor: $(VENV)/.run-installed ## Find out what is wrong with `make run`, and what to do
	@SLIPBIN_MAKE=1 DATA="$(DATA)" exec $(BIN)/python -m launcher main doctor $(args)

# One more than there are cores, because many tests spend most of their time waiting.
test: $(VENV)/.dev-installed ## Run all tests on engines of their own (args="-k name" to choose)
	$(BIN)/python -m pytest --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal $(args)

check: $(VENV)/.dev-installed ## Everything that CI runs: lint, types, architecture, known vulnerabilities, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	cd client && ../$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.support.audit
	$(MAKE) test

audit: $(VENV)/.dev-installed ## Look up known vulnerabilities of all packages in the lock files, where PyPI can be asked
	$(BIN)/python -m tests.support.audit

sbom: $(VENV)/.dev-installed ## Write the bill of materials of what runs as CycloneDX (OUTPUT=sbom.json)
	@cat requirements.lock requirements-detect.lock | PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements - --pyproject pyproject.toml --output-reproducible \
		--of JSON --output-file $(or $(OUTPUT),sbom.json)

compose-test: $(VENV)/.dev-installed ## Run docker-compose.yml in containers and test it (root; WORK=/var/tmp/slipbin-compose)
	@tests/compose/run.sh $(WORK)

update: ## Update what `docker compose up` runs to this release and .env, without a failed request
	@deploy/update.sh

fmt: $(VENV)/.dev-installed ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

superuser: $(VENV)/.run-installed ## Make a superuser of what `make run` runs (EMAIL=you@example.org PROMOTE=1)
	@test -n "$(EMAIL)" || { echo 'Say who: make superuser EMAIL=you@example.org'; exit 1; }
	@SLIPBIN_MAKE=1 DATA="$(DATA)" exec $(BIN)/python -m launcher main create-superuser --email "$(EMAIL)" $(if $(PROMOTE),--promote)

migrate: $(VENV)/.dev-installed ## Draft a migration from the models (m="what it does")
	@test -n "$(m)" || { echo 'Say what it does: make migrate m="add a column"'; exit 1; }
	$(BIN)/python -m tests.support.draft_migration "$(m)"

rooms: $(VENV)/.dev-installed ## Update the lists of docs/architecture.md
	$(BIN)/python -m tests.support.rooms

dashboards: $(VENV)/.run-installed ## Generate Grafana's dashboards from deploy/observability/dashboards
	$(BIN)/python -m deploy.observability.dashboards

icons: $(VENV)/.dev-installed ## Draw static/favicon-*.png from favicon.svg
	$(BIN)/python -m tests.support.draw_icons

screenshot: $(VENV)/.dev-installed ## Take docs/screenshot.png of what `make run` runs (SITE=http://127.0.0.1:8000)
	$(BIN)/python -m tests.support.screenshot $(or $(SITE),http://127.0.0.1:8000)

man: $(VENV)/.dev-installed ## Write the man page of the client from its help (OUTPUT=client/slipbin.1)
	@PYTHONPATH=client $(BIN)/python -m slipbin_client man > $(or $(OUTPUT),client/slipbin.1)

metrics: $(VENV)/.dev-installed ## Update the tables of docs/metrics.md
	$(BIN)/python -m tests.support.metrics_page

lock: $(VENV)/.dev-installed ## Choose the newest allowed versions of all dependencies
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade \
		pyproject.toml --extra detect -c requirements.lock -o requirements-detect.lock \
		$$(sed -nE 's/^([a-z0-9-]+)==.*/--no-emit-package \1/p' requirements.lock)
	sed -i '/^$$/,$$d' requirements-detect.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade \
		pyproject.toml --extra detect --group dev -c requirements.lock -c requirements-detect.lock -o requirements-dev.lock

bench: $(VENV)/.dev-installed ## Compare with nginx, uvicorn and FastAPI and write docs/benchmarks.md (needs wrk and nginx)
	$(BIN)/python -m benchmarks $(args)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …'; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo 'The venv module is needed (Debian: apt install python3-venv).'; exit 1; }

# magika, which detects languages, is not available for every machine. Everything else works without it.
$(VENV)/.run-installed: requirements.lock requirements-detect.lock | $(BIN)/python
	@echo 'Installing what Slipbin needs into $(VENV), once; this takes a minute or two …'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		-r requirements-detect.lock \
		|| echo 'Languages of pastes will be detected by file names and first lines only: magika could not be installed.'
	@touch $@

$(VENV)/.dev-installed: requirements-dev.lock requirements.lock requirements-detect.lock | $(BIN)/python
	@echo 'Installing what developing Slipbin needs into $(VENV), once; this takes some minutes …'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.run-installed
