/**
 * @file A request as code that people run: curl, JavaScript, Python. What the reader typed is quoted by the rules of each language.
 */
import type { ApiRequest } from '../model/page-model.ts';

/** A request to a server. */
export interface CodeFor extends ApiRequest {
  /** Address of the server, with a slash at the end. */
  readonly url: string;
  /** Whether the server wants an API key. The key itself is not shown. */
  readonly hasKey: boolean;
}

/** For a POSIX shell. */
export function curlCode({ url, path, body, hasKey }: CodeFor): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const key = hasKey ? ` \\\n  -H "Authorization: Bearer $API_KEY"` : '';
  return `curl ${quoted(url + path)} \\\n  -H 'Content-Type: application/json'${key} \\\n  -d ${quoted(JSON.stringify(body))}`;
}

/** For Node and browsers. */
export function javascriptCode({ url, path, body, hasKey }: CodeFor): string {
  const key = hasKey ? `, Authorization: \`Bearer \${process.env.API_KEY}\`` : '';
  return `const response = await fetch(${JSON.stringify(url + path)}, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json'${key} },
  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll('\n', '\n  ')}),
});
console.log(await response.json());`;
}

/** For Python without packages. */
export function pythonCode({ url, path, body, hasKey }: CodeFor): string {
  const key = hasKey ? `, "Authorization": "Bearer " + os.environ["API_KEY"]` : '';
  return `import json${hasKey ? ', os' : ''}, urllib.request

body = ${pythonValue(body)}
request = urllib.request.Request(
    ${JSON.stringify(url + path)},
    data=json.dumps(body).encode(),
    headers={"Content-Type": "application/json"${key}},
)
print(json.load(urllib.request.urlopen(request)))`;
}

/** With the library, in one's own program. */
export function libraryCode({ body }: ApiRequest): string {
  if ('query' in body) {
    return `import { Reranker } from 'gguf-embed';

const reranker = await Reranker.load(${JSON.stringify(body.model)});
const { results } = await reranker.rank(${JSON.stringify(body.query)}, ${JSON.stringify(body.documents, null, 2)});
await reranker.dispose();`;
  }
  const options = body.dimensions === undefined ? '' : `, { dimensions: ${body.dimensions} }`;
  return `import { Embedder } from 'gguf-embed';

const embedder = await Embedder.load(${JSON.stringify(body.model)});
const { vectors } = await embedder.embed(${JSON.stringify(libraryInput(body.input), null, 2)}${options});
await embedder.dispose();`;
}

/** The input of a request for the library, which reads pictures from their files. */
function libraryInput(input: unknown): unknown {
  if (!Array.isArray(input)) return input;
  return input.map((one) => {
    if (!Array.isArray(one)) return one;
    const [{ image_url }] = one as { image_url: { url: string } }[];
    return { image: image_url.url.slice(image_url.url.indexOf('BASE64 OF ') + 10) };
  });
}

/** A value of JSON in Python's syntax. JSON's strings are Python's, too. */
function pythonValue(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${pythonValue(item)}`)
    .join(', ')}}`;
}
