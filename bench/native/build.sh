#!/usr/bin/env bash
# Builds native llama-server, llama-embedding and llama-quantize from the llama.cpp source that npm's node-llama-cpp carries, for
# `npm run bench:server -- --against PATH`. Development only. Needs git, cmake and a C++ compiler.
# GGML_NATIVE is off because -march=native ends in an illegal instruction on some virtual machines; the instruction
# sets are named instead, as far as this CPU reports them.
#   bench/native/build.sh [FOLDER]     default bench/.cache/llama.cpp; prints the path of llama-server
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../.cache/llama.cpp}
bundle=$here/../node_modules/node-llama-cpp/llama/gitRelease.bundle
[ -f "$bundle" ] || node -e "import('$here/../ensure-peers.mjs').then((m) => m.ensurePeer('node-llama-cpp'))"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
[ -d "$folder/source/.git" ] || git clone -q "$bundle" "$folder/source" >&2

flags=$(grep -m1 '^flags' /proc/cpuinfo || true)
options=(-DGGML_NATIVE=OFF)
want() { # cpu flag, cmake option
  case " $flags " in *" $1 "*) options+=("-D$2=ON") ;; *) options+=("-D$2=OFF") ;; esac
}
want avx GGML_AVX
want avx2 GGML_AVX2
want fma GGML_FMA
want f16c GGML_F16C
want bmi2 GGML_BMI2
want avx512f GGML_AVX512
want avx512vbmi GGML_AVX512_VBMI
want avx512_vnni GGML_AVX512_VNNI
want avx512_bf16 GGML_AVX512_BF16

cmake -S "$folder/source" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_WEBUI=OFF "${options[@]}" >&2
cmake --build "$folder/build" --target llama-server llama-embedding llama-quantize --parallel "$(nproc)" >&2
echo "$folder/build/bin/llama-server"
