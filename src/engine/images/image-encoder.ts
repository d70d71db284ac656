/**
 * @file Turns images into the rows that replace token embeddings in a text model: reads, decodes, encodes with the vision tower, caches.
 */
import { imageLimits } from '../../image/limits.ts';
import type { TileGrid } from '../../image/tiles.ts';
import type { ImageChunk } from '../../models/index.ts';
import type { PatchLayout, Pixels, TowerOutline } from '../../models/vision/index.ts';
import type { Observer } from '../../tensor/ops.ts';
import { onAbort } from '../abortable.ts';
import type { Scheduler } from '../batching/scheduler.ts';
import { type ImageSource, isPixels, type RawImage, readImage } from './image-source.ts';
import { type ImageOptions, limitTokens } from './options.ts';
import { measureImage, type PrepareImages, sizeForTower, tilesForTower } from './prepare.ts';
import type { ImagePreparer } from './preparer.ts';
import { inRasterOrder } from './raster-order.ts';
import { RowCache } from './row-cache.ts';

/** An image whose header was read, but which is not decoded yet. */
export interface OpenedImage {
  readonly raw: RawImage;
  /** Hash of the content; a symbol of its own if the runtime cannot hash. */
  readonly key: string | symbol;
  /** The tokens of the image as a grid, or those of one tile. */
  readonly nx: number;
  readonly ny: number;
  /** Bytes of these rows. */
  readonly rowBytes: number;
  /** The tiles that it is cut into, if the tower sees tiles. */
  readonly tiles?: TileGrid;
  /** The index of the tile that is wanted, row by row; the whole image comes after the last. */
  readonly tile?: number;
}

/** The caller for whom images are encoded. */
interface Request {
  readonly client?: string;
  readonly signal?: AbortSignal;
}

/** An image that is being encoded, and the number of callers that wait for it. */
interface UnderWay {
  readonly rows: Promise<Float32Array>;
  readonly controller: AbortController;
  nWaiting: number;
}

/** What the encoder needs to know about a tower. */
export type TowerFacts = Pick<TowerOutline, 'preprocessing' | 'grid' | 'layout' | 'width'>;

/** Settings for the preparer. */
export function prepareOptions(tower: TowerFacts, options: ImageOptions): PrepareImages {
  const { exif, background, limits } = options;
  return { preprocessing: limitTokens(tower.preprocessing, options), exif, background, limits };
}

/** Encodes the images of one model. */
export class ImageEncoder {
  readonly #tower: TowerFacts;
  readonly #options: PrepareImages;
  readonly #preparer: ImagePreparer;
  readonly #scheduler: Scheduler;
  readonly #cache: RowCache;
  readonly #underWay = new Map<OpenedImage['key'], UnderWay>();

  /** @param cacheBytes most bytes of rows in the cache */
  constructor(
    tower: TowerFacts,
    options: PrepareImages,
    preparer: ImagePreparer,
    scheduler: Scheduler,
    cacheBytes: number,
  ) {
    this.#tower = tower;
    this.#options = options;
    this.#preparer = preparer;
    this.#scheduler = scheduler;
    this.#cache = new RowCache(cacheBytes);
  }

