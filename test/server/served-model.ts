/**
 * @file A model of a server of several models, for tests.
 */
import type { ServedModel } from '../../src/server/index.ts';

/** An embedding model of the command line with 100 bytes. */
export function servedModel(id: string, load: ServedModel['load']): ServedModel {
  return {
    id,
    aliases: [],
    tags: [],
    source: 'command_line',
    loadOnStartup: false,
    hasProjector: false,
    options: {},
    kind: async () => 'embedding',
    size: async () => 100,
    load,
  };
}
