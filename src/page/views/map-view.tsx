/**
 * @file The view of the map: all texts on a plane.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { setSetting, setting } from '../address.ts';
import { ExportMenu } from '../export/export-menu.tsx';
import { groupColours, groupSizes, pointColours } from '../map/groups.ts';
import { groupLabels } from '../map/labels.ts';
import { mapPng } from '../map/pictures.ts';
import { pointRadius, Scatter } from '../map/scatter.tsx';
import { useColumn } from '../map/use-column.ts';
import { usePlane } from '../map/use-plane.ts';
import { fitAll, type Viewport } from '../map/viewport.ts';
import { layout } from '../maths/layout.ts';
import type { Neighbour } from '../maths/layout-worker.ts';
import { UMAP_LIMIT } from '../maths/umap.ts';
import { NEAREST, useNeighbours } from '../maths/use-neighbours.ts';
import { Thumbnail } from '../pictures/thumbnail.tsx';
import { dataset, type Embedded, embedded, embedQuery, model, report } from '../state.ts';
import { cssVariable } from '../widgets/colours.ts';
import { ModelHint } from '../widgets/model-hint.tsx';
import { NearestList } from '../widgets/nearest-list.tsx';
import { TextInput } from '../widgets/text-input.tsx';
import { t } from '../words/words.ts';

/** Texts from which on UMAP is chosen by itself; fewer have too few neighbours. */
const UMAP_FROM = 15;
/** Rows of the list of selected texts. */
const LISTED = 200;

/** Shows the texts that are opened here. */
export function MapView() {
  const current = embedded.value;
  return (
    <>
      <TextInput />
      {current === undefined && <ModelHint />}
      {current !== undefined && current.texts.length < 2 && <p class="hint">{t('needTexts')}</p>}
      {current !== undefined && current.texts.length > 1 && <TextMap key={current} {...current} />}
    </>
  );
}

/** The part of the plane that the address names. */
function viewInAddress(): Viewport | undefined {
  const [x, y, scale] = setting('at').split(',').map(Number);
  return scale > 0 && Number.isFinite(x + y + scale) ? { x, y, scale } : undefined;
}

