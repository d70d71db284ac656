/**
 * @file Sorts the lines of standard input by how well they answer a question.
 *
 *   grep -rh 'socket' docs | node rerank.mjs RERANKER.gguf 'How do I listen on a UNIX socket?'
 *
 * Prints the lines, the best first, with the probability that each is relevant.
 */
import { text } from 'node:stream/consumers';
import { Reranker } from 'gguf-embed';

const [model, query] = process.argv.slice(2);
if (query === undefined) {
  console.error("usage: node rerank.mjs RERANKER.gguf 'question' < LINES");
  process.exit(1);
}

const documents = (await text(process.stdin)).split('\n').filter((line) => line.trim() !== '');
const reranker = await Reranker.load(model);
try {
  const { results } = await reranker.rank(query, documents, { scores: 'probability', truncate: true });
  for (const { index, score } of results) console.log(`${score.toFixed(4)}  ${documents[index]}`);
} finally {
  await reranker.dispose();
}