  /**
   * Reads an image and its header.
   * @param index the input that it belongs to
   * @throws InputError for a value that is not an image, ImageError if it cannot be read or exceeds a limit
   */
  async open(source: ImageSource, name: string, index: number): Promise<OpenedImage> {
    const { limits, exif, preprocessing } = this.#options;
    const raw = await readImage(source, name, index, limits?.bytes ?? imageLimits.bytes);
    const measured = await measureImage(raw, { limits, exif });
    const { nx, ny } = this.#tower.grid(await sizeForTower(measured, preprocessing));
    const tiles = await tilesForTower(measured, preprocessing, name);
    return { raw, key: await keyOf(raw), nx, ny, rowBytes: 4 * nx * ny * this.#tower.width, tiles };
  }

  /**
   * The rows of an image, or of its tile `tile`, from the cache if possible. Tiles are computed together.
   * @throws ImageError when it cannot be decoded, the signal's reason
   */
  async encode(image: OpenedImage, request: Request): Promise<ImageChunk> {
    const { key, nx, ny, rowBytes, tile } = image;
    const kept = typeof key === 'string' ? this.#cache.get(key) : undefined;
    const rows = kept ?? (await this.#share(image, request));
    const n = rowBytes / 4;
    return { nx, ny, rows: tile === undefined ? rows : rows.slice(tile * n, (tile + 1) * n) };
  }

  /**
   * The rows of an image or of its tile `tile`, computed in any case, so that `observer` sees every step; and the pixels that the tower sees.
   * @throws as `encode`
   */
  async observe(
    image: OpenedImage,
    observer: Observer,
    signal?: AbortSignal,
  ): Promise<ImageChunk & { pixels: Pixels }> {
    const all = await this.#preparer.prepare(image.raw);
    const pixels = all[image.tile ?? 0];
    const { preprocessing } = this.#options;
    // llama.cpp computes images of one size row by row.
    const shown =
      preprocessing.kind === 'dynamic' ? observer : inRasterOrder(observer, this.#tower.layout(pixels).order);
    const [rows] = await this.#scheduler.submit({ inputs: [pixels], pooling: 'tower', observer: shown, signal });
    return { nx: image.nx, ny: image.ny, rows: rows.values, pixels };
  }

  /** The order of an image's patches in the steps that an observer sees. */
  layout(pixels: Pixels): PatchLayout {
    const layout = this.#tower.layout(pixels);
    return this.#options.preprocessing.kind === 'dynamic' ? layout : { ...layout, order: layout.order.toSorted() };
  }

  /** Waits for the image together with the other callers that need it. */
  async #share(image: OpenedImage, { client, signal }: Request): Promise<Float32Array> {
    signal?.throwIfAborted();
    const underWay = this.#underWay.get(image.key) ?? this.#start(image, client);
    underWay.nWaiting++;
    let forget = () => {};
    const aborted = new Promise<never>((_, reject) => {
      if (signal !== undefined) forget = onAbort(signal, () => reject(signal.reason));
    });
    try {
      return await Promise.race([underWay.rows, aborted]);
    } finally {
      forget();
      // If no other caller waits for the image, it leaves the queue.
      if (--underWay.nWaiting === 0 && signal?.aborted) underWay.controller.abort(signal.reason);
    }
  }

  #start(image: OpenedImage, client: string | undefined): UnderWay {
    const { key } = image;
    const controller = new AbortController();
    const rows = this.#compute(image, { client, signal: controller.signal });
    const underWay: UnderWay = { rows, controller, nWaiting: 0 };
    this.#underWay.set(key, underWay);
    rows
      .then((values) => typeof key === 'string' && this.#cache.set(key, values))
      .catch(() => {})
      .finally(() => this.#underWay.delete(key));
    return underWay;
  }

  /** The rows of an image; those of all tiles one after the other. */
  async #compute({ raw }: OpenedImage, { client, signal }: Request): Promise<Float32Array> {
    const pixels = await this.#preparer.prepare(raw);
    signal?.throwIfAborted();
    const parts = await this.#scheduler.submit({ inputs: pixels, pooling: 'tower', client, signal });
    if (parts.length === 1) return parts[0].values;
    const rows = new Float32Array(parts.reduce((sum, { values }) => sum + values.length, 0));
    let at = 0;
    for (const { values } of parts) {
      rows.set(values, at);
      at += values.length;
    }
    return rows;
  }

  dispose(): Promise<void> {
    return this.#preparer.dispose();
  }
}

/** A hash of an image's content. Browsers hash on secure pages only. */
async function keyOf({ content }: RawImage): Promise<OpenedImage['key']> {
  const { subtle } = globalThis.crypto ?? {};
  if (subtle === undefined) return Symbol();
  const bytes = isPixels(content) ? content.data : content;
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return isPixels(content) ? `${content.width}x${hash}` : hash;
}
