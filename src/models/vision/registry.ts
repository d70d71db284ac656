/**
 * @file The supported vision towers, by the value of `clip.projector_type` in the file.
 */
import { gemma3Tower } from './gemma3.ts';
import { idefics3Tower } from './idefics3.ts';
import { qwen25VlTower } from './qwen2.5-vl.ts';
import { qwen2VlTower } from './qwen2-vl.ts';
import { qwen3VlTower } from './qwen3-vl.ts';
import type { TowerArchitecture } from './tower.ts';

const all: readonly TowerArchitecture[] = [qwen2VlTower, qwen25VlTower, qwen3VlTower, gemma3Tower, idefics3Tower];

/** All towers by id. */
export const towers: ReadonlyMap<string, TowerArchitecture> = new Map(all.map((entry) => [entry.id, entry]));
