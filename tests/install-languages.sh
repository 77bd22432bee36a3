#!/usr/bin/env bash
# Puts what makes components of other languages than Rust into target/languages:
#
#     target/languages/javascript    componentize-js and a node of its own
#     target/languages/python        componentize-py in an environment of its own
#
# pinned by version and by content in tests/foreign/javascript/package-lock.json and
# tests/foreign/python/requirements.txt. Run again it only looks.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
readonly languages=target/languages pins=tests/foreign

say() { printf 'install-languages: %s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

# need PACKAGE... : root on Debian gets them installed; anyone else is told.
need() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $* with apt-get"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >&2 ||
      stop "apt-get could not install $*: install it, then run this again"
  else
    stop "the tests of components in other languages need it: have root run: apt-get install $*"
  fi
}

# in_place FOLDER FILE : whether the folder was installed from these pins, which it keeps a copy of.
in_place() {
  cmp -s -- "$pins/$2" "$languages/$1/pins"
}

# take_place FOLDER FILE : moves the fresh folder into place now that all of it is there.
take_place() {
  cp -- "$pins/$2" "$languages/$1.new/pins"
  rm -rf -- "${languages:?}/$1"
  mv -- "$languages/$1.new" "$languages/$1"
}

mkdir -p "$languages"
# Two test runs of one checkout may get here together.
exec 9>"$languages/lock"
flock 9

if ! in_place javascript javascript/package-lock.json; then
  command -v npm >/dev/null || need npm
  say 'fetching componentize-js and a node to run it with (150 MB)'
  fresh="$languages/javascript.new"
  rm -rf -- "$fresh"
  mkdir -- "$fresh"
  cp -- "$pins/javascript/package.json" "$pins/javascript/package-lock.json" "$fresh/"
  # The lock names every package's content. No package runs anything while it is installed.
  npm ci --prefix "$fresh" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 ||
    stop 'npm could not fetch componentize-js: it needs a package registry, reached as npm'\''s own configuration says'
  # Debian 12's node is older than what componentize-js asks for, so the pinned one runs it everywhere.
  for node in "$fresh"/node_modules/node-linux-*/bin/node; do
    "$node" --version >/dev/null 2>&1 || stop "there is no pinned node for $(uname -m): tests/foreign/javascript/package.json lists them"
    ln -s -- "${node#"$fresh/"}" "$fresh/node"
  done
  "$fresh/node" "$fresh/node_modules/@bytecodealliance/componentize-js/src/cli.js" --version >/dev/null ||
    stop 'componentize-js was fetched and does not run'
  take_place javascript javascript/package-lock.json
fi

# The environment has links to the Python that made it, which may have gone since.
if ! in_place python python/requirements.txt || ! "$languages/python/bin/componentize-py" --version >/dev/null 2>&1; then
  python3 -c 'import ensurepip, venv' 2>/dev/null || need python3 python3-venv
  say 'fetching componentize-py (17 MB)'
  fresh="$languages/python.new"
  rm -rf -- "$fresh"
  python3 -m venv "$fresh"
  "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
    --only-binary :all: --requirement "$pins/python/requirements.txt" >&2 ||
    stop 'pip could not fetch componentize-py: it needs a package index, reached as pip'\''s own configuration says'
  # A script of an environment names the Python of where it was made.
  sed -i "1s|^#!.*|#!$PWD/$languages/python/bin/python|" "$fresh/bin/componentize-py"
  take_place python python/requirements.txt
  "$languages/python/bin/componentize-py" --version >/dev/null || stop 'componentize-py was fetched and does not run'
fi
