# make help lists the targets.
.DEFAULT_GOAL := help
GOBIN := $(CURDIR)/.cache/bin
LINT_VERSION := v2.15.0

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: run
run: ## dispatch the sample commands and show what happens
	go run ./examples/quickstart $(ARGS)

.PHONY: test
test: ## run the tests that need nothing but Go
	go test -race $(ARGS) ./...

.PHONY: test-cluster
test-cluster: ## run all tests, on three real brokers and a registry (Java 17, Maven, Python 3, Node 18)
	go test -race -tags=cluster -timeout=40m $(ARGS) ./...

.PHONY: older
older: ## run all tests of the store and its rooms, also those that CI leaves out, on brokers of Kafka 3.5.1
	FENCELOG_KAFKA_VERSION=3.5.1 go test -race -tags=cluster -timeout=40m $(ARGS) \
		./kafka ./kafka/connection ./kafka/topics ./kafka/doctor ./kafka/internal/watch ./kafka/prove/internal/proof

.PHONY: prove
prove: ## ten minutes of faults on real brokers, every history checked for linearizability (ARGS="-duration 1m -broken all" …)
	go run ./kafka/prove -duration 10m $(ARGS)

.PHONY: bench
bench: ## measure the store beside its alternatives, on real brokers and PostgreSQL 15 (ARGS=-quick for five minutes)
	go run ./kafka/bench $(ARGS)

.PHONY: cluster
cluster: ## start three brokers and a registry on this machine, until Ctrl-C (ARGS="-ports 9092,9093,9094" …)
	@echo "compiling (up to a minute the first time)" >&2
	go run ./kafka/kafkatest/cmd/cluster $(ARGS)

.PHONY: stack
stack: ## start the whole infrastructure on this machine, without Docker, until Ctrl-C (and Debian's prometheus)
	@echo "compiling (up to a minute the first time)" >&2
	go run ./examples/infrastructure/stack $(ARGS)

.PHONY: lint
lint: $(GOBIN)/golangci-lint ## check style and the import rules
	$(GOBIN)/golangci-lint run --allow-parallel-runners --build-tags cluster,bench ./...

.PHONY: fmt
fmt: $(GOBIN)/golangci-lint ## format the code
	$(GOBIN)/golangci-lint fmt ./...

$(GOBIN)/golangci-lint:
	GOBIN=$(GOBIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

.PHONY: ci
ci: ## run what continuous integration runs
	.ci/run

.PHONY: clean
clean: ## remove what the build left
	rm -rf .cache bin build
