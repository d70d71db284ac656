/**
 * @file Starts the page.
 */
import { render } from 'preact';
import { App } from './app.tsx';
import { connect, listKept, usesServer } from './model/choice.ts';
import { language, t } from './words/words.ts';

document.documentElement.lang = language;
document.title = t('title');
render(<App />, document.body);
// A file that is dropped beside the areas for files would take the place of the page, and of all that was typed.
for (const type of ['dragover', 'drop'] as const) {
  addEventListener(type, (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  });
}
if (usesServer.value) void connect();
else void listKept();
