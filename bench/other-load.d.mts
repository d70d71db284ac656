export function watchOtherLoad(of?: {
  readonly proc?: string;
  readonly pid?: number;
}): () => { readonly share: number; readonly seconds: number } | undefined;
