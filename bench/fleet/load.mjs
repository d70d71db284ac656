// Requests to a fleet as its users send them, and what they notice: latencies, failures, wrong vectors. Nothing is sent twice.
import { Agent, request } from 'node:http';
import { quantile } from '../turns.mjs';
import { exponential, normal, uniform } from './random.mjs';

const words =
  'the quick model reads a short text and returns one vector for search over many notes about rivers stars code music food law trains health and weather'.split(
    ' ',
  );

/** Texts whose lengths are skewed: log-normal, half of them below 24 tokens, at most 256. Each word is a token; two specials are added. */
export function skewedTexts(n, seed = 1) {
  const random = uniform(seed);
  return Array.from({ length: n }, () => {
    const nTokens = Math.min(256, Math.max(4, Math.round(24 * Math.exp(0.8 * normal(random)))));
    const text = Array.from({ length: nTokens - 2 }, () => words[Math.floor(random() * words.length)]).join(' ');
    return { text, nTokens, body: JSON.stringify({ input: text, encoding_format: 'base64' }) };
  });
}

/** A client with its own kept connections. */
export class Client {
  #agent = new Agent({ keepAlive: true });
  #port;
  #from;

  /** @param from the address of this machine that the server sees */
  constructor(port, from = '127.0.0.1') {
    this.#port = port;
    this.#from = from;
  }

  /** Sends a text. @returns its vector in base64 @throws Error for any other answer */
  embed({ body }) {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          port: this.#port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/v1/embeddings',
          agent: this.#agent,
          localAddress: this.#from,
          headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
        },
        (answer) => {
          let text = '';
          answer.setEncoding('latin1');
          answer.on('data', (data) => (text += data));
          answer.on('error', reject);
          answer.on('end', () => {
            const vector = /"embedding":"([^"]+)"/.exec(text)?.[1];
            if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}: ${text.slice(0, 200)}`));
            else if (vector === undefined) reject(new Error(`an answer without a vector: ${text.slice(0, 200)}`));
            else resolve(vector);
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  close() {
    this.#agent.destroy();
  }
}

/** What was noticed by the clients of one run. */
class Noticed {
  samples = [];
  failures = [];
  #client;
  #expected;

  constructor(client, expected) {
    this.#client = client;
    this.#expected = expected;
  }

  /** Sends a text, due at `due`: a client that waits in line for this process waits, too. */
  async send(text, due) {
    try {
      const vector = await this.#client.embed(text);
      if (vector !== this.#expected.get(text)) this.failures.push('another vector');
      this.samples.push({ nTokens: text.nTokens, milliseconds: performance.now() - due });
    } catch (error) {
      this.failures.push(error.message);
    }
  }
}

/** Requests that arrive at random times, whether others are answered or not: `rate` a second. */
export async function openLoop({ port, texts, expected, rate, seconds, seed = 2 }) {
  const random = uniform(seed);
  const client = new Client(port);
  const noticed = new Noticed(client, expected);
  const begin = performance.now();
  const underWay = [];
  for (let due = begin; ; ) {
    due += exponential(random, 1000 / rate);
    if (due - begin > seconds * 1000) break;
    const text = texts[Math.floor(random() * texts.length)];
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    underWay.push(noticed.send(text, Math.max(due, performance.now() - 1)));
  }
  await Promise.all(underWay);
  client.close();
  return summary(noticed, (performance.now() - begin) / 1000);
}

/** Clients that each send the next request when they have the answer to the last one, or a random time later: `pause` seconds on average. */
export async function closedLoop({ port, texts, expected, clients, seconds, pause = 0, seed = 3 }) {
  const random = uniform(seed);
  const client = new Client(port);
  const noticed = new Noticed(client, expected);
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() - begin < seconds * 1000) {
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, exponential(random, 1000 * pause)));
        await noticed.send(texts[Math.floor(random() * texts.length)], performance.now());
      }
    }),
  );
  client.close();
  return summary(noticed, (performance.now() - begin) / 1000);
}

/** Requests a second, and latencies in milliseconds. */
export function summary({ samples, failures }, seconds) {
  const sorted = samples.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
  const at = (part) => quantile(sorted, part);
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return {
    n: sorted.length + failures.length,
    samples,
    failures,
    seconds,
    rate: sorted.length / seconds,
    mean,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  };
}
