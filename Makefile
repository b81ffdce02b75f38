# Targets for developers. Each one only names the tools that do the work; ARGS is passed on to the tool.
.DELETE_ON_ERROR:
.PHONY: run down test lambda bench smoke package deploy rollback sbom licences check check-code check-console check-dependencies check-infra check-secrets check-words check-workflows nextest

ARGS ?=
FUNCTIONS = accounts admin auth console health metrics
SCHEDULED = backup maintenance migrate rotation
BUILD = $(abspath $(or $(CARGO_TARGET_DIR),target))
ARCH ?= arm64
TARGET = $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu
# Each function's Cargo.toml names its settings of `make run`.
SETTINGS = $(if $(wildcard .holdfast/auth.env),,$(wildcard .env))
LAMBDA = PATH="$(CURDIR)/.venv/lambda/bin:$$PATH" cargo lambda

# Run all functions on one local gateway, with a private PostgreSQL.
run:
	cargo run --locked -- run $(ARGS)

down:
	cargo run --locked -- down $(ARGS)

# Run all tests, including those of the function binaries under AWS's runtime emulator.
test: .venv/aws/ready .venv/emulators/ready .venv/generated/ready .venv/programs/ready nextest
	cargo build --locked --workspace --bins
	$(BUILD)/debug/harness cargo nextest run --locked --workspace $(ARGS)

# Run the functions under cargo-lambda on localhost:9000, with the settings and the database of the `make run` in another
# terminal, or else those in .env.
lambda: .venv/lambda/ready
	cargo build --locked $(FUNCTIONS:%=--bin %)
	$(LAMBDA) watch --invoke-address ::1 --disable-cors $(addprefix --env-file ,$(SETTINGS)) $(ARGS)

# Measure the release binaries under AWS's runtime emulator, beside peers in Node.js and Python: docs/performance.md.
bench: .venv/emulators/ready .venv/programs/ready .venv/peers/ready tests/peers/node/node_modules/ready
	cargo build --locked --release $(FUNCTIONS:%=--package holdfast-%) $(SCHEDULED:%=--package holdfast-%)
	cargo build --locked --release --package holdfast
	cargo build --locked --package holdfast-tests --bin bench
	HOLDFAST_BIN_DIR=$(BUILD)/release $(BUILD)/debug/bench $(ARGS)

# Run the end-to-end test against a deployment: make smoke URL=https://api.example.com CREDENTIALS=file.json
smoke: nextest
	HOLDFAST_URL=$(URL) HOLDFAST_CREDENTIALS=$(abspath $(CREDENTIALS)) cargo nextest run --locked --package holdfast-tests -E 'test(/^deployment::smoke::/)'

# Build the functions' part of a release for ARCH in target/packages: a zip and an SBOM for each function, and the digests.
package: .venv/lambda/ready sbom
	$(LAMBDA) build --locked --release --$(ARCH) --output-format zip $(FUNCTIONS:%=--package holdfast-%) $(SCHEDULED:%=--package holdfast-%)
	mkdir -p $(BUILD)/packages
	set -e; for function in $(FUNCTIONS) $(SCHEDULED); do \
		cp $(BUILD)/lambda/$$function/bootstrap.zip $(BUILD)/packages/$$function-$(ARCH).zip; \
		cp functions/$$function/sbom.cdx.json $(BUILD)/packages/$$function-$(ARCH).cdx.json; \
	done
	cargo run --quiet --locked -- admin digests write --folder $(BUILD)/lambda --commit "$$(git rev-parse HEAD)" > $(BUILD)/packages/digests-$(ARCH).json

# Build, record digests, deploy, migrate, compare, run the smoke test: docs/deployment.md.
deploy: .venv/lambda/ready .venv/sam/ready nextest
	PATH="$(CURDIR)/.venv/lambda/bin:$(CURDIR)/.venv/sam/bin:$$PATH" infra/deploy $(ENV) $(ARGS)

rollback:
	infra/rollback $(ENV)

# Write the SBOMs of the functions for ARCH as CycloneDX: a file beside each crate's Cargo.toml.
sbom:
	cargo cyclonedx --version > /dev/null 2>&1 || cargo install --locked cargo-cyclonedx@0.5.9
	cargo cyclonedx --format json --spec-version 1.5 --all --target $(TARGET) --override-filename sbom.cdx

