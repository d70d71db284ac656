/**
 * @file The rungs in plain JavaScript: for each head, `y[i] = Σⱼ softmax(q[i] · k[j] / √size)ⱼ · v[j]`. Queries, keys and values are
 * `[tokens][heads · size]`.
 */

/** As the formula says: all scores of a head, then all shares, then all sums. Every step reads and writes a matrix of tokens × tokens. */
export function naive(q, k, v, y, { tokens, heads, size }) {
  const width = heads * size;
  const scores = new Float32Array(tokens * tokens);
  for (let first = 0; first < width; first += size) {
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        let sum = 0;
        for (let d = first; d < first + size; d++) sum += q[i * width + d] * k[j * width + d];
        scores[i * tokens + j] = sum / Math.sqrt(size);
      }
    }
    for (let i = 0; i < tokens; i++) softmax(scores.subarray(i * tokens, (i + 1) * tokens));
    for (let i = 0; i < tokens; i++) {
      for (let d = first; d < first + size; d++) {
        let sum = 0;
        for (let j = 0; j < tokens; j++) sum += scores[i * tokens + j] * v[j * width + d];
        y[i * width + d] = sum;
      }
    }
  }
}

/**
 * One query at a time: its scores are one row, which stays in the cache. Keys and values are read along their rows, four at a time: sums
 * do not wait for each other, and each element of the query and of the result that is loaded serves four products.
 */
export function rows(q, k, v, y, { tokens, heads, size }) {
  const width = heads * size;
  const scale = 1 / Math.sqrt(size);
  // Up to three scores more, of the last key again. Their shares are 0.
  const scores = new Float32Array(Math.ceil(tokens / 4) * 4);
  const last = (tokens - 1) * width;
  for (let first = 0; first < width; first += size) {
    for (let i = 0; i < tokens; i++) {
      const query = i * width + first;
      for (let j = 0; j < tokens; j += 4) {
        const k0 = j * width + first;
        const k1 = Math.min(k0 + width, last + first);
        const k2 = Math.min(k1 + width, last + first);
        const k3 = Math.min(k2 + width, last + first);
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        for (let d = 0; d < size; d++) {
          const x = q[query + d];
          s0 += x * k[k0 + d];
          s1 += x * k[k1 + d];
          s2 += x * k[k2 + d];
          s3 += x * k[k3 + d];
        }
        scores[j] = scale * s0;
        scores[j + 1] = scale * s1;
        scores[j + 2] = scale * s2;
        scores[j + 3] = scale * s3;
      }
      softmax(scores.subarray(0, tokens));
      scores.fill(0, tokens);
      y.fill(0, query, query + size);
      for (let j = 0; j < tokens; j += 4) {
        const p0 = scores[j];
        const p1 = scores[j + 1];
        const p2 = scores[j + 2];
        const p3 = scores[j + 3];
        const v0 = j * width + first;
        const v1 = Math.min(v0 + width, last + first);
        const v2 = Math.min(v1 + width, last + first);
        const v3 = Math.min(v2 + width, last + first);
        for (let d = 0; d < size; d++) {
          y[query + d] += p0 * v[v0 + d] + p1 * v[v1 + d] + p2 * v[v2 + d] + p3 * v[v3 + d];
        }
      }
    }
  }
}

function softmax(row) {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of row) largest = Math.max(largest, score);
  let sum = 0;
  for (let j = 0; j < row.length; j++) sum += row[j] = Math.exp(row[j] - largest);
  for (let j = 0; j < row.length; j++) row[j] /= sum;
}
