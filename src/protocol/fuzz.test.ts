/**
 * Hostile files: whatever is done to them, a reader either returns or throws `HermeticError`, quickly, and never asks
 * its source for more than it has.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  exampleFiles,
  parameters,
  putTogether,
  refreshRequest,
  sealedModel,
  takeApart,
} from '../../test/vectors/format-v1/fixture.ts';
import { concatBytes, writeU32, writeU64 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { bootstrappingKeysHeader } from './bootstrapping-keys.ts';
import { type ByteSource, memorySink, memorySource, streamSource } from './byte-source.ts';
import { decodeCbor } from './cbor.ts';
import { readCheckpoint } from './checkpoint.ts';
import { decodeFixedHeader, FIXED_HEADER_BYTES, MAGIC } from './container-layout.ts';
import { readContainer, verifyRest } from './container-reader.ts';
import { writeContainer } from './container-writer.ts';
import { inspectFile } from './inspect.ts';
import { readModelFile } from './model-file.ts';
import { readRefreshRequest, readRefreshResponse } from './refresh-message.ts';
import { readSafetensors } from './safetensors.ts';
import { parseHeader } from './schema.ts';
import { readSealedModel } from './sealed-model.ts';
import { readSealedPredictions } from './sealed-predictions.ts';
import { decryptWithPassphrase, encryptWithPassphrase } from './secret/passphrase.ts';
import { readTeachingKeys, readTeachingModel, writeTeachingKeys, writeTeachingModel } from './teaching-files.ts';

const silent = { onWarning: () => {} };
const options = { ...silent, parametersFor: () => parameters };
const files: Record<string, Uint8Array> = {
  ...(await exampleFiles()),
  'bootstrapping.keys': await bootstrappingKeysBytes(),
  ...(await teachingBytes()),
};

async function teachingBytes(): Promise<Record<string, Uint8Array>> {
  const [keys, model] = [memorySink(), memorySink()];
  const [scheme, slots, keyId] = ['vector', 4, 'a1'.repeat(16)] as const;
  await writeTeachingKeys(keys, { scheme, slots, keys: { oneWay: [1, 2], packed: new Uint8Array(20).fill(7) } });
  const { architecture, features, packing, provenance } = sealedModel;
  const ciphertexts = [
    { name: '0/kernel/0/0', level: 3, logScale: 24, re: { entries: new Uint8Array(9).fill(3) }, im: { entries: [1] } },
    { name: '0/bias/0', level: 3, logScale: 24, re: { entries: [4] }, im: undefined },
  ];
  const fields = { scheme, slots, keyId, architecture, features, packing, provenance, demonstration: true };
  await writeTeachingModel(model, { ...fields, ciphertexts });
  return { 'teaching.keys': keys.bytes(), 'teaching.sealed': model.bytes() };
}

/** Header and frame only: `trainer/bootstrapping.test.ts` does the same to keys that a ring can use. */
async function bootstrappingKeysBytes(): Promise<Uint8Array> {
  const sections = [new Uint8Array(96).fill(1), new Uint8Array(64).fill(2)];
  const names = [
    { use: 'toSparse', galois: 1 },
    { use: 'main', galois: 5 },
  ];
  const sink = memorySink();
  await writeContainer(sink, {
    kind: 'bootstrapping-keys',
    parameterHash: parameters.hash,
    parameters: parameters.description,
    content: {
      keyId: 'a1'.repeat(16),
      logSlots: 5,
      keys: names.map((name, i) => ({ ...name, seed: new Uint8Array(32).fill(i) })),
    },
    sectionLengths: sections.map(({ length }) => length),
    sections,
  });
  return sink.bytes();
}

async function readBootstrappingHeader(source: ByteSource): Promise<Uint8Array> {
  const container = await readContainer(source, { ...silent, kind: 'bootstrapping-keys' });
  parseHeader(bootstrappingKeysHeader, container.content, 'the header');
  return verifyRest(container);
}

