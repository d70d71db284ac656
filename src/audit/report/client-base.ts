/**
 * @file What the scripts of all reports share: elements, colours, lists. Pages hold the source of this one function, so it uses nothing
 * from outside of it.
 */

/** The functions that pages share. */
export function pageBase() {
  const get = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
  const visible = (text: string) => text.replaceAll('\n', '⏎').replaceAll('\t', '⇥') || '∅';
  const digits = (value: number) => (Number.isNaN(value) ? 'no number' : Number(value.toPrecision(3)).toString());
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const variable = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** The colour of a byte of a picture: blue below 128, red above, the background at 128; 0, which is no number, is green. */
  function colour(byte: number): [number, number, number] {
    if (byte === 0) return [0, 160, 90];
    const back = dark.matches ? [20, 24, 29] : [255, 255, 255];
    const full =
      byte < 128 ? (dark.matches ? [110, 170, 255] : [10, 70, 190]) : dark.matches ? [255, 140, 90] : [190, 40, 10];
    const share = Math.sqrt(Math.abs(byte - 128) / 127);
    return back.map((value, i) => value + (full[i] - value) * share) as [number, number, number];
  }

  function within(value: number, n: number): number {
    return Math.max(0, Math.min(n - 1, value));
  }

  /** Calls `move` with the rows and columns that an arrow key goes. */
  function onArrows(element: HTMLElement, move: (rows: number, cols: number) => void): void {
    const steps: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    element.addEventListener('keydown', (event) => {
      const step = steps[event.key];
      if (step === undefined) return;
      event.preventDefault();
      move(...step);
    });
  }

  /** The row and the column below the pointer in an element of `rows` by `cols` cells. */
  function cellBelow(event: MouseEvent, element: HTMLElement, rows: number, cols: number): [number, number] {
    const box = element.getBoundingClientRect();
    return [
      within(Math.floor(((event.clientY - box.top) / box.height) * rows), rows),
      within(Math.floor(((event.clientX - box.left) / box.width) * cols), cols),
    ];
  }

  /** Fills a list whose items are chosen by a click or the keyboard; returns what marks the chosen item. */
  function listOf(
    list: HTMLElement,
    texts: readonly string[],
    choose: (index: number) => void,
  ): (index: number) => void {
    let chosen = 0;
    list.append(
      ...texts.map((text, i) => {
        const item = document.createElement('span');
        item.textContent = visible(text);
        item.id = `${list.id}-${i}`;
        item.setAttribute('role', 'option');
        item.addEventListener('click', () => choose(i));
        return item;
      }),
    );
    list.addEventListener('keydown', (event) => {
      const ends: Record<string, number> = { Home: 0, End: texts.length - 1 };
      if (ends[event.key] === undefined) return;
      event.preventDefault();
      choose(ends[event.key]);
    });
    onArrows(list, (rows, cols) => choose(within(chosen + rows + cols, texts.length)));
    return (index) => {
      list.children[chosen]?.removeAttribute('aria-selected');
      chosen = index;
      list.children[chosen]?.setAttribute('aria-selected', 'true');
      list.setAttribute('aria-activedescendant', `${list.id}-${chosen}`);
      list.children[chosen]?.scrollIntoView({ block: 'nearest' });
    };
  }

  return { get, visible, digits, dark, variable, colour, within, onArrows, cellBelow, listOf };
}

/** What `pageBase` returns. */
export type PageBase = ReturnType<typeof pageBase>;
