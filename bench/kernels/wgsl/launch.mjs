/** @file Launches one kernel with two inputs and an output. */

const usage = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, storage: 0x80, queryResolve: 0x200 };

/**
 * @param device with `timestamp-query`, if times are to be those of the GPU
 * @param kernel WGSL and the workgroups of one launch
 * @param length values of the output
 */
export async function launcher(device, { code, groups }, a, w, length) {
  const buffer = (size, flags) => device.createBuffer({ size, usage: flags });
  const filled = (values) => {
    const made = buffer(values.byteLength, usage.storage | usage.copyDst);
    device.queue.writeBuffer(made, 0, values);
    return made;
  };
  const buffers = [filled(a), filled(w), buffer(length * 4, usage.storage | usage.copySrc)];
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const bindings = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((each, binding) => ({ binding, resource: { buffer: each } })),
  });
  const queries = device.features.has('timestamp-query')
    ? device.createQuerySet({ type: 'timestamp', count: 2 })
    : undefined;
  const ticks = queries && buffer(16, usage.queryResolve | usage.copySrc);

  /** Copies a buffer back. */
  async function read(encoder, from) {
    const copy = buffer(from.size, usage.mapRead | usage.copyDst);
    encoder.copyBufferToBuffer(from, 0, copy, 0, from.size);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(1);
    const bytes = copy.getMappedRange().slice(0);
    copy.destroy();
    return bytes;
  }

  return {
    /** Milliseconds of one launch. */
    async run() {
      const encoder = device.createCommandEncoder();
      const timestampWrites = queries && {
        querySet: queries,
        beginningOfPassWriteIndex: 0,
        endOfPassWriteIndex: 1,
      };
      const pass = encoder.beginComputePass({ ...(timestampWrites && { timestampWrites }) });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(...groups);
      pass.end();
      if (queries !== undefined) {
        encoder.resolveQuerySet(queries, 0, 2, ticks, 0);
        const [begin, end] = new BigUint64Array(await read(encoder, ticks));
        return Number(end - begin) / 1e6;
      }
      const begin = performance.now();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      return performance.now() - begin;
    },
    result: async () => new Float32Array(await read(device.createCommandEncoder(), buffers[2])),
    dispose() {
      for (const each of [...buffers, ticks, queries]) each?.destroy();
    },
  };
}
