// Times what llama.cpp's vision tower takes for image files, stage by stage: decode (stb_image), resize and tower. Compiled by
// build-images.sh with llama.cpp's own sources; development only. Prints a line of JSON for each run of an image, in seconds.
//   images MMPROJ THREADS RUNS IMAGE...
#include "clip.h"
#include "clip-impl.h"
#include "mtmd-image.h"
#define STB_IMAGE_IMPLEMENTATION
#include "stb/stb_image.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>

static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int main(int argc, char ** argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: images MMPROJ THREADS RUNS IMAGE...\n");
        return 2;
    }
    clip_context_params params = {};
    params.flash_attn_type = CLIP_FLASH_ATTN_TYPE_AUTO;
    params.image_min_tokens = -1;
    params.image_max_tokens = -1;
    clip_ctx * tower = clip_init(argv[1], params).ctx_v;
    if (!tower) return 1;
    const int threads = atoi(argv[2]);
    const int runs = atoi(argv[3]);
    const mtmd_image_preprocessor_dyn_size preprocessor(tower);
    for (int i = 4; i < argc; i++) {
        for (int run = 0; run < runs; run++) {
            const double start = now();
            int width, height, channels;
            unsigned char * rgb = stbi_load(argv[i], &width, &height, &channels, 3);
            if (!rgb) return 1;
            const double decoded = now();
            clip_image_u8 image;
            image.set_size({ width, height }, false);
            image.cpy_buf(std::vector<uint8_t>(rgb, rgb + 3 * (size_t) width * height));
            const mtmd_image_preproc_out pixels = preprocessor.preprocess(image);
            const double resized = now();
            std::vector<float> rows(clip_n_output_tokens(tower, &pixels.entries[0]) * (size_t) clip_n_mmproj_embd(tower));
            if (!clip_image_encode(tower, threads, &pixels.entries[0], rows)) return 1;
            const double encoded = now();
            printf("{\"image\":%d,\"decode\":%.6f,\"resize\":%.6f,\"tower\":%.6f,\"rows\":[%.6f,%.6f,%.6f]}\n", i - 4, decoded - start,
                   resized - decoded, encoded - resized, rows[0], rows[1], rows[2]);
            fflush(stdout);
            stbi_image_free(rgb);
        }
    }
    clip_free(tower);
    return 0;
}
