/**
 * @file JSON Schemas of inputs, for /openapi.json: texts, tokens, and content parts with images. `inputs.ts` checks the values themselves.
 */

export const mixedSchema = { type: 'array', items: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] } };
const imageSchema = {
  description: 'a data URI (data:image/…;base64,…) or an address on an allowed host',
  anyOf: [{ type: 'string' }, { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] }],
};
/** A content part. */
export const partSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', enum: ['text', 'image', 'image_url', 'input_text', 'input_image'] },
    text: { type: 'string' },
    image: imageSchema,
    image_url: imageSchema,
  },
  anyOf: [{ required: ['text'] }, { required: ['image'] }, { required: ['image_url'] }],
};
export const contentSchema = {
  type: 'object',
  properties: { content: { type: 'array', items: partSchema } },
  required: ['content'],
};
const markedSchema = {
  type: 'object',
  properties: {
    prompt_string: { type: 'string' },
    multimodal_data: { type: 'array', items: { type: 'string', contentEncoding: 'base64' } },
  },
  required: ['prompt_string'],
};
export const rankedSchema = {
  anyOf: [
    { type: 'string' },
    partSchema,
    contentSchema,
    markedSchema,
    { type: 'array', items: partSchema, minItems: 1 },
  ],
};
export const promptSchema = {
  anyOf: [
    { type: 'string' },
    { ...mixedSchema, minItems: 1 },
    {
      type: 'object',
      properties: {
        prompt_string: { anyOf: [{ type: 'string' }, mixedSchema] },
        multimodal_data: { type: 'array', items: { type: 'string', contentEncoding: 'base64' } },
      },
      required: ['prompt_string'],
    },
    partSchema,
    contentSchema,
    { type: 'array', items: partSchema, minItems: 1 },
  ],
};
