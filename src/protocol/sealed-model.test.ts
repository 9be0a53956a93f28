import { describe, expect, it } from 'vitest';
import {
  checkpoint,
  exampleFiles,
  hexOf,
  parameters,
  predictions,
  putTogether,
  record,
  sealedModel,
  takeApart,
} from '../../test/vectors/format-v1/fixture.ts';
import { bytesOf } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { memorySink, memorySource } from './byte-source.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readSealedModel, type SealedModel, writeSealedModel } from './sealed-model.ts';
import { readSealedPredictions, type SealedPredictions, writeSealedPredictions } from './sealed-predictions.ts';

const options = { parametersFor: () => parameters, onWarning: () => {} };
const files = await exampleFiles();

async function complaint(reading: Promise<unknown>): Promise<HermeticError> {
  const error: unknown = await reading.then(
    () => new Error('was read'),
    (reason: unknown) => reason,
  );
  if (error instanceof HermeticError) return error;
  throw error;
}

/** Reads the sealed model after its header's content was changed, digests renewed. */
async function readForged(change: (content: Record<string, unknown>) => void): Promise<HermeticError> {
  const parts = takeApart(files['model.sealed']);
  change(parts.header.content);
  const bytes = await putTogether(files['model.sealed'], parts);
  return complaint(readSealedModel(memorySource(bytes), options));
}

describe('a sealed model', () => {
  it('comes back whole', async () => {
    const {
      parameters: found,
      modelId,
      ...model
    } = await readSealedModel(memorySource(files['model.sealed']), options);
    expect(model).toEqual(sealedModel);
    expect(found).toBe(parameters);
    const sink = memorySink();
    expect(await writeSealedModel(sink, model, parameters)).toBe(modelId);
    expect(sink.bytes()).toEqual(files['model.sealed']);
  });

  it('stores a seeded ciphertext in half the bytes', async () => {
    const size = async (seeded: boolean) => {
      const sink = memorySink();
      const records = [{ name: 'w', ...record(2, 1, seeded) }];
      await writeSealedModel(sink, { ...sealedModel, records }, parameters);
      return sink.bytes().length;
    };
    const polynomialBytes = 3 * parameters.description.N * 4;
    expect((await size(false)) - (await size(true))).toBeGreaterThan(polynomialBytes - 32 - 32);
  });

  it.each<[string, Partial<SealedModel>]>([
    ['level above the top', { records: [{ name: 'w', ...record(2, 1, true), level: 3 }] }],
    ['limbs of another level', { records: [{ name: 'w', ...record(2, 1, true), limbs: 2 }] }],
    ['scale 1', { records: [{ name: 'w', ...record(2, 1, true), scale: 1 }] }],
    ['scale 2^120', { records: [{ name: 'w', ...record(2, 1, true), scale: 2 ** 120 }] }],
    ['scale NaN', { records: [{ name: 'w', ...record(2, 1, true), scale: Number.NaN }] }],
    ['seed of 16 bytes', { records: [{ name: 'w', ...record(2, 1, true), seed: new Uint8Array(16) }] }],
    ['too few polynomials', { records: [{ name: 'w', ...record(2, 1, false), polynomials: [] }] }],
    ['no ciphertext', { records: [] }],
    ['a name twice', { records: [sealedModel.records[0], sealedModel.records[0]] }],
    ['a key identifier in capitals', { keyId: 'A1'.repeat(32) }],
    ['features that are not JSON', { features: new Map() as never }],
    ['layers that do not meet', { architecture: { layers: [...sealedModel.architecture.layers].reverse() } }],
  ])('is not written with %s', async (_, change) => {
    const writing = writeSealedModel(memorySink(), { ...sealedModel, ...change }, parameters);
    const error: unknown = await writing.catch((reason: unknown) => reason);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });

  it('is refused where the header does not fit, with the place named', async () => {
    const first = (content: Record<string, unknown>) => (content.records as Record<string, unknown>[])[0];
    expect((await readForged((c) => (first(c).scale = 0.5))).message).toContain('records.0.scale');
    expect((await readForged((c) => (first(c).level = 1))).message).toContain('does not fit the parameters');
    expect((await readForged((c) => (first(c).limbs = 2))).message).toContain('does not fit the parameters');
    expect((await readForged((c) => delete first(c).seed)).message).toContain('sections');
    expect((await readForged((c) => (first(c).name = 'layers.1/0'))).message).toContain('different names');
    expect((await readForged((c) => (c.extra = 1))).message).toContain('extra');
    expect((await readForged((c) => delete c.keyId)).message).toContain('keyId');
    expect((await readForged((c) => (c.features = Uint8Array.of(1)))).message).toContain('features');
  });

  it('is refused with a residue that is not reduced', async () => {
    const parts = takeApart(files['model.sealed']);
    parts.sections[0] = bytesOf(new Uint32Array(parts.sections[0].length / 4).fill(parameters.primes[0]));
    const bytes = await putTogether(files['model.sealed'], parts);
    expect((await complaint(readSealedModel(memorySource(bytes), options))).message).toContain('not below its prime');
  });

  it('is refused by the holder of other parameters', async () => {
    const others = { ...parameters, hash: new Uint8Array(32).fill(1) };
    const reading = readSealedModel(memorySource(files['model.sealed']), { ...options, parametersFor: () => others });
    expect((await complaint(reading)).code).toBe('WRONG_KEY');
  });

  it('is refused where it calls insecure parameters secure', async () => {
    const parts = takeApart(files['model.sealed']);
    parts.header.parameters.insecure = false;
    const bytes = await putTogether(files['model.sealed'], parts);
    expect((await complaint(readSealedModel(memorySource(bytes), options))).message).toContain('parameter hash');
  });

  it('is not a checkpoint', async () => {
    const error = await complaint(readCheckpoint(memorySource(files['model.sealed']), options));
    expect(error.message).toContain('expected checkpoint; got sealed-model');
  });
});

describe('sealed predictions', () => {
  it('come back whole', async () => {
    const read = await readSealedPredictions(memorySource(files['predictions.sealed']), options);
    expect(read).toMatchObject({ rows: 6, classes: 2, modelId: predictions.modelId });
    expect(read.records.map(({ firstRow, rowCount }) => [firstRow, rowCount])).toEqual([
      [0, 4],
      [4, 2],
    ]);
    expect(read.records.map((r) => hexOf(r.polynomials))).toEqual(predictions.records.map((r) => hexOf(r.polynomials)));
  });

  it.each<[string, number, [number, number][]]>([
    [
      'a row left out',
      6,
      [
        [0, 3],
        [4, 2],
      ],
    ],
    ['the last row left out', 6, [[0, 5]]],
    ['a row too many', 6, [[0, 7]]],
    ['nothing at the start', 6, [[1, 5]]],
  ])('are refused with %s', async (_, rows, ranges) => {
    const records = ranges.map(([firstRow, rowCount]) => ({ ...record(0, 3, false), firstRow, rowCount }));
    const value: SealedPredictions = { ...predictions, rows, records };
    await expect(writeSealedPredictions(memorySink(), value, parameters)).rejects.toThrow('cover every row');
  });

  it('may have one ciphertext per class over the same rows', async () => {
    const records = [0, 1].map((start) => ({ ...record(0, start, false), firstRow: 0, rowCount: 6 }));
    const id = await writeSealedPredictions(memorySink(), { ...predictions, records }, parameters);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a checkpoint', () => {
  it('comes back whole', async () => {
    const { parameters: found, ...read } = await readCheckpoint(memorySource(files['run.checkpoint']), options);
    expect(read).toEqual(checkpoint);
    expect(found).toBe(parameters);
  });
});
