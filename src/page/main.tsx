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
if (usesServer.value) void connect();
else void listKept();
