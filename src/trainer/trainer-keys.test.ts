import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeData, makeModel, recipe, SET, silent } from '../../test/fixtures/sealed-round.ts';
import { HermeticError } from '../base/errors.ts';
import { writeTrainerKeys } from '../owner/key-file.ts';
import { type CreatedKeys, createKeys } from '../owner/owner-keys.ts';
import { seal } from '../owner/seal.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import { readContainer } from '../protocol/container-reader.ts';
import { writeContainer } from '../protocol/container-writer.ts';
import { readSealedModel, writeSealedModel } from '../protocol/sealed-model.ts';
import { fit as fitSealed } from './fit.ts';
import { readTrainerKeys } from './trainer-keys.ts';

let owner: CreatedKeys;
let bytes: Uint8Array;
beforeAll(async () => {
  const needs = { rotations: [1], conjugation: false, relinearization: true };
  owner = await createKeys({ set: SET, threads: 1, needs });
  const sink = memorySink();
  await writeTrainerKeys(sink, owner);
  bytes = sink.bytes();
});
afterAll(() => owner.dispose());

const read = (file: Uint8Array) => readTrainerKeys(memorySource(file), { ...silent, threads: 1 });

/** The file with another header, its digests made new. */
async function rewritten(change: (content: Record<string, unknown>) => unknown): Promise<Uint8Array> {
  const container = await readContainer(memorySource(bytes), silent);
  const sections: Uint8Array[] = [];
  for (const _ of container.sectionLengths) sections.push(await container.readSection());
  const content = change(decodeCbor(encodeCbor(container.content), 'x') as Record<string, unknown>);
  const { kind, parameterHash, parameters, sectionLengths } = container;
  const sink = memorySink();
  await writeContainer(sink, { kind, parameterHash, parameters, content, sectionLengths, sections });
  return sink.bytes();
}

describe('trainer keys', () => {
  it('come back from their file, with progress', async () => {
    const progress: number[] = [];
    const options = { ...silent, threads: 1, onProgress: (done: number) => progress.push(done) };
    const keys = await readTrainerKeys(memorySource(bytes), options);
    expect(keys.keyId).toBe(owner.keyId);
    expect(keys.publicKey.b.read(0)).toEqual(owner.publicKey.b.read(0));
    expect(keys.publicKey.a.read(3)).toEqual(owner.publicKey.a.read(3));
    expect(progress).toEqual(Array.from({ length: progress.length }, (_, i) => i + 1));
    keys.dispose();
  });

  it('warn when they are of an insecure set', async () => {
    const warnings: string[] = [];
    const keys = await readTrainerKeys(memorySource(bytes), { threads: 1, onWarning: (text) => warnings.push(text) });
    expect(warnings).toEqual([expect.stringContaining('insecure')]);
    keys.dispose();
  });

  it('are refused when they are cut, damaged or something else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, flip, cut) => {
          const file = cut ? bytes.subarray(0, at) : bytes.map((byte, i) => (i === at ? byte ^ flip : byte));
          const error = await read(file).then(
            (keys) => keys.dispose(),
            (thrown: unknown) => thrown,
          );
          expect(error).toBeInstanceOf(HermeticError);
          expect(error).toMatchObject({ code: 'BAD_FILE' });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are refused when their header says something else than their sections', async () => {
    const list = (content: Record<string, unknown>) => content.keys as unknown[];
    const changes: ((content: Record<string, unknown>) => unknown)[] = [
      (content) => ({ ...content, keys: list(content).slice(1) }),
      (content) => ({ ...content, keys: [...list(content), ...list(content)] }),
      (content) => ({ ...content, keys: [] }),
      (content) => ({ ...content, keys: list(content).map(() => ({ galois: 2, seed: new Uint8Array(32) })) }),
      (content) => ({ ...content, keys: list(content).map(() => null) }),
      (content) => ({ ...content, keyId: 'xyz' }),
      (content) => ({ ...content, keyId: 'ab'.repeat(16) }),
      (content) => ({ ...content, publicSeed: new Uint8Array(32) }),
      (content) => ({ ...content, publicSeed: new Uint8Array(31) }),
      () => null,
    ];
    for (const change of changes) {
      await expect(read(await rewritten(change))).rejects.toMatchObject({ code: 'BAD_FILE' });
    }
  });

  it('that lack what a plan needs are found out', async () => {
    const keys = await read(bytes);
    const sink = memorySink();
    await writeSealedModel(sink, seal(makeModel(), owner, { batch: 16 }), owner.parameters);
    const parametersFor = () => keys.parameters;
    const model = await readSealedModel(memorySource(sink.bytes()), { ...silent, parametersFor });
    const options = { recipe: { ...recipe, steps: 1 }, refresh: 'none' as const, skipShadowRun: true };
    await expect(fitSealed(model, keys, makeData(), options)).rejects.toMatchObject({ code: 'WRONG_KEY' });
    keys.dispose();
  });
});

describe('a sealed model', () => {
  it('of other parameters is refused', async () => {
    const keys = await read(bytes);
    const larger = await createKeys({
      set: 'insecure-10-9-3',
      threads: 1,
      needs: { rotations: [], conjugation: false, relinearization: false },
    });
    const sink = memorySink();
    await writeSealedModel(sink, seal(makeModel(), larger, { batch: 16 }), larger.parameters);
    const reading = readSealedModel(memorySource(sink.bytes()), { ...silent, parametersFor: () => keys.parameters });
    await expect(reading).rejects.toMatchObject({ code: 'WRONG_KEY' });
    larger.dispose();
    keys.dispose();
  });
});
