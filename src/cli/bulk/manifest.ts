/**
 * @file `manifest.json` of an output folder: what decides its bytes. A later run of the same job goes on where the last one stopped; a run
 * with other inputs, another model or other options is refused, unless there are no parts yet.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unreadable } from '../input/read-file.ts';
import { UsageError } from '../usage-error.ts';
import type { Column } from './columns.ts';
import { OutputFile } from './output-file.ts';
import { isNameOfPart } from './output-forms.ts';
import type { SurveyedFile } from './survey.ts';

/** An input as the manifest describes it. */
export interface ManifestInput extends Pick<SurveyedFile, 'path' | 'nRows'> {
  readonly sha256: string;
}

/** What decides the bytes of a job. */
export interface JobIdentity {
  readonly program: string;
  readonly model: { readonly path: string; readonly sha256: string };
  readonly inputs: readonly Omit<ManifestInput, 'nRows'>[];
  /** Values by the option that gives them. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The identity of a job, and what was found in its inputs. */
export interface Manifest extends JobIdentity {
  readonly inputs: readonly ManifestInput[];
  readonly columns: readonly Column[];
}

const nameIn = (folder: string) => join(folder, 'manifest.json');

/**
 * The manifest of a folder; `undefined` if it has none.
 * @throws UsageError for a file that is none, or a folder with parts of which it does not say what they are
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = nameIn(folder);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  });
  if (text === undefined) {
    const part = (await readdir(folder)).find(isNameOfPart);
    if (part === undefined) return undefined;
    throw new UsageError(`${folder} has ${part}, but no manifest.json: write to another folder, or empty this one`);
  }
  try {
    const manifest = JSON.parse(text) as Manifest;
    if (manifest.model.sha256 && Array.isArray(manifest.inputs) && manifest.settings && manifest.columns)
      return manifest;
  } catch {
    // The message is the one below.
  }
  throw new UsageError(`${path} is not the manifest of a job: give another folder`);
}

/**
 * Writes the manifest of a folder, unless another process has just written one.
 * @param replaces whether it takes the place of the one that is there
 * @returns the manifest that is there now
 */
export async function createManifest(folder: string, manifest: Manifest, replaces: boolean): Promise<Manifest> {
  const file = await OutputFile.create(nameIn(folder));
  try {
    await file.write(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    await (replaces ? file.commit() : file.commitIfNew());
  } finally {
    await file.discard();
  }
  return (await readManifest(folder)) ?? manifest;
}

/** Whether a manifest is of another job that never got to a part, and that no process works on. */
export async function isLeftBehind(folder: string, before: Manifest, now: JobIdentity): Promise<boolean> {
  if (differenceOf(before, now) === undefined) return false;
  return (await readdir(folder)).every((name) => !isNameOfPart(name.replace(/^\.(?=.*\.partial$)/, '')));
}

/**
 * Makes sure that a folder belongs to this job.
 * @throws UsageError that names the first thing that differs
 */
export function requireSameJob(folder: string, before: Manifest, now: JobIdentity): void {
  const difference = differenceOf(before, now);
  if (difference === undefined) return;
  throw new UsageError(
    `${folder} has parts of another job: ${difference}; write to another folder, or remove this one to begin again`,
  );
}

function differenceOf(before: Manifest, now: JobIdentity): string | undefined {
  if (before.program !== now.program) return `they are of ${before.program}, and this is ${now.program}`;
  if (before.model.sha256 !== now.model.sha256) {
    return before.model.path === now.model.path
      ? `the model ${now.model.path} has changed`
      : `their model is ${before.model.path}, not ${now.model.path}`;
  }
  for (const { path, sha256 } of now.inputs) {
    const old = before.inputs.find((input) => input.path === path);
    if (old === undefined) return `the input ${path} was not one of theirs`;
    if (old.sha256 !== sha256) return `the input ${path} has changed`;
  }
  const missing = before.inputs.find(({ path }) => now.inputs.every((input) => input.path !== path));
  if (missing !== undefined) return `the input ${missing.path} is missing`;
  if (before.inputs.some(({ path }, i) => path !== now.inputs[i].path)) return 'the inputs are in another order';
  for (const name of new Set([...Object.keys(before.settings), ...Object.keys(now.settings)])) {
    const [old, fresh] = [JSON.stringify(before.settings[name]), JSON.stringify(now.settings[name])];
    if (old !== fresh) return `${name} was ${old ?? 'not given'} and is ${fresh ?? 'not given'}`;
  }
  return undefined;
}
