/**
 * `model.safetensors`: a network in the clear. Tensors `layers.0.kernel` [inputs, units] and `layers.0.bias` [units],
 * as in Keras; architecture, feature settings and provenance as JSON in the metadata under `hermetic`.
 */
import * as z from 'zod';
import type { Architecture, DenseLayer, LayerWeights } from '../nn/architecture.ts';
import { architectureSchema, findWeightMisfit, MAX_PROVENANCE } from './architecture-schema.ts';
import { badFile } from './bad-file.ts';
import type { JsonValue } from './json.ts';
import { readSafetensors, type Tensor, writeSafetensors } from './safetensors.ts';
import { checkHeader, hexIdentifier, jsonValue, parseHeader } from './schema.ts';

export interface PlainModel {
  readonly architecture: Architecture;
  readonly weights: readonly LayerWeights[];
  /** How rows become features; opaque here. */
  readonly features: JsonValue;
  /** What was done to the model, oldest first. */
  readonly provenance: readonly JsonValue[];
  /** Where it was sealed before: a trainer that returned it may have left its key in it (`owner/unlock-ledger.ts`). */
  readonly opened?: OpenedFrom | undefined;
}

export interface OpenedFrom {
  readonly keyId: string;
  /** Where that owner.key was; absent where a service has it. */
  readonly path?: string | undefined;
}

export interface ModelMetadata {
  readonly format: 1;
  readonly architecture: Architecture;
  readonly features: JsonValue;
  readonly provenance: readonly JsonValue[];
  readonly opened?: OpenedFrom | undefined;
}

const METADATA_KEY = 'hermetic';

const modelMetadata: z.ZodType<ModelMetadata> = z.strictObject({
  format: z.literal(1, { error: 'expected format 1 (a newer Hermetic may have written it)' }),
  architecture: architectureSchema,
  features: jsonValue,
  provenance: z.array(jsonValue).max(MAX_PROVENANCE),
  opened: z.strictObject({ keyId: hexIdentifier, path: z.string().max(4096).optional() }).optional(),
});

/** The bytes of a model file. F64 keeps every bit; F32 halves it. Throws TypeError where weights do not fit. */
export function writeModelFile(model: PlainModel, dtype: 'F32' | 'F64' = 'F64'): Uint8Array {
  const { architecture, weights, features, provenance, opened } = model;
  const header = { format: 1, architecture, features, provenance, ...(opened !== undefined && { opened }) };
  const metadata = checkHeader(modelMetadata, header, 'model');
  const complaint = findWeightMisfit(architecture, weights);
  if (complaint !== undefined) throw new TypeError(`model: ${complaint}`);
  const tensors = new Map<string, Tensor>();
  const store = (data: Float64Array) => (dtype === 'F32' ? Float32Array.from(data) : data);
  for (const [i, { inputs, units }] of architecture.layers.entries()) {
    const { kernel, bias } = weights[i];
    tensors.set(`layers.${i}.kernel`, { shape: [inputs, units], data: store(kernel) });
    if (bias !== undefined) tensors.set(`layers.${i}.bias`, { shape: [units], data: store(bias) });
  }
  return writeSafetensors({ tensors, metadata: { [METADATA_KEY]: JSON.stringify(metadata) } });
}

/** Reads a model file. Throws BAD_FILE for damaged files, foreign models and weights that are not finite. */
export function readModelFile(bytes: Uint8Array): PlainModel {
  const { tensors, metadata } = readSafetensors(bytes);
  const { architecture, features, provenance, opened } = parseModelMetadata(metadata);
  const { layers } = architecture;
  const expected = layers.reduce((sum, { useBias }) => sum + (useBias ? 2 : 1), 0);
  if (tensors.size !== expected) {
    throw badFile('the tensors do not fit the architecture', { expected: `${expected}`, got: `${tensors.size}` });
  }
  const weights = layers.map((layer, i) => layerWeights(layer, `layers.${i}`, tensors));
  const complaint = findWeightMisfit(architecture, weights);
  if (complaint !== undefined) throw badFile(`the model cannot be used: ${complaint}`);
  return { architecture, weights, features, provenance, ...(opened !== undefined && { opened }) };
}

/** The metadata that Hermetic wrote into a safetensors file. Throws BAD_FILE where there are none. */
export function parseModelMetadata(metadata: Readonly<Record<string, string>>): ModelMetadata {
  const text = Object.hasOwn(metadata, METADATA_KEY) ? metadata[METADATA_KEY] : undefined;
  if (text === undefined) {
    throw badFile('these tensors come without an architecture', {
      mend: 'Make the model with `hermetic init`, or write it with `writeModelFile`.',
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badFile('the metadata of the model are not JSON', { cause });
  }
  return parseHeader(modelMetadata, value, 'the metadata of the model');
}

function layerWeights(
  { inputs, units, useBias }: DenseLayer,
  name: string,
  tensors: ReadonlyMap<string, Tensor>,
): LayerWeights {
  return {
    kernel: values(tensors, `${name}.kernel`, [inputs, units]),
    bias: useBias ? values(tensors, `${name}.bias`, [units]) : undefined,
  };
}

function values(tensors: ReadonlyMap<string, Tensor>, name: string, shape: readonly number[]): Float64Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw badFile(`the model lacks the tensor ${name}`);
  if (tensor.shape.length !== shape.length || tensor.shape.some((extent, i) => extent !== shape[i])) {
    throw badFile(`the tensor ${name} has another shape`, {
      expected: `[${shape.join(', ')}]`,
      got: `[${tensor.shape.join(', ')}]`,
    });
  }
  return Float64Array.from(tensor.data);
}