licences:
	cargo deny --locked list --layout crate > docs/licences.txt

check: check-words check-code check-console check-dependencies check-secrets check-workflows check-infra

# Reject the words that docs/glossary.md replaces.
check-words:
	.ci/check-words

check-code:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items

# Lint and type-check the console's scripts.
check-console: functions/console/node_modules/ready
	npm --prefix functions/console run check

check-dependencies:
	cargo deny --version > /dev/null 2>&1 || cargo install --locked cargo-deny@0.20.2
	cargo deny --locked check licenses bans sources
	cargo deny --locked list --layout crate | diff docs/licences.txt - || { echo "docs/licences.txt is out of date: make licences"; exit 1; }

# Search for secrets. False positives are listed in .secrets.baseline, each reviewed.
check-secrets: .venv/secrets/ready
	git ls-files -z | xargs -0 .venv/secrets/bin/detect-secrets-hook --baseline .secrets.baseline

# Check workflows against their schema and for vulnerabilities, and shell scripts for mistakes.
check-workflows: .venv/workflows/ready
	.venv/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/workflows/bin/zizmor --quiet --offline --strict-collection --persona auditor .github
	git grep -lzE '^#!/usr/bin/env bash' | xargs -0 .venv/workflows/bin/shellcheck

# Check the templates: their form, the wiring between them, and the hardening rules (`holdfast check`); then create the stacks in
# moto. cfn-lint's W1101 does not apply: sam expands YAML aliases when it packages the templates. The values of CHECKED stand for
# what an operator gives, so that every rule is decided: none may fail, of whatever severity.
CHECKED = DomainName=api.example.com CertificateArn=arn:aws:acm:eu-central-1:123456789012:certificate/1 \
	CodeSigningConfigArn=arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-1 S3PrefixListId=pl-6ea54007
check-infra: export SAM_CLI_TELEMETRY = 0
check-infra: .venv/sam/ready .venv/checkov/ready .venv/moto/ready
	cd infra && ../.venv/sam/bin/sam validate --lint
	.venv/sam/bin/cfn-lint --ignore-checks W1101 -- infra/*.yaml
	.venv/checkov/bin/checkov --directory infra --framework cloudformation --skip-download --compact --quiet
	set -e; for environment in dev prod; do \
		cargo run --quiet --locked -- check --fail-on low --template infra/template.yaml --config-env $$environment \
			$(CHECKED:%=--parameter %) --beside infra/signing.yaml > $(BUILD)/rules || { cat $(BUILD)/rules; exit 1; }; \
	done
	.venv/sam/bin/python infra/checks/expand.py $(BUILD)/templates infra/*.yaml
	.venv/sam/bin/python infra/checks/wiring.py $(BUILD)/templates
	.venv/sam/bin/python infra/checks/transform.py $(BUILD)/templates $(BUILD)/cloudformation 2> $(BUILD)/transform.log || { cat $(BUILD)/transform.log; exit 1; }
	.venv/moto/bin/python infra/checks/create.py $(BUILD)/cloudformation 2> $(BUILD)/moto.log || { tail -1 $(BUILD)/moto.log; exit 1; }
	python3 infra/cost.py --check

nextest:
	cargo nextest --version > /dev/null 2>&1 || cargo install --locked cargo-nextest@0.9.143

# Debian programs that tests start: a TLS edge, Prometheus and its checker, a load generator, a browser and its driver.
.venv/programs/ready: tests/requirements/programs Makefile
	rm -rf $(@D) && $< $(@D) nginx:nginx prometheus:prometheus prometheus:promtool wrk:wrk chromium:chromium chromium-driver:chromedriver
	touch $@

tests/peers/node/node_modules/ready: tests/peers/node/package-lock.json
	cd tests/peers/node && npm ci --no-audit --no-fund --loglevel error
	touch $@

functions/console/node_modules/ready: functions/console/package-lock.json
	cd functions/console && npm ci --no-audit --no-fund --loglevel error
	touch $@

# Python tools, each set in an environment of its own: pinned with hashes, reinstalled when its pins change.
.venv/%/ready: tests/requirements/%.txt
	rm -rf $(@D) && python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	touch $@
