/**
 * @file Chooses the files of a model in a repository: by quant, by path, or the usual quant; with the other parts of a split
 * model and the projector of a multimodal one.
 */
import { allNear } from '../nearest.ts';
import { HubError } from './errors.ts';

/** The fields of a listed file on which the choice depends. */
interface Named {
  /** Path in the repository, with `/`. */
  readonly path: string;
}

/** The files of a model. */
export interface ChosenFiles<F extends Named> {
  /** The file itself or all parts of it, in order. */
  readonly model: readonly F[];
  /** Its projector. */
  readonly projector: F | undefined;
}

/** What a file is for: the text model, or the vision tower of a multimodal one. */
export type FileKind = 'model' | 'projector';

/** What the caller asks of a repository. */
export interface Wanted {
  /** Default: the model. */
  readonly kind?: FileKind;
  readonly tag?: string;
  /** Exact path; it overrides the tag. */
  readonly file?: string;
}

/** The quants to try, in this order, if the caller names none. */
const USUAL = ['Q4_K_M', 'Q8_0'];
/** Parts of the names of GGUF files that are not models by themselves. */
const OTHERS = ['mmproj', 'imatrix', 'mtp-', 'eagle3-', 'dflash-', 'dspark-'];
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/**
 * Chooses among the files of a repository, in the order of its listing.
 * @throws HubError if no file matches (the message lists what the repository has), or a part of a split model is missing
 */
export function chooseFiles<F extends Named>(repo: string, files: readonly F[], wanted: Wanted): ChosenFiles<F> {
  const chosen = wanted.file === undefined ? byTag(repo, files, wanted) : byPath(repo, files, wanted.file);
  return { model: allParts(repo, files, chosen), projector: projectorOf(files, chosen) };
}

/** Whether a file can be the model of its repository. Of a split model, only the first part can. */
export function isModelFile(path: string): boolean {
  const name = fileName(path);
  if (!path.endsWith('.gguf') || OTHERS.some((other) => name.includes(other))) return false;
  const part = PART.exec(path);
  return part === null || Number(part[2]) === 1;
}

/** The quant in a file's name, as `Q8_0`; `undefined` if the name has none. */
export function tagOf(path: string): string | undefined {
  const stem = (PART.exec(path)?.[1] ?? path.replace(/\.gguf$/, '')) || path;
  return /[-.]([A-Za-z0-9_]+)$/.exec(stem)?.[1].toUpperCase();
}

/** Whether a file is the vision tower of a multimodal model. */
export function isProjectorFile(path: string): boolean {
  return path.endsWith('.gguf') && fileName(path).includes('mmproj');
}

/** The paths of all parts of a split model, given the path of its first part; for any other file, its own path. */
export function partsOf(path: string): string[] {
  const [, prefix, no, count] = PART.exec(path) ?? [];
  if (prefix === undefined || Number(no) !== 1) return [path];
  return Array.from(
    { length: Number(count) },
    (_, i) => `${prefix}-${String(i + 1).padStart(5, '0')}-of-${count}.gguf`,
  );
}

function byTag<F extends Named>(repo: string, files: readonly F[], { kind = 'model', tag }: Wanted): F {
  const candidates = files.filter(({ path }) => (kind === 'model' ? isModelFile(path) : isProjectorFile(path)));
  if (candidates.length === 0 && kind === 'projector') {
    throw new HubError('not-found', `${repo} has no vision tower, a GGUF file with mmproj in its name${listed(files)}`);
  }
  if (candidates.length === 0) {
    const checkpoint = files.some(({ path }) => /\.(safetensors|bin|pt|onnx)$/.test(path));
    const hint = checkpoint
      ? ': it holds a checkpoint; look for a repository of the same model with GGUF in its name'
      : listed(files);
    throw new HubError('not-found', `${repo} has no GGUF file${hint}`);
  }
  for (const wanted of tag === undefined ? USUAL : [tag]) {
    const found = candidates.find(({ path }) => hasTag(path, wanted));
    if (found !== undefined) return found;
  }
  if (tag === undefined) return candidates[0];
  const tags = [...new Set(candidates.flatMap(({ path }) => tagOf(path) ?? []))];
  const [near] = allNear(tag.toUpperCase(), tags);
  const known = tags.length > 0 ? `it has ${tags.join(', ')}` : `its files are ${shownPaths(candidates)}`;
  const hint = near === undefined ? '' : `; did you mean ${repo}:${near}?`;
  const what = kind === 'model' ? 'file' : 'vision tower';
  throw new HubError('not-found', `${repo} has no ${what} for ${tag}: ${known}${hint}`);
}

function byPath<F extends Named>(repo: string, files: readonly F[], path: string): F {
  const found = files.find((file) => file.path === path);
  if (found !== undefined) return found;
  const models = files.filter((file) => file.path.endsWith('.gguf'));
  const inFolder = models.find((file) => fileName(file.path) === path)?.path;
  const paths = models.map((file) => file.path);
  const near = inFolder ?? allNear(path, paths)[0];
  const hint = near === undefined ? listed(models) : `: did you mean ${near}?`;
  throw new HubError('not-found', `${repo} has no file ${path}${hint}`);
}

/** llama.cpp's rule for a tag: anywhere in the path, in any case, before a dot or a dash. */
function hasTag(path: string, tag: string): boolean {
  const lower = path.toLowerCase();
  const wanted = tag.toLowerCase();
  return lower.includes(`${wanted}.`) || lower.includes(`${wanted}-`);
}

function allParts<F extends Named>(repo: string, files: readonly F[], first: F): F[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return partsOf(first.path).map((path) => {
    const part = byPath.get(path);
    if (part === undefined) throw new HubError('not-found', `${repo} lacks a part of the model ${first.path}: ${path}`);
    return part;
  });
}

/** The projector in the model's folder or a parent folder: the deepest, then the one with the nearest precision. */
function projectorOf<F extends Named>(files: readonly F[], model: F): F | undefined {
  const bits = bitsOf(model.path);
  const ranked = files
    .filter(({ path }) => isProjectorFile(path) && path !== model.path)
    .map((file) => ({ file, folder: folderOf(file.path), difference: Math.abs(bitsOf(file.path) - bits) }))
    .filter(({ folder }) => folderOf(model.path).startsWith(folder));
  ranked.sort((a, b) => b.folder.length - a.folder.length || a.difference - b.difference);
  return ranked[0]?.file;
}

/** Bits of a weight: the first number in the name of a quant; 0 if there is none. */
function bitsOf(path: string): number {
  return Number(/\d+/.exec(tagOf(path) ?? '')?.[0] ?? 0);
}

/** Folder of a path with a `/` at its end; empty at the root. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Most paths that a message lists. */
const MAX_SHOWN = 20;

function listed(files: readonly Named[]): string {
  return files.length === 0 ? ': it is empty' : `; its files are ${shownPaths(files)}`;
}

function shownPaths(files: readonly Named[]): string {
  const more = files.length - MAX_SHOWN;
  const shown = files.slice(0, MAX_SHOWN).map(({ path }) => path);
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
