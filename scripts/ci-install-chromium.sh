#!/bin/sh
# Installs Chromium from the system's own packages, for the browser test. Needs root. Safe to run again.
set -eu

command -v chromium >/dev/null || exec sh "$(dirname "$0")/ci-apt-install.sh" chromium
