#!/usr/bin/env bash
# Builds the components: components/NAME becomes target/components/NAME.wasm.
#
#     components/build.sh [OVERLORD [NAME ...]]
#
# All of them, or those that are named.
#
# OVERLORD is the host's binary, which turns a core module into a component and puts the case files
# into it; target/release/overlord where it is left out.
#
# Stable Rust comes without a standard library for WebAssembly, and there are two ways to one:
#   toolchain  the pinned toolchain has the target wasm32-unknown-unknown, or rustup adds it;
#   debian     the packages rustc-web, cargo-web and rust-web-src: a compiler and the source of its
#              own standard library, which is then built along. For machines that reach a Debian
#              mirror and not Rust's own servers.
# The first one that works is taken. WASM_BUILD=toolchain or WASM_BUILD=debian allows only that one.
#
# The host watches the folder that this writes to: a file appears there whole or not at all, and
# one whose content is the same is left alone.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

readonly TARGET=wasm32-unknown-unknown
readonly PROFILE=component # in Cargo.toml
readonly BUILD=target/wasm
readonly OUT=target/components
readonly OVERLORD=${1:-target/release/overlord}
readonly WASM_BUILD=${WASM_BUILD:-any}

# The debian way's compiler is called by its full path and /usr/bin stays where it is in PATH:
# a host build that found this compiler first would rebuild everything with it.
readonly DEBIAN_BIN=/usr/bin
readonly DEBIAN_STD=/usr/lib/rustlib/src/rust/library/std
readonly DEBIAN_PACKAGES=(rustc-web cargo-web rust-web-src)

say() { printf 'components: %s\n' "$*"; }

fail() {
  printf 'components: %s\n' "$*" >&2
  exit 1
}

# ---- the two ways; each leaves in `reason` what it lacks

toolchain_has_target() {
  local libdir
  libdir=$(rustc --print target-libdir --target "$TARGET" 2>/dev/null) && [[ -d $libdir ]]
}

toolchain_ready() {
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    reason="cargo and rustc are not on the PATH (install rustup)"
    return 1
  fi
  toolchain_has_target && return
  reason="the Rust toolchain has no target $TARGET"
  command -v rustup >/dev/null || return 1
  local log
  if ! log=$(rustup target add "$TARGET" 2>&1); then
    reason+=", and 'rustup target add $TARGET' failed (${log##*$'\n'})"
    return 1
  fi
  toolchain_has_target
}

# Whether the second version, such as 1.95, is no newer than the first.
at_least() { [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

debian_has_compiler() {
  [[ -x $DEBIAN_BIN/cargo && -x $DEBIAN_BIN/rustc && -d $DEBIAN_STD ]] || return 1
  local version
  version=$("$DEBIAN_BIN/rustc" --version | cut -d ' ' -f 2)
  at_least "$version" "$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)"
}

debian_ready() {
  if ! debian_has_compiler; then
    local install="apt-get install ${DEBIAN_PACKAGES[*]}"
    reason="the Debian packages ${DEBIAN_PACKAGES[*]} are missing (as root: $install)"
    command -v apt-get >/dev/null && [[ $(id -u) == 0 ]] || return 1
    say "installing ${DEBIAN_PACKAGES[*]}"
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "${DEBIAN_PACKAGES[@]}"; } >&2; then
      reason="'$install' failed"
      return 1
    fi
    debian_has_compiler || return 1
  fi
  linker=$(find_linker) || {
    reason="there is no linker for WebAssembly (rustup's toolchain brings rust-lld; or: apt-get install lld)"
    return 1
  }
}

# Debian's compiler comes without a linker for WebAssembly; the pinned toolchain has one.
find_linker() {
  local sysroot host
  if sysroot=$(rustc --print sysroot 2>/dev/null); then
    host=$(rustc -vV | sed -n 's/^host: //p')
    if [[ -x $sysroot/lib/rustlib/$host/bin/rust-lld ]]; then
      printf '%s\n' "$sysroot/lib/rustlib/$host/bin/rust-lld"
      return
    fi
  fi
  command -v wasm-ld || compgen -c wasm-ld- | sort -Vr | head -n 1 | grep . | xargs which
}

choose() {
  local toolchain_reason
  if [[ $WASM_BUILD != debian ]]; then
    toolchain_ready && { way=toolchain; return; }
    toolchain_reason=$reason
    [[ $WASM_BUILD == toolchain ]] && fail "cannot build for WebAssembly: $toolchain_reason"
  fi
  debian_ready && { way=debian; return; }
  fail "cannot build for WebAssembly: ${toolchain_reason:+$toolchain_reason; and }$reason"
}

# ---- building

build() {
  local packages=() name
  for name in "${names[@]}"; do packages+=(-p "$name"); done

  # Where the sources lie is none of the component's business: two checkouts give the same bytes.
  local flags=(-C target-feature=+simd128
    --remap-path-prefix "$PWD=."
    --remap-path-prefix "${CARGO_HOME:-$HOME/.cargo}=cargo")
  local encoded
  encoded=$(printf '%s\x1f' "${flags[@]}")

  local arguments=(build --locked --profile "$PROFILE" --target "$TARGET" --target-dir "$BUILD"
    --lib "${packages[@]}")
  case $way in
    toolchain)
      say "building with the Rust toolchain's own target ($(rustc --version))"
      CARGO_ENCODED_RUSTFLAGS=${encoded%?} cargo "${arguments[@]}"
      ;;
    debian)
      say "building with Debian's compiler and its standard library ($("$DEBIAN_BIN/rustc" --version))"
      CARGO_ENCODED_RUSTFLAGS=${encoded%?} \
        RUSTC_BOOTSTRAP=1 RUSTC=$DEBIAN_BIN/rustc \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        "$DEBIAN_BIN/cargo" "${arguments[@]}" -Zbuild-std=std,panic_abort
      ;;
  esac
}

# Makes the component from the core module, beside the folder that the host watches, and moves it in.
publish() {
  local name=$1
  local core=$BUILD/$TARGET/$PROFILE/${name//-/_}.wasm new=$BUILD/$name.wasm
  "$OVERLORD" component new "$core" -o "$new" --cases "components/$name/cases" >/dev/null
  if cmp -s -- "$new" "$OUT/$name.wasm"; then
    rm -- "$new"
  else
    mv -f -- "$new" "$OUT/$name.wasm"
    say "wrote $OUT/$name.wasm"
  fi
}

case $WASM_BUILD in
  any | toolchain | debian) ;;
  *) fail "WASM_BUILD is '$WASM_BUILD': it is toolchain, debian, or not set at all" ;;
esac
[[ -x $OVERLORD ]] || fail "$OVERLORD is missing: build the host first, with 'make build' or 'cargo build --release'"

names=("${@:2}")
if [[ ${#names[@]} == 0 ]]; then
  for guest in components/*/src/guest.rs; do
    name=${guest#components/}
    names+=("${name%%/*}")
  done
fi

reason='' way='' linker=''
choose
build
mkdir -p -- "$OUT"
for name in "${names[@]}"; do publish "$name"; done
