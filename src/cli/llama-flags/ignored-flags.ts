/**
 * @file Flags of llama.cpp's programs that change nothing here, by the reason: about memory, threads, caches, the log and the server.
 */
import type { FlagGroup } from './flag-group.ts';

/** Accepted without effect. */
export const ignoredFlags: readonly FlagGroup[] = [
  {
    why: 'the operating system schedules the threads',
    flags: [
      ['-C, --cpu-mask', 1],
      ['-Cr, --cpu-range', 1],
      ['--cpu-strict', 1],
      ['--prio', 1],
      ['--poll', 1],
      ['-Cb, --cpu-mask-batch', 1],
      ['-Crb, --cpu-range-batch', 1],
      ['--cpu-strict-batch', 1],
      ['--prio-batch', 1],
      ['--poll-batch', 1],
      ['--numa', 1, 'LLAMA_ARG_NUMA'],
    ],
  },
  {
    why: 'choose what computes with --backend',
    flags: [
      ['-dev, --device', 1, 'LLAMA_ARG_DEVICE'],
      ['-ngl, --gpu-layers, --n-gpu-layers', 1, 'LLAMA_ARG_N_GPU_LAYERS'],
      ['-sm, --split-mode', 1, 'LLAMA_ARG_SPLIT_MODE'],
      ['-ts, --tensor-split', 1, 'LLAMA_ARG_TENSOR_SPLIT'],
      ['-mg, --main-gpu', 1, 'LLAMA_ARG_MAIN_GPU'],
      ['-ot, --override-tensor', 1, 'LLAMA_ARG_OVERRIDE_TENSOR'],
      ['-cmoe, --cpu-moe', 0, 'LLAMA_ARG_CPU_MOE'],
      ['-ncmoe, --n-cpu-moe', 1, 'LLAMA_ARG_N_CPU_MOE'],
      ['-ncffn, --n-cpu-ffn', 1, 'LLAMA_ARG_N_CPU_FFN'],
      ['--op-offload, --no-op-offload', 0],
      ['--no-host', 0, 'LLAMA_ARG_NO_HOST'],
    ],
  },
  {
    why: 'memory is allocated as needed; limit it on a GPU with --gpu-memory',
    flags: [
      ['-fit, --fit', 1, 'LLAMA_ARG_FIT'],
      ['-fitt, --fit-target', 1, 'LLAMA_ARG_FIT_TARGET'],
      ['-fitc, --fit-ctx', 1, 'LLAMA_ARG_FIT_CTX'],
    ],
  },
  {
    why: 'weights are read into memory that belongs to the backend',
    flags: [
      ['-lm, --load-mode', 1, 'LLAMA_ARG_LOAD_MODE'],
      ['-lzm, --lazy-mode', 1, 'LLAMA_ARG_LAZY_MODE'],
      ['--repack, -nr, --no-repack', 0, 'LLAMA_ARG_REPACK'],
      ['--mlock', 0, 'LLAMA_ARG_MLOCK'],
    ],
  },
  {
    why: 'attention never stores the score matrix',
    flags: [['-fa, --flash-attn', 1, 'LLAMA_ARG_FLASH_ATTN']],
  },
  {
    why: 'embedding keeps no key/value cache',
    flags: [
      ['--swa-full', 0, 'LLAMA_ARG_SWA_FULL'],
      ['-kvo, --kv-offload, -nkvo, --no-kv-offload', 0, 'LLAMA_ARG_KV_OFFLOAD'],
      ['-ctk, --cache-type-k', 1, 'LLAMA_ARG_CACHE_TYPE_K'],
      ['-ctv, --cache-type-v', 1, 'LLAMA_ARG_CACHE_TYPE_V'],
      ['-dt, --defrag-thold', 1, 'LLAMA_ARG_DEFRAG_THOLD'],
      ['--kv-unified-per-slot', 1, 'LLAMA_ARG_KV_UNIFIED_PER_SLOT'],
      ['-ctxcp, --ctx-checkpoints, --swa-checkpoints', 1, 'LLAMA_ARG_CTX_CHECKPOINTS'],
      ['-cms, --checkpoint-min-step', 1, 'LLAMA_ARG_CHECKPOINT_MIN_SPACING_NT'],
      ['-cram, --cache-ram', 1, 'LLAMA_ARG_CACHE_RAM'],
      ['--cache-idle-slots, --no-cache-idle-slots', 0, 'LLAMA_ARG_CACHE_IDLE_SLOTS'],
      ['--context-shift, --no-context-shift', 0, 'LLAMA_ARG_CONTEXT_SHIFT'],
      ['--cache-prompt, --no-cache-prompt', 0, 'LLAMA_ARG_CACHE_PROMPT'],
      ['--cache-reuse', 1, 'LLAMA_ARG_CACHE_REUSE'],
      ['--slot-save-path', 1],
      ['-sps, --slot-prompt-similarity', 1],
      ['--keep', 1],
    ],
  },
  {
    why: 'the server always does this',
    flags: [
      ['--embedding, --embeddings', 0, 'LLAMA_ARG_EMBEDDINGS'],
      ['-cb, --cont-batching, -nocb, --no-cont-batching', 0, 'LLAMA_ARG_CONT_BATCHING'],
    ],
  },
  {
    why: 'the model needs no warm-up run',
    flags: [['--warmup, --no-warmup', 0]],
  },
  {
    why: 'sizes and offsets of tensors are always checked',
    flags: [['--check-tensors', 0]],
  },
  {
    why: 'use embed --profile to see where the time goes',
    flags: [['--perf, --no-perf', 0, 'LLAMA_ARG_PERF']],
  },
  {
    why: 'the server takes the texts of requests as they are',
    flags: [['-e, --escape, --no-escape', 0]],
  },
  {
    why: 'a vision tower is computed on the backend of the text model, as many images at a time as fit in a batch',
    flags: [
      ['--mmproj-offload, --no-mmproj-offload', 0, 'LLAMA_ARG_MMPROJ_OFFLOAD'],
      ['-mmdev, --mmproj-device', 1, 'MTMD_BACKEND_DEVICE'],
      ['--mtmd-batch-max-tokens', 1, 'LLAMA_ARG_MTMD_BATCH_MAX_TOKENS'],
    ],
  },
  {
    why: 'this program embeds texts and images; it knows no video and no file:// addresses',
    flags: [
      ['--video-fps', 1, 'LLAMA_ARG_VIDEO_FPS'],
      ['--video-timestamp-interval', 1, 'LLAMA_ARG_VIDEO_TIMESTAMP_INTERVAL'],
      ['--video-ffmpeg-dir', 1, 'LLAMA_ARG_VIDEO_FFMPEG_DIR'],
      ['--media-path', 1],
    ],
  },
  {
    why: 'one thread serves HTTP',
    flags: [['--threads-http', 1, 'LLAMA_ARG_THREADS_HTTP']],
  },
  {
    why: 'one process listens on a port',
    flags: [['--reuse-port', 0, 'LLAMA_ARG_REUSE_PORT']],
  },
  {
    why: 'the log goes to standard error, one line for each event; -v says more',
    flags: [
      ['--log-disable', 0],
      ['--log-file', 1, 'LLAMA_ARG_LOG_FILE'],
      ['--log-jsonl, --no-log-jsonl', 0, 'LLAMA_ARG_LOG_JSONL'],
      ['--log-colors', 1, 'LLAMA_ARG_LOG_COLORS'],
      ['-lv, --verbosity, --log-verbosity', 1, 'LLAMA_ARG_LOG_VERBOSITY'],
      ['--log-prefix, --no-log-prefix', 0, 'LLAMA_ARG_LOG_PREFIX'],
      ['--log-timestamps, --no-log-timestamps', 0, 'LLAMA_ARG_LOG_TIMESTAMPS'],
      ['--log-prompts-dir', 1],
    ],
  },
  {
    why: 'tokenize prints the tokens of a text',
    flags: [['--verbose-prompt', 0]],
  },
];
