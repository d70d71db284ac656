/**
 * @file The part of the page where the model is chosen.
 */
import { useSignal } from '@preact/signals';
import { model } from '../state.ts';
import { DropZone } from '../widgets/drop-zone.tsx';
import { bytesText, t } from '../words/words.ts';
import {
  chooseServerModel,
  choosing,
  connect,
  fetchModel,
  forget,
  kept,
  keyProblem,
  openFile,
  openKept,
  server,
  serverModels,
  setUsesServer,
  tryKey,
  usesServer,
} from './choice.ts';
import { canKeep, isFile } from './store.ts';

/** What is in use, and how to change it. */
export function ModelPanel() {
  const current = model.value;
  return (
    <section class="model" aria-label={t('model')}>
      {current !== undefined && (
        <p>
          {current.isReranker
            ? t('aboutRerank', { name: current.name, where: current.where })
            : t('about', { name: current.name, dimensions: current.dimensions ?? '?', where: current.where })}
        </p>
      )}
      {usesServer.value ? <ServerChoice /> : <PageChoice />}
      {server !== undefined && (
        <button type="button" class="link" onClick={() => setUsesServer(!usesServer.value)}>
          {t(usesServer.value ? 'modelInPage' : 'backToServer')}
        </button>
      )}
    </section>
  );
}

function ServerChoice() {
  const key = useSignal('');
  if (keyProblem.value !== undefined) {
    return (
      <form
        class="controls"
        onSubmit={(event) => {
          event.preventDefault();
          tryKey(key.value);
        }}
      >
        <p role="alert">{keyProblem.value}</p>
        <label>
          {t('key')}{' '}
          <input
            type="password"
            autocomplete="off"
            required
            value={key.value}
            onInput={({ currentTarget }) => (key.value = currentTarget.value)}
          />
        </label>
        <button type="submit">{t('keyUse')}</button>
      </form>
    );
  }
  const names = serverModels.value;
  if (names.length === 0) {
    return (
      <button type="button" onClick={connect}>
        {t('retry')}
      </button>
    );
  }
  if (names.length === 1 && model.value !== undefined) return null;
  return (
    <label>
      {t('modelOfServer')}{' '}
      <select value={model.value?.name} onChange={({ currentTarget }) => chooseServerModel(currentTarget.value)}>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function PageChoice() {
  const isKept = useSignal(canKeep);
  const address = useSignal('');
  const isOpen = useSignal(false);
  const loading = choosing.loading.value;
  if (loading !== undefined) {
    return (
      <button type="button" onClick={() => loading.abort()}>
        {t('stop')}
      </button>
    );
  }
  if (model.value !== undefined && !isOpen.value) {
    return (
      <button type="button" onClick={() => (isOpen.value = true)}>
        {t('change')}
      </button>
    );
  }
  const start = (work: Promise<void>) => {
    isOpen.value = false;
    return work;
  };
  return (
    <div class="choose">
      <DropZone label={t('chooseFile')} accept=".gguf" onFile={(file) => start(openFile(file, isKept.value))}>
        <span>{t('dropModel')}</span>
      </DropZone>
      <form
        class="controls"
        onSubmit={(event) => {
          event.preventDefault();
          start(fetchModel(address.value, isKept.value));
        }}
      >
        <label>
          {t('modelUrl')}{' '}
          <input
            type="text"
            inputMode="url"
            required
            placeholder={t('modelUrlHint')}
            value={address.value}
            onInput={({ currentTarget }) => (address.value = currentTarget.value)}
          />
        </label>
        <button type="submit">{t('fetchModel')}</button>
      </form>
      {canKeep && (
        <label class="check">
          <input type="checkbox" checked={isKept.value} onChange={() => (isKept.value = !isKept.value)} /> {t('keep')}
        </label>
      )}
      {isFile && <p class="hint">{t('fromFolder')}</p>}
      {kept.value.length > 0 && (
        <>
          <h2>{t('kept')}</h2>
          <ul class="kept">
            {kept.value.map(({ name, bytes }) => (
              <li key={name} class="controls">
                <button type="button" onClick={() => start(openKept(name))}>
                  {t('load', { name })}
                </button>
                <span class="hint">{bytesText(bytes)}</span>
                <button type="button" onClick={() => forget(name)}>
                  {t('remove', { name })}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
