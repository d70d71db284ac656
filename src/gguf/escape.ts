/**
 * @file Makes text from a file safe to print: a name must not control the terminal.
 */

/** Control characters, line separators of Unicode, and marks that change the writing direction. */
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The text on one line, with control characters as `\uXXXX`. In JSON text this keeps their meaning. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same, but keeps line breaks. */
export function escapeControlsInLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n');
}
