/**
 * @file The style of a report, for light and dark screens.
 */

/** CSS. Colours of pictures are made in the script from the same variables. */
export const style = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --mark: #0550ae; --warn: #b42318;
  --chip: #f3f5f7; font: 16px/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14181d; --text: #e6edf3; --soft: #9aa6b2; --line: #3a424c; --mark: #6cb6ff; --warn: #ff8a7a; --chip: #222a32; }
}
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--back); color: var(--text); }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: .75rem 0 .25rem; }
p { margin: .25rem 0; } .hint, output, #about { color: var(--soft); font-size: .9rem; }
output { display: block; min-height: 1.5em; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.controls { display: flex; flex-wrap: wrap; gap: 1rem; margin-bottom: .5rem; } .row { display: flex; flex-wrap: wrap; gap: 1.5rem; }
select, button, input[type=search] { font: inherit; color: inherit; background: var(--chip); border: 1px solid var(--line); border-radius: 4px; padding: .15rem .3rem; }
#texts, #tokens { display: flex; flex-wrap: wrap; gap: 3px; max-height: 14rem; overflow: auto; padding: 4px; border: 1px solid var(--line); border-radius: 6px; }
#texts > span, #tokens > span { padding: 1px 5px; border-radius: 4px; border: 2px solid transparent; background: var(--chip); white-space: pre; cursor: pointer;
  font-family: ui-monospace, monospace; font-size: .9rem; }
#texts.lines { flex-direction: column; flex-wrap: nowrap; } #texts > span { flex: none; white-space: pre-wrap; }
#texts > span[aria-selected=true], #tokens > span[aria-selected=true] { border-color: var(--mark); }
button { text-align: left; cursor: pointer; } li { margin: .15rem 0; }
[hidden] { display: none !important; }
canvas { display: block; max-width: 100%; border: 1px solid var(--line); image-rendering: pixelated; }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.scroll { max-height: 24rem; overflow: auto; } table { border-collapse: collapse; } th, td { text-align: left; padding: .1rem .8rem .1rem 0;
  border-bottom: 1px solid var(--line); } td + td { font-family: ui-monospace, monospace; } tr.differs td { color: var(--warn); font-weight: 600; }
@media (prefers-reduced-motion: no-preference) { #texts > span, #tokens > span { transition: background-color .1s; } }
`;
