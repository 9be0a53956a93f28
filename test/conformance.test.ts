/**
 * One suite over every scheme: what a network needs of an `Evaluator`, checked on slots, within the precision that each
 * declares. Exact schemes run under fixed point; the parameters are small, and say that they are insecure.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HermeticError } from '../src/base/errors.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { fixedPointParty } from '../src/cli/schemes/fixed-point-party.ts';
import { createParty } from '../src/cli/schemes/parties.ts';
import type { SchemeParty } from '../src/cli/schemes/party.ts';
import { ClearIntegers } from '../src/schemes/clear/clear-integers.ts';
import type { SlotCiphertext } from '../src/schemes/scheme.ts';
import { SCHEME_NAMES } from '../src/schemes/traits.ts';

const NEEDED_SLOTS = 16;
const STEPS = [1, 2, 3, 4, 8, -1, -2, -3, -4, -8];
const options = { slots: NEEDED_SLOTS, rotations: () => STEPS, insecure: true, threads: 1 };

interface Entry {
  readonly name: string;
  make(): Promise<SchemeParty>;
}

const fixedPoint = { slots: NEEDED_SLOTS, logScale: 20, freshBound: 4, constantBits: 20 };

/** Fixed point on integers that hide nothing: with a modulus scales grow, without one they are divided away. */
function clearIntegerParty(modulus: bigint | undefined): SchemeParty {
  const depth = modulus === undefined ? 2 ** 20 : 8;
  const integers = new ClearIntegers({ slots: NEEDED_SLOTS, depth, ...(modulus !== undefined && { modulus }) });
  return fixedPointParty({
    scheme: 'clear',
    security: 'none',
    evaluator: integers,
    secret: integers,
    options: fixedPoint,
    ciphertextBytes: 0,
    publicKeyBytes: 0,
    dispose: () => {},
  });
}

const ENTRIES: readonly Entry[] = [
  ...SCHEME_NAMES.map((name) => ({ name, make: () => createParty(name, options) })),
  { name: 'fixed point on integers modulo 2^400 + 1', make: async () => clearIntegerParty((1n << 400n) + 1n) },
  { name: 'fixed point on integers without end', make: async () => clearIntegerParty(undefined) },
];

interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

