import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import type { ClearCiphertext } from '../schemes/clear/clear-ciphertext.ts';
import { ClearEvaluator } from '../schemes/clear/clear-evaluator.ts';
import {
  type BlocksTensor,
  cleanGroup,
  contract,
  expand,
  foldBlock,
  type ListTensor,
  outerSum,
  settle,
  splitParts,
} from './cipher-tensor.ts';
import { type BlockShape, blockShape, choosePacking, type Packing, unitPlace } from './packing.ts';
import { rowDiagonals } from './row-diagonals.ts';
import { packFirstKernel, packUnits, unpackFirstKernel, unpackUnits } from './slot-vectors.ts';

interface Case {
  readonly packing: Packing;
  readonly rows: number;
  readonly columns: number;
  readonly units: number;
  readonly random: SeededRandom;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    logBatch: fc.integer({ min: 0, max: 3 }),
    logSlots: fc.integer({ min: 5, max: 7 }),
    columns: fc.integer({ min: 1, max: 70 }),
    units: fc.integer({ min: 1, max: 11 }),
    smaller: fc.integer({ min: 0, max: 2 }),
    real: fc.boolean(),
    seed: fc.nat(1000),
  })
  .map(({ logBatch, logSlots, columns, units, smaller, real, seed }) => {
    const rows = 2 ** Math.max(0, logBatch - smaller);
    const chosen = choosePacking({ slots: 2 ** logSlots, columns, units, batch: 2 ** logBatch, real });
    return { packing: { ...chosen, batch: rows }, rows, columns, units, random: new SeededRandom(seed) };
  });

const draw = (random: SeededRandom, length: number) => Float64Array.from({ length }, () => random.uniform(-1, 1));

/** values[row · units + unit] as a blocks tensor; `junk` fills what is not a value. */
function blocksOf(
  evaluator: ClearEvaluator,
  { packing, rows, units, random }: Case,
  values: Float64Array,
  filling: 'clean' | 'padded' | 'dirty',
): BlocksTensor<ClearCiphertext> {
  const shape = blockShape(packing, units);
  const groups = Array.from({ length: shape.groups }, () => ({
    re: filling === 'dirty' ? draw(random, shape.period) : new Float64Array(shape.period),
    im: filling === 'dirty' ? draw(random, shape.period) : new Float64Array(shape.period),
  }));
  for (let unit = 0; unit < units; unit++) {
    const { group, block, part } = unitPlace(shape, unit);
    for (let i = 0; i < (filling === 'clean' ? packing.pitch : rows); i++) {
      groups[group][part === 0 ? 're' : 'im'][block * packing.pitch + i] = values[(i % rows) * units + unit];
    }
  }
  return { form: 'blocks', units, factor: 1, filling, groups: groups.map((slots) => evaluator.encrypt(slots, 4)) };
}

/** Reads position `at(row)` of each unit. */
function readBlocks(
  evaluator: ClearEvaluator,
  { packing, rows, units }: Case,
  groups: readonly ClearCiphertext[],
  shift = 0,
): Float64Array {
  const shape: BlockShape = blockShape(packing, units);
  const slots = groups.map((group) => evaluator.decrypt(group));
  return Float64Array.from({ length: rows * units }, (_, index) => {
    const { group, block, part } = unitPlace(shape, index % units);
    const slot = block * packing.pitch + Math.floor(index / units) + shift;
    return (part === 0 ? slots[group].re : slots[group].im)[slot];
  });
}

function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - expected[i])).toBeLessThan(1e-11);
}

const evaluatorOf = ({ packing }: Case) => new ClearEvaluator({ slots: packing.slots, levels: 4 });

