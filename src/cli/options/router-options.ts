/**
 * @file The rows of the option table about several models in one server.
 */
import { MAX_INT, type OptionSpec } from './option-types.ts';

const several = { anyOf: ['modelsDir', 'modelsPreset'], orSeveral: 'model' } as const;
const severalForLlama = [{ ...several, note: true }] as const;

export const routerOptions = [
  {
    name: 'modelsDir',
    flags: ['--models-dir'],
    env: 'LLAMA_ARG_MODELS_DIR',
    type: 'string',
    value: 'FOLDER',
    path: 'folder',
    commands: ['serve'],
    help: 'serve every GGUF file in a folder, and the model in each of its sub-folders; the field "model" of a request chooses one, which is loaded on first use',
  },
  {
    name: 'modelsPreset',
    flags: ['--models-preset'],
    env: 'LLAMA_ARG_MODELS_PRESET',
    type: 'string',
    value: 'FILE',
    path: 'file',
    commands: ['serve'],
    help: 'INI file with a section for each model to serve; its keys are flags without dashes',
  },
  {
    name: 'modelsMax',
    flags: ['--models-max'],
    env: 'LLAMA_ARG_MODELS_MAX',
    type: 'integer',
    value: 'N',
    default: 4,
    min: 0,
    max: MAX_INT,
    commands: ['serve'],
    needs: severalForLlama,
    help: 'most models in memory at a time; the least recently used one is unloaded to make room, 0 means no limit',
  },
  {
    name: 'modelsMemory',
    flags: ['--models-memory'],
    env: 'GGUF_EMBED_MODELS_MEMORY',
    type: 'integer',
    value: 'MIB',
    default: 0,
    min: 0,
    max: MAX_INT,
    commands: ['serve'],
    needs: [several],
    help: 'most MiB of model files in memory at a time, 0 means no limit',
  },
  {
    name: 'modelsAutoload',
    flags: ['--models-autoload'],
    off: ['--no-models-autoload'],
    env: 'LLAMA_ARG_MODELS_AUTOLOAD',
    type: 'switch',
    default: true,
    commands: ['serve'],
    needs: severalForLlama,
    help: 'load the model that a request names; otherwise only POST /models/load does',
  },
  {
    name: 'sleepIdleSeconds',
    flags: ['--sleep-idle-seconds'],
    type: 'integer',
    value: 'N',
    default: -1,
    min: -MAX_INT,
    max: 2_000_000,
    commands: ['serve'],
    needs: severalForLlama,
    help: 'seconds without a request after which a model is unloaded until the next request; less than 1 means never',
  },
] as const satisfies readonly OptionSpec[];
