/**
 * @file The help texts of the commands.
 */
import type { CommandName } from '../options/option-types.ts';

/** One command. */
export interface Command {
  readonly summary: string;
  /** Arguments, as shown in the help. */
  readonly usage: string;
  /** Paragraph of docs/cli.md; by default the summary. */
  readonly details?: string;
}

/** All commands by name. */
export const commands: Record<CommandName, Command> = {
  serve: {
    summary: "Serves a model over HTTP, as llama.cpp's llama-server --embedding does",
    usage: '-m FILE|-hf USER/REPO [OPTIONS]',
  },
  embed: {
    summary: "Prints the vectors of texts, as llama.cpp's llama-embedding does",
    usage: '-m FILE|-hf USER/REPO [-p TEXT | -f FILE | INPUT... -o PATH] [OPTIONS]',
    details: `Prints the vectors of texts, as llama.cpp's llama-embedding does. Without \`-p\` and \`-f\`, texts come from standard
input. \`--jsonl\` is for pipelines. Each input line is a JSON string, an array of token ids or an object with a text. The answer to a
string or to ids is the JSON array of the vector (with \`--pooling none\`, of the vectors of the tokens). The answer to an object is
that object with \`embedding\`, \`n_tokens\` and \`truncated\` after its own fields. Answers come in order, as they are computed, and memory does not
grow with the input. Empty lines are left out. A program that writes a line can wait for its answer before it writes the next. An
invalid line ends the run after the answers to the lines before it, with an error that has its number. With \`--on-error skip\`, its
answer is \`null\`, and the exit code at the end is 1.

\`--output\` writes the records of files with their vectors: JSON lines, CSV, texts, Parquet, folders and patterns of them, to Parquet, Arrow, numpy or
JSON lines. A job into a folder goes on where it was stopped. [bulk.md](bulk.md) describes it.

\`--html\` writes a page for a browser instead: one file that needs no network, with the similarities of all texts (sorted by
clusters, if you like), the neighbours of each text, and a map of the texts along their first two principal axes. With
\`--embd-output-format\`, the vectors are printed, too.

With a vision tower (\`--mmproj\`), a line may also be a text with images. An image is a path, a data URI or \`{"base64": "…"}\`:

\`\`\`json
{"text": "what is this?", "image": "photo.jpg"}
{"text": "between <__media__> and <__media__>", "images": ["a.png", {"base64": "iVBORw0KGgo…"}]}
[{"text": "a photo of "}, {"image": "data:image/png;base64,iVBORw0KGgo…"}, {"text": "at night"}]
\`\`\`

\`image\` comes before \`text\`; each marker \`<__media__>\` stands for one of \`images\`; a list has its parts in order.`,
  },
  rerank: {
    summary: 'Scores how well documents answer a query, best first',
    usage: '-m FILE|-hf USER/REPO -q TEXT [DOCUMENT... | -f FILE] [OPTIONS]',
    details: `Scores how well documents answer a query, best first: a line with score, index and text for each, or \`--json\`.
Documents are arguments, or the lines of \`-f\`, or those of standard input. Documents with line breaks are arguments, or JSON
strings with \`--jsonl\`; in the lines that are printed their line breaks are \`\\n\`. Lines of \`--jsonl\` may be texts with images, as
for \`embed\`.`,
  },
  tokenize: {
    summary: "Prints the tokens of a text, as llama.cpp's llama-tokenize does",
    usage: '-m FILE|-hf USER/REPO [-p TEXT | -f FILE] [OPTIONS]',
    details: `Prints the tokens of a text, as llama.cpp's llama-tokenize does; a file with only a vocabulary is enough. \`--jsonl\`
is for pipelines, as in \`embed\`: each input line is a JSON string, each output line the JSON array of its ids.`,
  },
  trace: {
    summary: 'Prints every named intermediate of a text, or compares them with those of another program or backend',
    usage: '-m FILE|-hf USER/REPO [-p TEXT | -f FILE] [OPTIONS]',
    details: `Prints every named intermediate between the text and its vector: shape, smallest and largest value, mean, Euclidean
norm and the first values of each. The names are llama.cpp's. Here, \`--backend auto\` means \`reference\`, which shows
every step; the faster backends show only steps that they hold in memory completely. \`--json\` also has a sample of each tensor.
\`--npz\` and \`--safetensors\` write all values and the precision. \`--html\` writes a report for a browser, one file without network.

\`--compare\` compares them with a file: one that this command wrote, or the output of llama.cpp's
\`llama-eval-callback\`. \`--versus\` compares them with another backend. Both print a table of all tensors, with the first
that differs on top and its cause if it is known. The exit code is 1 if a tensor differs by more than \`--tolerance\`.`,
  },
  eval: {
    summary: 'Measures how good the vectors of a model are on judged texts',
    usage: '-m FILE|-hf USER/REPO DATA [OPTIONS]',
    details: `Measures how good the vectors of a model are on judged texts, for example before and after quantising.

DATA is a file of pairs of texts with human scores: JSON lines with \`sentence1\`, \`sentence2\` and \`score\`, or CSV or
tab-separated text with these columns, with three unnamed columns, or with those of STSBenchmark. The result is Spearman's rank
correlation of the cosines with the scores, and Pearson's correlation.

DATA may also be a folder in BEIR's layout: \`corpus.jsonl\`, \`queries.jsonl\` and \`qrels/test.tsv\`. The result is nDCG@10, recall@10 and
recall@100, as trec_eval defines them. \`--json\` prints all numbers unrounded.`,
  },
  parity: {
    summary: 'Compares all backends, precisions and thread counts of this machine, and other programs, on a model',
    usage: '-m FILE [TEXT... | -f FILE] [OPTIONS]',
    details: `Embeds texts with every backend, precision and number of threads that this machine has, and with other programs that are
installed in the folder it runs in: native llama.cpp (\`node-llama-cpp\`), and with \`--onnx\` ONNX Runtime (\`onnxruntime-node\`) and
transformers.js (\`@huggingface/transformers\`). Prints a table in Markdown: how far each is from float32 arithmetic on the weights of the
file, how alike they order the pairs of texts (Spearman), and in how many texts the tokens differ. The texts are arguments, or the lines of
\`-f\`, or a set that comes with the program. \`--backend\` compares one backend alone. Only \`--backend webgpu\` compares a GPU that is
software (llvmpipe, SwiftShader), which takes minutes. Lines below the table say what is not compared and why.`,
  },
  fingerprint: {
    summary: 'Prints a digest of the vectors of a fixed set of texts, or compares it with a recorded one',
    usage: '-m FILE|-hf USER/REPO [--check DIGEST] [OPTIONS]',
    details: `Prints the SHA-256 of the vectors of a fixed set of texts in several languages, once without and once with
\`--reproducible\`. Each line has the mode, the digest and what computed it. With \`--reproducible\`, only the second line is
printed. Two runs with the same digest gave the same bits. \`--check\` compares the digest with \`--reproducible\` with a given
one; the exit code is 1 if they differ. The backends reference and webgpu print the first line only. docs/reproducibility.md has the digests of the bundled model.`,
  },
  inspect: {
    summary: 'Prints the contents of a GGUF file: header, metadata, tensors, and the model as a tree',
    usage: 'FILE|hf:USER/REPO[:QUANT]|URL [OPTIONS]',
    details: `Prints the contents of a GGUF file: header, metadata, tensors with types, shapes and sizes, and the layers and parameters of
the model as a tree, in which consecutive layers of the same shapes are one branch. If the model in the file cannot run, the
last line says why. \`--json\` prints everything, including long arrays and each layer. Of a file at the Hugging Face hub or behind a
URL only the header is read; a line on standard error says how many bytes that took.`,
  },
  diff: {
    summary: 'Compares two GGUF files: metadata, tensors, and the error of quantised tensors',
    usage: 'A B [OPTIONS]',
    details: `Compares two GGUF files: metadata keys that differ or that only one has; tensors of other shapes or that only one has; and
for tensors whose bytes or types differ, how far the values are apart. The file with more bytes of tensors is the reference.
\`error\` is the root mean square of the differences over that of the reference's values, \`largest\` the largest difference of two values.
The last table joins the tensors of each type. The exit code is 1 when the files differ.`,
  },
  pull: {
    summary: 'Downloads models into the cache and prints their paths',
    usage: 'USER/REPO[:QUANT]|URL... [OPTIONS]',
    details: `Downloads models into the cache and prints the path of each. What is there already is not downloaded again; what was
cut, stopped or out of space goes on where it was. Sizes and hashes are checked. Every command that takes a model does the same
with \`-hf\` and \`-mu\`.

The cache is the one of llama.cpp and huggingface_hub, so models that they have downloaded are found, and they find ours:
\`LLAMA_CACHE\`, \`HF_HUB_CACHE\`, \`HF_HOME/hub\`, or \`~/.cache/huggingface/hub\`. Files that come from other hosts by URL lie in
\`LLAMA_CACHE\` or \`~/.cache/llama.cpp\`. \`HF_ENDPOINT\` names another hub. The token of \`--hf-token\`, \`HF_TOKEN\` or a login
is sent to the hub alone, not to where it redirects. Behind a proxy, set \`NODE_USE_ENV_PROXY=1\` (Node 22.21, 24 and newer).`,
  },
  models: {
    summary: 'Lists the models in the cache, or removes some',
    usage: '[rm NAME... | prune | --known] [OPTIONS]',
    details: `Lists the models in the cache with their sizes and when they were last used, and vision towers that are there without
their model. \`models rm USER/REPO[:QUANT]\` removes a model, and what only that one needed. \`models prune\` removes commits that
no branch is at any more, blobs without a commit and downloads that were given up. Files in the cache that are no GGUF models are
left alone. \`models --known\` prints what [models.md](models.md) lists.`,
  },
  convert: {
    summary: 'Converts a checkout from the Hugging Face hub to a GGUF file',
    usage: 'FOLDER OUT [OPTIONS]',
    details: `Converts a checkout from the Hugging Face hub to a GGUF file. If the checkpoint has an adapter for each task, as that of jina-embeddings-v3 has,
each goes to a file beside it: lora-TASK-OUT.`,
  },
  quantize: {
    summary: "Quantises a GGUF file, as llama.cpp's llama-quantize does",
    usage: 'IN [OUT] TYPE [THREADS] [OPTIONS]',
  },
  edit: {
    summary: 'Changes the metadata of a GGUF file',
    usage: 'IN [OUT] [--set KEY=TYPE:VALUE] [--remove KEY]',
    details: `Changes the metadata of a GGUF file. Without OUT the file itself is changed: only its header is written where the new one is
as long as the old one, padding included; otherwise a new file takes its place when it is complete. \`--override-kv\` tries a value
without changing the file.`,
  },
  page: {
    summary: 'Writes the web page that shows vectors as static files',
    usage: '--out DIR',
    details: `Writes the web page that shows vectors as static files, for any web server or static host. The engine runs in the
page: a GGUF file that is dropped on it is loaded there, and nothing is sent anywhere. \`serve\` has the same page at \`/\`. [The page](page.md)
says what it shows.`,
  },
  completion: {
    summary: 'Prints a script that completes commands, options and values in a shell',
    usage: 'bash|zsh|fish',
    details: `Prints a script that completes commands, options, their values and file names in a shell. For this session:
\`source <(gguf-embed completion bash)\`, the same with \`zsh\`, or \`gguf-embed completion fish | source\`. For every session, put that line into
\`~/.bashrc\` or \`~/.zshrc\` (after \`compinit\`), or write the script to \`~/.config/fish/completions/gguf-embed.fish\`.`,
  },
};
