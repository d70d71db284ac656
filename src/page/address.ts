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

function go(next: Address): void {
  address.value = next;
  const query = new URLSearchParams(next.settings).toString();
  history.replaceState(null, '', `#${next.view}${query === '' ? '' : `?${query}`}`);
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
