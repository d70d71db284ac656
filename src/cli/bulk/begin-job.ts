/**
 * @file The beginning of a job: what its inputs hold, and that the output folder belongs to it, now and at each part.
 */
import { stat } from 'node:fs/promises';
import { log } from '../log.ts';
import { UsageError } from '../usage-error.ts';
import { type Column, ColumnSurvey } from './columns.ts';
import type { InputFile } from './input-files.ts';
import { createManifest, isLeftBehind, type JobIdentity, readManifest, requireSameJob } from './manifest.ts';
import type { RecordFields } from './record.ts';
import { type SurveyedFile, surveyFiles } from './survey.ts';

interface NewJob {
  /** The folder of the parts; `undefined` for one file. */
  readonly folder: string | undefined;
  readonly files: readonly InputFile[];
  readonly signal: AbortSignal;
  identify(): Promise<JobIdentity>;
}

interface BegunJob {
  readonly surveyed: readonly SurveyedFile[];
  readonly columns: readonly Column[];
  /** Before a part gets its name. @throws UsageError if inputs or the folder are no longer those of this job */
  check(): Promise<void>;
}

/**
 * The numbers of rows and the columns: from the manifest of a job that was begun, else by reading all inputs.
 * @param fieldsOf the fields that the output has of a record, which is the row of this number in the job
 * @throws UsageError for a folder of another job, or inputs that cannot be read
 */
export async function beginJob(
  { folder, files, signal, identify }: NewJob,
  fieldsOf: (fields: RecordFields, index: number) => RecordFields,
): Promise<BegunJob> {
  const survey = async () => {
    const columns = new ColumnSurvey();
    const surveyed = await surveyFiles(files, columns, fieldsOf, signal);
    return { surveyed, columns: columns.columns };
  };
  if (folder === undefined) return { ...(await survey()), check: async () => {} };
  const versions = await versionsOf(files);
  const identity = await identify();
  let manifest = await readManifest(folder);
  const replaces = manifest !== undefined && (await isLeftBehind(folder, manifest, identity));
  if (manifest === undefined || replaces) {
    if (replaces) log(`${folder} has no part of the job that was begun there: this one takes its place`);
    const { surveyed, columns } = await survey();
    const inputs = identity.inputs.map((input, i) => ({ ...input, nRows: surveyed[i].nRows }));
    manifest = await createManifest(folder, { ...identity, inputs, columns }, replaces);
  } else {
    // Another process of this job may just have replaced it.
    manifest = (await readManifest(folder)) ?? manifest;
  }
  requireSameJob(folder, manifest, identity);
  const { inputs, columns } = manifest;
  return {
    surveyed: files.map((file, i) => ({ ...file, nRows: inputs[i].nRows })),
    columns,
    async check() {
      const now = await versionsOf(files);
      const changed = files.find((_, i) => now[i] !== versions[i]);
      if (changed !== undefined) {
        throw new UsageError(`${changed.name} was changed after the job began: write to another folder, or restore it`);
      }
      const current = await readManifest(folder);
      if (current !== undefined) requireSameJob(folder, current, identity);
    },
  };
}

/** What changes when a file is written to; `undefined` for one that is not there. */
function versionsOf(files: readonly InputFile[]): Promise<(string | undefined)[]> {
  const versionOf = ({ path }: InputFile) =>
    stat(path, { bigint: true }).then(
      ({ size, mtimeNs }) => `${size} ${mtimeNs}`,
      () => undefined,
    );
  return Promise.all(files.map(versionOf));
}
