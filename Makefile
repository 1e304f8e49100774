# Everything a reader, an author or a tester does with this repository.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := serve

ADDR ?= 127.0.0.1:3000
TARGET := $(or $(CARGO_TARGET_DIR),target)
WITH_TOOLS := eval "$$(.ci/tools --env)";
RELEASE := $(TARGET)/release/wirebook
DEBUG := $(TARGET)/debug/wirebook
# What most pages do not need is fetched when a reader comes near it (app/src/islands/late.rs).
SPLIT := --split --lib-features split
# The server finds its hashed assets through these, as cargo-leptos tells it to.
SITE := LEPTOS_OUTPUT_NAME=wirebook LEPTOS_SITE_ROOT=target/site LEPTOS_HASH_FILES=true

.PHONY: serve build watch test tools packages lint unit recipes content fields browser bench clean help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

serve: build ## build the release edition and serve it on http://127.0.0.1:3000
	@$(SITE) $(RELEASE) serve --addr $(ADDR)

# Splitting the wasm takes a minute even if nothing changed; so nothing is done then. The names in pkg/ are hashes.
BUILT := $(TARGET)/release/site.list
build: tools ## build the release edition
	@if ! { [ -x $(RELEASE) ] && ls target/site/pkg 2>/dev/null | cmp -s - $(BUILT) && \
		[ -z "$$(find Cargo.* .cargo app frontend server content style public -newer $(BUILT) -type f -print -quit)" ]; }; then \
		mkdir -p $(dir $(BUILT)) && touch $(BUILT).start; \
		$(WITH_TOOLS) cargo leptos build --release $(SPLIT); \
		ls target/site/pkg >$(BUILT) && touch -r $(BUILT).start $(BUILT); \
	fi

watch: tools ## rebuild and reload while you write (pages, labs, styles, chapters)
	@$(WITH_TOOLS) LEPTOS_HASH_FILES=false cargo leptos watch

tools:
	@.ci/tools

packages:
	@.ci/packages

test: tools lint unit content fields browser recipes ## everything that must hold

lint: tools ## formatting and clippy, warnings denied
	cargo fmt --all --check
	@.ci/features
	cargo clippy --workspace --exclude frontend --all-targets --quiet -- -D warnings
	cargo clippy --package frontend --target wasm32-unknown-unknown --quiet -- -D warnings

unit: packages ## unit and integration tests
	cargo test --workspace --exclude frontend --no-fail-fast

content: ## every chapter, lab block, anchor, parameter, link and image
	cargo run --quiet --package server -- check content

fields: packages ## every lab in both tiers; every field of its frames against tshark
	@.ci/fields

recipes: tools ## the recipes of CONTRIBUTING.md, followed in a copy
	@.ci/recipes

browser: tools packages ## Playwright in Chromium against a running server
	@$(WITH_TOOLS) LEPTOS_HASH_FILES=true cargo leptos build $(SPLIT)
	@cd end2end && npm ci --no-audit --no-fund --loglevel=error && npx playwright test

bench: build ## the figures of README as ratios within one run
	@$(WITH_TOOLS) node .ci/bench.mjs

clean: ## remove what was built here (the tools in the cache folder stay)
	cargo clean
