#!/bin/sh
# Installs promtool from Debian's package of Prometheus, without its service, for the test of the alert rules. Needs root. Safe to
# run again.
set -eu

command -v promtool >/dev/null && exit 0

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
{ apt-get -q update && apt-get -q download prometheus && dpkg -x prometheus_*.deb . &&
  install -m 755 usr/bin/promtool /usr/local/bin/promtool; } >log 2>&1 || {
  tail -n 20 log >&2
  echo 'ci-install-promtool: failed' >&2
  exit 1
}
