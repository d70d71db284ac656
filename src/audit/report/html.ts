/**
 * @file A report as one HTML file that opens from disk: no network, and a content security policy that lets only its own script and
 * style run.
 */
import { style } from './style.ts';

/** What a page shows. */
interface HtmlPage {
  readonly title: string;
  /** The elements. */
  readonly body: string;
  /** The script: functions that use nothing from outside of them. The first one is called with the others. */
  // biome-ignore lint/suspicious/noExplicitAny: their types are checked where they are written
  readonly script: readonly ((...others: any[]) => unknown)[];
  /** The element `data` has it as JSON. */
  readonly data: unknown;
}

/** The file. */
export async function htmlPage({ title, body, script: [main, ...others], data }: HtmlPage): Promise<string> {
  const script = `(${main.toString()})(${others.map((other) => other.toString()).join(', ')});`;
  const policy = `default-src 'none'; script-src '${await hashOf(script)}'; style-src '${await hashOf(style)}'`;
  // No text of the data can end its element.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<noscript>This report is drawn by a script in this file.</noscript>
${body}
<script type="application/json" id="data">${json}</script>
<script>${script}</script>
</body>
</html>
`;
}

async function hashOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}
