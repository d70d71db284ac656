#!/bin/sh
# Installs a software Vulkan driver (Mesa's llvmpipe, 25.x) and the Vulkan loader, so that the WebGPU tests have an adapter.
#
# Debian bookworm's own Mesa (22.x) is too old for Dawn; its backports suite has 25.x. The mirror is the one that the
# machine's apt sources already name; only the suite is added. Needs root. Safe to run again.
set -eu

fail() {
  echo "ci-install-vulkan: $*" >&2
  exit 1
}

major() {
  dpkg-query -W -f '${db:Status-Status} ${Version}' mesa-vulkan-drivers 2>/dev/null | sed -n 's/^installed \([0-9]*\)\..*/\1/p'
}

have=$(major || true)
if [ "${have:-0}" -ge 24 ] && dpkg-query -W -f '${db:Status-Status}' libvulkan1 2>/dev/null | grep -q '^installed$'; then
  exit 0
fi

[ "$(id -u)" = 0 ] || fail 'must be run as root (it calls apt-get)'
command -v apt-get >/dev/null || fail 'needs apt-get; on other systems install a Vulkan 1.1 driver and loader by hand'
. /etc/os-release
codename=${VERSION_CODENAME:-}
[ -n "$codename" ] || fail 'no VERSION_CODENAME in /etc/os-release'

suite=$codename
if [ "$codename" = bookworm ]; then
  suite=bookworm-backports
  if ! apt-cache policy 2>/dev/null | grep -q "a=$suite\|n=$suite"; then
    # The same mirror and key as the suite `bookworm` itself, in either of apt's two formats.
    mirror=$(
      {
        awk '/^URIs:/ { uri = $2 } /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == "bookworm") print uri }' \
          /etc/apt/sources.list.d/*.sources 2>/dev/null || true
        sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) bookworm .*/\2/p' \
          /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true
      } | head -n 1
    )
    [ -n "$mirror" ] || fail 'no apt source names the suite bookworm, so its mirror is unknown'
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || fail "no $keyring (package debian-archive-keyring)"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" "$keyring" \
      >/etc/apt/sources.list.d/bookworm-backports.sources
  fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "failed: $*"
  }
}
export DEBIAN_FRONTEND=noninteractive
run apt-get -q update
run apt-get -q -y --no-install-recommends -t "$suite" install mesa-vulkan-drivers libvulkan1

have=$(major || true)
[ "${have:-0}" -ge 24 ] || fail "mesa-vulkan-drivers is ${have:-missing}; Dawn needs 24 or newer"
