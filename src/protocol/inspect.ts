/** Says what a file is, from its header, without any key; never a secret, never a weight. */
import type * as z from 'zod';
import { bytesToHex, bytesToUtf8 } from '../base/bytes.ts';
import type { Architecture } from '../nn/architecture.ts';
import { weightCount } from './architecture-schema.ts';
import { badFile } from './bad-file.ts';
import { bootstrappingKeysHeader } from './bootstrapping-keys.ts';
import { type ByteSource, readExactly, unread } from './byte-source.ts';
import { checkpointHeader } from './checkpoint.ts';
import type { RecordHeader } from './ciphertext-record.ts';
import { type ContainerKind, MAGIC } from './container-layout.ts';
import { type ContainerReader, readContainer, verifyRest } from './container-reader.ts';
import type { JsonValue } from './json.ts';
import { SIGNER_BYTES, verifyKeys } from './key-signature.ts';
import { parseModelMetadata } from './model-file.ts';
import { trainingSoFar } from './provenance.ts';
import { refreshHeader } from './refresh-message.ts';
import { looksLikeSafetensors, parseSafetensorsHeader, safetensorsHeaderLength } from './safetensors.ts';
import { parseHeader } from './schema.ts';
import { sealedModelHeader } from './sealed-model.ts';
import { sealedPredictionsHeader } from './sealed-predictions.ts';
import { teachingKeysHeader, teachingModelHeader } from './teaching-files.ts';

export interface FileDescription {
  /** A kind of container, or one of the foreign kinds. */
  readonly kind: ContainerKind | 'safetensors' | 'age' | 'unknown';
  readonly bytes?: number;
  /** What the kind has to tell: plain JSON. */
  readonly [field: string]: JsonValue | undefined;
}

export interface InspectOptions {
  /** Called with a sentence where the file is marked insecure. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void;
  /** Reads the bodies too and compares every digest and signature. Default: true. */
  readonly verify?: boolean;
}

/** Describes any file. Throws BAD_FILE for one of ours that is damaged; foreign files are `unknown`. */
export async function inspectFile(source: ByteSource, options: InspectOptions = {}): Promise<FileDescription> {
  const start = await source.read(64);
  const text = new TextDecoder('latin1').decode(start);
  const rest = unread(start, source);
  const size = source.size === undefined ? {} : { bytes: source.size };
  if (text.startsWith(bytesToUtf8(MAGIC))) return inspectContainer(rest, options);
  if (text.startsWith('age-encryption.org/')) return { kind: 'age', ...size, encrypted: true };
  if (looksLikeSafetensors(start, source.size ?? Number.MAX_SAFE_INTEGER)) return inspectSafetensors(rest);
  return { kind: 'unknown', ...size };
}

async function inspectContainer(source: ByteSource, options: InspectOptions): Promise<FileDescription> {
  const { verify = true, ...readOptions } = options;
  const container = await readContainer(source, readOptions);
  const { kind, version, parameters, totalBytes } = container;
  const details = DESCRIBERS[kind](container);
  const digest = verify ? await verified(container) : {};
  return {
    kind,
    formatVersion: version,
    bytes: totalBytes,
    parameters: { ...parameters },
    parameterHash: bytesToHex(container.parameterHash),
    ...details,
    ...digest,
    intact: verify ? true : 'not checked',
  };
}

async function verified(container: ContainerReader): Promise<Details> {
  const { kind } = container;
  if (kind !== 'trainer-keys' && kind !== 'bootstrapping-keys') {
    return { sha256Tree: bytesToHex(await verifyRest(container)) };
  }
  const { root, signed } = await verifyKeys(container);
  return { signed, sha256Tree: bytesToHex(root) };
}

type Details = Readonly<Record<string, JsonValue | undefined>>;

