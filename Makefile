# The one list of commands: people, CI and the documents call these and know no others.
#
#     make NAME
#
# Each of them can be run again, from any path, and without root where what it needs is there. What
# they leave lies in target/: the program at target/release/overlord, the components at
# target/components/NAME.wasm.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: run build components test check bench bench-page screenshots fmt clean help host toolchain

# rustup's toolchain, also in a shell that was opened before rustup was installed, and before one of
# the distribution's: a second compiler would build everything again.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
# Tests and scripts look for what was built here and nowhere else.
export CARGO_TARGET_DIR := $(CURDIR)/target

SCRIPTS := .ci/run components/*.sh host/*.sh tests/*.sh

## run: build what is missing, start the host on 127.0.0.1:8767, print an address to open and a question to copy
run: build
	@target/release/overlord serve --hello "$${USER:-$$(id -un 2>/dev/null || echo you)}"

## build: the program and its components
build: host components

## components: the components alone; the host must not be stopped for it, it takes them up as it runs
components: host
	@components/build.sh

## test: build, then every test there is, the run against the real client included
test: build
	@tests/install-tools.sh
	@tests/install-browser.sh
	@tests/install-languages.sh
	cargo test --release --locked --workspace --no-fail-fast

## check: format, lints, the rules of the house, the licences and sources of all dependencies
check: toolchain
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- -D warnings
	cargo test --release --locked --package overlord-tidy
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else \
		echo 'the shell scripts were not linted: there is no shellcheck (apt-get install shellcheck)'; fi

## bench: measure, and print one table; BENCH='--quick' and the like are passed on
bench: build
	@cargo run --release --locked --package overlord-bench -- $(BENCH)

## bench-page: measure the page in a real Chromium, and print one table
bench-page: build
	@tests/install-browser.sh
	@cargo run --release --locked --package overlord-browser-tests --bin figures

## screenshots: take the pictures of the README anew, into docs/images
screenshots: build
	@tests/install-browser.sh
	@cargo run --release --locked --package overlord-browser-tests --bin screenshots

## fmt: format all Rust
fmt: toolchain
	cargo fmt --all

## clean: remove all that was built, and the tools and the client that the tests fetched
clean:
	rm -rf target

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' Makefile | while IFS='	' read -r name what; do \
		printf '  make %-13s%s\n' "$$name" "$$what"; \
	done

host: toolchain
	@test -x target/release/overlord || \
		echo 'building the host: the first time this takes about ten minutes on two cores'
	cargo build --release --locked --package overlord

toolchain:
	@host/toolchain.sh