describe('the first layer', () => {
  it('is X·W, and its transpose Xᵀ·δ in the layout of W', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), (given, bias) => {
        const { packing, rows, units, random } = given;
        const columns = given.columns;
        const width = columns + (bias ? 1 : 0);
        const evaluator = evaluatorOf(given);
        const features = Float32Array.from(draw(random, rows * columns));
        const kernel = draw(random, width * units);
        const x = (b: number, k: number) => (k === columns ? 1 : features[b * columns + k]);
        const prepared = evaluator.prepareDiagonals(rowDiagonals(packing, { values: features, columns, bias }));
        const weights = packFirstKernel(packing, width, units, kernel, 8);
        const sealed = weights.map((group) => group.map((w) => evaluator.encrypt(w, 4)));
        const z = evaluator
          .multiplyDiagonals(sealed, prepared, 1 / 8)
          .map((product) => foldBlock(evaluator, packing, product));
        const expected = Float64Array.from({ length: rows * units }, (_, index) => {
          let sum = 0;
          for (let k = 0; k < width; k++) sum += x(Math.floor(index / units), k) * kernel[k * units + (index % units)];
          return sum;
        });
        expectClose(readBlocks(evaluator, given, z), expected);

        const values = draw(random, rows * units);
        const delta = blocksOf(evaluator, given, values, 'clean');
        const back = evaluator.multiplyDiagonalsTransposed(delta.groups, prepared, 2);
        const slots = back.map((group) => group.map((c) => evaluator.decrypt(c)));
        const gradient = Float64Array.from({ length: width * units }, (_, index) => {
          let sum = 0;
          for (let b = 0; b < rows; b++) sum += x(b, Math.floor(index / units)) * values[b * units + (index % units)];
          return 2 * sum;
        });
        expectClose(unpackFirstKernel(packing, width, units, slots, 1), gradient);
        const repacked = packFirstKernel(packing, width, units, gradient, 1);
        slots.forEach((group, g) => {
          group.forEach(({ re, im }, j) => {
            const { re: expectedRe, im: expectedIm } = repacked[g][j];
            expectClose(re.subarray(0, expectedRe.length), expectedRe);
            expectClose(im.subarray(0, expectedIm.length), expectedIm);
          });
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe('moves between blocks and lists', () => {
  const outputs = 3;

  it('contracts, whatever stands beside the values', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom('clean', 'padded', 'dirty'), (given, filling) => {
        const { packing, rows, units, random } = given;
        const evaluator = evaluatorOf(given);
        const values = draw(random, rows * units);
        const kernel = draw(random, outputs * units);
        const matrix = Array.from({ length: outputs }, (_, k) =>
          packUnits(packing, kernel.subarray(k * units, (k + 1) * units), 4).map((w) => evaluator.encrypt(w, 4)),
        );
        const out = contract(evaluator, packing, blocksOf(evaluator, given, values, filling as 'clean'), matrix);
        out.forEach((product, k) => {
          const { re, im } = evaluator.decrypt(product);
          const expected = Float64Array.from({ length: packing.slots }, (_, i) => {
            let sum = 0;
            for (let u = 0; u < units; u++) sum += values[(i % rows) * units + u] * kernel[k * units + u];
            return 8 * sum;
          });
          expectClose(re, expected);
          expectClose(im, new Float64Array(packing.slots));
        });
      }),
      { numRuns: 40 },
    );
  });

  it('expands to padded products that settle clean', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { packing, rows, units, random } = given;
        const evaluator = evaluatorOf(given);
        const values = draw(random, rows * outputs);
        const kernel = draw(random, outputs * units);
        const matrix = Array.from({ length: outputs }, (_, k) =>
          packUnits(packing, kernel.subarray(k * units, (k + 1) * units), 1).map((w) => evaluator.encrypt(w, 4)),
        );
        const items = Array.from({ length: outputs }, (_, k) =>
          evaluator.encrypt({ re: Float64Array.from({ length: rows }, (_, b) => values[b * outputs + k]) }, 4),
        );
        const list: ListTensor<ClearCiphertext> = { form: 'list', units: outputs, factor: 1, items };
        const groups = settle(evaluator, packing, expand(evaluator, list, matrix), 'padded');
        const expected = Float64Array.from({ length: rows * units }, (_, index) => {
          let sum = 0;
          for (let k = 0; k < outputs; k++) {
            sum += values[Math.floor(index / units) * outputs + k] * kernel[k * units + (index % units)];
          }
          return sum;
        });
        expectClose(readBlocks(evaluator, given, groups), expected);
        expectClose(readBlocks(evaluator, given, groups, packing.pitch - rows), expected);

        const x = blocksOf(evaluator, given, expected, 'clean');
        const gradient = outerSum(evaluator, packing, list, x, 0.5);
        gradient.forEach((row, k) => {
          const opened = unpackUnits(
            packing,
            units,
            row.map((c) => evaluator.decrypt(c)),
            1,
          );
          const wanted = Float64Array.from({ length: units }, (_, u) => {
            let sum = 0;
            for (let b = 0; b < rows; b++) sum += 0.5 * values[b * outputs + k] * expected[b * units + u];
            return sum;
          });
          expectClose(opened, wanted);
          row.forEach((c, group) => {
            const { re, im } = evaluator.decrypt(c);
            const layout = packUnits(packing, wanted, 1)[group];
            expectClose(re.subarray(0, layout.re.length), layout.re);
            expectClose(im.subarray(0, layout.im.length), layout.im);
          });
        });
      }),
      { numRuns: 40 },
    );
  });

  it('cleans dirty blocks and takes complex pairs apart', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const evaluator = evaluatorOf(given);
        const { packing, rows, units, random } = given;
        const values = draw(random, rows * units);
        const dirty = blocksOf(evaluator, given, values, 'dirty');
        const clean = dirty.groups.map((group) => cleanGroup(evaluator, packing, group, 2));
        const doubled = values.map((v) => 2 * v);
        expectClose(readBlocks(evaluator, given, clean, packing.pitch - rows), doubled);
        const [re, im] = splitParts(evaluator, dirty.groups[0], 2).map((part) => evaluator.decrypt(part));
        const both = evaluator.decrypt(dirty.groups[0]);
        expectClose(
          re.re,
          both.re.map((v) => 2 * v),
        );
        expectClose(
          im.re,
          both.im.map((v) => 2 * v),
        );
        expectClose([...re.im, ...im.im], new Float64Array(2 * packing.slots));
      }),
      { numRuns: 30 },
    );
  });
});
