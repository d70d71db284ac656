export const layerShapes: Readonly<Record<string, unknown>>;
