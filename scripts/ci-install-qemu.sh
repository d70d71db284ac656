#!/bin/sh
# Installs QEMU's user-mode emulation and the libraries of Debian on ARM64 (15 MB), so that the test of ARM64 can run Node for that
# CPU. Needs root. Safe to run again.
set -eu

command -v qemu-aarch64 >/dev/null && [ -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] && exit 0

fail() {
  echo "ci-install-qemu: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail 'must be run as root (it calls apt-get)'
command -v apt-get >/dev/null || fail 'needs apt-get; on other systems install qemu-user and a sysroot for aarch64 by hand'

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{
  apt-get -q update &&
    apt-get -q -y --no-install-recommends install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross
} >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  fail 'apt-get failed'
}