const readers: Record<string, (source: ByteSource) => Promise<unknown>> = {
  'trainer.keys': async (source) => verifyRest(await readContainer(source, { ...silent, kind: 'trainer-keys' })),
  'bootstrapping.keys': readBootstrappingHeader,
  'model.sealed': (source) => readSealedModel(source, options),
  'predictions.sealed': (source) => readSealedPredictions(source, options),
  'run.checkpoint': (source) => readCheckpoint(source, options),
  'refresh.request': (source) => readRefreshRequest(source, parameters, { ...silent, maxRecords: 2 }),
  'refresh.response': (source) => readRefreshResponse(source, refreshRequest, 2, parameters, silent),
  'teaching.keys': (source) => readTeachingKeys(source, silent),
  'teaching.sealed': (source) => readTeachingModel(source, silent),
};
const containers = Object.keys(readers);

/** Bytes in memory that fail the test when a reader asks for much more than is left. */
function watched(bytes: Uint8Array): ByteSource {
  const inner = memorySource(bytes);
  let left = bytes.length;
  return {
    size: bytes.length,
    read: (length) => {
      // The fixed header and the byte behind the end are asked for without looking.
      if (length > Math.max(left, 64)) throw new Error(`asked for ${length} bytes of ${left}`);
      left -= Math.min(left, length);
      return inner.read(length);
    },
  };
}

/** 'read' or 'refused'; any error that is not a HermeticError fails the test. */
async function outcome(reading: () => unknown): Promise<'read' | 'refused'> {
  try {
    await reading();
    return 'read';
  } catch (error) {
    if (error instanceof HermeticError) return 'refused';
    throw error;
  }
}

const read = (name: string, bytes: Uint8Array) => outcome(() => readers[name](watched(bytes)));
const inspect = (bytes: Uint8Array) => outcome(() => inspectFile(watched(bytes), silent));

