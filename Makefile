# rebound: `make demo` shows what it does, `make test` proves that it works.
SHELL  := bash
.SHELLFLAGS := -euo pipefail -c
GO     ?= go
BIN    := $(CURDIR)/bin/rebound
# The product is built without cgo, and all is built the same way, so that the
# build cache serves the binary, the linters and the tests. Only the race detector
# needs cgo and a C compiler; without one the tests run without it.
export CGO_ENABLED := 0
RACE   := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)
# The tests that start processes take turns with the rest badly on few cores.
PARALLEL ?= 2
export REBOUND_BIN := $(BIN)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/rebound, one static binary
	$(GO) build -o $(BIN) ./cmd/rebound

.PHONY: demo
demo: build ## Break the shop four ways, heal it, show the report
	$(BIN) demo

.PHONY: test
test: check e2e ## All that must pass before a change lands

.PHONY: check
check: lint unit ## Format, vet, lint, architecture, unit tests: no processes, no load

.PHONY: unit
unit: build ## Unit tests, shuffled, with the race detector where there is a C compiler
	$(if $(RACE),CGO_ENABLED=1) $(GO) test $(RACE) -short -shuffle=on -p $(PARALLEL) ./...

.PHONY: e2e
e2e: build ## Tests that start real systems, break them and judge; what `unit` leaves out
	$(if $(RACE),CGO_ENABLED=1) $(GO) test $(RACE) -p 1 -count=1 -timeout 20m ./scenarios/...
	$(GO) test -p 1 -parallel 4 -count=1 -timeout 20m ./fixtures/process ./faults/faulttest ./cmd/rebound

LINT := $(CURDIR)/bin/golangci-lint
$(LINT): ci/tools/go.mod
	cd ci/tools && $(GO) build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: lint
lint: $(LINT) ## Format, vet and lint, without changing anything
	$(GO) vet ./...
	$(LINT) fmt --diff
	$(LINT) run

.PHONY: fmt
fmt: $(LINT) ## Format what is not formatted
	$(LINT) fmt

.PHONY: fuzz
fuzz: ## Fuzz each decoder for FUZZTIME (10s)
	@for t in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -rhoE '^func Fuzz\w+' $$t/*_test.go | cut -d' ' -f2); do \
	    $(GO) test $$t -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-10s}; done; done

.PHONY: bench
bench: build ## Benchmarks, five runs each: reaction to a crash, overhead of the proxies
	$(GO) test -run '^$$' -bench . -benchmem -count 5 ./...

.PHONY: docs
docs: build ## Write docs/reference.md anew from what is registered
	$(BIN) list --markdown > docs/reference.md

.PHONY: update
update: build ## Write the golden files anew; read the diff
	UPDATE=1 $(GO) test -short ./ci/arch/... && $(GO) test -short ./reports/render/... -update

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin out
