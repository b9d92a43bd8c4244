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
COMMA  := ,
# The tests that start processes take turns with the rest badly on few cores.
PARALLEL ?= 2
export REBOUND_BIN := $(BIN)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/rebound, one static binary
	$(GO) build -ldflags '-s -w' -o $(BIN) ./cmd/rebound

.PHONY: demo
demo: build ## Break the shop four ways, heal it, show the report
	$(BIN) demo

# REBOUND_REQUIRE=containers,kind: what these tests miss is a failure, and no skip.
REQUIRED := $(filter containers kind,$(subst $(COMMA), ,$(REBOUND_REQUIRE)))

# What is tested: PLATFORMS=process needs no Docker, and takes minutes.
PLATFORMS ?= process containers kind

.PHONY: provision
provision: ## Get Docker, the images and the kind node image onto this machine
	$(GO) run ./ci/provision -for '$(PLATFORMS)' $(PROVISION)

.PHONY: test
test: ready build ## All that must pass before a change lands, on PLATFORMS='process containers kind'
	@$(CLUSTERED) $(MAKE) check; $(WAIT) $(MAKE) e2e suites

# All that need a cluster share one, which comes up beside what needs none; one that was
# up before stays.
CLUSTERED = $(if $(filter kind,$(PLATFORMS)),up=; if { $(BIN) cluster status 2>/dev/null || true; } | grep -q 'there is none'; then \
	  trap '$(BIN) cluster down' EXIT; $(BIN) cluster up --images-of shop & up=$$!; fi;)
WAIT = $(if $(filter kind,$(PLATFORMS)),[[ -z $$up ]] || wait $$up $(if $(filter kind,$(REQUIRED)),,|| true);)

# Where Docker, or what its suites need, cannot be had, they are skipped by name,
# unless REBOUND_REQUIRE asks for them.
.PHONY: ready
ready:
	@$(MAKE) provision PROVISION='$(if $(REQUIRED),,-if-possible)'

# Each night the scaler is compared on other cases: SEED=20260131 plays those of a day again.
.PHONY: nightly
nightly: ready build ## Every scenario on every platform in every arm, and the scaler against upstream's: takes hours
	@$(CLUSTERED) $(WAIT) REBOUND_NIGHTLY=1 SEED=$${SEED:-$$(date +%Y%m%d)} $(MAKE) -k e2e suites oracle

.PHONY: check
check: lint unit ## Format, vet, lint, architecture, unit tests: no processes, no load

.PHONY: unit
unit: build ## Unit tests, shuffled, with the race detector where there is a C compiler
	$(if $(RACE),CGO_ENABLED=1) $(GO) test $(RACE) -short -shuffle=on -p $(PARALLEL) $$($(GO) list ./... | grep -v /scenarios/suites/)
	@$(GO) test -v -count=1 -run '^TestEachRuleAloneKeepsFromHarm$$' ./healers | grep -v '^ *---\|^=== '

# Tests of cmd/rebound that judge how a system fares are run with nothing beside them.
JUDGING := TestDemo|TestTwoRuns|TestExitCodeTells
# What the platforms that are left out have in packages that are not.
ABSENT := $(if $(filter containers,$(PLATFORMS)),,TestContainers)|$(if $(filter kind,$(PLATFORMS)),,TestKind)

# The longest come first, so that none is waited for at the end.
.PHONY: e2e
e2e: build ## Tests that start real systems, break them and judge; what `unit` leaves out
	$(if $(RACE),CGO_ENABLED=1) $(GO) test $(RACE) -p 1 -parallel 4 -count=1 -timeout 20m ./scenarios/run ./fixtures/load
	$(GO) test -count=1 -timeout 20m -run '^($(JUDGING))' ./cmd/rebound
	$(GO) test -p 5 -parallel 4 -count=1 -timeout 60m -skip '^($(JUDGING)|($(ABSENT))$$)' \
	  $(if $(filter kind,$(PLATFORMS)),./fixtures/cluster) $(if $(filter containers,$(PLATFORMS)),./fixtures/containers) \
	  ./cmd/rebound ./faults/faulttest ./fixtures/shop ./fixtures/process ./fixtures/host

