/**
 * Public keys and sealed networks of the teaching schemes, `vector` and `yashe`, whose secret keys follow from what lies
 * in these very files (`hermetic break`). Each carries its warning, and a network is taken only when it is marked as a
 * demonstration. The bodies are CBOR, in the plain form that the scheme gives its keys and ciphertexts.
 */
import * as z from 'zod';
import { bytesToHex, sha256, utf8ToBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import type { Architecture } from '../nn/architecture.ts';
import { SCHEMES, type TeachingSchemeName } from '../schemes/traits.ts';
import { architectureSchema, MAX_PROVENANCE } from './architecture-schema.ts';
import { badFile } from './bad-file.ts';
import type { ByteSink, ByteSource } from './byte-source.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { MAX_RECORDS, uniqueNames } from './ciphertext-record.ts';
import { type ContainerReader, type ReadOptions, readContainer } from './container-reader.ts';
import { writeContainer } from './container-writer.ts';
import type { JsonValue } from './json.ts';
import type { ParameterDescription } from './parameters.ts';
import { checkHeader, count, hexIdentifier, jsonValue, line, parseHeader } from './schema.ts';

/** Keys and ciphertexts as plain objects, arrays, numbers and `Uint8Array`: what the scheme's own reader checks. */
export type PlainForm = unknown;

interface KeysHeader {
  readonly scheme: TeachingSchemeName;
  readonly warning: string;
  readonly slots: number;
}

export interface TeachingKeys {
  readonly scheme: TeachingSchemeName;
  readonly slots: number;
  readonly keys: PlainForm;
  /** SHA-256 of the keys. */
  readonly keyId: string;
}

interface CiphertextHeader {
  readonly name: string;
  /** Level and scale under fixed point. */
  readonly level: number;
  readonly logScale: number;
  /** One section a part; a ciphertext without imaginary part is real. */
  readonly parts: 1 | 2;
}

interface ModelFields {
  readonly scheme: TeachingSchemeName;
  readonly keyId: string;
  readonly slots: number;
  readonly demonstration: true;
  readonly architecture: Architecture;
  readonly features: JsonValue;
  readonly packing: JsonValue;
  readonly provenance: readonly JsonValue[];
}

export interface TeachingCiphertext {
  readonly name: string;
  readonly level: number;
  readonly logScale: number;
  readonly re: PlainForm;
  readonly im: PlainForm | undefined;
}

export interface TeachingModel extends Omit<ModelFields, 'demonstration'> {
  /** Must be true. */
  readonly demonstration: boolean;
  readonly ciphertexts: readonly TeachingCiphertext[];
}

export interface TeachingModelHeader extends ModelFields {
  readonly warning: string;
  readonly ciphertexts: readonly CiphertextHeader[];
}

const scheme = z.enum(['vector', 'yashe']);
const slots = z.number().int().min(1).max(4096);

export const teachingKeysHeader: z.ZodType<KeysHeader> = z.strictObject({
  scheme,
  warning: line(1000),
  slots,
});

export const teachingModelHeader: z.ZodType<TeachingModelHeader> = z.strictObject({
  scheme,
  warning: line(1000),
  keyId: hexIdentifier,
  slots,
  demonstration: z.literal(true, { error: 'expected a demonstration: teaching schemes take no real model' }),
  architecture: architectureSchema,
  features: jsonValue,
  packing: jsonValue,
  provenance: z.array(jsonValue).max(MAX_PROVENANCE),
  ciphertexts: z
    .array(
      z.strictObject({
        name: line(64),
        level: count(2 ** 24),
        logScale: z.number().int().min(0).max(4096),
        parts: z.union([z.literal(1), z.literal(2)]),
      }),
    )
    .min(1)
    .max(MAX_RECORDS)
    .refine(uniqueNames, 'expected different names'),
});

/** Throws POLICY_DENIED for a network that is not marked as a demonstration. */
export function requireDemonstration(name: TeachingSchemeName, demonstration: boolean): void {
  if (demonstration) return;
  throw new HermeticError(
    'POLICY_DENIED',
    `the scheme ${name} protects nothing, and this model is not marked a demonstration`,
    {
      mend: `Seal it with ckks, the default. ${SCHEMES[name].attack} shows why.`,
    },
  );
}

/** Writes the keys and returns their identity. */
export async function writeTeachingKeys(sink: ByteSink, keys: Omit<TeachingKeys, 'keyId'>): Promise<string> {
  const body = encodeCbor(keys.keys);
  const content = { scheme: keys.scheme, warning: warningOf(keys.scheme), slots: keys.slots };
  await writeContainer(sink, {
    kind: 'teaching-keys',
    parameterHash: await parameterHash(keys.scheme),
    parameters: description(keys.scheme, keys.slots),
    content: checkHeader(teachingKeysHeader, content, 'teaching keys'),
    sectionLengths: [body.length],
    sections: [body],
  });
  return bytesToHex(await sha256(body));
}

/** Throws BAD_FILE for a damaged or foreign file; the keys themselves are the scheme's to check. */
export async function readTeachingKeys(source: ByteSource, options: ReadOptions = {}): Promise<TeachingKeys> {
  const container = await readContainer(source, { ...options, kind: 'teaching-keys' });
  const header = parseHeader(teachingKeysHeader, container.content, 'the header of the keys');
  requireSections(container, 1);
  const body = await container.readSection();
  await container.finish();
  const keys: PlainForm = decodeCbor(body, 'the keys');
  return { scheme: header.scheme, slots: header.slots, keys, keyId: bytesToHex(await sha256(body)) };
}

/** Throws POLICY_DENIED where the model is not marked a demonstration. */
export async function writeTeachingModel(sink: ByteSink, model: TeachingModel): Promise<void> {
  requireDemonstration(model.scheme, model.demonstration);
  const { ciphertexts, ...fields } = model;
  const bodies = ciphertexts.map(({ re, im }) => (im === undefined ? [re] : [re, im]).map(encodeCbor));
  const content = {
    ...fields,
    warning: warningOf(model.scheme),
    ciphertexts: ciphertexts.map(({ name, level, logScale }, i) => ({
      name,
      level,
      logScale,
      parts: bodies[i].length,
    })),
  };
  await writeContainer(sink, {
    kind: 'teaching-model',
    parameterHash: await parameterHash(model.scheme),
    parameters: description(model.scheme, model.slots),
    content: checkHeader(teachingModelHeader, content, 'teaching model'),
    sectionLengths: bodies.flat().map((body) => body.length),
    sections: bodies.flat(),
  });
}

/** Throws BAD_FILE for a damaged or foreign file, and for a model that is not marked a demonstration. */
export async function readTeachingModel(source: ByteSource, options: ReadOptions = {}): Promise<TeachingModel> {
  const container = await readContainer(source, { ...options, kind: 'teaching-model' });
  const header = parseHeader(teachingModelHeader, container.content, 'the header of the model');
  requireSections(
    container,
    header.ciphertexts.reduce((sum, { parts }) => sum + parts, 0),
  );
  const part = async (): Promise<PlainForm> => decodeCbor(await container.readSection(), 'a ciphertext');
  const ciphertexts: TeachingCiphertext[] = [];
  for (const { name, level, logScale, parts } of header.ciphertexts) {
    const re = await part();
    ciphertexts.push({ name, level, logScale, re, im: parts === 2 ? await part() : undefined });
  }
  await container.finish();
  const { warning: _, ...fields } = header;
  return { ...fields, ciphertexts };
}

function requireSections({ sectionLengths }: ContainerReader, expected: number): void {
  if (sectionLengths.length === expected) return;
  throw badFile('the file has another number of sections than its header needs', {
    expected: `${expected}`,
    got: `${sectionLengths.length}`,
  });
}

function warningOf(name: TeachingSchemeName): string {
  return SCHEMES[name].warning ?? '';
}

function description(name: TeachingSchemeName, count: number): ParameterDescription {
  return { set: `insecure-${name}`, N: Math.max(2, count), logQP: 0, securityBits: 0, insecure: true };
}

function parameterHash(name: TeachingSchemeName): Promise<Uint8Array> {
  return sha256(utf8ToBytes(`hermetic teaching scheme ${name} v1`));
}
