import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('docs/adding-a-model.md shows the code of neo-bert as it is', () => {
  const blocks = [...read('docs/adding-a-model.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(blocks.length).toBe(3);
  const source = read('src/models/neo-bert.ts');
  expect(source).toContain(blocks[0].trimEnd());
  expect(source).toContain(blocks[1].trimEnd());
  expect(read('test/models/neo-bert.test.ts')).toContain(blocks[2].trimEnd());
});
