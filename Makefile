# Every target makes the environment it needs on first use; nothing has to be installed beforehand but Python, pip and make.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME
# Tests start many processes. Without bytecode on disk each would compile every package again, for seconds.
unexport PYTHONDONTWRITEBYTECODE

# The first interpreter found that is new enough and can make environments; PYTHON=... names another.
CANDIDATES := python3.11 python3.12 python3.13 python3.14 python3
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c '$(USABLE)' 2>/dev/null && echo $(name))))

# $(call stamp,ENVIRONMENT,NAME,FILES): a file that exists once ENVIRONMENT holds what FILES pin, at this place.
stamp = $(1)/$(2)-$(shell (pwd; cat $(3)) | cksum | cut -d' ' -f1).installed
# $(call environment,ENVIRONMENT,OPTIONS): make it, unless it is there and works.
define environment
@$(1)/bin/python -c '' 2>/dev/null || { \
  test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed. None of these works: $(CANDIDATES)" >&2; exit 1; }; \
  $(PYTHON) -c '$(USABLE)' || { echo "$(PYTHON) cannot be used: Python 3.11 or newer with venv is needed" >&2; exit 1; }; \
  $(PYTHON) -m venv --clear $(2) $(1); }
endef
# $(call install,ENVIRONMENT,FILES): with uv, in a tenth of the time; pip, which heeds pip.conf, where uv reaches no index.
# On a terminal both show how far they are.
PINNED := $(shell test -t 2 || echo --quiet) --no-deps --require-hashes
# $(call packages,FILES): how many packages FILES pin.
packages = $(shell cat $(1) | grep -c '==')
define install
@.venv/bin/uv pip install --python $(1) $(PINNED) $(2:%=--requirement %) || { echo "Trying with pip ..." >&2; \
  for file in $(2); do .venv/bin/python -m pip --python $(1) install $(PINNED) --requirement $$file || exit 1; done; }
endef

PY := .venv/bin/python
LAYER_LOCK := layers/core/requirements.txt
EXCHANGES_LOCK := layers/exchanges/requirements.txt
LAYERS := $(LAYER_LOCK) $(EXCHANGES_LOCK) layers/core/pyproject.toml
UV := $(call stamp,.venv,uv,requirements/uv.txt)
RUN := $(call stamp,.venv,run,$(LAYERS) requirements/run.txt)
DEV := $(call stamp,.venv,dev,$(LAYERS) requirements/dev.txt)
SAM := $(call stamp,.venv-sam,sam,requirements/sam.txt)
MINISTACK := $(call stamp,.venv-ministack,ministack,requirements/ministack.txt)
CHECKOV := $(call stamp,.venv-checkov,checkov,requirements/checkov.txt)
CALENDARS := $(call stamp,.venv-calendars,calendars,requirements/calendars.txt)
NODE_PINS := $(wildcard scripts/openapi/package*.json)
OPENAPI := $(call stamp,.venv-openapi,openapi,requirements/openapi.txt $(NODE_PINS))

$(UV):
	@echo "Step 1 of 2: making the Python environment .venv (first time only) ..."
	$(call environment,.venv)
	@$(PY) -m pip install $(PINNED) --requirement requirements/uv.txt
	@rm -f .venv/uv-*.installed && touch $@

$(RUN): $(UV)
	$(call environment,.venv)
	@echo "Step 2 of 2: installing what the service needs, $(call packages,requirements/run.txt $(EXCHANGES_LOCK)) packages (first time only) ..."
	$(call install,.venv,requirements/run.txt $(EXCHANGES_LOCK))
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --no-index --editable layers/core
	@rm -f .venv/run-*.installed && touch $@

$(DEV): $(RUN)
	@echo "Installing test and lint tools, $(call packages,requirements/dev.txt) packages ..."
	$(call install,.venv,requirements/dev.txt)
	@rm -f .venv/dev-*.installed && touch $@

$(SAM) $(MINISTACK) $(CHECKOV) $(CALENDARS): $(UV)
	$(call environment,$(@D),--without-pip)
	@echo "Installing requirements/$(@D:.venv-%=%).txt ..."
	$(call install,$(@D),requirements/$(@D:.venv-%=%).txt)
	@rm -f $(@D)/*.installed && touch $@

# Node comes as a Python package, so that nothing has to be there beforehand.
$(OPENAPI): $(UV)
	$(call environment,$(@D),--without-pip)
	@echo "Installing requirements/openapi.txt and scripts/openapi/package-lock.json ..."
	$(call install,$(@D),requirements/openapi.txt)
	@cp $(NODE_PINS) $(@D)/ && cd $(@D) && PATH="$$PWD/bin:$$PATH" bin/npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@rm -f $(@D)/*.installed && touch $@

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
	  printf '  make %-16s %s\n' "$$name" "$$what"; done

.PHONY: run
run: $(RUN) ## Serve template.yaml on http://localhost:8000 (PORT, STATE_DIR, MONGODB_URL, PARAMETERS)
	@exec $(PY) -m local

.PHONY: migrate
migrate: $(RUN) ## Bring the database at MONGODB_URL to the state that this release needs (ARGS=--status)
	@.venv/bin/moniqo-admin migrate $(ARGS)

.PHONY: indexes
indexes: migrate ## The same as migrate, by its earlier name

# Each file in one of several processes; with ARGS all in one, which starts sooner and can be debugged. There is one
# process more than processors, because tests that start processes wait for a quarter of the time.
PROCESSES = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
SPREAD = -n $(PROCESSES) --maxprocesses 4 --dist loadfile --no-loadscope-reorder
.PHONY: test
test: $(DEV) ## Unit, contract and integration tests (ARGS="-k name")
	$(PY) -m pytest tests/unit tests/contract tests/integration $(or $(ARGS),$(SPREAD))

.PHONY: growth
growth: $(DEV) ## Test that requests on a journal of 10,000 entries cost what they cost on one of 1,000
	$(PY) -m pytest tests/growth $(or $(ARGS),$(SPREAD))

TESTS ?= tests/unit tests/contract tests/integration tests/growth tests/faults
.PHONY: coverage
coverage: $(DEV) ## Lines and branches that the tests run, in .build/coverage/ (TESTS=tests/unit)
	@mkdir -p .build/coverage && .venv/bin/coverage erase
	.venv/bin/coverage run -m pytest $(TESTS) $(or $(ARGS),$(SPREAD))
	@.venv/bin/coverage combine --quiet && .venv/bin/coverage html --quiet
	@.venv/bin/coverage report --format=total > .build/coverage/total
	@echo "$$(cat .build/coverage/total)% of lines and branches; each file is in .build/coverage/html/index.html"

.PHONY: faults
faults: $(DEV) ## Test outages and races, place orders while processes are killed, check the engine against its model (SEED=n)
	$(PY) -m pytest tests/faults $(SPREAD)
	$(PY) -m tests.soak.wire --orders 1000 --kills 100 --outages 5 $(if $(SEED),--seed $(SEED))
	$(PY) -m tests.soak.engine --steps 12000 $(if $(SEED),--seed $(SEED))

.PHONY: soak
soak: $(DEV) ## Place ten times as many orders under faults, and run a million steps of the engine against its naive model
	$(PY) -m tests.soak.wire --orders 10000 --kills 1000 --outages 50 $(if $(SEED),--seed $(SEED))
	$(PY) -m tests.soak.engine --steps 1000000 $(if $(SEED),--seed $(SEED))
	$(PY) -m tests.soak.venue_orders --orders 1000 $(if $(SEED),--seed $(SEED))

.PHONY: venue-faults
venue-faults: $(DEV) ## Place a thousand live orders at a fake venue while answers are lost and senders are killed (SEED=n)
	$(PY) -m tests.soak.venue_orders --orders 1000 $(if $(SEED),--seed $(SEED))

.PHONY: soak-sync
soak-sync: $(DEV) ## Sync 10,000 accounts at fake venues, some of them failing, with duplicate messages (SEED=n)
	$(PY) -m tests.soak.sync --wallets 10000 $(if $(SEED),--seed $(SEED))

.PHONY: soak-dispatch
soak-dispatch: $(DEV) ## Measure time and memory of the sync dispatcher over 100,000 due wallets
	$(PY) -m tests.soak.dispatch --wallets 100000

CASES ?= 2000
.PHONY: fuzz
fuzz: $(DEV) ## Send generated requests to every operation of the OpenAPI document (CASES=n, SEED=n)
	$(PY) -m tests.fuzz --cases $(CASES) $(if $(SEED),--seed $(SEED))

COUNT ?= 150
.PHONY: mutants
mutants: $(DEV) ## Put small faults into the code about money and secrets, to see which ones tests notice (COUNT=n, SEED=n)
	$(PY) -m tests.mutants --count $(COUNT) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: e2e
e2e: $(DEV) $(SAM) $(MINISTACK) ## Start `make run`, deploy the template to an AWS emulator, and use both over HTTP
	@$(MAKE) --no-print-directory build BUILD_DIR=.build/e2e/sam LAYER_PLATFORM=host
	SAM="$(CURDIR)/.venv-sam/bin/sam" MINISTACK_PYTHON="$(CURDIR)/.venv-ministack/bin/python" \
	  $(PY) -m pytest tests/e2e $(or $(ARGS),-n auto --maxprocesses 4 --dist loadfile)

# Containers have the runtime's Python and this machine's CPU, so the layers are built for them and not for `host`.
.PHONY: sam-local
sam-local: $(DEV) $(SAM) ## Run functions and the README's journey in `sam local`, with Docker (ALL=1, BASE_IMAGE, MONGODB_URL)
	@$(MAKE) --no-print-directory build BUILD_DIR=.build/sam-local/sam LAYER_PLATFORM=$$(uname -m)
	SAM="$(CURDIR)/.venv-sam/bin/sam" ALL=$(ALL) $(PY) -m pytest tests/sam_local $(ARGS)

.PHONY: clients
clients: $(DEV) $(OPENAPI) ## Generate a Python and a TypeScript client from the OpenAPI document and use them
	OPENAPI_TOOLS="$(CURDIR)/.venv-openapi" $(PY) -m pytest tests/clients $(ARGS)

.PHONY: bench
bench: $(DEV) ## Measure against baselines, report in .build/benchmarks.md (ARGS="cold_start")
	$(PY) -m benchmarks $(ARGS)

.PHONY: instructions
instructions: $(DEV) ## Count the instructions of an order, with valgrind, and compare with another checkout (BASE=folder)
	$(PY) -m benchmarks.instructions $(BASE)

.PHONY: openapi
openapi: $(RUN) ## Regenerate the OpenAPI document and the pages on errors from the code
	$(PY) -m moniqo_core.openapi functions functions/get_docs/openapi.json
	$(PY) -m moniqo_core.error_reference docs/reference/errors.md
	$(PY) -m moniqo_core.venue_error_reference docs/reference/venue-errors.md

.PHONY: diagram
diagram: $(DEV) ## Draw docs/concepts/rooms.svg anew: the packages of the layer and their imports
	$(PY) -m scripts.diagram

.PHONY: licences sbom
licences: $(DEV) ## Regenerate docs/reference/licences.md, the licences of the packages in the layers
	$(PY) scripts/licences.py > .venv/licences.md && mv .venv/licences.md docs/reference/licences.md
sbom: $(DEV) ## Write CycloneDX bills of materials of the layers to .build/sbom-*.json
	@mkdir -p .build
	@version=$$($(PY) -m moniqo_core.cli --version) && for layer in core exchanges; do \
	  sed "s/^dynamic = .*/version = \"$$version\"/" layers/$$layer/pyproject.toml > .build/sbom-$$layer.toml \
	  && .venv/bin/cyclonedx-py requirements --pyproject .build/sbom-$$layer.toml \
	  --mc-type library --output-reproducible --of JSON --output-file .build/sbom-$$layer.json \
	  layers/$$layer/requirements.txt && echo .build/sbom-$$layer.json || exit 1; done

.PHONY: calendars
calendars: $(CALENDARS) ## Regenerate the sessions of the stock exchange (for a new year or an unscheduled holiday)
	.venv-calendars/bin/python scripts/nyse_sessions.py > .venv-calendars/sessions
	@mv .venv-calendars/sessions layers/core/moniqo_core/domain/market/nyse_sessions.py

# Parts, so that `make -j lint` can do several at once.
.PHONY: lint lint-python lint-types lint-prose lint-secrets lint-template lint-sam lint-policies lint-openapi secrets
lint: lint-python lint-types lint-prose lint-secrets lint-template lint-sam lint-policies lint-openapi ## Style, types, layering, prose, security, secrets, template, OpenAPI
lint-types: $(DEV)
	.venv/bin/mypy
lint-prose: $(DEV)
	$(PY) scripts/prose.py
lint-python: $(DEV)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo
	.venv/bin/bandit --quiet --recursive --configfile pyproject.toml layers/core/moniqo_core functions local scripts
# No rule needs the internet. Redocly would send usage data and look for a newer release of itself.
lint-openapi: $(OPENAPI)
	@PATH="$(CURDIR)/.venv-openapi/bin:$$PATH" REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
	  .venv-openapi/node_modules/.bin/redocly lint --max-problems 50 --config scripts/openapi/redocly.yaml functions/get_docs/openapi.json
# Locks are full of hashes, and Swagger UI is not ours. Telling names ("password = ...") are looked for by ruff and bandit.
# Nothing found is tried out on anybody's server.
LISTED = git ls-files -co --exclude-standard 2>/dev/null || find . -type f -not -path './.*' -not -path '*/__pycache__/*'
FILES = ($(LISTED)) | grep -vE '^(\./)?(.*requirements[^ ]*\.txt|.*package-lock\.json|functions/get_docs/static/.*|\.secrets\.baseline)$$'
# The hook says 3 when only line numbers moved, which it writes into the file: a copy.
lint-secrets: $(DEV)
	@mkdir -p .build && cp .secrets.baseline .build/secrets.baseline
	@.venv/bin/detect-secrets-hook --no-verify --baseline .build/secrets.baseline $$($(FILES)) >.build/secrets.log || \
	  { test $$? -eq 3 || { cat .build/secrets.log; exit 1; }; }
secrets: $(DEV) ## Accept the findings of the secret scan in .secrets.baseline, after a review
	.venv/bin/detect-secrets scan --no-verify --disable-plugin KeywordDetector $$($(FILES)) > .venv/secrets.baseline
	@mv .venv/secrets.baseline .secrets.baseline
lint-template: $(DEV)
	.venv/bin/cfn-lint template.yaml
# The rules of the cfn-lint that SAM brings, which may be another release.
lint-sam: $(SAM)
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint --region us-east-1
lint-policies: $(CHECKOV)
	.venv-checkov/bin/checkov --config-file .checkov.yaml --skip-download --file template.yaml

.PHONY: hooks
hooks: $(DEV) ## Run the parts of `make lint` that concern a commit before each commit (.pre-commit-config.yaml)
	.venv/bin/pre-commit install

# LAYER_PLATFORM=host builds for this machine instead of for Lambda; see layers/core/Makefile.
BUILD_DIR ?= .aws-sam/build
.PHONY: build
build: $(RUN) $(SAM) ## Build the layer and the template for `sam deploy` (BUILD_DIR, LAYER_PLATFORM)
	PYTHON="$(CURDIR)/$(PY)" SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build --build-dir $(BUILD_DIR)
	@$(PY) -m scripts.built_template $(BUILD_DIR)/template.yaml

# samconfig.toml holds the parameters of each environment.
ENVIRONMENT ?= dev
.PHONY: deploy
deploy: build ## Deploy to AWS with your credentials (ENVIRONMENT=prod)
	@$(PY) -m scripts.deploy_parameters $(BUILD_DIR)/template.yaml $(ENVIRONMENT) > $(BUILD_DIR)/parameters.yaml
	.venv-sam/bin/sam deploy --template-file $(BUILD_DIR)/template.yaml --config-file "$(CURDIR)/samconfig.toml" \
	  --config-env $(ENVIRONMENT) --parameter-overrides file://$(BUILD_DIR)/parameters.yaml $(ARGS)
	@$(PY) -m scripts.old_versions $(ENVIRONMENT) --keep $(KEEP_VERSIONS) $(ARGS)

# CloudFormation keeps the versions of earlier releases, and with SnapStart each costs money by the hour.
KEEP_VERSIONS ?= 1
.PHONY: old-versions
old-versions: $(RUN) ## Delete function versions of earlier releases, as `make deploy` does (ENVIRONMENT, KEEP_VERSIONS)
	@$(PY) -m scripts.old_versions $(ENVIRONMENT) --keep $(KEEP_VERSIONS) $(ARGS)

.PHONY: lock
lock: $(UV) ## Pin all requirements again, with hashes (UPGRADE=1 takes newer versions)
	$(LOCK) layers/core/pyproject.toml -o $(LAYER_LOCK)
	$(LOCK) layers/core/pyproject.toml requirements/run.in -c $(LAYER_LOCK) -o requirements/run.txt
	$(LOCK) layers/core/pyproject.toml requirements/dev.in -c requirements/run.txt -o requirements/dev.txt
	$(LOCK) --no-deps layers/exchanges/pyproject.toml -c requirements/dev.txt -o $(EXCHANGES_LOCK)
	$(LOCK) requirements/lambda.in -c requirements/dev.txt -o requirements/lambda.txt
	for name in uv sam ministack checkov calendars openapi; do $(LOCK) requirements/$$name.in -o requirements/$$name.txt || exit 1; done
LOCK = .venv/bin/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes \
  --no-header --no-emit-index-url --no-emit-find-links
