/**
 * @file Models that the browser keeps for the next visit, in its own file system (OPFS).
 */

/** A kept model. */
export interface KeptModel {
  readonly name: string;
  readonly bytes: number;
}

const FOLDER = 'models';

async function folder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/** The page was opened from a file: browsers then keep nothing, and share no memory between threads. */
export const isFile = location.protocol === 'file:';

/** Whether this browser can keep models here: it needs a secure origin. */
export const canKeep = !isFile && navigator.storage?.getDirectory !== undefined;

/** The models that are kept, by name. */
export async function keptModels(): Promise<KeptModel[]> {
  if (!canKeep) return [];
  const found: KeptModel[] = [];
  try {
    for await (const name of (await folder()).keys()) {
      if (name.endsWith('.gguf')) found.push({ name, bytes: (await keptModel(name)).size });
    }
  } catch {
    // Without a file system there is nothing kept.
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The bytes of a kept model. */
export async function keptModel(name: string): Promise<Blob> {
  return (await (await folder()).getFileHandle(name)).getFile();
}

/** The file of the vision tower that is kept with a model. */
export const towerName = (name: string) => `${name}.mmproj`;

/** The bytes of the vision tower that is kept with a model; `undefined` if there is none. */
export function keptTower(name: string): Promise<Blob | undefined> {
  return keptModel(towerName(name)).catch(() => undefined);
}

/** Forgets a model and its vision tower. */
export async function removeModel(name: string): Promise<void> {
  await (await folder()).removeEntry(name);
  await (await folder()).removeEntry(towerName(name)).catch(() => {});
}

/**
 * Writes a model. It gets its name when it is whole: what was cut leaves nothing behind. Tabs that keep the same model take turns.
 * @throws DOMException when there is no space, and what `body` throws
 */
export async function keepModel(name: string, body: ReadableStream<Uint8Array>): Promise<void> {
  await navigator.locks.request(`keep ${name}`, () => writeModel(name, body));
}

async function writeModel(name: string, body: ReadableStream<Uint8Array>): Promise<void> {
  const where = await folder();
  const part = `${name}.part`;
  const handle = await where.getFileHandle(part, { create: true });
  try {
    // Writes go to a copy that replaces the file when it is closed; an error throws the copy away.
    await body.pipeTo((await handle.createWritable()) as WritableStream<Uint8Array>);
    await (handle as FileSystemFileHandle & { move(name: string): Promise<void> }).move(name);
  } catch (error) {
    await where.removeEntry(part).catch(() => {});
    throw error;
  }
}
