#!/bin/sh
# Installs QEMU's user-mode emulation and the libraries of Debian on ARM64 (15 MB), so that the test of ARM64 can run Node for that
# CPU. Needs root. Safe to run again.
set -eu

command -v qemu-aarch64 >/dev/null && [ -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] && exit 0

exec sh "$(dirname "$0")/ci-apt-install.sh" qemu-user libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross
