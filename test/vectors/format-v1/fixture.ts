/** One small example of each kind of file, the same at every run: golden files and fuzzing start from them. */
import { bytesToHex, concatBytes } from '../../../src/base/bytes.ts';
import { memorySink } from '../../../src/protocol/byte-source.ts';
import { decodeCbor, encodeCbor } from '../../../src/protocol/cbor.ts';
import { type Checkpoint, writeCheckpoint } from '../../../src/protocol/checkpoint.ts';
import type { CiphertextRecord } from '../../../src/protocol/ciphertext-record.ts';
import {
  bodySize,
  DIGEST_BYTES,
  DigestTree,
  decodeFixedHeader,
  encodeFixedHeader,
  FIXED_HEADER_BYTES,
} from '../../../src/protocol/container-layout.ts';
import { writeContainer } from '../../../src/protocol/container-writer.ts';
import { type PlainModel, writeModelFile } from '../../../src/protocol/model-file.ts';
import type { CiphertextParameters } from '../../../src/protocol/parameters.ts';
import {
  type RefreshRequestMessage,
  type RefreshResponseMessage,
  writeRefreshRequest,
  writeRefreshResponse,
} from '../../../src/protocol/refresh-message.ts';
import { type SealedModel, writeSealedModel } from '../../../src/protocol/sealed-model.ts';
import { type SealedPredictions, writeSealedPredictions } from '../../../src/protocol/sealed-predictions.ts';

const N = 8;
const PRIMES = [268369921, 268238849, 267583489];

export const parameters: CiphertextParameters = {
  description: { set: 'TOY', N, logQP: 84, securityBits: 0, insecure: true },
  hash: Uint8Array.from({ length: 32 }, (_, i) => i),
  primes: PRIMES,
  limbsAtLevel: [1, 2, 3],
};

/** Residues of a linear congruence, reduced. */
export function polynomial(limbs: number, start: number): Uint32Array {
  return Uint32Array.from({ length: limbs * N }, (_, i) => {
    const word = (Math.imul(i + start, 2654435761) ^ 0x5bd1e995) >>> 0;
    return word % PRIMES[Math.floor(i / N)];
  });
}

export function record(level: number, start: number, seeded: boolean): CiphertextRecord {
  const limbs = parameters.limbsAtLevel[level];
  const base = { level, limbs, scale: 2 ** 28 * (1 + start / 1024) };
  return seeded
    ? { ...base, seed: new Uint8Array(32).fill(start), polynomials: [polynomial(limbs, start)] }
    : { ...base, polynomials: [polynomial(limbs, start), polynomial(limbs, start + 1)] };
}

const keyId = 'a1'.repeat(32);
const architecture = {
  layers: [
    {
      kind: 'dense' as const,
      inputs: 2,
      units: 3,
      activation: { name: 'square', coefficients: [0, 0, 1] },
      useBias: true,
    },
    {
      kind: 'dense' as const,
      inputs: 3,
      units: 1,
      activation: { name: 'lin4', coefficients: [0.5, 0.25] },
      useBias: false,
    },
  ],
};
const features = { kind: 'text', vocabulary: ['good', 'bad', 'naïve'], idf: [0.5, 1.25, 3], scale: 1 / 3 };

export const plainModel: PlainModel = {
  architecture,
  weights: [
    { kernel: Float64Array.of(0.5, -1.25, 1 / 3, 2, -3, 1e-9), bias: Float64Array.of(0, -0.5, 7) },
    { kernel: Float64Array.of(1, 2, 3), bias: undefined },
  ],
  features,
  provenance: [{ steps: 20, batch: 1024, rows: 12500 }],
};

export const sealedModel: SealedModel = {
  architecture,
  features,
  packing: { pitch: 4, chunks: [2, 1] },
  records: [
    { name: 'layers.0/0', ...record(2, 1, true) },
    { name: 'layers.1/0', ...record(1, 2, false) },
  ],
  keyId,
  round: 1,
  provenance: plainModel.provenance,
  demonstration: true,
};

