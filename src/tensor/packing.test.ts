import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { blockShape, choosePacking, chunkCount, parsePacking, unitPlace, unitsOfPart } from './packing.ts';

function refusal(act: () => unknown): HermeticError {
  try {
    act();
  } catch (error) {
    if (error instanceof HermeticError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const powers = (low: number, high: number) => fc.integer({ min: low, max: high }).map((k) => 2 ** k);
const question = fc
  .record({
    slots: powers(3, 13),
    columns: fc.integer({ min: 1, max: 5000 }),
    units: fc.integer({ min: 1, max: 70 }),
    real: fc.boolean(),
  })
  .chain((rest) => powers(0, Math.log2(rest.slots) - 1).map((batch) => ({ ...rest, batch })));

describe('choosePacking', () => {
  it('packs the network of the reviews into four ciphertexts', () => {
    const packing = choosePacking({ slots: 8192, columns: 4000, units: 8, batch: 1024 });
    expect(packing).toEqual({ version: 1, slots: 8192, pitch: 2048, offset: 1024, chunk: 1000, batch: 1024 });
    expect(chunkCount(packing, 4000)).toBe(4);
    expect(blockShape(packing, 8)).toEqual({ units: 8, parts: 2, blocks: 4, groups: 1, period: 8192 });
  });

  it('gives every unit a block of its own where slots are real', () => {
    const packing = choosePacking({ slots: 8192, columns: 4000, units: 8, batch: 1024, real: true });
    const { pitch } = packing;
    expect(packing.real).toBe(true);
    expect(blockShape(packing, 2)).toEqual({ units: 2, parts: 1, blocks: 2, groups: 1, period: 2 * pitch });
    expect(blockShape({ ...packing, real: undefined }, 2).blocks).toBe(1);
    expect(unitPlace(blockShape(packing, 2), 1)).toEqual({ group: 0, block: 1, part: 0 });
  });

  it('keeps every rotation within its block, and a group within the slots', () => {
    fc.assert(
      fc.property(question, (asked) => {
        const packing = choosePacking(asked);
        const { slots, pitch, offset, chunk, batch } = packing;
        expect(offset).toBe(asked.batch);
        expect(batch).toBe(asked.batch);
        expect(offset + chunk).toBeLessThanOrEqual(pitch);
        expect(slots % pitch).toBe(0);
        expect(chunk * chunkCount(packing, asked.columns)).toBeGreaterThanOrEqual(asked.columns);
        expect(slots % blockShape(packing, asked.units).period).toBe(0);
        expect(parsePacking(JSON.parse(JSON.stringify(packing)))).toEqual(packing);
      }),
    );
  });

  it('says what batch would do', () => {
    const asked = { slots: 8192, columns: 10, units: 2 };
    expect(refusal(() => choosePacking({ ...asked, batch: 1000 }))).toMatchObject({
      code: 'PLAN_REFUSED',
      mend: 'Use 512 or 1024.',
    });
    expect(refusal(() => choosePacking({ ...asked, batch: 8192 }))).toMatchObject({ expected: 'at most 4096' });
    expect(refusal(() => choosePacking({ ...asked, batch: 0 })).code).toBe('PLAN_REFUSED');
  });
});

describe('unitPlace', () => {
  it('gives every unit a place of its own', () => {
    fc.assert(
      fc.property(question, (asked) => {
        const shape = blockShape(choosePacking(asked), asked.units);
        const places = Array.from({ length: asked.units }, (_, unit) => unitPlace(shape, unit));
        const names = places.map(({ group, block, part }) => `${group}/${block}/${part}`);
        expect(new Set(names).size).toBe(asked.units);
        for (const { group, block, part } of places) {
          expect(group).toBeLessThan(shape.groups);
          expect(block).toBeLessThan(unitsOfPart(shape, group, part));
          if (asked.real) expect(part).toBe(0);
        }
        const counted = Array.from(
          { length: shape.groups },
          (_, g) => unitsOfPart(shape, g, 0) + unitsOfPart(shape, g, 1),
        );
        expect(counted.reduce((a, b) => a + b)).toBe(asked.units);
      }),
    );
  });
});

describe('parsePacking', () => {
  it('takes nothing else', () => {
    const good = choosePacking({ slots: 64, columns: 10, units: 2, batch: 8 });
    const bad = [
      null,
      3,
      [],
      {},
      { ...good, version: 2 },
      { ...good, slots: 63 },
      { ...good, batch: 16 },
      { ...good, real: false },
    ];
    for (const value of [...bad, { ...good, chunk: 100 }, { ...good, chunk: 1.5 }, { ...good, pitch: '16' }]) {
      expect(refusal(() => parsePacking(value)).code).toBe('BAD_FILE');
    }
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(refusal(() => parsePacking(value)).code).toBe('BAD_FILE');
      }),
    );
  });
});
