/** @file The rungs in plain JavaScript: `c[m][n] = Σ a[m][k] · w[n][k]`. */

/** One product after the other, as the formula says. */
export function naive(a, w, c, { M, N, K }) {
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += a[m * K + k] * w[n * K + k];
      c[m * N + n] = sum;
    }
  }
}

/** Two rows by four columns at a time: eight sums that do not wait for each other, and every value loaded is used more than once. */
export function blocked(a, w, c, { M, N, K }) {
  for (let m = 0; m < M; m += 2) {
    for (let n = 0; n < N; n += 4) {
      let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
      const [a0, a1, w0, w1, w2, w3] = [m * K, (m + 1) * K, n * K, (n + 1) * K, (n + 2) * K, (n + 3) * K];
      for (let k = 0; k < K; k++) {
        const x0 = a[a0 + k];
        const x1 = a[a1 + k];
        const y0 = w[w0 + k];
        const y1 = w[w1 + k];
        const y2 = w[w2 + k];
        const y3 = w[w3 + k];
        s00 += x0 * y0;
        s01 += x0 * y1;
        s02 += x0 * y2;
        s03 += x0 * y3;
        s10 += x1 * y0;
        s11 += x1 * y1;
        s12 += x1 * y2;
        s13 += x1 * y3;
      }
      const [c0, c1] = [m * N + n, (m + 1) * N + n];
      c[c0] = s00;
      c[c0 + 1] = s01;
      c[c0 + 2] = s02;
      c[c0 + 3] = s03;
      c[c1] = s10;
      c[c1 + 1] = s11;
      c[c1 + 2] = s12;
      c[c1 + 3] = s13;
    }
  }
}
