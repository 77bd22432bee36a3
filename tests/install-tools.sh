#!/usr/bin/env bash
# Puts what the tests compare with into target/tools, pinned by tests/tools.txt:
#
#     target/tools/python/bin/python   with the real itsdangerous and PyJWT
#     target/tools/wasmtime            the stock wasmtime command line
#
# Run again it only looks.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
readonly tools=target/tools fresh=target/tools.new pins=tests/tools.txt

say() { printf 'install-tools: %s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

# Debian has Python without the part that makes environments: root gets it, anyone else is told.
need_python() {
  python3 -c 'import ensurepip, venv' 2>/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say 'installing python3-venv with apt-get'
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends python3 python3-venv; } >&2 ||
      stop 'python3 cannot make environments and apt-get could not install python3-venv: install it, then run this again'
  else
    stop 'python3 is missing or cannot make environments: have root run: apt-get install python3-venv'
  fi
}

mkdir -p target
# Two test runs of one checkout may get here together.
exec 9>target/tools.lock
flock 9

# The folder is moved into place only once all of it is there; the pins beside it make changed ones
# install again, and the two programs show that the Python they were made with is still there.
if cmp -s -- "$pins" "$tools/pins" && "$tools/python/bin/python" -c 'import itsdangerous, jwt' 2>/dev/null &&
  "$tools/wasmtime" --version >/dev/null 2>&1; then
  exit
fi

need_python
say "fetching what $pins names (17 MB)"
rm -rf -- "$fresh"
mkdir -- "$fresh"
python3 -m venv "$fresh/python"
"$fresh/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
  --require-hashes --only-binary :all: --requirement "$pins" >&2 ||
  stop "pip could not fetch what $pins names: it needs a package index, reached as pip's own configuration says"
program=$(cd -- "$fresh" && echo python/lib/python3*/site-packages/wasmtime_cli/wasmtime)
chmod +x -- "$fresh/$program"
ln -s -- "$program" "$fresh/wasmtime"
cp -- "$pins" "$fresh/pins"
rm -rf -- "$tools"
mv -- "$fresh" "$tools"
