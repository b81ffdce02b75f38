# What a developer types. Each target only says which tool does it; ARGS is handed on to that tool.
.DELETE_ON_ERROR:
.PHONY: run down test lambda bench smoke package deploy rollback sbom licences check check-code check-dependencies check-secrets check-workflows check-infra nextest

ARGS ?=
FUNCTIONS = accounts admin auth console health metrics
SCHEDULED = backup maintenance migrate rotation
BUILD = $(abspath $(or $(CARGO_TARGET_DIR),target))
ARCH ?= arm64
TARGET = $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu
SETTINGS = $(firstword $(wildcard .holdfast/functions.env .env))
LAMBDA = PATH="$(CURDIR)/.venv/lambda/bin:$$PATH" cargo lambda

# Everything on one local gateway, over a PostgreSQL of its own.
run:
	cargo run --locked -- run $(ARGS)

down:
	cargo run --locked -- down $(ARGS)

# All tests, the real function binaries under AWS's runtime emulator among them.
test: .venv/aws/ready .venv/emulators/ready .venv/generated/ready .venv/programs/ready nextest
	cargo build --locked --workspace --bins
	$(BUILD)/debug/harness cargo nextest run --locked --workspace $(ARGS)

# The functions under cargo-lambda, on localhost:9000, with the settings and the database of the `make run` in another
# terminal, or else those in .env.
lambda: .venv/lambda/ready
	cargo build --locked $(FUNCTIONS:%=--bin %)
	$(LAMBDA) watch --invoke-address ::1 --disable-cors $(addprefix --env-file ,$(SETTINGS)) $(ARGS)

# The release binaries under AWS's runtime emulator, beside peers in Node.js and Python; see docs/performance.md.
bench: .venv/emulators/ready .venv/programs/ready .venv/peers/ready tests/peers/node/node_modules/ready
	cargo build --locked --release $(FUNCTIONS:%=--package holdfast-%) $(SCHEDULED:%=--package holdfast-%)
	cargo build --locked --release --package holdfast
	cargo build --locked --package holdfast-tests --bin bench
	HOLDFAST_BIN_DIR=$(BUILD)/release $(BUILD)/debug/bench $(ARGS)

# The end-to-end test against a running deployment: make smoke URL=https://api.example.com CREDENTIALS=file.json
smoke: nextest
	HOLDFAST_URL=$(URL) HOLDFAST_CREDENTIALS=$(abspath $(CREDENTIALS)) cargo nextest run --locked --package holdfast-tests -E 'test(/^smoke::/)'

# What a release has of the functions for ARCH, in target/packages: each one's zip and what it is made of, and the digests.
package: .venv/lambda/ready sbom
	$(LAMBDA) build --locked --release --$(ARCH) --output-format zip $(FUNCTIONS:%=--package holdfast-%) $(SCHEDULED:%=--package holdfast-%)
	mkdir -p $(BUILD)/packages
	set -e; for function in $(FUNCTIONS) $(SCHEDULED); do \
		cp $(BUILD)/lambda/$$function/bootstrap.zip $(BUILD)/packages/$$function-$(ARCH).zip; \
		cp functions/$$function/sbom.cdx.json $(BUILD)/packages/$$function-$(ARCH).cdx.json; \
	done
	cargo run --quiet --locked -- digests write --folder $(BUILD)/lambda --commit "$$(git rev-parse HEAD)" > $(BUILD)/packages/digests-$(ARCH).json

# Build, digests, deployment, migration, comparison, smoke test: docs/deployment.md.
deploy: .venv/lambda/ready .venv/sam/ready nextest
	PATH="$(CURDIR)/.venv/lambda/bin:$(CURDIR)/.venv/sam/bin:$$PATH" infra/deploy $(ENV) $(ARGS)

rollback:
	infra/rollback $(ENV)

# What the functions for ARCH are made of, as CycloneDX: a file beside each crate's Cargo.toml.
sbom:
	cargo cyclonedx --version > /dev/null 2>&1 || cargo install --locked cargo-cyclonedx@0.5.9
	cargo cyclonedx --format json --spec-version 1.5 --all --target $(TARGET) --override-filename sbom.cdx

licences:
	cargo deny --locked list --layout crate > docs/licences.txt

check: check-code check-dependencies check-secrets check-workflows check-infra

check-code:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items

check-dependencies:
	cargo deny --version > /dev/null 2>&1 || cargo install --locked cargo-deny@0.20.2
	cargo deny --locked check licenses bans sources
	cargo deny --locked list --layout crate | diff docs/licences.txt - || { echo "docs/licences.txt is out of date: make licences"; exit 1; }

# What looks like a secret and is none stands in .secrets.baseline, each looked at by somebody.
check-secrets: .venv/secrets/ready
	git ls-files -z | xargs -0 .venv/secrets/bin/detect-secrets-hook --baseline .secrets.baseline

# What GitHub would not take, what somebody could use against us, and what a shell would do otherwise than it reads.
check-workflows: .venv/workflows/ready
	.venv/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/workflows/bin/zizmor --quiet --offline --strict-collection --persona auditor .github
	git grep -lzE '^#!/usr/bin/env bash' | xargs -0 .venv/workflows/bin/shellcheck

# W1101 is not of interest: sam writes out what a YAML alias stands for when it packages the templates.
check-infra: export SAM_CLI_TELEMETRY = 0
check-infra: .venv/sam/ready .venv/checkov/ready .venv/moto/ready
	cfn-guard --version > /dev/null 2>&1 || cargo install --locked cfn-guard@3.2.1
	cd infra && ../.venv/sam/bin/sam validate --lint
	.venv/sam/bin/cfn-lint --ignore-checks W1101 -- infra/*.yaml
	.venv/checkov/bin/checkov --directory infra --framework cloudformation --skip-download --compact --quiet
	.venv/sam/bin/python infra/rules/expand.py $(BUILD)/templates infra/*.yaml
	.venv/sam/bin/python infra/rules/wiring.py $(BUILD)/templates
	cfn-guard test --dir infra/rules > $(BUILD)/guard-tests || { cat $(BUILD)/guard-tests; exit 1; }
	cfn-guard validate --rules infra/rules/*.guard --data $(BUILD)/templates --show-summary fail
	.venv/sam/bin/python infra/rules/transform.py $(BUILD)/templates $(BUILD)/cloudformation 2> $(BUILD)/transform.log || { cat $(BUILD)/transform.log; exit 1; }
	.venv/moto/bin/python infra/rules/create.py $(BUILD)/cloudformation 2> $(BUILD)/moto.log || { tail -1 $(BUILD)/moto.log; exit 1; }
	python3 infra/cost.py --check

nextest:
	cargo nextest --version > /dev/null 2>&1 || cargo install --locked cargo-nextest@0.9.143

# Programs of Debian's that tests start: a TLS edge, a real Prometheus and its checker, what makes load, a browser and what drives it.
.venv/programs/ready: tests/requirements/programs Makefile
	rm -rf $(@D) && $< $(@D) nginx:nginx prometheus:prometheus prometheus:promtool wrk:wrk chromium:chromium chromium-driver:chromedriver
	touch $@

tests/peers/node/node_modules/ready: tests/peers/node/package-lock.json
	cd tests/peers/node && npm ci --no-audit --no-fund --loglevel error
	touch $@

# Python tools, each set in an environment of its own: pinned with hashes, installed anew when its pins change.
.venv/%/ready: tests/requirements/%.txt
	rm -rf $(@D) && python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	touch $@