describe('containers', () => {
  it('are read when nothing was done to them', async () => {
    for (const name of containers) expect(await read(name, files[name])).toBe('read');
  });

  it('refuse every single bit flip', async () => {
    for (const name of containers) {
      const bytes = files[name];
      for (let i = 0; i < bytes.length; i++) {
        const step = i < 700 ? 1 : 11;
        if (i % step !== 0) continue;
        const flipped = bytes.with(i, bytes[i] ^ (1 << (i % 8)));
        expect(await read(name, flipped), `${name}, byte ${i}`).toBe('refused');
      }
    }
  });

  it('refuse every truncation, and anything appended', async () => {
    for (const name of containers) {
      const bytes = files[name];
      const header = FIXED_HEADER_BYTES + decodeFixedHeader(bytes).headerBytes;
      const places = [0, 1, 7, 8, 9, 12, 16, 48, 55, 56, 57, header - 1, header, header + 31, header + 32, header + 33];
      places.push(bytes.length >> 1, bytes.length - 65, bytes.length - 64, bytes.length - 33, bytes.length - 32);
      places.push(bytes.length - 31, bytes.length - 1);
      for (const place of places) {
        const part = bytes.subarray(0, place);
        expect(await read(name, part), `${name} up to ${place}`).toBe('refused');
        const stream = () => streamSource(new Blob([part as Uint8Array<ArrayBuffer>]).stream(), { maxBytes: 2 ** 40 });
        expect(await outcome(() => readers[name](stream()))).toBe('refused');
      }
      expect(await read(name, concatBytes(bytes, Uint8Array.of(0)))).toBe('refused');
    }
  });

  it('refuse random bytes, behind the magic too', async () => {
    const anyName = fc.constantFrom(...containers);
    await fc.assert(
      fc.asyncProperty(anyName, fc.uint8Array({ maxLength: 400 }), async (name, bytes) => {
        expect(await read(name, bytes)).toBe('refused');
        const behindMagic = concatBytes(MAGIC, Uint8Array.of(1, 0), bytes);
        expect(await read(name, behindMagic)).toBe('refused');
        expect(await inspect(behindMagic)).toBe('refused');
        await inspect(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it('refuse length fields that lie', async () => {
    const lie = fc.oneof(fc.nat(2 ** 31 - 1), fc.constantFrom(0, 1, 2 ** 24, 2 ** 24 + 1, 2 ** 31, 2 ** 32 - 1));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...containers), lie, fc.maxSafeNat(), async (name, header, body) => {
        const changed = files[name].slice();
        writeU32(changed, 12, header);
        expect(await read(name, changed)).toBe('refused');
        const longer = files[name].slice();
        writeU64(longer, 48, body);
        expect(await read(name, longer)).toBe('refused');
      }),
      { numRuns: 100 },
    );
  });
});

/** Replaces one node of a tree, chosen by a list of numbers, by another value. */
function graft(tree: unknown, choices: readonly number[], value: unknown): unknown {
  if (choices.length === 0 || typeof tree !== 'object' || tree === null || tree instanceof Uint8Array) return value;
  const keys = Object.keys(tree);
  if (keys.length === 0) return value;
  const chosen = keys[choices[0] % keys.length];
  const child = graft((tree as Record<string, unknown>)[chosen], choices.slice(1), value);
  if (Array.isArray(tree)) return tree.with(Number(chosen), child);
  return { ...tree, [chosen]: child };
}

const hostileValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(-1, 0, 1, 2 ** 31, 2 ** 53 - 1, 1e300, '', 'x'.repeat(300), [], {}, null),
  fc.uint8Array({ maxLength: 40 }),
);

describe('forged containers (digests that fit)', () => {
  it('raise nothing but HermeticError, whatever stands in the header', async () => {
    const path = fc.array(fc.nat(20), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...containers), path, hostileValue, async (name, choices, value) => {
        const parts = takeApart(files[name]);
        const header = graft(parts.header, choices, value) as typeof parts.header;
        const whole = await forge(name, { ...parts, header });
        if (whole === undefined) return;
        await read(name, whole);
        await inspect(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('raise nothing but HermeticError, whatever stands in the sections', async () => {
    const anySections = fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...containers), anySections, async (name, sections) => {
        const parts = takeApart(files[name]);
        const header = { ...parts.header, sections: sections.map(({ length }) => length) };
        await read(name, await putTogether(files[name], { header, sections }));
      }),
      { numRuns: 200 },
    );
  });

  /** Undefined where the forger's own tools fail: a section list that is no list of lengths. */
  async function forge(name: string, parts: ReturnType<typeof takeApart>): Promise<Uint8Array | undefined> {
    const { sections } = parts.header ?? {};
    const summable = Array.isArray(sections) && sections.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 45);
    return summable ? putTogether(files[name], parts) : undefined;
  }
});

describe('the other parsers', () => {
  it('CBOR: random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeCbor(bytes, 'it');
        } catch (error) {
          expect(error).toBeInstanceOf(HermeticError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('model files: bit flips, truncations, lies', async () => {
    const bytes = files['model.safetensors'];
    for (let i = 0; i < bytes.length; i++) {
      const flipped = bytes.with(i, bytes[i] ^ (1 << (i % 8)));
      await outcome(() => readModelFile(flipped));
      await inspect(flipped);
      expect(await outcome(() => readModelFile(bytes.subarray(0, i)))).toBe('refused');
    }
    await fc.assert(
      fc.asyncProperty(fc.maxSafeNat(), async (length) => {
        const lying = bytes.slice();
        writeU64(lying, 0, length);
        expect(await outcome(() => readSafetensors(lying))).toBe('refused');
      }),
    );
  });

  it('safetensors: hostile headers', async () => {
    const bytes = files['model.safetensors'];
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    const path = fc.array(fc.nat(20), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(path, fc.jsonValue({ maxDepth: 2 }), async (choices, value) => {
        const text = new TextEncoder().encode(JSON.stringify(graft(header, choices, value)));
        const prefix = new Uint8Array(8);
        writeU64(prefix, 0, text.length);
        const whole = concatBytes(prefix, text, bytes.subarray(8 + length));
        await outcome(() => readModelFile(whole));
        await inspect(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('age envelopes: every bit flip is refused', async () => {
    const locked = await encryptWithPassphrase(Uint8Array.of(1, 2, 3), 'passphrase', { insecureTestWorkFactor: 4 });
    for (let i = 0; i < locked.length; i++) {
      const flipped = locked.with(i, locked[i] ^ (1 << (i % 8)));
      expect(await outcome(() => decryptWithPassphrase(flipped, 'passphrase')), `byte ${i}`).toBe('refused');
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const tail = concatBytes(locked.subarray(0, 60), bytes);
        expect(await outcome(() => decryptWithPassphrase(tail, 'passphrase'))).toBe('refused');
      }),
      { numRuns: 50 },
    );
  });
});
