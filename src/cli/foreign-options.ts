/**
 * @file Flags of llama-server, llama-embedding and llama-tokenize that this program has no use for (accepted and named in
 * the log, so that a command line can be kept) or that would change the result and are not supported (refused).
 */
import type { ForeignOption } from './option-types.ts';

const gpu = 'choose with --backend';
const memory = 'weights are read into memory that belongs to the backend';
const cache = 'embedding keeps no key/value cache';
const generation = 'this program generates no text';
const always = 'always so';
const log = 'the log goes to standard error, one line an event';

const on = (flags: readonly string[], why: string, env?: string): ForeignOption => ({
  flags,
  env,
  takesValue: false,
  why,
});
const valued = (flags: readonly string[], why: string, env?: string): ForeignOption => ({
  flags,
  env,
  takesValue: true,
  why,
});

/** Accepted without effect. */
export const ignoredOptions: readonly ForeignOption[] = [
  on(['--embedding', '--embeddings'], always, 'LLAMA_ARG_EMBEDDINGS'),
  valued(['-ngl', '--gpu-layers', '--n-gpu-layers'], gpu, 'LLAMA_ARG_N_GPU_LAYERS'),
  valued(['-dev', '--device'], gpu, 'LLAMA_ARG_DEVICE'),
  valued(['-sm', '--split-mode'], gpu, 'LLAMA_ARG_SPLIT_MODE'),
  valued(['-ts', '--tensor-split'], gpu, 'LLAMA_ARG_TENSOR_SPLIT'),
  valued(['-mg', '--main-gpu'], gpu, 'LLAMA_ARG_MAIN_GPU'),
  valued(['-fit', '--fit'], 'memory is taken as needed', 'LLAMA_ARG_FIT'),
  valued(['-fa', '--flash-attn'], 'attention never stores the score matrix', 'LLAMA_ARG_FLASH_ATTN'),
  valued(['-ctk', '--cache-type-k'], cache, 'LLAMA_ARG_CACHE_TYPE_K'),
  valued(['-ctv', '--cache-type-v'], cache, 'LLAMA_ARG_CACHE_TYPE_V'),
  on(['-kvu', '--kv-unified', '-no-kvu', '--no-kv-unified'], cache, 'LLAMA_ARG_KV_UNIFIED'),
  valued(['--kv-unified-per-slot'], cache, 'LLAMA_ARG_KV_UNIFIED_PER_SLOT'),
  on(['-cb', '--cont-batching', '-nocb', '--no-cont-batching'], always, 'LLAMA_ARG_CONT_BATCHING'),
  valued(['-lm', '--load-mode'], memory, 'LLAMA_ARG_LOAD_MODE'),
  on(['--mmap', '--no-mmap', '--mlock'], memory, 'LLAMA_ARG_MMAP'),
  on(['--warmup', '--no-warmup'], 'there is nothing to warm up'),
  on(['--check-tensors'], 'sizes and offsets are always checked'),
  on(['--no-mmproj', '--no-mmproj-auto'], 'there are no projectors', 'LLAMA_ARG_MMPROJ_AUTO'),
  valued(['-n', '--predict', '--n-predict'], generation, 'LLAMA_ARG_N_PREDICT'),
  valued(['-s', '--seed'], generation),
  valued(['--temp', '--temperature'], generation),
  on(['--jinja', '--no-jinja'], generation, 'LLAMA_ARG_JINJA'),
  valued(['--threads-http'], 'one thread serves HTTP', 'LLAMA_ARG_THREADS_HTTP'),
  on(['--ui', '--webui', '--no-ui', '--no-webui'], 'there is no web interface', 'LLAMA_ARG_UI'),
  valued(['--path'], 'there is no web interface', 'LLAMA_ARG_STATIC_PATH'),
  valued(['--slot-save-path'], cache),
  on(['--reuse-port'], 'one process listens on a port', 'LLAMA_ARG_REUSE_PORT'),
  valued(['--sleep-idle-seconds'], 'the model stays loaded'),
  on(['--offline'], 'nothing is downloaded', 'LLAMA_ARG_OFFLINE'),
  valued(['-lv', '--verbosity', '--log-verbosity'], log, 'LLAMA_ARG_LOG_VERBOSITY'),
  valued(['--log-file'], log, 'LLAMA_ARG_LOG_FILE'),
  on(['--log-disable'], log),
  on(['--log-jsonl'], log, 'LLAMA_ARG_LOG_JSONL'),
  valued(['--log-colors'], log, 'LLAMA_ARG_LOG_COLORS'),
  on(['--log-prefix', '--no-log-prefix'], log, 'LLAMA_ARG_LOG_PREFIX'),
  on(['--log-timestamps', '--no-log-timestamps'], log, 'LLAMA_ARG_LOG_TIMESTAMPS'),
];

const adapters = 'LoRA adapters are not supported: merge the adapter into the model';
const ropeFromFile = 'positions are as the file says: change its metadata instead';

/** Refused: ignoring them would give other numbers than the user asked for, or none. */
export const refusedOptions: readonly ForeignOption[] = [
  valued(['--lora'], adapters),
  valued(['--lora-scaled'], adapters),
  valued(['--override-kv'], 'change the metadata in the file instead'),
  valued(['--rope-scaling'], ropeFromFile, 'LLAMA_ARG_ROPE_SCALING_TYPE'),
  valued(['--rope-scale'], ropeFromFile, 'LLAMA_ARG_ROPE_SCALE'),
  valued(['--rope-freq-base'], ropeFromFile, 'LLAMA_ARG_ROPE_FREQ_BASE'),
  valued(['--rope-freq-scale'], ropeFromFile, 'LLAMA_ARG_ROPE_FREQ_SCALE'),
  valued(['--yarn-orig-ctx'], ropeFromFile, 'LLAMA_ARG_YARN_ORIG_CTX'),
  valued(['--yarn-ext-factor'], ropeFromFile, 'LLAMA_ARG_YARN_EXT_FACTOR'),
  valued(['--yarn-attn-factor'], ropeFromFile, 'LLAMA_ARG_YARN_ATTN_FACTOR'),
  valued(['--yarn-beta-slow'], ropeFromFile, 'LLAMA_ARG_YARN_BETA_SLOW'),
  valued(['--yarn-beta-fast'], ropeFromFile, 'LLAMA_ARG_YARN_BETA_FAST'),
  valued(['--attention'], 'the mask is as the file says'),
  valued(['-mm', '--mmproj'], 'only text is embedded', 'LLAMA_ARG_MMPROJ'),
  valued(['-mu', '--model-url'], 'download the file and give it with -m', 'LLAMA_ARG_MODEL_URL'),
  valued(['-hf', '-hfr', '--hf-repo'], 'download the file and give it with -m', 'LLAMA_ARG_HF_REPO'),
  valued(['-hff', '--hf-file'], 'download the file and give it with -m', 'LLAMA_ARG_HF_FILE'),
  valued(['-dr', '--docker-repo'], 'download the file and give it with -m', 'LLAMA_ARG_DOCKER_REPO'),
];
