/**
 * @file Decodes images one after the other: in a separate worker, so that neither the calling thread nor the compute workers wait, or
 * on the calling thread if there are no workers.
 */
import { ImageError } from '../../image/errors.ts';
import type { Pixels } from '../../models/vision/index.ts';
import { linkToWorker, type WorkerLink } from '../../workers/index.ts';
import type { TeamWorkerMethods } from '../team/team-methods.ts';
import { workerModule } from '../team/worker-url.ts';
import type { RawImage } from './image-source.ts';
import { type PrepareImages, prepareImage } from './prepare.ts';

type Decoder = WorkerLink<Pick<TeamWorkerMethods, 'prepare'>>;

/** Decodes images. */
export interface ImagePreparer {
  /** The pixels of an image at the size that the tower takes; if the tower sees tiles, those of each tile. @throws ImageError */
  prepare(image: RawImage): Promise<readonly Pixels[]>;
  dispose(): Promise<void>;
}

/** On the calling thread. */
export function localPreparer(options: PrepareImages): ImagePreparer {
  return { prepare: (image) => prepareImage(image, options), async dispose() {} };
}

/** In a worker, which starts with the first image. If it dies, the next image starts another. */
export function workerPreparer(options: PrepareImages, workerUrl: string | URL | undefined): ImagePreparer {
  let worker: Decoder | undefined;
  let nUnderWay = 0;
  const start = (): Decoder => {
    const started: Decoder = linkToWorker<Record<never, never>, TeamWorkerMethods>(
      workerModule(workerUrl),
      {},
      {
        classes: [ImageError],
        fewObjects: true,
        died: () => {
          if (worker === started) worker = undefined;
        },
      },
    );
    return started;
  };
  return {
    async prepare(image) {
      const decoder = (worker ??= start());
      if (nUnderWay++ === 0) decoder.keepAlive(true);
      try {
        return await decoder.request('prepare', { image, options });
      } finally {
        if (--nUnderWay === 0) decoder.keepAlive(false);
      }
    },
    async dispose() {
      const ending = worker;
      worker = undefined;
      await ending?.terminate(new Error('the model is disposed'));
    },
  };
}
