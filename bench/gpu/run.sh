#!/bin/sh
# Runs the GPU bench out of a folder that pack.sh has made and writes its results to a folder (default: results, beside
# this file). Where PyTorch is on this machine, its BertModel in f16 is measured on the same shapes, and the ratio printed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/results}
fail() { echo "run: $*" >&2; exit 1; }
[ -f "$here/node.xz" ] || fail 'this is not a packed folder: make one with bench/gpu/pack.sh FOLDER and start FOLDER/run.sh'
mkdir -p "$out"
rm -f "$out/gpu.json"

unpack() {
  [ -f "$2" ] && return
  if command -v xz >/dev/null; then xz -dc "$1" >"$2.part"
  elif command -v python3 >/dev/null; then python3 -c 'import lzma,shutil,sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' "$1" "$2.part"
  else fail 'needs xz or python3 to unpack'
  fi
  mv "$2.part" "$2"
}
unpack "$here/node.xz" "$here/node"
chmod +x "$here/node"
addon=$here/node_modules/webgpu/dist/linux-x64/dawn.node
unpack "$addon.xz" "$addon"

# The machine's own Vulkan loader if it has one, else ours; NVIDIA's driver description where containers put it.
ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
if [ -z "${VK_DRIVER_FILES:-}" ] && ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; then
  for icd in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json /usr/local/share/vulkan/icd.d/nvidia_icd.json; do
    if [ -f "$icd" ]; then export VK_DRIVER_FILES="$icd"; fi
  done
fi

status=0
"$here/node" "$here/bench/main.mjs" --modules "$here/modules" --model "$here/model.gguf" --out "$out" >"$out/gpu.txt" 2>&1 || status=$?
cat "$out/gpu.txt"

if [ ! -f "$out/gpu.json" ]; then :
elif python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  python3 "$here/bench/torch_bert.py" "$out/gpu.json" "$out/torch.json" | tee "$out/torch.txt"
else
  echo 'no PyTorch with CUDA on this machine: nothing to compare with'
fi
[ "$status" = 0 ] || fail "the bench failed ($status), at least in part; see $out/gpu.txt"