# The suites come one after another: on few cores they would slow each other down. But
# for negative, whose users are few and whose limits are wide: it is played beside the
# others. One that fails does not keep the others from being run.
SUITES ?= process negative $(filter containers kind,$(PLATFORMS))
# Which specs: '!slow', 'smoke', 'layer-network && !off'.
LABELS ?= $(if $(REBOUND_NIGHTLY),,!slow)
SUITES_OUT := $(CURDIR)/out/suites

.PHONY: suites
suites: build ## Scenarios as specs, on every platform: SUITES='kind' LABELS='smoke' chooses
	@rm -rf $(SUITES_OUT) && mkdir -p $(SUITES_OUT); failed=; beside=; \
	play() { \
	  REBOUND_OUT=$(SUITES_OUT) $(GO) test -v -count=1 -timeout 6h ./scenarios/suites/$$1 \
	    -ginkgo.label-filter='$(LABELS)' -ginkgo.no-color -ginkgo.fail-on-pending -ginkgo.poll-progress-after=5m \
	    -ginkgo.junit-report=$(SUITES_OUT)/$$1.xml -ginkgo.json-report=$(SUITES_OUT)/$$1.json; }; \
	$(if $(filter negative,$(SUITES)),play negative >$(SUITES_OUT)/negative.log 2>&1 & beside=$$!;) \
	for s in $(filter-out negative,$(SUITES)); do \
	  play $$s || failed="$$failed $$s"; \
	done; \
	[[ -z $$beside ]] || { wait $$beside || failed="$$failed negative"; cat $(SUITES_OUT)/negative.log; }; \
	cat $(SUITES_OUT)/specs.txt 2>/dev/null || echo "no spec was run"; \
	[[ -z $$failed ]] || { echo "failed:$$failed; what they left is in $(SUITES_OUT)"; exit 1; }

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
	@for t in $$(grep -rlE '^func Fuzz' --include='*_test.go' --exclude-dir=out . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -rhoE '^func Fuzz\w+' $$t/*_test.go | cut -d' ' -f2); do \
	    $(GO) test $$t -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-10s} -fuzzminimizetime 20x; done; done

.PHONY: bench
bench: ready build ## Benchmarks, five runs each: reaction to a crash, probes, proxies, kills, starts, a cluster
	@$(CLUSTERED) $(WAIT) $(GO) test -run '^$$' -bench . -benchmem -count 5 -timeout 60m ./...
	cd ci/bench && $(GO) test -bench . -timeout 20m ./...

# Its tests are run by `bench`, its rounds are not.
.PHONY: bench-breakers
bench-breakers: ## Our circuit breaker beside its peers: a table, the ratios, and whether ours keeps its limits
	@cd ci/bench && $(GO) run ./breakers

# Upstream's module with one file more, which makes its parts reachable.
UPSTREAM := out/oracle/kubernetes
$(UPSTREAM): ci/oracle/export.go.txt ci/oracle/go.mod
	rm -rf $@ && mkdir -p $(@D)
	cp -r "$$(cd ci/bench && $(GO) mod download -json k8s.io/kubernetes@v1.34.4 | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p')" $@
	chmod -R u+w $@ && cp $< $@/pkg/controller/podautoscaler/export.go && touch $@

.PHONY: oracle
oracle: $(UPSTREAM) ## Compare the scaler with upstream's own code on CASES (200000) random inputs of SEED (1)
	cd ci/oracle && $(GO) test -v -count=1 -timeout 60m . -args -cases $${CASES:-200000} -seed $${SEED:-1}

.PHONY: docs
docs: build ## Write docs/reference.md anew from what is registered
	$(BIN) list --markdown > docs/reference.md

.PHONY: update
update: build ## Write the golden files anew; read the diff
	UPDATE=1 $(GO) test -short ./ci/arch/... && $(GO) test -short ./reports/render/... -update

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin out
