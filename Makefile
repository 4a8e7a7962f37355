# Each target is a line or two; what is longer lives in scripts/ and xtask/.
.DEFAULT_GOAL := help
.PHONY: help setup run test check lint docs openapi openapi-lint bench fuzz stripe properties torture reset

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 21

setup: ## Install what is missing on this machine, after saying what
	@scripts/setup

run: setup ## Serve a demonstration marketplace with a PostgreSQL of its own; Ctrl-C stops both
	cargo run --package mercato -- serve --seed-demo

test: setup ## Run every test against a PostgreSQL of its own
	cargo xtask test

check: setup lint docs ## Everything that is checked without running the tests
	cargo xtask dependencies

lint: ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

docs: ## Build the documentation of the crates; a broken link is an error
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

openapi: ## Write the description of the HTTP interface
	cargo run --package mercato -- openapi > docs/openapi.json

openapi-lint: ## Examine the description of the HTTP interface; needs Node.js
	REDOCLY_TELEMETRY=off npx --yes @redocly/cli@2.77.0 lint

bench: setup ## Measure, in the profile that is shipped
	cargo build --release --package mercato --package mercato-bench
	target/release/mercato-bench --page docs/ops/benchmark.md

fuzz: setup ## Call a demonstration marketplace as nobody would, and examine its answers; needs Python
	cargo xtask fuzz

stripe: ## Drive the fake of Stripe with Stripe's own library; needs Python
	cargo xtask stripe

properties: setup ## Run the tests with a hundred thousand cases for each property
	PROPTEST_CASES=100000 cargo xtask test

torture: setup ## Kill everything under thousands of payments, and look whether a cent is missing
	cargo run --package mercato -- torture --operations 4000 --clients 16 --kills 60

reset: ## Delete the data of the demonstration and of the tests
	cargo xtask reset
