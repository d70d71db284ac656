/**
 * @file What model a GGUF file has, or why it cannot run. Reads no weights.
 */
import { GgufError, type GgufFile } from '../../gguf/index.ts';
import { ModelError, type ModelTreeNode, modelTree } from '../../models/index.ts';
import { hasTower, towerTree } from '../../models/vision/index.ts';

/** The model in a file, or why it cannot run. */
export type ModelInFile =
  | { readonly kind: 'model' | 'vision tower'; readonly tree: ModelTreeNode }
  | { readonly problem: string };

/** The model or vision tower in `file`. */
export function modelInFile(file: GgufFile): ModelInFile {
  try {
    if (hasTower(file)) return { kind: 'vision tower', tree: towerTree(file) };
    return { kind: 'model', tree: modelTree(file) };
  } catch (error) {
    if (error instanceof ModelError || error instanceof GgufError) return { problem: error.message };
    throw error;
  }
}
