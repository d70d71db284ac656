#!/bin/sh
# Installs packages of Debian, quietly unless that fails. Needs root.
# Usage: ci-apt-install.sh PACKAGE...
set -eu

fail() {
  echo "ci-apt-install: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail 'must be run as root (it calls apt-get)'
command -v apt-get >/dev/null || fail "needs apt-get; on other systems install by hand what Debian has as $*"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{ apt-get -q update && apt-get -q -y --no-install-recommends install "$@"; } >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  fail 'apt-get failed'
}
