/**
 * @file The state of the page in its address: the view and what was set in it, so that a link restores it. Texts are never in it.
 */
import { signal } from '@preact/signals';

/** The view and its settings. */
interface Address {
  readonly view: string;
  readonly settings: Readonly<Record<string, string>>;
}

function parse(hash: string): Address {
  const [view, query = ''] = hash.replace(/^#/, '').split('?');
  return { view, settings: Object.fromEntries(new URLSearchParams(query)) };
}

/** The current address. */
export const address = signal<Address>(parse(location.hash));

addEventListener('hashchange', () => {
  address.value = parse(location.hash);
});

/** Milliseconds between two writes to the address bar: browsers refuse a page that writes there at each step of a slider. */
const INTERVAL = 200;
let written = -INTERVAL;
let timer: ReturnType<typeof setTimeout> | undefined;

function go(next: Address): void {
  address.value = next;
  const wait = written + INTERVAL - performance.now();
  if (wait <= 0) write();
  else timer ??= setTimeout(write, wait);
}

function write(): void {
  clearTimeout(timer);
  timer = undefined;
  written = performance.now();
  const { view, settings } = address.value;
  const query = new URLSearchParams(settings).toString();
  history.replaceState(null, '', `#${view}${query === '' ? '' : `?${query}`}`);
}

/** The whole address with the view and its settings. */
export function link(): string {
  write();
  return location.href;
}

/** Opens a view; the settings stay. */
export const openView = (view: string) => go({ ...address.value, view });

/** A setting; empty if it was never made. */
export const setting = (name: string) => address.value.settings[name] ?? '';

/** Makes a setting; an empty one goes back to the default. */
export function setSetting(name: string, value: string): void {
  const { [name]: _, ...others } = address.value.settings;
  go({ ...address.value, settings: value === '' ? others : { ...others, [name]: value } });
}
