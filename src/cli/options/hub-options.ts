/**
 * @file The rows of the option table about models given by name or URL.
 */
import { computing, type OptionSpec } from './option-types.ts';

/** Commands that read a model, and the command that only downloads it. */
const commands = [...computing, 'tokenize', 'parity', 'inspect', 'pull'] as const;

export const hubOptions = [
  {
    name: 'hfRepo',
    flags: ['-hf', '-hfr', '--hf-repo'],
    env: 'LLAMA_ARG_HF_REPO',
    type: 'string',
    value: 'USER/REPO[:QUANT]',
    commands,
    help: 'a model of the Hugging Face hub, downloaded into the cache; without a quant Q4_K_M, else Q8_0, else the first file',
  },
  {
    name: 'hfFile',
    flags: ['-hff', '--hf-file'],
    env: 'LLAMA_ARG_HF_FILE',
    type: 'string',
    value: 'PATH',
    commands,
    help: 'exact path of the file in the repository of --hf-repo; overrides the quant',
  },
  {
    name: 'modelUrl',
    flags: ['-mu', '--model-url'],
    env: 'LLAMA_ARG_MODEL_URL',
    type: 'string',
    value: 'URL',
    commands,
    help: 'a model by URL, downloaded into the cache, or to the path that --model gives',
  },
  {
    name: 'hfToken',
    flags: ['-hft', '--hf-token'],
    env: 'HF_TOKEN',
    type: 'string',
    value: 'TOKEN',
    commands,
    help: 'token of a Hugging Face account, sent only to the hub; the default is the token of your Hugging Face login',
  },
  {
    name: 'offline',
    flags: ['--offline'],
    env: 'LLAMA_ARG_OFFLINE',
    type: 'switch',
    default: false,
    commands,
    help: 'send no request: use only the cache',
  },
  {
    name: 'cacheList',
    flags: ['-cl', '--cache-list'],
    type: 'switch',
    default: false,
    commands: computing,
    help: 'list the models in the cache, then stop; the command models shows more',
  },
  {
    name: 'known',
    flags: ['--known'],
    type: 'switch',
    default: false,
    commands: ['models'],
    help: 'list the models of docs/models.md instead, with the repositories of their files',
  },
  {
    name: 'dryRun',
    flags: ['--dry-run'],
    type: 'switch',
    default: false,
    commands: ['models'],
    help: 'remove nothing: only list what prune would remove',
  },
] as const satisfies readonly OptionSpec[];
