/**
 * @file The sparse and the token vectors of BGE-M3: two linear layers in files of their own beside the checkpoint.
 */
import type { Checkout } from '../checkout/checkout.ts';
import type { Checkpoint, CheckpointTensor } from '../checkpoint/tensors.ts';
import { openTorch } from '../checkpoint/torch.ts';
import { ConvertError } from '../conversion-error.ts';
import type { HeadSource, Heads } from './head-source.ts';

const SPARSE_FILE = 'sparse_linear.pt';
const MULTI_FILE = 'colbert_linear.pt';

/** @returns `undefined` if the checkout has neither file @throws ConvertError for a file with other tensors */
export async function openBgeM3({
  checkout,
  config,
}: Pick<HeadSource, 'checkout' | 'config'>): Promise<Heads | undefined> {
  const opened: Checkpoint[] = [];
  const close = async () => {
    await Promise.all(opened.map((file) => file.close()));
  };
  const width = config.u32('hidden_size');
  try {
    const sparse = await openLayer(checkout, SPARSE_FILE, opened, { nIn: width, nOut: 1 }, 'sparse_linear');
    const multi = await openLayer(checkout, MULTI_FILE, opened, { nIn: width }, 'token_dense.0');
    if (sparse === undefined && multi === undefined) return undefined;
    return {
      tensors: [...(sparse ?? []), ...(multi ?? [])],
      set(writer) {
        if (sparse !== undefined) {
          writer.set('gguf_embed.sparse.kind', { type: 'string', value: 'token_weights' });
          writer.set('gguf_embed.sparse.drop_special_tokens', { type: 'bool', value: true });
        }
        if (multi === undefined) return;
        const activations = { elementType: 'string', values: ['identity'] } as const;
        writer.set('gguf_embed.multi.activations', { type: 'array', value: activations });
        writer.set('gguf_embed.multi.drop_first_token', { type: 'bool', value: true });
        writer.set('gguf_embed.multi.score', { type: 'string', value: 'mean' });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The weight and the bias of a layer, under the name `to`. */
async function openLayer(
  checkout: Checkout,
  file: string,
  opened: Checkpoint[],
  { nIn, nOut }: { nIn: number | undefined; nOut?: number },
  to: string,
): Promise<CheckpointTensor[] | undefined> {
  const source = await checkout.open(file);
  if (source === undefined) return undefined;
  const checkpoint = await openTorch(source);
  opened.push(checkpoint);
  const { tensors } = checkpoint;
  const weight = tensors.find(({ name }) => name === 'weight');
  const bias = tensors.find(({ name }) => name === 'bias');
  const [rows, columns] = weight?.shape ?? [];
  const fits = weight?.shape.length === 2 && columns === nIn && rows === (nOut ?? rows);
  if (!fits || tensors.length !== (bias ? 2 : 1) || (bias && !(bias.shape.length === 1 && bias.shape[0] === rows))) {
    const found = tensors.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
    throw new ConvertError(`it has ${found}; expected weight [${nOut ?? 'n'}, ${nIn}] and its bias`, file);
  }
  return [weight, bias].filter((one) => one !== undefined).map((one) => ({ ...one, name: `${to}.${one.name}` }));
}
