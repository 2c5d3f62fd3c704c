# Portreeve. `make demo` shows it, `make test` proves it; `make help` lists the rest.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN     := bin/portreeve
STACK   := bin/stack
LINT    := $(shell $(GO) env GOPATH)/bin/golangci-lint
LINT_VERSION := v2.15.0
# These start sandboxed workers, whose address space is limited; the race detector needs more than that.
WORKERS := portreeve/connector/duckdb portreeve/demo portreeve/cmd/portreeve portreeve/test portreeve/test/lake portreeve/bench

# Pages are much generated code, which takes three times as long to compile as it need for tests when it is optimized.
PLAIN   := -gcflags='portreeve/web=-N -l'

.DEFAULT_GOAL := help
.PHONY: help demo build test unit race packages stack stack-down up down stackcmd lint fmt generate assets check bench clean tools

help: ## Print what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

demo: build ## Build and start the demo: its own Postgres, a lake of real data, http://127.0.0.1:8080
	@exec ./$(BIN) demo $(ARGS)

build: compiler ## Build bin/portreeve
	@$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./cmd/portreeve

compiler:
	@command -v $(GO) >/dev/null || { echo "portreeve: Go 1.26 or newer is needed to build it" >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || command -v gcc >/dev/null || { echo "portreeve: a C compiler is needed to build DuckDB in: install gcc or clang (Debian: apt-get install gcc g++)" >&2; exit 1; }

test: compiler packages stackcmd ## Run all tests, on real servers that it fetches once: Postgres, Trino, Kafka, a schema registry, Keycloak, Chromium
	@exec $(STACK) run --with keycloak -- $(MAKE) --no-print-directory race unit

race: # everything that starts no worker, under the race detector
	$(GO) test -race $(PLAIN) -timeout 15m $$($(GO) list ./... | grep -vxF "$$(printf '%s\n' $(WORKERS))")

unit: # what does
	$(GO) test $(PLAIN) -timeout 20m $(WORKERS)

packages: # that the tests need, installed where we may
	@test/packages.sh

stack: compiler packages stackcmd ## Start the real servers in the background, for single tests: go test ./connector/trino
	@exec $(STACK) up

stack-down: stackcmd ## End them
	@exec $(STACK) down

up: build packages stackcmd ## Start the portal over the real servers, filled with data
	@exec $(STACK) up --portal $(BIN)

down: stackcmd ## End the portal and the real servers
	@exec $(STACK) down

stackcmd: # built, because go run returns no exit status and passes no signal on
	@$(GO) build -o $(STACK) ./test/stack/cmd

lint: tools ## Lint, arrows between packages, migrations, generated files
	$(LINT) fmt --diff
	$(LINT) run
	$(GO) vet -tags noduckdb ./connector/duckdb
	@$(MAKE) --no-print-directory check

tools:
	@$(LINT) version 2>/dev/null | grep -qF '$(LINT_VERSION:v%=%)' || $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

check: # what is generated and committed equals a fresh run
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && cp -r web "$$tmp/before" && $(MAKE) --no-print-directory generate assets && diff -r web "$$tmp/before" >/dev/null \
		|| { echo "generated files differ: run make generate assets and commit the result" >&2; exit 1; }

generate: ## Generate Go from templ
	@$(GO) tool templ generate -path web >/dev/null
	@$(GO) tool templ fmt web >/dev/null

assets: ## Build the browser's assets
	@$(GO) run ./web/build

fmt: tools ## Format
	@$(LINT) fmt
	@$(GO) tool templ fmt web

bench: ## Measure the figures that docs/benchmarks.md publishes
	$(GO) run ./bench all

clean: ## Remove what was built
	rm -rf bin
