#!/bin/sh
# Runs Node on the newest software Vulkan that Debian has, from a folder of its own: Mesa's llvmpipe has subgroup matrices from
# version 26 on, which the machine's own Debian does not have yet. Nothing is installed.
#
#   scripts/newer-mesa.sh ARGUMENTS OF NODE
#   scripts/newer-mesa.sh node_modules/vitest/vitest.mjs run --pool=threads test/kernels/webgpu/matrix.test.ts
#
# Downloads about 70 MB from the mirror that apt already uses, the first time, to build/mesa. Debian on x86-64 only. Node runs
# with that folder's C library, so it cannot start other processes of itself: hence --pool=threads.
set -eu
fail() { echo "newer-mesa: $*" >&2; exit 1; }
root=$(cd "$(dirname "$0")/.." && pwd)
mesa=$root/build/mesa
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
libraries=$mesa/root/usr/lib/x86_64-linux-gnu

if [ ! -f "$mesa/driver.json" ]; then
  command -v apt-get >/dev/null || fail 'needs apt-get'
  [ -r "$keyring" ] || fail "no $keyring (package debian-archive-keyring)"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1)
  [ -n "$mirror" ] || fail 'apt knows no Debian mirror: apt-get update, then again'
  rm -rf "$mesa"
  mkdir -p "$mesa/lists/partial" "$mesa/cache/archives/partial" "$mesa/root"
  echo "deb [signed-by=$keyring] $mirror sid main" >"$mesa/sources.list"
  : >"$mesa/status"
  export APT_CONFIG="$mesa/apt.conf"
  cat >"$APT_CONFIG" <<CONF
Dir::Etc::sourcelist "$mesa/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::Lists "$mesa/lists";
Dir::State::status "$mesa/status";
Dir::Cache "$mesa/cache";
APT::Sandbox::User "root";
CONF
  apt-get -q update >"$mesa/log" 2>&1 || fail "apt-get update failed, see $mesa/log"
  apt-get -q -y --no-install-recommends --download-only install mesa-vulkan-drivers libvulkan1 libstdc++6 \
    >>"$mesa/log" 2>&1 || fail "the download failed, see $mesa/log"
  for package in "$mesa"/cache/archives/*.deb; do dpkg-deb -x "$package" "$mesa/root"; done
  sed "s#\"[^\"]*libvulkan_lvp\.so\"#\"$libraries/libvulkan_lvp.so\"#" "$mesa"/root/usr/share/vulkan/icd.d/lvp_icd*.json \
    >"$mesa/driver.json.part"
  rm -rf "$mesa/cache" "$mesa/lists"
  mv "$mesa/driver.json.part" "$mesa/driver.json"
fi
export VK_DRIVER_FILES="$mesa/driver.json"
exec "$mesa/root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$(node -p process.execPath)" "$@"