describe.each(ENTRIES)('$name', ({ make }) => {
  let party: SchemeParty;
  let slots: number;
  let top: number;
  const random = new SeededRandom(5);

  beforeAll(async () => {
    party = await make();
    slots = party.evaluator.slots;
    top = Math.min(party.evaluator.maxLevel, 5);
  }, 60_000);

  afterAll(() => party?.dispose());

  const draw = (length: number) => Float64Array.from({ length }, () => random.uniform(-1, 1));
  const values = (): Complex => ({ re: draw(slots), im: draw(slots) });
  const encrypt = (x: Complex, level = top) => party.encrypt(x, level);

  function expectSlots(ciphertext: SlotCiphertext, re: (i: number) => number, im: (i: number) => number): void {
    const got = party.decrypt(ciphertext);
    const tolerance = 2 ** -party.precisionBits;
    let worst = 0;
    for (let i = 0; i < slots; i++) {
      worst = Math.max(worst, Math.abs(got.re[i] - re(i)), Math.abs(got.im[i] - im(i)));
    }
    expect(worst).toBeLessThan(tolerance);
  }

  it('has slots for the network, levels for a step, and says what it is', () => {
    expect(slots).toBeGreaterThanOrEqual(NEEDED_SLOTS);
    expect(party.evaluator.maxLevel).toBeGreaterThanOrEqual(7);
    expect(SCHEME_NAMES).toContain(party.scheme);
    expect(party.precisionBits).toBeGreaterThan(2);
  });

  it('keeps its scale, or lets it grow, as it declares', () => {
    const { evaluator, capabilities } = party;
    const a = encrypt(values());
    const product = evaluator.rescale(evaluator.multiply(a, a));
    const growth = Math.log2(product.scale / a.scale);
    if (capabilities.scales === 'kept') expect(Math.abs(growth)).toBeLessThan(0.1);
    else expect(growth).toBeCloseTo(Math.log2(a.scale), 6);
    expect(capabilities.levels === 'endless').toBe(party.refresher.mode === 'none');
  });

  it('is exact, or loses the last bits, as it declares', () => {
    const { evaluator, capabilities } = party;
    const eighths = Float64Array.from({ length: slots }, () => Math.round(random.uniform(-8, 8)) / 8);
    const square = party.decrypt(
      evaluator.multiply(party.encrypt({ re: eighths }, top), party.encrypt({ re: eighths }, top)),
    );
    const right = square.re.filter((x, i) => x === eighths[i] ** 2).length;
    expect(right === slots).toBe(capabilities.arithmetic === 'exact');
  });

  it('encrypts, and repeats short vectors', () => {
    const x = values();
    expectSlots(
      encrypt(x),
      (i) => x.re[i],
      (i) => x.im[i],
    );
    const short = draw(4);
    expectSlots(
      party.encrypt({ re: short }, top),
      (i) => short[i % 4],
      () => 0,
    );
  });

  it('adds, subtracts, negates, and adds plaintexts', () => {
    const [x, y] = [values(), values()];
    const [a, b] = [encrypt(x), encrypt(y)];
    const { evaluator } = party;
    expectSlots(
      evaluator.add(a, b),
      (i) => x.re[i] + y.re[i],
      (i) => x.im[i] + y.im[i],
    );
    expectSlots(
      evaluator.subtract(a, b),
      (i) => x.re[i] - y.re[i],
      (i) => x.im[i] - y.im[i],
    );
    expectSlots(
      evaluator.negate(a),
      (i) => -x.re[i],
      (i) => -x.im[i],
    );
    const p = draw(8);
    expectSlots(
      evaluator.addPlain(a, p),
      (i) => x.re[i] + p[i % 8],
      (i) => x.im[i],
    );
  });

  it('multiplies complex slots, and sums products', () => {
    const [x, y] = [values(), values()];
    const [a, b] = [encrypt(x), encrypt(y)];
    const { evaluator } = party;
    const re = (i: number) => x.re[i] * y.re[i] - x.im[i] * y.im[i];
    const im = (i: number) => x.re[i] * y.im[i] + x.im[i] * y.re[i];
    const product = evaluator.rescale(evaluator.multiply(a, b));
    expect(product.level).toBe(top - 1);
    expectSlots(product, re, im);
    const inner = evaluator.rescale(evaluator.innerProduct([a, a], [b, evaluator.conjugate(a)]));
    expectSlots(inner, (i) => re(i) + x.re[i] ** 2 + x.im[i] ** 2, im);
    expect(() => evaluator.innerProduct([], [])).toThrow(RangeError);
  });

  it('multiplies by plaintexts and constants', () => {
    const x = values();
    const a = encrypt(x);
    const { evaluator } = party;
    const p = draw(8);
    const scaled = evaluator.rescale(evaluator.multiplyPlain(a, p));
    expectSlots(
      scaled,
      (i) => x.re[i] * p[i % 8],
      (i) => x.im[i] * p[i % 8],
    );
    for (const factor of [0.3, -1, 0.25, 0]) {
      const product = evaluator.rescale(evaluator.multiplyScalar(a, factor));
      expect(product.level).toBe(top - 1);
      expectSlots(
        product,
        (i) => factor * x.re[i],
        (i) => factor * x.im[i],
      );
    }
    expectSlots(
      evaluator.scaleBy(a, -0.5),
      (i) => -0.5 * x.re[i],
      (i) => -0.5 * x.im[i],
    );
  });

  it('turns by i and conjugates', () => {
    const x = values();
    const a = encrypt(x);
    expectSlots(
      party.evaluator.timesI(a),
      (i) => -x.im[i],
      (i) => x.re[i],
    );
    expectSlots(
      party.evaluator.conjugate(a),
      (i) => x.re[i],
      (i) => -x.im[i],
    );
  });

  it('rotates cyclically, both ways', () => {
    const x = values();
    const a = encrypt(x);
    const at = (i: number, step: number) => (((i + step) % slots) + slots) % slots;
    party.evaluator.rotateMany(a, [0, ...STEPS]).forEach((rotated, k) => {
      const step = [0, ...STEPS][k];
      expectSlots(
        rotated,
        (i) => x.re[at(i, step)],
        (i) => x.im[at(i, step)],
      );
    });
    expectSlots(
      party.evaluator.rotate(a, 3),
      (i) => x.re[at(i, 3)],
      (i) => x.im[at(i, 3)],
    );
  });

  it('multiplies by diagonals, and transposed', () => {
    const { evaluator } = party;
    const diagonals = [0, 1].map(() => [0, 1, 2, 3].map(() => draw(8)));
    const fill = (chunk: number, r: number, out: Float64Array) => out.set(diagonals[chunk][r]);
    const prepared = evaluator.prepareDiagonals({ count: 4, period: 8, chunks: 2, fill });
    const weights = [values(), values()];
    const sealed = weights.map((w) => encrypt(w));
    const at = (i: number, r: number) => (((i + r) % slots) + slots) % slots;
    const forward = (part: 're' | 'im') => (i: number) =>
      diagonals.reduce(
        (sum, rows, j) => sum + rows.reduce((s, d, r) => s + 0.5 * d[i % 8] * weights[j][part][at(i, r)], 0),
        0,
      );
    const [z] = evaluator.multiplyDiagonals([sealed], prepared, 0.5);
    expectSlots(evaluator.rescale(z), forward('re'), forward('im'));
    const delta = values();
    const [chunks] = evaluator.multiplyDiagonalsTransposed([encrypt(delta)], prepared, 0.5);
    chunks.forEach((chunk, j) => {
      const transposed = (part: 're' | 'im') => (i: number) =>
        diagonals[j].reduce((s, d, r) => s + 0.5 * d[at(i, -r) % 8] * delta[part][at(i, -r)], 0);
      expectSlots(evaluator.rescale(chunk), transposed('re'), transposed('im'));
    });
    expect(() => evaluator.multiplyDiagonals([[sealed[0]]], prepared, 1)).toThrow(RangeError);
    prepared[Symbol.dispose]();
  });

  it('brings operands of two levels together', () => {
    const [x, y] = [values(), values()];
    const { evaluator } = party;
    const [a, b] = [encrypt(x), encrypt(y, top - 2)];
    const sum = evaluator.add(a, b);
    expect(sum.level).toBe(top - 2);
    expectSlots(
      sum,
      (i) => x.re[i] + y.re[i],
      (i) => x.im[i] + y.im[i],
    );
    expectSlots(
      evaluator.dropToLevel(a, 1),
      (i) => x.re[i],
      (i) => x.im[i],
    );
    expect(() => evaluator.dropToLevel(b, top)).toThrow();
  });

  it('counts its levels, and refuses a product where none is left', () => {
    const { evaluator } = party;
    const x = values();
    let a = encrypt(x, 2);
    for (const level of [1, 0]) {
      a = evaluator.rescale(evaluator.multiply(a, evaluator.dropToLevel(encrypt(x, 2), a.level)));
      expect(a.level).toBe(level);
    }
    expect(() => evaluator.multiply(a, a)).toThrow(HermeticError);
    expect(() => evaluator.multiplyScalar(a, 0.5)).toThrow(HermeticError);
  });

  it('renews levels without looking, where it needs to', async () => {
    const { evaluator, refresher } = party;
    const x = values();
    const half = evaluator.rescale(evaluator.multiplyScalar(encrypt(x, 1), 0.5));
    const request = { level: top, step: 0 };
    if (refresher.mode === 'none') {
      await expect(refresher.refresh([half], request)).rejects.toThrow(HermeticError);
      return;
    }
    const [fresh] = await refresher.refresh([half], request);
    expect(fresh.level).toBe(top);
    expectSlots(
      fresh,
      (i) => x.re[i] / 2,
      (i) => x.im[i] / 2,
    );
  });

  it('keeps what a scope returns', () => {
    const { evaluator } = party;
    const x = values();
    const a = encrypt(x);
    const [kept] = evaluator.scope(() => {
      const b = evaluator.add(a, a);
      return [evaluator.add(b, a)];
    });
    expectSlots(
      kept,
      (i) => 3 * x.re[i],
      (i) => 3 * x.im[i],
    );
    evaluator.dispose(kept, a);
  });
});
