/**
 * @file The view of the API: the request behind what is on screen, as code.
 */
import { useState } from 'preact/hooks';
import { server } from '../model/choice.ts';
import { serverUrl } from '../model/server.ts';
import { lastRequest } from '../state.ts';
import { t } from '../words/words.ts';
import { curlCode, javascriptCode, libraryCode, pythonCode } from './api-code.ts';

/** Shows the last request. Without a server it is one to the server that `gguf-embed serve` starts. */
export function ApiView() {
  const request = lastRequest.value;
  if (request === undefined) return <p class="hint">{t('noRequest')}</p>;
  const url = server === undefined ? 'http://127.0.0.1:8080/' : serverUrl;
  const code = { ...request, url, hasKey: (server?.key ?? '') !== '' };
  return (
    <>
      <p class="hint">{t('apiHint')}</p>
      <Code title="curl" text={curlCode(code)} />
      <Code title="JavaScript" text={javascriptCode(code)} />
      <Code title="Python" text={pythonCode(code)} />
      <p class="hint">{t('apiLibrary')}</p>
      <Code title="TypeScript" text={libraryCode(request)} />
    </>
  );
}

function Code({ title, text }: { title: string; text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <section aria-label={title}>
      <div class="controls">
        <h2>{title}</h2>
        <button type="button" onClick={copy}>
          {isCopied ? t('copied') : t('copy', { what: title })}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre tabIndex={0}>{text}</pre>
    </section>
  );
}
