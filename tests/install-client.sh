#!/usr/bin/env bash
# Puts the published `claude` client, pinned by version and by content, into target/client and
# prints the path of its program. Run again it only looks. The client is all rights reserved: it is
# fetched for the tests, never kept in the repository, and nothing but the tests runs this copy.
set -euo pipefail

readonly package='@anthropic-ai/claude-code-linux-x64'
readonly version='2.1.330'
# Of the program itself: whatever a registry, a mirror or a cache hands out, only this one is run.
readonly sha256='f390eaa0814e6a1bff74cbb47acb74cb9c89d30ced809fe0af5af00c7bfe8ebb'

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly folder="$PWD/target/client"
readonly program="$folder/node_modules/$package/claude"

say() { printf '%s\n' "install-client: $*" >&2; }
stop() { say "$@"; exit 1; }

# Root on Debian gets npm installed; anyone else is told.
need_npm() {
  command -v npm >/dev/null && return
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say 'npm is missing: installing it with apt-get'
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends npm; } >&2 ||
      stop 'npm is missing and apt-get could not install it: install npm, then run this again'
  else
    stop 'npm is missing, and it is what fetches the client: have root run: apt-get install npm'
  fi
}

if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  stop "the pinned client is built for Linux on x86_64 and this is $(uname -sm): leave this run out with OVERLORD_TEST_WITHOUT=real-client"
fi

mkdir -p target
# Two test runs of one checkout may get here together.
exec 9>target/client.lock
flock 9

# The folder is moved into place only once all of it has been checked, so being there is enough; its
# name for the content makes a changed pin install again.
if [ ! -x "$program" ] || [ "$(cat "$folder/sha256" 2>/dev/null)" != "$sha256" ]; then
  need_npm
  say "fetching $package@$version (364 MB)"
  fresh="$folder.new"
  rm -rf "$fresh"
  mkdir "$fresh"
  # A package.json of its own keeps npm from looking for one in the folders above.
  printf '{"private":true}\n' >"$fresh/package.json"
  npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --no-package-lock \
    --no-update-notifier --loglevel=error "$package@$version" >&2 ||
    stop "npm could not fetch $package@$version: it needs a package registry, reached as npm's own configuration says"
  printf '%s  %s\n' "$sha256" "$fresh/node_modules/$package/claude" | sha256sum --check --status ||
    stop "what npm fetched as $package@$version is not the program that is pinned here: its sha-256 differs"
  printf '%s\n' "$sha256" >"$fresh/sha256"
  rm -rf "$folder"
  mv "$fresh" "$folder"
fi
printf '%s\n' "$program"
