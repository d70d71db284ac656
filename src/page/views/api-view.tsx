/**
 * @file The view of the API: the request behind what is on screen, as code.
 */
import { useRef } from 'preact/hooks';
import { server } from '../model/choice.ts';
import { serverUrl } from '../model/server.ts';
import { lastRequest } from '../state.ts';
import { useCopy } from '../widgets/copy.ts';
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
  const shown = useRef<HTMLPreElement>(null);
  const { isCopied, copy } = useCopy(t('copyRefused'));
  const copyCode = async () => {
    // What is selected can be copied with the keyboard where the browser refuses the rest.
    getSelection()?.selectAllChildren(shown.current!);
    await copy(text);
  };
  return (
    <section aria-label={title}>
      <div class="controls">
        <h2>{title}</h2>
        <button type="button" onClick={copyCode}>
          {isCopied ? t('copied') : t('copy', { what: title })}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre ref={shown} tabIndex={0}>
        {text}
      </pre>
    </section>
  );
}