const DESCRIBERS: Readonly<Record<ContainerKind, (container: ContainerReader) => Details>> = {
  'owner-key': ({ content }) => ({ keyId: keyIdIn(content), encrypted: true }),
  'trainer-keys': ({ content, sectionLengths }) => ({
    keyId: keyIdIn(content),
    ...describeSigner(content),
    sections: sectionLengths.length,
  }),
  'sealed-model': (container) => {
    const model = contentOf(container, sealedModelHeader);
    const { keyId, round, demonstration, architecture, features, provenance, records } = model;
    return {
      keyId,
      round,
      demonstration,
      ...describeArchitecture(architecture),
      features: outline(features),
      trainingRuns: trainingSoFar(provenance).runs,
      ...describeRecords(records),
    };
  },
  'sealed-predictions': (container) => {
    const { keyId, modelId, rows, classes, records } = contentOf(container, sealedPredictionsHeader);
    return { keyId, modelId, rows, classes, ...describeRecords(records) };
  },
  checkpoint: (container) => {
    const { keyId, modelId, run, step, records } = contentOf(container, checkpointHeader);
    return { keyId, modelId, run, step, ...describeRecords(records) };
  },
  'refresh-request': describeRefresh,
  'refresh-response': describeRefresh,
  'bootstrapping-keys': (container) => {
    const { keyId, logSlots, keys, signer } = contentOf(container, bootstrappingKeysHeader);
    return {
      keyId,
      ...describeSigner({ signer }),
      slots: 2 ** logSlots,
      keys: keys.length,
      sections: container.sectionLengths.length,
    };
  },
  'teaching-keys': (container) => ({ ...contentOf(container, teachingKeysHeader) }),
  'teaching-model': (container) => {
    const { warning, keyId, scheme, demonstration, architecture, features, provenance, ciphertexts } = contentOf(
      container,
      teachingModelHeader,
    );
    return {
      warning,
      scheme,
      keyId,
      demonstration,
      ...describeArchitecture(architecture),
      features: outline(features),
      trainingRuns: trainingSoFar(provenance).runs,
      ciphertexts: ciphertexts.length,
    };
  },
};

function contentOf<T>(container: ContainerReader, schema: z.ZodType<T>): T {
  return parseHeader(schema, container.content, `the header of the ${container.kind} file`);
}

function describeRefresh(container: ContainerReader): Details {
  const { run, step, call, keyId, level, records } = contentOf(container, refreshHeader);
  return { run, step, call, keyId, targetLevel: level, ...describeRecords(records) };
}

function keyIdIn(content: unknown): string | undefined {
  const keyId = typeof content === 'object' && content !== null && 'keyId' in content ? content.keyId : undefined;
  return typeof keyId === 'string' && /^[0-9a-f]{1,64}$/.test(keyId) ? keyId : undefined;
}

/** The same in both files of an owner. */
function describeSigner(content: unknown): Details {
  const signer = typeof content === 'object' && content !== null && 'signer' in content ? content.signer : undefined;
  return signer instanceof Uint8Array && signer.length === SIGNER_BYTES ? { signer: bytesToHex(signer) } : {};
}

/** Levels and scales over all ciphertexts, each different value once. */
function describeRecords(records: readonly RecordHeader[]): Details {
  const distinct = (values: readonly number[]) => [...new Set(values)].toSorted((a, b) => a - b);
  return {
    ciphertexts: records.length,
    seeded: records.filter(({ seed }) => seed !== undefined).length,
    levels: distinct(records.map(({ level }) => level)),
    logScales: distinct(records.map(({ scale }) => Math.round(Math.log2(scale) * 1e4) / 1e4)),
  };
}

function describeArchitecture(architecture: Architecture): Details {
  return {
    layers: architecture.layers.map(({ inputs, units, activation, useBias }) => ({
      inputs,
      units,
      activation: activation.name,
      useBias,
    })),
    weights: weightCount(architecture),
  };
}

/** JSON in outline: long lists and texts by their length, nesting cut off after three levels. */
function outline(value: JsonValue, depth: number = 0): JsonValue {
  if (typeof value === 'string') return value.length <= 80 ? value : `text of ${value.length} characters`;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return `list of ${value.length}`;
  const entries = Object.entries(value);
  if (depth >= 3 || entries.length > 64) return `object of ${entries.length}`;
  return Object.fromEntries(
    entries.map(([key, entry]) => [
      key,
      entry === undefined ? null : (namesOr(key, entry) ?? outline(entry, depth + 1)),
    ]),
  );
}

/** The classes by their names, where they are few and short. */
function namesOr(key: string, value: JsonValue): JsonValue | undefined {
  if (key !== 'classes' || !Array.isArray(value) || value.length > 10) return undefined;
  return value.every((name) => typeof name === 'string' && name.length <= 40) ? value : undefined;
}

async function inspectSafetensors(source: ByteSource): Promise<FileDescription> {
  const { size } = source;
  if (size === undefined) throw badFile('the size of a safetensors file must be known to inspect it');
  const start = await readExactly(source, 8, 'the length of its header');
  const length = safetensorsHeaderLength(start, size);
  const json = await readExactly(source, length, 'its header');
  const { tensors, metadata } = parseSafetensorsHeader(json, size - 8 - length);
  const shapes = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const description: FileDescription = { kind: 'safetensors', bytes: size, tensors: shapes };
  if (!Object.hasOwn(metadata, 'hermetic')) return description;
  const { architecture, features, provenance } = parseModelMetadata(metadata);
  return {
    ...description,
    ...describeArchitecture(architecture),
    features: outline(features),
    trainingRuns: trainingSoFar(provenance).runs,
  };
}
