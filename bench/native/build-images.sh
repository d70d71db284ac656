#!/usr/bin/env bash
# Builds the program that times llama.cpp's vision tower, for `npm run bench:images -- --native PATH`. Development only. Needs cmake and a C++
# compiler, and a folder with llama.cpp's sources (build.sh leaves them in bench/.cache/llama.cpp/source).
#   bench/native/build-images.sh SOURCE [FOLDER]     default folder bench/.cache/images; prints the path of the program
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd)
folder=${2:-$here/../.cache/images}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
native=${GGML_NATIVE:-ON}
cmake -S "$source" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE="$native" -DGGML_OPENMP=OFF \
  -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF \
  -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF >&2
cmake --build "$folder/build" --target ggml --parallel "$(nproc)" >&2
ggml=$folder/build/ggml/src
includes=("-I$source/include" "-I$source/ggml/include" "-I$source/tools/mtmd" "-I$source/vendor")
objects=()
for file in "$source"/tools/mtmd/clip.cpp "$source"/tools/mtmd/mtmd-image.cpp "$source"/tools/mtmd/models/*.cpp "$here/images.cpp"; do
  object=$folder/$(basename "$file" .cpp).o
  [ "$object" -nt "$file" ] || c++ -std=c++17 -O2 -DNDEBUG "${includes[@]}" -c "$file" -o "$object"
  objects+=("$object")
done
c++ "${objects[@]}" "$ggml"/libggml.a "$ggml"/libggml-cpu.a "$ggml"/libggml-base.a \
  -lpthread -ldl -lm -o "$folder/native-images"
echo "$folder/native-images"
