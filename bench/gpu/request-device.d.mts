export function requestDevice(gpu: GPU): Promise<{ adapter: GPUAdapter; device: GPUDevice }>;
