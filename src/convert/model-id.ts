/**
 * @file Splits the name of a model into parts: `org/mini-bert-1M-uncased-v1.5` is the basename `mini-bert` in the size `1M`,
 * the finetune `uncased`, version `v1.5`.
 */

/** The parts of a name. */
export interface ModelId {
  /** The name for display: `Mini Bert 1M Uncased v1.5`. */
  readonly name?: string;
  readonly organization?: string;
  readonly basename?: string;
  readonly finetune?: string;
  readonly version?: string;
  readonly sizeLabel?: string;
}

/** The roles of a part of a name; a part may have several. */
type Kind = 'version' | 'type' | 'size' | 'finetune' | 'basename';

interface Part {
  text: string;
  readonly kinds: Set<Kind>;
}

const versionPattern = /^(v|iter)?\d+(\.\d+)*$/i;
const typePattern = /^(i?q\d(_\w)*|b?fp?(16|32))$/i;
const sizePattern = /^(([A]|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl)$/i;
const finetunePattern = /^(chat|instruct|vision|lora)$/i;

/**
 * @param id `ORG/NAME`, `NAME`, or a name with spaces, which is kept as it is
 * @param nParams parameters of the model, to decide whether a number is its size
 */
export function parseModelId(id: string, nParams: number): ModelId {
  if (id.includes(' ')) return { name: id };
  const slash = id.indexOf('/');
  const organization = slash < 0 ? '' : id.slice(0, slash);
  const model = id.slice(slash + 1);
  const parts: Part[] = model
    .split('-')
    .filter((text) => text !== '')
    .map((text) => ({ text, kinds: new Set() }));
  for (const [i, part] of parts.entries()) markKind(part, i, nParams);
  markBasename(parts);
  const joined = (texts: string[]) => texts.join('-') || undefined;
  const of = (kind: Kind) => parts.filter(({ kinds }) => kinds.has(kind)).map(({ text }) => text);
  const finetune = joined(of('finetune'));
  const sizeLabel = joined([...new Set(of('size'))]);
  const version = joined(
    parts.filter(({ kinds }) => kinds.has('version') && !kinds.has('basename')).map(({ text }) => text),
  );
  const ambiguous = sizeLabel === undefined && finetune === undefined && version === undefined;
  return {
    name: title(model) || undefined,
    organization: title(organization) || undefined,
    basename: ambiguous ? undefined : joined(of('basename')),
    finetune,
    version,
    sizeLabel,
  };
}

function markKind(part: Part, index: number, nParams: number): void {
  if (versionPattern.test(part.text)) part.kinds.add('version');
  else if (typePattern.test(part.text)) part.kinds.add('type');
  else if (index > 0 && sizePattern.test(part.text)) markSize(part, nParams);
  else if (index > 0 && finetunePattern.test(part.text)) part.kinds.add('finetune');
}

/** A number far from the size of the model means something else, such as a context length. */
function markSize(part: Part, nParams: number): void {
  let text = part.text.replaceAll('_', '.');
  if (/\d$/.test(text)) text = `${text.slice(0, -2)}.${text.at(-1)}${text.at(-2)}`;
  if (/\d[kmbt]$/.test(text)) text = text.slice(0, -1) + text.slice(-1).toUpperCase();
  const size = /^\d+(\.\d+)?[KMBT]$/.test(text)
    ? Number(text.slice(0, -1)) * 1000 ** ' KMBT'.indexOf(text.slice(-1))
    : undefined;
  if (size !== undefined && nParams > 0 && Math.abs(size - nParams) > Math.floor((7 * nParams) / 8)) {
    part.text = text.slice(0, -1) + text.slice(-1).toLowerCase();
    part.kinds.add('finetune');
  } else {
    part.text = text;
    part.kinds.add('size');
  }
}

/** The basename is at the beginning; everything after the first part with another role is the finetune. */
function markBasename(parts: readonly Part[]): void {
  const sizes = parts.filter(({ kinds }) => kinds.has('size'));
  if (sizes.some(({ text }) => /\d/.test(text))) {
    for (const { text, kinds } of sizes) if (/^\p{L}+$/u.test(text)) kinds.delete('size');
  }
  let atStart = true;
  for (const { text, kinds } of parts) {
    if (atStart && ((kinds.size === 0 && /^\p{L}/u.test(text)) || kinds.has('version'))) {
      kinds.add('basename');
    } else {
      atStart = false;
      if (kinds.size === 0) kinds.add('finetune');
    }
  }
  for (const { kinds } of parts.toReversed()) {
    if (!kinds.has('basename') || kinds.size === 1) break;
    kinds.delete('basename');
  }
}

/** `mini-bert-v1.5` for display: `Mini Bert v1.5`. */
function title(id: string): string {
  return id
    .replaceAll('-', ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => (isLower(word) && !/^(v\d+(\.\d+)*|\d.*)$/.test(word) ? capitalised(word) : word))
    .join(' ');
}

function isLower(word: string): boolean {
  return word === word.toLowerCase() && word !== word.toUpperCase();
}

/** Capitalises the first letter, and each letter after a character that is not a letter. */
function capitalised(word: string): string {
  return word.replace(/(^|[^\p{L}])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase());
}

/** Parameters in words, with two digits: `745K`, `1.0M`, `33M`. */
export function sizeLabel(nParams: number): string {
  const [factor, suffix] =
    nParams > 1e12 ? [1e12, 'T'] : nParams > 1e9 ? [1e9, 'B'] : nParams > 1e6 ? [1e6, 'M'] : [1e3, 'K'];
  const scaled = nParams / factor;
  const digits = Math.round(scaled) === 0 ? 0 : String(Math.round(scaled)).length;
  return scaled.toFixed(Math.max(0, 2 - digits)) + suffix;
}
