#!/bin/sh
# Installs Chromium from the system's own packages, for the browser test. Needs root. Safe to run again.
set -eu

command -v chromium >/dev/null && exit 0

fail() {
  echo "ci-install-chromium: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail 'must be run as root (it calls apt-get)'
command -v apt-get >/dev/null || fail 'needs apt-get; on other systems install Chromium by hand'

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{ apt-get -q update && apt-get -q -y --no-install-recommends install chromium; } >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  fail 'apt-get failed'
}
