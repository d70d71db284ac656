/**
 * @file Text from a file, made safe to show: a name must not drive the terminal that it is printed on.
 */

/** Control characters, line separators of Unicode, and the marks that turn the direction of writing. */
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The text on one line with control characters as `\uXXXX`; inside a JSON text they stay what they were. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same with the line breaks of the text left in place. */
export function escapeControlsInLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n');
}
