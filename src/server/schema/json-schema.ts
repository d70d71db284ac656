/**
 * @file JSON Schema of the valibot schemas in schemas.ts, for /openapi.json.
 */
import * as v from 'valibot';

/** A JSON Schema, as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The parts of a valibot schema that are looked at. */
type Part = v.GenericSchema & {
  readonly type: string;
  readonly pipe?: readonly { readonly kind: string; readonly type: string }[];
  readonly wrapped?: Part;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, Part>>;
  readonly options?: readonly unknown[];
  readonly item?: Part;
};

/** @throws Error for a schema of a kind that schemas.ts does not use */
export function jsonSchemaOf(schema: v.GenericSchema): JsonSchema {
  const part = schema as Part;
  const { description, jsonSchema } = v.getMetadata(part) as { description?: string; jsonSchema?: JsonSchema };
  return {
    ...(jsonSchema ?? (part.wrapped ? jsonSchemaOf(part.wrapped) : structure(part))),
    ...(description === undefined ? {} : { description }),
    ...(part.default === undefined ? {} : { default: part.default }),
  };
}

function structure(part: Part): JsonSchema {
  // A schema further down a pipe is narrower than the first.
  const last = part.pipe?.findLast((step) => step.kind === 'schema') as Part | undefined;
  const schema = last && last.type !== part.type ? last : part;
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'number':
      return { type: schema.type };
    case 'picklist':
      return { type: 'string', enum: schema.options };
    case 'array':
      return { type: 'array', items: jsonSchemaOf(schema.item!) };
    case 'object': {
      const entries = Object.entries(schema.entries!);
      return {
        type: 'object',
        properties: Object.fromEntries(entries.map(([name, field]) => [name, jsonSchemaOf(field)])),
        required: entries.filter(([, field]) => !isOptional(field)).map(([name]) => name),
      };
    }
    default:
      throw new Error(`no JSON Schema for a schema of type ${schema.type}`);
  }
}

function isOptional(field: Part): boolean {
  return field.type === 'optional' || field.type === 'nullish';
}
