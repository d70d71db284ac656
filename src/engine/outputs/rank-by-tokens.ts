/**
 * @file Ranking by late interaction: the vectors of the query are computed once, and compared with those of each document.
 */
import { Turn } from '../../turn.ts';
import type { Embedder } from '../embedder.ts';
import { ContextSizeError, InputError } from '../errors.ts';
import { isMediaInput, type MediaInput, partsOf } from '../images/parts.ts';
import { checkWellFormed } from '../inputs/well-formed.ts';
import type { RankOptions } from '../types.ts';
import { maxSim, scoreOfSum } from './max-sim.ts';

type Input = string | MediaInput;

/** What ranking gives, in the order of the documents. */
interface RankedByTokens {
  readonly scores: number[];
  /** Tokens of the query and the document. */
  readonly nTokens: number[];
  readonly nImageTokens: number[];
  readonly truncated: boolean[];
}

/**
 * Scores documents by MaxSim.
 * @throws InputError for a side that is no text, or too long unless `truncate`; the signal's reason
 */
export async function rankByTokens(
  embedder: Pick<Embedder, 'embed' | 'info'>,
  query: Input,
  documents: readonly Input[],
  { scores = 'raw', onProgress, ...run }: Omit<RankOptions, 'topN'>,
): Promise<RankedByTokens> {
  const { name, maxSim: raw = 'sum' } = embedder.info;
  checkTexts(name, query, documents);
  const options = { ...run, output: ['multi'] } as const;
  const { multi: [ofQuery] = [], ...asked } = await embedder
    .embed([query], { ...options, inputType: 'query' })
    .catch(nameQuery);
  const { multi = [], ...found } = await embedder.embed(documents, { ...options, onProgress });
  const nVectors = ofQuery.values.length / ofQuery.dimensions;
  const turn = new Turn();
  const all: number[] = [];
  for (const one of multi) {
    all.push(scoreOfSum(maxSim(ofQuery, one), nVectors, scores, raw));
    if (!turn.isOver) continue;
    await turn.pass();
    run.signal?.throwIfAborted();
  }
  return {
    scores: all,
    nTokens: found.nTokens.map((n) => n + asked.nTokens[0]),
    nImageTokens: found.nImageTokens,
    truncated: found.truncated.map((isCut) => isCut || asked.truncated[0]),
  };
}

function checkTexts(name: string, query: Input, documents: readonly Input[]): void {
  const check = (input: unknown, what: string, index?: number) => {
    if (typeof input === 'string') return checkWellFormed(input, what, index);
    if (!isMediaInput(input as Input)) throw new InputError('shape', `${what} is not a string`, index);
    const parts = partsOf(input as MediaInput, what, index);
    if (parts.every((part) => 'text' in part)) return;
    throw new InputError('image', `${name} ranks no images: late interaction takes texts alone`, index);
  };
  check(query, 'the query');
  for (const [index, document] of documents.entries()) check(document, `document ${index}`, index);
}

/** @throws the error, which names the query if it is too long */
function nameQuery(error: unknown): never {
  if (error instanceof ContextSizeError) error.message = error.message.replace(/^input 0/, 'the query');
  throw error;
}
