# Rapport's commands; `make` lists them. Needs Go, Python 3.10 and make: local/tools.py puts the
# rest, pinned, into ~/.cache/rapport. GNU make 3.81 (macOS) is enough.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PORT ?= 4566
TEST_PORT ?= 4577
ENGINE ?= http://localhost:8000
FN ?=
ONLY ?=
FUZZTIME ?= 10s
MINUTES ?= 10

TOOLS = tools=$$(local/tools.sh) && export PATH="$$tools/bin:$$PATH"
CLOUD = $(TOOLS) && python local/cloud.py

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: ## Start the local cloud, deploy Rapport to it and fill it with the demo (PORT=4566)
	@local/run.sh $(PORT)

.PHONY: stop
stop: ## Stop the local cloud; its data stays
	@$(CLOUD) stop --name run

.PHONY: logs
logs: ## Follow the functions' logs in the local cloud
	@$(CLOUD) logs --name run --follow

.PHONY: reset
reset: ## Stop the local cloud and forget its data
	@$(CLOUD) reset --name run

.PHONY: build
build: ## Build the operator's tool, bin/rapport
	@CGO_ENABLED=0 go build -trimpath -o bin/rapport ./cmd/rapport

.PHONY: test
test: check ## Check everything, then run all tests against local clouds of their own (TEST_PORT=4577, and the next)
	@$(CLOUD) with --name packages --port $$(($(TEST_PORT) + 1)) --bare -- local/test.sh
	@$(CLOUD) with --name test --port $(TEST_PORT) -- local/test.sh deployed

.PHONY: check
check: # The quick checks: format, vet, template
	@$(TOOLS) && local/check.sh

.PHONY: drills
drills: ## Carry out the faults and attacks of docs/drills.md, and print what became of each
	@$(CLOUD) with --name drills --port 4581 --bare -- go run ./cmd/drills

.PHONY: drills-mutants
drills-mutants: ## Break the code in stated ways: each must be caught by a drill (ONLY="HTML formulas" for some)
	@$(CLOUD) with --name drills --port 4581 --bare -- go run ./cmd/drills mutants $(ONLY)

.PHONY: cases
cases: ## Try the cases of ../shared/cases on a local cloud of their own (ONLY="people/bom intake/feed-port" for some)
	@if [ -d ../shared/cases ]; then $(CLOUD) with --name cases --port 4585 -- go run ./cmd/cases $(ONLY); else go run ./cmd/cases; fi

.PHONY: contract
contract: ## Lint openapi.yaml, compile a client made from it, and tell what breaks the last release's clients
	@local/contract.sh

.PHONY: lint
lint: check lint-aws ## The quick checks, staticcheck and checkov
	@tools=$$(local/tools.sh test) && "$$tools/bin/staticcheck" ./...

.PHONY: lint-aws
lint-aws: ## Look for unsafe settings in the template (checkov, some 300 MB the first time)
	@tools=$$(local/tools.sh lint) && "$$tools/bin/checkov" --config-file local/checkov.yaml

.PHONY: fmt
fmt: ## Format the Go code
	@gofmt -w $$(git ls-files '*.go')

.PHONY: fuzz
fuzz: ## Run each fuzz test for FUZZTIME (10s)
	@local/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## Measure speed and cost, on a local cloud of its own
	@$(CLOUD) with --name bench --port 4580 -- go run ./cmd/bench

.PHONY: soak
soak: ## Load a local cloud of its own for MINUTES (10), and count what was lost or doubled
	@$(CLOUD) with --name soak --port 4579 -- go run ./cmd/bench soak --minutes $(MINUTES)

.PHONY: quality
quality: ## Measure how well texts are read, themes are found and accounts become persons
	@go run ./cmd/quality

.PHONY: models
models: ## Train the reader of texts again from its sources (an hour)
	@models/reader/make.sh

.PHONY: shots
shots: ## Take README's picture, docs/report.png, of the demo's report (needs Chromium)
	@local/shots.sh

.PHONY: deploy
deploy: ## Build and deploy to AWS; asks the first time, and again with ASK=1
	@$(TOOLS) && local/deploy.sh

.PHONY: invoke
invoke: ## Run one function in Docker on its sample event, say FN=Intake, beside `make run`
	@$(TOOLS) && local/invoke.sh "$(FN)" $(PORT)

.PHONY: test-store
test-store: ## Run the store's tests on another DynamoDB engine (ENGINE=http://localhost:8000)
	@AWS_ENDPOINT_URL_DYNAMODB=$(ENGINE) AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
		go test -count=1 ./internal/store/...

.PHONY: lock
lock: # Pin local's requirements.in, lint.in and schemathesis.in again, with hashes (needs uv)
	for f in requirements lint schemathesis; do uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-header -o local/$$f.lock local/$$f.in; done
