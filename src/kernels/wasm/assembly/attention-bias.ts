/**
 * @file Tables of what is added to scores by distance, for each head: ALiBi and T5's relative bias.
 */

/** ALiBi: `table[h][centre + rel] = −slopes[h] · |rel|`. */
export function fillAlibi(table: usize, nHead: i32, centre: i32, slopes: usize): void {
  for (let h = 0; h < nHead; h++) {
    const slope = load<f32>(slopes + (<usize>h << 2));
    for (let rel = -centre; rel <= centre; rel++) { store<f32>(table, -slope * <f32>abs(rel)); table += 4; }
  }
}

/**
 * T5: `table[h][centre + rel] = scale · values[bucket(rel)][h]`, rel = query − key position.
 * @param values float32 `[nBuckets][nHead]`
 * @param buckets int32 bucket of each distance below 128; from 128 on it is the last of its half
 */
export function fillRelative(table: usize, nHead: i32, centre: i32, values: usize, nBuckets: i32, buckets: usize, scale: f32): void {
  const half = nBuckets >> 1;
  for (let h = 0; h < nHead; h++) {
    for (let rel = -centre; rel <= centre; rel++) {
      const distance = abs(rel);
      let bucket = distance < 128 ? load<i32>(buckets + (<usize>distance << 2)) : half - 1;
      if (rel < 0) bucket += half;
      store<f32>(table, scale * load<f32>(values + (<usize>(bucket * nHead + h) << 2)));
      table += 4;
    }
  }
}
