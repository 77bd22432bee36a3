#!/usr/bin/env bash
# Makes sure of what the tests of the page need: Debian's Chromium and its ChromeDriver, and axe-core,
# pinned by version and by content, in target/axe. Run again it only looks. axe-core is under MPL-2.0:
# it is fetched for the tests, never kept in the repository.
set -euo pipefail

readonly version='4.14.1'
# Of axe.min.js itself: whatever a registry, a mirror or a cache hands out, only this one is run.
readonly sha256='29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c'

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
readonly folder="$PWD/target/axe"
readonly script='node_modules/axe-core/axe.min.js'

say() { printf 'install-browser: %s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

# need PACKAGE... : root on Debian gets them installed; anyone else is told.
need() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $* with apt-get"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >&2 ||
      stop "apt-get could not install $*: install it, then run this again"
  else
    stop "the tests of the page need it: have root run: apt-get install $*"
  fi
}

mkdir -p target
# Two test runs of one checkout may get here together.
exec 9>target/browser.lock
flock 9

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
  need chromium chromium-driver
fi
# One drives only a browser of its own release.
browser=$(chromium --version 2>/dev/null | sed -n 's/^Chromium \([0-9]*\)\..*/\1/p')
driver=$(chromedriver --version 2>/dev/null | sed -n 's/^ChromeDriver \([0-9]*\)\..*/\1/p')
if [ -z "$browser" ] || [ "$browser" != "$driver" ]; then
  stop "chromium is of release '$browser' and chromedriver of '$driver': install both from one distribution"
fi

# The folder is moved into place only once its content has been checked, so being there is enough; its
# name for the content makes a changed pin install again.
if [ ! -f "$folder/$script" ] || [ "$(cat -- "$folder/sha256" 2>/dev/null)" != "$sha256" ]; then
  command -v npm >/dev/null || need npm
  say "fetching axe-core@$version (3 MB)"
  fresh="$folder.new"
  rm -rf -- "$fresh"
  mkdir -- "$fresh"
  # A package.json of its own keeps npm from looking for one in the folders above.
  printf '{"private":true}\n' >"$fresh/package.json"
  npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --no-package-lock \
    --no-update-notifier --loglevel=error "axe-core@$version" >&2 ||
    stop "npm could not fetch axe-core@$version: it needs a package registry, reached as npm's own configuration says"
  printf '%s  %s\n' "$sha256" "$fresh/$script" | sha256sum --check --status ||
    stop "what npm fetched as axe-core@$version is not the script that is pinned here: its sha-256 differs"
  printf '%s\n' "$sha256" >"$fresh/sha256"
  rm -rf -- "$folder"
  mv -- "$fresh" "$folder"
fi
