/**
 * @file The view of texts and the API view, with the server: what a person does and reads.
 */
import { expect, it } from 'vitest';
import { describeBrowser } from '../browser.ts';
import { minilm, openPage, pagesOfServer, startBrowser, startServer } from './support.ts';

const texts = ['A cat sleeps.', 'Interest rates rise.', 'The kitten plays.', 'Shares fell.'];

describeBrowser('the page of the server', () => {
  const open = pagesOfServer(['-m', minilm]);

  it('shows tokens, similarities and the nearest texts of what is typed', async () => {
    const { page, problems } = await open();
    await page.getByText('all-MiniLM-L6-v2-Q8_0.gguf · 384 dimensions · on the server').waitFor();
    await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
    await page.getByText('4 texts, 384 dimensions').waitFor();
    const pieces = page.getByRole('region', { name: 'Tokens of the chosen text' }).getByRole('listitem');
    await expect
      .poll(() => pieces.allTextContents())
      .toEqual(['[CLS] 101', '␣a 1037', '␣cat 4937', '␣sleeps 25126', '␣. 1012', '[SEP] 102']);
    const nearest = page.getByRole('region', { name: 'Nearest to “A cat sleeps.”' }).getByRole('listitem');
    await expect.poll(() => nearest.count()).toBe(3);
    expect(await nearest.first().textContent()).toMatch(/^0\.\d{3} The kitten plays\.$/);
    // The keyboard chooses another text in the list, and the neighbours follow.
    await page.getByRole('listbox', { name: 'Texts' }).focus();
    await page.keyboard.press('ArrowDown');
    const rates = page.getByRole('region', { name: 'Nearest to “Interest rates rise.”' }).getByRole('listitem');
    await expect.poll(async () => (await rates.first().textContent()) ?? '').toMatch(/Shares fell\.$/);
    expect(problems).toEqual([]);
  });

  it('asks again about a model that is unloaded while it is asked about', async () => {
    const { page } = await open();
    let nAsked = 0;
    await page.route('**/v1/models', async (route) => {
      const response = await route.fetch();
      const { data } = await response.json();
      // The first answer has the names, the second one the width.
      if (++nAsked === 2) for (const model of data) delete model.meta;
      await route.fulfill({ response, json: { data } });
    });
    await page.reload();
    await page.getByText('all-MiniLM-L6-v2-Q8_0.gguf · 384 dimensions · on the server').waitFor({ timeout: 10_000 });
    expect(nAsked).toBe(3);
  });

  it('sorts the heat map by clusters, and names the cell that the keyboard or the pointer reaches', async () => {
    const { page } = await open();
    await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
    const map = page.getByRole('application', { name: 'Similarities of 4 texts' });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    const cell = page.locator('#heat-cell');
    const pair = async () => (await cell.textContent())?.replace(/^.*?: /, '').split(' ↔ ');
    // Sorted, the first two texts are of one subject.
    const [a, b] = (await pair())!;
    expect(texts.indexOf(a) % 2).toBe(texts.indexOf(b) % 2);
    await page.getByLabel('Sort by clusters').uncheck();
    await expect.poll(pair).toEqual(['A cat sleeps.', 'Interest rates rise.']);
    const box = (await map.locator('canvas').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.1, box.y + box.height * 0.9);
    await expect.poll(pair).toEqual(['Shares fell.', 'A cat sleeps.']);
    // The row under the pointer is the chosen text.
    await page.getByRole('heading', { name: 'Nearest to “Shares fell.”' }).waitFor();
  });

  it('is restored by a link: the chosen text, and the order of the heat map', async () => {
    const { page } = await open('#texts?row=2&sort=no');
    await page.getByLabel('Texts, one a line').fill(texts.join('\n'));
    await page.getByRole('heading', { name: 'Nearest to “The kitten plays.”' }).waitFor();
    expect(await page.getByLabel('Sort by clusters').isChecked()).toBe(false);
    await page.getByRole('listbox', { name: 'Texts' }).focus();
    await page.keyboard.press('End');
    await page.getByLabel('Sort by clusters').check();
    await expect.poll(() => page.url()).toMatch(/#texts\?row=3$/);
  });

  it('writes what is typed as text, never as HTML', async () => {
    const { page, problems } = await open();
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await page.getByLabel('Texts, one a line').fill(`${evil}\nanother text`);
    await page.getByText('2 texts, 384 dimensions').waitFor();
    expect(await page.getByRole('option').first().textContent()).toBe(evil);
    await page.getByRole('tab', { name: 'API' }).click();
    expect(await page.getByRole('region', { name: 'curl' }).locator('pre').textContent()).toContain('onerror');
    expect(await page.locator('img, main script').count()).toBe(0);
    expect(await page.title()).toBe('gguf-embed');
    expect(problems).toEqual([]);
  });

  it('opens tables, and says what is wrong with a file', async () => {
    const { page } = await open();
    const file = (name: string, content: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
    const input = page.getByLabel('Open a file with texts');
    await input.setInputFiles(file('a.csv', 'id,text\n1,"A ""quoted"" cat, and\nmore"\n2,Shares fell\n'));
    await page.getByText('2 texts from a.csv').waitFor();
    await expect
      .poll(() => page.getByRole('option').allTextContents())
      .toEqual(['A "quoted" cat, and\nmore', 'Shares fell']);
    await input.setInputFiles(file('b.jsonl', '{"text":"one"}\n{oops\n'));
    await page.getByText('That did not work: Line 2 of b.jsonl is not valid JSON.').waitFor();
  });

  it('shows the request as code that runs', async () => {
    const { page } = await open();
    await page.getByLabel('Texts, one a line').fill(`It's "quoted"\n$HOME\\n`);
    await page.getByText('2 texts, 384 dimensions').waitFor();
    await page.getByRole('tab', { name: 'API' }).click();
    const code = async (name: string) => (await page.getByRole('region', { name }).locator('pre').textContent()) ?? '';
    const answers = (output: string) => {
      const { data } = JSON.parse(output) as { data: { embedding: number[] }[] };
      return data.map(({ embedding }) => embedding.length);
    };
    const { execFile } = await import('node:child_process');
    const { promisify } = await import('node:util');
    const run = async (program: string, args: string[]) => (await promisify(execFile)(program, args)).stdout;
    const javascript = (await code('JavaScript')).replace(
      'console.log(await response.json())',
      'console.log(await response.text())',
    );
    expect(answers(await run(process.execPath, ['--input-type=module', '-e', javascript]))).toEqual([384, 384]);
    expect(await code('curl')).toContain(`It'\\''s \\"quoted\\"`);
    expect(await code('Python')).toContain(`"input": ["It's \\"quoted\\"", "$HOME\\\\n"]`);
    expect(await code('TypeScript')).toContain('Embedder.load("all-MiniLM-L6-v2-Q8_0.gguf")');
  });

  it('says how to copy where the browser refuses the clipboard', async () => {
    const { page } = await open();
    await page.evaluate(() => {
      const writeText = () => Promise.reject(new DOMException('Write permission denied.', 'NotAllowedError'));
      Object.defineProperty(navigator, 'clipboard', { value: { writeText } });
    });
    await page.getByRole('button', { name: 'Copy a link to this view' }).click();
    await page
      .getByText('The browser refused the clipboard. Copy the address of this page from the address bar.')
      .waitFor();
    await page.getByLabel('Texts, one a line').fill('one\ntwo');
    await page.getByText('2 texts, 384 dimensions').waitFor();
    await page.getByRole('tab', { name: 'API' }).click();
    await page.getByRole('button', { name: 'Copy curl' }).click();
    await page.getByText('The browser refused the clipboard. The code is selected').waitFor();
    const code = await page.getByRole('region', { name: 'curl' }).locator('pre').textContent();
    expect(await page.evaluate(() => getSelection()?.toString().trim())).toBe(code);
  });

  it('is in German for those who prefer it', async () => {
    const { page } = await open('', { locale: 'de-AT' });
    await page.getByText('384 Dimensionen · auf dem Server').waitFor();
    await page.getByLabel('Texte, einer je Zeile').fill('eins\nzwei');
    await page.getByText('2 Texte, 384 Dimensionen').waitFor();
    await page.getByLabel('Texte, einer je Zeile').fill('eins');
    await page.getByText('1 Text, 384 Dimensionen').waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
  });
});

describeBrowser('a server with an API key', () => {
  it('asks for the key, refuses a wrong one, and takes the right one', async () => {
    const [browser, server] = await Promise.all([
      startBrowser(),
      startServer(['-m', minilm, '--api-key', 'sesame', '--api-prefix', '/deep/er']),
    ]);
    try {
      const { page, problems } = await openPage(browser, `${server.url}deep/er`);
      await page.getByRole('alert').getByText('This server needs an API key.').waitFor();
      await page.getByLabel('API key').fill('wrong');
      await page.getByRole('button', { name: 'Use this key' }).click();
      await page.getByText('The server does not accept this key.').waitFor();
      await page.getByLabel('API key').fill('sesame');
      await page.keyboard.press('Enter');
      await page.getByLabel('Texts, one a line').fill('one\ntwo');
      await page.getByText('2 texts, 384 dimensions').waitFor();
      await page.getByRole('tab', { name: 'API' }).click();
      const curl = await page.getByRole('region', { name: 'curl' }).locator('pre').textContent();
      expect(curl).toContain('/deep/er/v1/embeddings');
      expect(curl).toContain('Bearer $API_KEY');
      expect(curl).not.toContain('sesame');
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
      await server.stop();
    }
  });
});
