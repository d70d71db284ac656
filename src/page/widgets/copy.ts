/**
 * @file Copies a text for the reader, as far as the browser allows it.
 */
import { useState } from 'preact/hooks';
import { status } from '../state.ts';

/** Milliseconds for which a button says that it has copied. */
const SHOWN = 2000;

/**
 * A function that copies, and whether it has just done so.
 * @param refused what to say where the browser refuses: it does so without https, and when the reader has forbidden it
 */
export function useCopy(refused: string): { isCopied: boolean; copy(text: string): Promise<void> } {
  const [isCopied, setCopied] = useState(false);
  const copy = async (text: string) => {
    try {
      // Without https there is no clipboard, and the call throws, too.
      await navigator.clipboard.writeText(text);
    } catch {
      status.value = { text: refused, isProblem: true };
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN);
  };
  return { isCopied, copy };
}
