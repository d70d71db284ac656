/**
 * @file Examples of each command, for `--help` and the man page.
 */
import type { CommandName } from '../options/option-types.ts';

/** A command line, and what it does. */
export type Example = readonly [line: string, meaning: string];

/** Examples by command, the most common one first. */
export const examples: Readonly<Record<CommandName, readonly Example[]>> = {
  serve: [
    ['gguf-embed serve -m model.gguf', 'serve a model on http://127.0.0.1:8080'],
    ['gguf-embed serve -hf ggml-org/bge-small-en-v1.5-Q8_0-GGUF', 'download a model, then serve it'],
    ['gguf-embed serve --models-dir models --metrics --host 0.0.0.0', 'serve every model in a folder'],
  ],
  embed: [
    ['gguf-embed embed -m model.gguf -p "a text"', 'print the vector of a text'],
    ['gguf-embed embed -m model.gguf --jsonl < records.jsonl > vectors.jsonl', 'add a vector to each record'],
    ['gguf-embed embed -m model.gguf data -o vectors', 'embed the files in a folder, in parts that can be resumed'],
  ],
  rerank: [
    ['gguf-embed rerank -m reranker.gguf -q "what is a panda?" "a bear" "a plane"', 'rank two documents'],
    [
      'gguf-embed rerank -m reranker.gguf -q "what is a panda?" -f documents.txt --top-n 3',
      'print the best three lines',
    ],
  ],
  tokenize: [
    ['gguf-embed tokenize -m model.gguf -p "a text"', 'print the tokens of a text'],
    ['gguf-embed tokenize -m model.gguf -p "a text" --ids', 'print only their ids'],
  ],
  trace: [
    ['gguf-embed trace -m model.gguf -p "a text"', 'print every intermediate'],
    ['gguf-embed trace -m model.gguf -p "a text" --html report.html', 'write a report for a browser'],
    ['gguf-embed trace -m model.gguf -p "a text" --versus wasm', 'compare two backends, layer by layer'],
  ],
  eval: [
    ['gguf-embed eval -m model.gguf sts-test.csv', 'correlation with human scores'],
    ['gguf-embed eval -m model.gguf scifact', "retrieval on a folder in BEIR's layout"],
  ],
  parity: [['gguf-embed parity -m model.gguf', 'compare all backends of this machine']],
  fingerprint: [['gguf-embed fingerprint -m model.gguf', 'print digests to compare with another machine']],
  inspect: [
    ['gguf-embed inspect model.gguf', 'print metadata, tensors and layers'],
    ['gguf-embed inspect hf:ggml-org/bge-small-en-v1.5-Q8_0-GGUF', 'the same, without downloading the model'],
  ],
  diff: [['gguf-embed diff model-F16.gguf model-Q8_0.gguf', 'measure what quantising has cost']],
  pull: [['gguf-embed pull ggml-org/bge-small-en-v1.5-Q8_0-GGUF', 'download a model into the cache']],
  models: [
    ['gguf-embed models', 'list the models in the cache'],
    ['gguf-embed models prune --dry-run', 'list what can be removed'],
  ],
  convert: [['gguf-embed convert checkout model.gguf --outtype q8_0', 'convert a checkout']],
  quantize: [['gguf-embed quantize model-F16.gguf model-Q4_K_M.gguf Q4_K_M', 'quantise a file']],
  edit: [['gguf-embed edit model.gguf --set general.name=str:mine', 'change a value in the file']],
  page: [['gguf-embed page --out site', 'write the page for a static host']],
  completion: [
    ['source <(gguf-embed completion bash)', 'complete in this shell'],
    ['gguf-embed completion fish > ~/.config/fish/completions/gguf-embed.fish', 'complete in every new fish'],
  ],
};
