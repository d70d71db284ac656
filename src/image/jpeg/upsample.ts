/**
 * @file Enlarges a component that is stored at a lower resolution to the size of the picture, in the arithmetic of stb_image.
 */

/** One row of a component at full width. `near` and `far` begin with the samples of the nearer and the other stored row. */
export type Upsampler = (near: Uint8Array, far: Uint8Array, out: Uint8Array) => Uint8Array;

/**
 * @param hs how many times coarser the component is across
 * @param vs how many times coarser it is down
 * @param width stored samples of a row
 */
export function upsamplerOf(hs: number, vs: number, width: number): Upsampler {
  if (hs === 1 && vs === 1) return (near) => near;
  if (hs === 1 && vs === 2) {
    return (near, far, out) => {
      for (let i = 0; i < width; i++) out[i] = (3 * near[i] + far[i] + 2) >> 2;
      return out;
    };
  }
  if (hs === 2 && vs === 1) return (near, _, out) => doubleAcross(near, width, out);
  if (hs === 2 && vs === 2) return (near, far, out) => doubleBoth(near, far, width, out);
  return (near, _, out) => {
    for (let i = 0, at = 0; i < width; i++) for (let k = 0; k < hs; k++) out[at++] = near[i];
    return out;
  };
}

function doubleAcross(s: Uint8Array, w: number, out: Uint8Array): Uint8Array {
  out[0] = s[0];
  out[1] = w === 1 ? s[0] : (3 * s[0] + s[1] + 2) >> 2;
  for (let i = 1; i < w - 1; i++) {
    out[2 * i] = (3 * s[i] + s[i - 1] + 2) >> 2;
    out[2 * i + 1] = (3 * s[i] + s[i + 1] + 2) >> 2;
  }
  if (w > 1) {
    // The weights are swapped here, as in stb_image.
    out[2 * w - 2] = (3 * s[w - 2] + s[w - 1] + 2) >> 2;
    out[2 * w - 1] = s[w - 1];
  }
  return out;
}

function doubleBoth(near: Uint8Array, far: Uint8Array, w: number, out: Uint8Array): Uint8Array {
  let before = 3 * near[0] + far[0];
  out[0] = (before + 2) >> 2;
  for (let i = 1; i < w; i++) {
    const here = 3 * near[i] + far[i];
    out[2 * i - 1] = (3 * before + here + 8) >> 4;
    out[2 * i] = (3 * here + before + 8) >> 4;
    before = here;
  }
  out[2 * w - 1] = (before + 2) >> 2;
  return out;
}
