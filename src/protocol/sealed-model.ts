/** `model.sealed`: a network whose weights are ciphertexts, with all that a trainer needs to go on with it. */
import * as z from 'zod';
import type { Architecture } from '../nn/architecture.ts';
import { architectureSchema, MAX_PROVENANCE, roundSchema } from './architecture-schema.ts';
import type { ByteSink, ByteSource } from './byte-source.ts';
import { type CiphertextReadOptions, readCiphertextFile, writeCiphertextFile } from './ciphertext-file.ts';
import {
  MAX_RECORDS,
  type NamedRecord,
  namedRecordHeader,
  type RecordHeader,
  uniqueNames,
} from './ciphertext-record.ts';
import type { JsonValue } from './json.ts';
import type { CiphertextParameters } from './parameters.ts';
import { hexIdentifier, jsonValue } from './schema.ts';

interface SealedModelFields {
  readonly architecture: Architecture;
  /** How rows become features (vocabulary, idf, mean, scale); checked by `data`, opaque here. */
  readonly features: JsonValue;
  /** How weights lie in slots; checked by `tensor`, opaque here. */
  readonly packing: JsonValue;
  /** Identifier of the owner's public key: SHA-256 of it, in hexadecimal. */
  readonly keyId: string;
  /** How many trainers the model has come back from. */
  readonly round: number;
  /** What was done to the model so far, oldest first, one entry a training run. */
  readonly provenance: readonly JsonValue[];
  /** True for show-cases; teaching schemes refuse models where it is false. */
  readonly demonstration: boolean;
}

export interface SealedModel extends SealedModelFields {
  /** The weights; names are unique. */
  readonly records: readonly NamedRecord[];
}

export interface ReadSealedModel extends SealedModel {
  readonly parameters: CiphertextParameters;
  /** SHA-256 identity of the file, 64 hexadecimal digits. */
  readonly modelId: string;
}

/** The header's content: the fields of the model and, in place of each ciphertext, its header. */
export interface SealedModelHeader extends SealedModelFields {
  readonly records: readonly (RecordHeader & { readonly name: string })[];
}

export const sealedModelHeader: z.ZodType<SealedModelHeader> = z.strictObject({
  architecture: architectureSchema,
  features: jsonValue,
  packing: jsonValue,
  records: z.array(namedRecordHeader).min(1).max(MAX_RECORDS).refine(uniqueNames, 'expected different names'),
  keyId: hexIdentifier,
  round: roundSchema,
  provenance: z.array(jsonValue).max(MAX_PROVENANCE),
  demonstration: z.boolean(),
});

/** Writes the file and returns the model's identity. Throws TypeError or RangeError for a model that does not fit. */
export function writeSealedModel(
  sink: ByteSink,
  model: SealedModel,
  parameters: CiphertextParameters,
): Promise<string> {
  const { architecture, features, packing, records, keyId, round, provenance, demonstration } = model;
  const content = { architecture, features, packing, records, keyId, round, provenance, demonstration };
  return writeCiphertextFile(sink, 'sealed-model', sealedModelHeader, parameters, content);
}

/** Reads and checks the file. Throws BAD_FILE; WRONG_KEY for other parameters. */
export async function readSealedModel(source: ByteSource, options: CiphertextReadOptions): Promise<ReadSealedModel> {
  const { content, records, parameters, id } = await readCiphertextFile(
    source,
    'sealed-model',
    sealedModelHeader,
    options,
  );
  return { ...content, records, parameters, modelId: id };
}
