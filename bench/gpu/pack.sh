#!/bin/sh
# Packs the GPU bench into one folder that needs nothing else: a Node binary, Dawn's addon, the Vulkan loader, the built
# package, a model. At most 60 MB, for machines that nothing can be installed on. Linux on x64.
#
#   bench/gpu/pack.sh FOLDER      then, on the GPU machine:      FOLDER/run.sh [RESULTS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
fail() { echo "pack: $*" >&2; exit 1; }

out=${1:-}
[ -n "$out" ] || fail 'which folder? usage: bench/gpu/pack.sh FOLDER'
[ ! -e "$out" ] || fail "$out exists"
command -v xz >/dev/null || fail 'needs xz'
[ -d "$root/node_modules/webgpu" ] || (cd "$root" && npm install --no-save --save-dev --silent webgpu@0.6.2)
addon=$root/node_modules/webgpu/dist/linux-x64/dawn.node
[ -f "$addon" ] || fail "no $addon"
model=$root/models/all-MiniLM-L6-v2-Q8_0.gguf
[ -f "$model" ] || fail "no $model"
vulkan=$(ldconfig -p | sed -n 's/.*libvulkan\.so\.1 .*x86-64.*=> //p' | head -n 1)
[ -n "$vulkan" ] || fail 'no libvulkan.so.1 here: scripts/ci-install-vulkan.sh installs it'

mkdir -p "$out/bench" "$out/node_modules/webgpu/dist/linux-x64" "$out/lib"
(cd "$root" && node node_modules/typescript/bin/tsc -p tsconfig.build.json --declaration false --outDir "$(cd "$out" && pwd)/modules")
# The backend and what loads a model; no server, no command line, no other backend.
rm -rf "$out/modules/server" "$out/modules/cli" "$out/modules/convert" "$out/modules/engine" "$out/modules/kernels/wasm"
cp "$here"/*.mjs "$here/torch_bert.py" "$out/bench/"
cp "$here/../options.mjs" "$out/"
cp "$root/node_modules/webgpu/package.json" "$root/node_modules/webgpu/index.js" "$out/node_modules/webgpu/"
cp "$(readlink -f "$vulkan")" "$out/lib/libvulkan.so.1"
cp "$model" "$out/model.gguf"
cp "$here/run.sh" "$out/run.sh"
echo '{ "type": "module" }' >"$out/package.json"
xz -6 -T0 -c "$(node -p process.execPath)" >"$out/node.xz"
xz -6 -T0 -c "$addon" >"$out/node_modules/webgpu/dist/linux-x64/dawn.node.xz"

size=$(du -sb "$out" | cut -f 1)
echo "$out: $((size / 1000000)) MB"
[ "$size" -le 60000000 ] || fail 'more than 60 MB'
