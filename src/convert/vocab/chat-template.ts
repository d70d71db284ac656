/**
 * @file Reads the chat template of a checkout from one of three files.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import { type Checkout, isObject, readJsonObject, readText } from '../checkout/checkout.ts';

const KEY = 'tokenizer.chat_template';

/** Sets the template. Of several templates, sets each under its name, and `default` as the main one. */
export async function setChatTemplate(writer: GgufWriter, checkout: Checkout): Promise<void> {
  const own = (await readJsonObject(checkout, 'tokenizer_config.json'))?.chat_template;
  const template =
    own ??
    (await readText(checkout, 'chat_template.jinja')) ??
    (await readJsonObject(checkout, 'chat_template.json'))?.chat_template;
  if (typeof template === 'string') writer.set(KEY, { type: 'string', value: template });
  if (!Array.isArray(template)) return;
  const names: string[] = [];
  for (const entry of template) {
    if (!isObject(entry) || typeof entry.name !== 'string' || typeof entry.template !== 'string') continue;
    const isDefault = entry.name === 'default';
    if (!isDefault) names.push(entry.name);
    writer.set(isDefault ? KEY : `${KEY}.${entry.name}`, { type: 'string', value: entry.template });
  }
  if (names.length > 0) {
    writer.set('tokenizer.chat_templates', { type: 'array', value: { elementType: 'string', values: names } });
  }
}
