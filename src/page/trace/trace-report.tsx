/**
 * @file The report of a trace: attention, activations, norms, pooling and the vector, with one token marked in all of them.
 */
import { setSetting, setting } from '../address.ts';
import type { TextTrace } from '../model/page-model.ts';
import { digitsText, scoreText, t, visible } from '../words/words.ts';
import { valueAt } from './cells.ts';
import { LineChart } from './line-chart.tsx';
import { MatrixView } from './matrix-view.tsx';
import { TokenChoice } from './token-choice.tsx';

/** Tokens in the list of what a token looks at, and values of the vector in a line. */
const LISTED = 8;

/** The number of a setting, below `n`. */
const settingBelow = (name: string, n: number, otherwise = 0) => {
  const value = setting(name) === '' ? otherwise : Number(setting(name)) || 0;
  return Math.max(0, Math.min(n - 1, value));
};

/** Shows a trace. What is chosen is in the address. */
export function TraceReport(trace: TextTrace) {
  const { tokens, activations, backend, pooling, vector } = trace;
  const token = settingBelow('token', tokens.length);
  const choose = (index: number) => setSetting('token', `${index}`);
  const values = Array.from(vector.subarray(0, LISTED), digitsText).join(' ');
  return (
    <>
      <p class="hint">{t('traced', { backend, tokens: tokens.length, tensors: activations.length, pooling })}</p>
      <h2>{t('traceTokens')}</h2>
      <p class="hint">{t('traceTokensHint')}</p>
      <TokenChoice tokens={tokens} chosen={token} onChoose={choose} />
      <Attention trace={trace} token={token} onChoose={choose} />
      {activations.length > 0 && <Activations trace={trace} token={token} onChoose={choose} />}
      <Norms trace={trace} token={token} />
      <Shares trace={trace} />
      <section aria-labelledby="h-vector">
        <h2 id="h-vector">{t('vector')}</h2>
        <LineChart label={t('vectorHint', { count: vector.length, values })} values={Array.from(vector)} />
        <p class="hint">{t('vectorHint', { count: vector.length, values })}</p>
      </section>
    </>
  );
}

/** What the parts show. */
interface PartProps {
  readonly trace: TextTrace;
  /** The marked one. */
  readonly token: number;
  readonly onChoose: (token: number) => void;
}

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly names: readonly string[];
  readonly value: number;
}

function Choice({ label, name, names, value }: ChoiceProps) {
  return (
    <label>
      {label}{' '}
      <select value={value} onChange={({ currentTarget }) => setSetting(name, currentTarget.value)}>
        {names.map((text, i) => (
          <option key={i} value={i}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Attention({ trace: { tokens, attention }, token, onChoose }: PartProps) {
  const layer = attention[settingBelow('layer', attention.length)];
  const head = layer?.heads[settingBelow('head', layer.heads.length)];
  const name = (index: number) => visible(tokens[index].text);
  return (
    <section aria-labelledby="h-attention">
      <h2 id="h-attention">{t('attention')}</h2>
      {head === undefined ? (
        <p class="hint">{t('noAttention')}</p>
      ) : (
        <>
          <p class="hint">{t('attentionHint')}</p>
          <div class="controls">
            <Choice
              label={t('layer')}
              name="layer"
              names={attention.map(({ layer }) => layer)}
              value={attention.indexOf(layer)}
            />
            <Choice
              label={t('head')}
              name="head"
              names={layer.heads.map((_, i) => `${i}`)}
              value={layer.heads.indexOf(head)}
            />
          </div>
          <div class="columns">
            <MatrixView
              id="attention-cell"
              picture={head}
              chosen={token}
              describe={(row, col) =>
                t('attentionCell', {
                  token: name(row),
                  row,
                  other: name(col),
                  col,
                  value: scoreText(valueAt(head, row, col)),
                })
              }
              onChoose={onChoose}
            />
            <div>
              <h3>{t('looksAt', { token: name(token) })}</h3>
              <ol aria-label={t('looksAt', { token: name(token) })}>
                {tokens
                  .map((_, col) => ({ col, share: valueAt(head, token, col) }))
                  .sort((a, b) => b.share - a.share)
                  .slice(0, LISTED)
                  .map(({ col, share }) => (
                    <li key={col}>
                      {name(col)} ({col}) {scoreText(share)}
                    </li>
                  ))}
              </ol>
            </div>
          </div>
        </>
      )}
    </section>
  );
}

function Activations({ trace: { tokens, activations }, token, onChoose }: PartProps) {
  const at = settingBelow('tensor', activations.length, activations.length - 1);
  const picture = activations[at];
  return (
    <section aria-labelledby="h-activations">
      <h2 id="h-activations">{t('activations')}</h2>
      <p class="hint">{t('activationsHint')}</p>
      <Choice
        label={t('tensor')}
        name="tensor"
        names={activations.map(({ name, cols }) => `${name} [${cols}]`)}
        value={at}
      />
      <MatrixView
        id="activation-cell"
        picture={picture}
        chosen={token}
        describe={(row, col) =>
          t('activationCell', {
            token: visible(tokens[row].text),
            row,
            col,
            value: digitsText(valueAt(picture, row, col)),
          })
        }
        onChoose={onChoose}
      />
    </section>
  );
}

/** Names of the outputs of layers, best first. */
const outputs = ['l_out', 'ffn_out', 'ffn_inp'];

function Norms({ trace: { tokens, activations, norms }, token }: Omit<PartProps, 'onChoose'>) {
  const layers = (output: string) =>
    activations.flatMap(({ name }, i) =>
      // The last of a name in a layer is its result.
      /^(.*)-\d+$/.exec(name)?.[1] === output && !activations.slice(i + 1).some((later) => later.name === name)
        ? [i]
        : [],
    );
  const name = outputs.find((output) => layers(output).length > 1);
  if (name === undefined) return null;
  const own = layers(name).map((i) => norms[i][token]);
  const mean = layers(name).map((i) => norms[i].reduce((sum, value) => sum + value, 0) / norms[i].length);
  const hint = t('normsHint', { token: visible(tokens[token].text), name });
  return (
    <section aria-labelledby="h-norms">
      <h2 id="h-norms">{t('norms')}</h2>
      <p class="hint">{hint}</p>
      <LineChart label={t('normsLabel', { name, values: own.map(digitsText).join(' ') })} values={own} mean={mean} />
      <p class="hint">{own.map(digitsText).join(' → ')}</p>
    </section>
  );
}

function Shares({ trace: { tokens, shares, pooling } }: Pick<PartProps, 'trace'>) {
  const most = shares.reduce((largest, share) => Math.max(largest, Math.abs(share)), 1e-9);
  return (
    <section aria-labelledby="h-pooled">
      <h2 id="h-pooled">{t('pooled')}</h2>
      <p class="hint">{shares.length > 0 ? t('sharesHint') : t('noShares', { pooling })}</p>
      <ol class="ranked" start={0}>
        {shares.map((share, i) => (
          <li key={i}>
            {visible(tokens[i].text)}
            <div class="score">
              <div aria-hidden="true">
                <div class="length" style={{ width: `${(100 * Math.max(0, share)) / most}%` }} />
              </div>
              <small>{scoreText(share)}</small>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
