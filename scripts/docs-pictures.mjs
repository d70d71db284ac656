/** @file Draws the pictures of the documentation anew: `npm run docs:pictures`. They are the same bytes on every machine. */
import { writeFileSync } from 'node:fs';
import { pictures } from './pictures/index.mjs';

for (const [name, text] of Object.entries(await pictures())) {
  writeFileSync(new URL(`../docs/pictures/${name}`, import.meta.url), text);
  console.log(`docs/pictures/${name}: ${text.length} characters`);
}