export const predictions: SealedPredictions = {
  rows: 6,
  classes: 2,
  keyId,
  modelId: 'b2'.repeat(32),
  packing: null,
  records: [
    { ...record(0, 3, false), firstRow: 0, rowCount: 4 },
    { ...record(0, 4, false), firstRow: 4, rowCount: 2 },
  ],
};

export const checkpoint: Checkpoint = {
  run: 'run-1',
  step: 17,
  keyId,
  modelId: 'b2'.repeat(32),
  state: { recipe: { learningRate: 0.012 }, losses: [0.25, 0.125] },
  records: [{ name: 'layers.0/0', ...record(1, 5, false) }],
};

export const refreshRequest: RefreshRequestMessage = {
  run: 'run-1',
  step: 17,
  call: 'call-3',
  keyId,
  level: 2,
  records: [record(0, 6, false), record(0, 7, false)],
};

export const refreshResponse: RefreshResponseMessage = {
  ...refreshRequest,
  records: [record(2, 8, true), record(2, 9, true)],
};

async function written(write: (sink: ReturnType<typeof memorySink>) => Promise<unknown>): Promise<Uint8Array> {
  const sink = memorySink();
  await write(sink);
  return sink.bytes();
}

export async function trainerKeysBytes(): Promise<Uint8Array> {
  const sections = [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(100).fill(7)];
  return written((sink) =>
    writeContainer(sink, {
      kind: 'trainer-keys',
      parameterHash: parameters.hash,
      parameters: parameters.description,
      content: { keyId, keys: [{ galoisElement: 3, seed: new Uint8Array(4).fill(9) }] },
      sectionLengths: sections.map(({ length }) => length),
      sections,
    }),
  );
}

/** The files by name, as the present writers make them. */
export async function exampleFiles(): Promise<Record<string, Uint8Array>> {
  return {
    'trainer.keys': await trainerKeysBytes(),
    'model.sealed': await written((sink) => writeSealedModel(sink, sealedModel, parameters)),
    'predictions.sealed': await written((sink) => writeSealedPredictions(sink, predictions, parameters)),
    'run.checkpoint': await written((sink) => writeCheckpoint(sink, checkpoint, parameters)),
    'refresh.request': await written((sink) => writeRefreshRequest(sink, refreshRequest, parameters)),
    'refresh.response': await written((sink) => writeRefreshResponse(sink, refreshResponse, parameters)),
    'model.safetensors': writeModelFile(plainModel),
  };
}

export interface TakenApart {
  header: { content: Record<string, unknown>; parameters: Record<string, unknown>; sections: number[] };
  sections: Uint8Array[];
}

/** Splits a valid container. */
export function takeApart(bytes: Uint8Array): TakenApart {
  const { headerBytes } = decodeFixedHeader(bytes);
  let position = FIXED_HEADER_BYTES + headerBytes;
  const header = decodeCbor(bytes.subarray(FIXED_HEADER_BYTES, position), 'header') as TakenApart['header'];
  const sections: Uint8Array[] = [];
  position += DIGEST_BYTES;
  for (const length of header.sections) {
    sections.push(bytes.subarray(position, position + length));
    position += length + DIGEST_BYTES;
  }
  return { header, sections };
}

/** What a forger would make of it: any header and sections, with digests that fit and no other check. */
export async function putTogether(original: Uint8Array, { header, sections }: TakenApart): Promise<Uint8Array> {
  const cbor = encodeCbor(header);
  const bodyBytes = Array.isArray(header.sections)
    ? bodySize(header.sections)
    : bodySize(sections.map((s) => s.length));
  const fixed = encodeFixedHeader({ ...decodeFixedHeader(original), headerBytes: cbor.length, bodyBytes });
  const tree = new DigestTree();
  const head = concatBytes(fixed, cbor);
  const parts = [head, await tree.add(head)];
  for (const section of sections) parts.push(section, await tree.add(section));
  return concatBytes(...parts, await tree.root());
}

export function hexOf(words: readonly Uint32Array[]): string {
  return words.map((part) => bytesToHex(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))).join('|');
}