function TextMap({ texts, pictures, matrix }: Embedded) {
  const n = texts.length;
  const { columns } = dataset.value;
  const canUmap = n > 3 && n <= UMAP_LIMIT;
  const isUmap = canUmap && (setting('layout') || (n >= UMAP_FROM ? 'umap' : 'axes')) === 'umap';
  const { positions, clusters, progress } = usePlane(texts, matrix, isUmap);
  const colourBy = setting('colour') in columns ? setting('colour') : '';
  const byColumn = useColumn(colourBy);
  const groups = colourBy === '' ? clusters : byColumn;
  const [chosen, setChosen] = useState(-1);
  const [selected, setSelected] = useState<readonly number[]>();
  const [isLasso, setLasso] = useState(false);
  const [view, setView] = useState(viewInAddress);
  const nearest = useNeighbours(chosen);
  const [query, setQuery] = useState<Query>();
  const frame = useRef<HTMLDivElement>(null);

  const colours = useMemo(() => groups && pointColours(groups, selected), [groups, selected]);
  const sizes = useMemo(() => groups && groupSizes(groups, selected), [groups, selected]);
  const labels = useMemo(() => (groups && positions ? groupLabels(groups, positions) : []), [groups, positions]);
  useEffect(() => {
    const timer = setTimeout(() => {
      const { x, y, scale } = view ?? { x: 0, y: 0, scale: 0 };
      setSetting('at', scale === 0 ? '' : [x, y, scale].map((value) => Number(value.toPrecision(6))).join(','));
    }, 300);
    return () => clearTimeout(timer);
  }, [view]);

  const relayout = (value: string) => {
    setView(undefined);
    setSetting('layout', value);
  };
  const svg = () => {
    const { clientWidth: width, clientHeight: height } = frame.current!.querySelector('.plane')!;
    const size = { width, height };
    return layout.call('svg', {
      positions: positions!,
      colours: colours!,
      labels,
      view: view ?? fitAll(positions!, size),
      size,
      radius: pointRadius(n),
      back: cssVariable('--back'),
      ink: cssVariable('--text'),
    });
  };
  const png = () => mapPng(frame.current!.querySelectorAll('canvas'));
  const select = (indices: readonly number[]) => setSelected(indices.length > 0 ? indices : undefined);
  const selectGroup = (group: number) =>
    setSelected((selected ?? texts.map((_, i) => i)).filter((i) => groups!.of[i] === group));
  // Where a query lies: between the texts that are most like it.
  const mark = query && positions && middle(query.nearest, positions);
  return (
    <div ref={frame}>
      <div class="controls">
        <label>
          {t('layout')}{' '}
          <select value={isUmap ? 'umap' : 'axes'} onChange={({ currentTarget }) => relayout(currentTarget.value)}>
            <option value="axes">{t('axes')}</option>
            <option value="umap" disabled={!canUmap}>
              UMAP
            </option>
          </select>
        </label>
        <label>
          {t('colourBy')}{' '}
          <select value={colourBy} onChange={({ currentTarget }) => setSetting('colour', currentTarget.value)}>
            <option value="">{t('clusters')}</option>
            {Object.keys(columns).map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" aria-pressed={isLasso} onClick={() => setLasso(!isLasso)}>
          {t('lasso')}
        </button>
        <SearchForm onFound={setQuery} />
      </div>
      <p class="hint" id="map-hint">
        {t('mapHint')}
      </p>
      <p class="hint" role="status">
        {progress}
      </p>
      {n > UMAP_LIMIT && <p class="hint">{t('umapLimit', { count: UMAP_LIMIT })}</p>}
      {positions !== undefined && colours !== undefined && (
        <Scatter
          positions={positions}
          colours={colours}
          labels={labels}
          pictures={pictures}
          chosen={chosen}
          query={mark}
          isLasso={isLasso}
          view={view}
          onView={setView}
          onChoose={setChosen}
          onLasso={(line) => layout.call('inside', { positions, line }).then(select, report)}
        />
      )}
      <Thumbnail index={chosen} />
      <output id="map-text">{chosen >= 0 ? texts[chosen] : ''}</output>
      {groups !== undefined && (
        <ul class="legend" aria-label={t('legend')}>
          {groups.names.map((name, group) => (
            <li key={name}>
              <button type="button" onClick={() => selectGroup(group)} disabled={sizes![group] === 0}>
                <span class="dot" style={{ background: groupColours[group % groupColours.length] }} /> {name || '–'} (
                {sizes![group]})
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="columns">
        {query !== undefined && (
          <section aria-labelledby="h-found">
            <h2 id="h-found">{t('nearest', { text: query.text })}</h2>
            <NearestList texts={texts} nearest={query.nearest} onChoose={setChosen} />
          </section>
        )}
        {chosen >= 0 && (
          <section aria-labelledby="h-nearest">
            <h2 id="h-nearest">{t('nearest', { text: texts[chosen] })}</h2>
            <NearestList texts={texts} nearest={nearest} onChoose={setChosen} />
          </section>
        )}
        {selected !== undefined && (
          <section aria-labelledby="h-selected">
            <div class="controls">
              <h2 id="h-selected">{t('selected', { count: selected.length })}</h2>
              <button type="button" onClick={() => setSelected(undefined)}>
                {t('unselect')}
              </button>
            </div>
            <ul class="plain">
              {selected.slice(0, LISTED).map((i) => (
                <li key={i}>
                  <Thumbnail index={i} />
                  {texts[i]}
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
      <ExportMenu picked={selected} pictures={{ 'map.svg': svg, 'map.png': png }} />
    </div>
  );
}

/** A search and what it found. */
interface Query {
  readonly text: string;
  readonly nearest: readonly Neighbour[];
}

/** The middle of the three best. */
function middle(nearest: readonly Neighbour[], positions: Float32Array): [number, number] {
  const best = nearest.slice(0, 3);
  const mean = (axis: number) => best.reduce((sum, { index }) => sum + positions[2 * index + axis], 0) / best.length;
  return [mean(0), mean(1)];
}

function SearchForm({ onFound }: { onFound: (query: Query) => void }) {
  const [text, setText] = useState('');
  const search = async (event: Event) => {
    event.preventDefault();
    try {
      const vector = await embedQuery(text);
      onFound({ text, nearest: await layout.call('nearTo', { vector, count: NEAREST }) });
    } catch (error) {
      report(error);
    }
  };
  return (
    <form class="controls" onSubmit={search}>
      <label>
        {t('searchLabel')}{' '}
        <input type="search" required value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
      </label>
      <button type="submit" disabled={model.value === undefined}>
        {t('search')}
      </button>
    </form>
  );
}
