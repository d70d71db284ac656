/**
 * @file The arrow keys of widgets whose cells are rows and columns.
 */
const arrows: Readonly<Record<string, readonly [row: number, col: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/**
 * Handles a key in such a widget: Enter chooses, an arrow moves by one cell and does not scroll.
 * @param move by so many rows and columns
 */
export function onCellKey(event: KeyboardEvent, choose: () => void, move: (down: number, right: number) => void): void {
  if (event.key === 'Enter') choose();
  const step = arrows[event.key];
  if (step === undefined) return;
  event.preventDefault();
  move(...step);
}
