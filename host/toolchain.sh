#!/usr/bin/env bash
# Makes sure that there are the pinned Rust toolchain and a C compiler to link with; run again it
# only looks. What a component needs on top of it, components/build.sh looks for itself.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

CHANNEL=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
readonly CHANNEL

say() { printf 'toolchain: %s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

need_rust() {
  if ! command -v rustup >/dev/null; then
    command -v cargo >/dev/null || stop "there is no Rust: install rustup; it then brings Rust $CHANNEL by itself"
    local found
    found=$(rustc --version | cut -d ' ' -f 2)
    [ "$found" = "$CHANNEL" ] ||
      stop "this is Rust $found and the project is built with $CHANNEL: install rustup, which brings that one too"
    return
  fi
  # Somebody who names another toolchain for this run means it.
  [ -z "${RUSTUP_TOOLCHAIN:-}" ] || return 0
  rustup toolchain list | grep -q "^$CHANNEL-" && return
  say "installing Rust $CHANNEL"
  rustup toolchain install "$CHANNEL" --no-self-update --profile minimal --component clippy --component rustfmt >&2 ||
    stop "rustup could not install Rust $CHANNEL: it has to reach Rust's own servers, or a mirror of them named by RUSTUP_DIST_SERVER"
}

# The linker of the toolchain is the C compiler, and some dependencies have C in them.
need_cc() {
  command -v cc >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say 'installing a C compiler with apt-get'
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends gcc libc6-dev; } >&2 ||
      stop 'there is no C compiler and apt-get could not install one: install gcc and libc6-dev'
  else
    stop 'there is no C compiler: have root run: apt-get install gcc libc6-dev'
  fi
}

need_rust
need_cc
