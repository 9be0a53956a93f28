import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { PublicKey } from '../../rlwe/keys.ts';
import { generateEvaluationKeys, generatePublicKey } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { blind, unblind } from './blinding.ts';
import type { Ciphertext } from './ciphertext.ts';
import { CkksContext } from './context.ts';
import { defaultKeyNeeds } from './default-keys.ts';
import { CkksEvaluator } from './evaluator.ts';
import { insecureParameters, parameterSet } from './parameters.ts';
import { encryptPublic, rerandomize } from './public-encryption.ts';
import { SecretScheme } from './secret/secret-scheme.ts';

let context: CkksContext;
let owner: SecretScheme;
let evaluator: CkksEvaluator;
let publicKey: PublicKey;
const TOP = 5;
/** Slot errors on this ring (N = 2^11, Δ = 2^28). */
const TOLERANCE = 2 ** -12;
/**
 * Of an encryption under the public key at the top, e·v + e0 + e1·s: 48 standard deviations of a part of a slot. The
 * slots of a product of two random polynomials fall off as exp(−√2·deviations) only.
 */
const PUBLIC_TOLERANCE = 4 * TOLERANCE;

beforeAll(async () => {
  const parameters = await insecureParameters({ logN: 11, levels: TOP, special: 3 });
  context = await CkksContext.create(parameters, { threads: 2 });
  const key = SecretKey.generate(context);
  owner = new SecretScheme(context, key);
  publicKey = generatePublicKey(context, key);
  evaluator = new CkksEvaluator(context, generateEvaluationKeys(context, key, defaultKeyNeeds(parameters)));
});
afterAll(() => context.dispose());

const random = new SeededRandom(1);
const vector = (length: number): Float64Array => Float64Array.from({ length }, () => random.uniform(-1, 1));
const complex = (length = 1024) => ({ re: vector(length), im: vector(length) });

function expectSlots(c: Ciphertext, re: (i: number) => number, im: (i: number) => number, tolerance = TOLERANCE): void {
  const got = owner.decrypt(c);
  let worst = 0;
  for (let i = 0; i < context.slots; i++) {
    worst = Math.max(worst, Math.abs((got.re[i] as number) - re(i)), Math.abs((got.im[i] as number) - im(i)));
  }
  expect(worst).toBeLessThan(tolerance);
}

describe('encryption', () => {
  it('secret-key and public-key encryptions decrypt, full and periodic', () => {
    for (const length of [1024, 512, 256, 128, 64, 32, 4, 1]) {
      for (const level of [0, TOP]) {
        const z = complex(length);
        const expected = [(i: number) => z.re[i % length]!, (i: number) => z.im[i % length]!] as const;
        expectSlots(owner.encrypt(z, level), ...expected);
        expectSlots(encryptPublic(context, publicKey, z, level), ...expected, PUBLIC_TOLERANCE);
      }
    }
  });

  it('re-randomising changes the ciphertext and not the value', () => {
    const z = complex();
    const a = owner.encrypt(z, 1);
    const b = rerandomize(context, publicKey, a);
    expectSlots(
      b,
      (i) => z.re[i]!,
      (i) => z.im[i]!,
    );
    expect(b.c1.read(0)).not.toEqual(a.c1.read(0));
  });
});

describe('evaluation', () => {
  it('adds, subtracts, negates, multiplies by i', () => {
    const [x, y] = [complex(), complex()];
    const [a, b] = [owner.encrypt(x, TOP), owner.encrypt(y, 2)];
    expectSlots(
      evaluator.add(a, b),
      (i) => x.re[i]! + y.re[i]!,
      (i) => x.im[i]! + y.im[i]!,
    );
    expectSlots(
      evaluator.subtract(a, b),
      (i) => x.re[i]! - y.re[i]!,
      (i) => x.im[i]! - y.im[i]!,
    );
    expectSlots(
      evaluator.negate(a),
      (i) => -x.re[i]!,
      (i) => -x.im[i]!,
    );
    expectSlots(
      evaluator.timesI(a),
      (i) => -x.im[i]!,
      (i) => x.re[i]!,
    );
    const v = vector(64);
    expectSlots(
      evaluator.addPlain(a, v),
      (i) => x.re[i]! + v[i % 64]!,
      (i) => x.im[i]!,
    );
  });

  it('multiplies ciphertexts, plaintexts of every period, scalars; results are canonical', () => {
    const [x, y] = [complex(), complex()];
    const [a, b] = [owner.encrypt(x, TOP), owner.encrypt(y, 3)];
    const product = evaluator.rescale(evaluator.multiply(a, b));
    expect(product.level).toBe(2);
    expect(product.scale / evaluator.canonicalScale(2)).toBeCloseTo(1, 9);
    expectSlots(
      product,
      (i) => x.re[i]! * y.re[i]! - x.im[i]! * y.im[i]!,
      (i) => x.re[i]! * y.im[i]! + x.im[i]! * y.re[i]!,
    );
    for (const period of [1024, 512, 256, 128, 64, 8]) {
      const v = vector(period);
      const c = evaluator.rescale(evaluator.multiplyPlain(a, v));
      expect(c.scale / evaluator.canonicalScale(TOP - 1)).toBeCloseTo(1, 12);
      expectSlots(
        c,
        (i) => x.re[i]! * v[i % period]!,
        (i) => x.im[i]! * v[i % period]!,
      );
    }
    expectSlots(
      evaluator.rescale(evaluator.multiplyScalar(a, -0.3)),
      (i) => -0.3 * x.re[i]!,
      (i) => -0.3 * x.im[i]!,
    );
    expectSlots(
      evaluator.scaleBy(a, -2.5),
      (i) => -2.5 * x.re[i]!,
      (i) => -2.5 * x.im[i]!,
      3 * TOLERANCE,
    );
    const sum = evaluator.rescale(evaluator.innerProduct([a, a], [b, a]));
    expectSlots(
      sum,
      (i) => x.re[i]! * y.re[i]! - x.im[i]! * y.im[i]! + x.re[i]! ** 2 - x.im[i]! ** 2,
      (i) => x.re[i]! * y.im[i]! + x.im[i]! * y.re[i]! + 2 * x.re[i]! * x.im[i]!,
    );
  });

  it('multiplies by plaintexts encoded beforehand, as often as wanted, at their level and scale', () => {
    const [x, y] = [complex(), complex()];
    const [a, b] = [owner.encrypt(x, TOP), owner.encrypt(y, TOP)];
    for (const period of [1024, 128, 8]) {
      const v = vector(period);
      const plain = evaluator.encodePlain(v, a);
      for (const [c, z] of [
        [a, x],
        [b, y],
      ] as const) {
        const product = evaluator.multiplyEncoded(c, plain);
        for (let j = 0; j < product.c0.limbCount; j++) {
          expect(product.c0.read(j)).toEqual(evaluator.multiplyPlain(c, v).c0.read(j));
        }
        expectSlots(
          evaluator.rescale(product),
          (i) => z.re[i]! * v[i % period]!,
          (i) => z.im[i]! * v[i % period]!,
        );
      }
      expect(() => evaluator.multiplyEncoded(owner.encrypt(x, 1), plain)).toThrow(/level 5, got level 1/);
      const before = context.engine.heap.bytesInUse;
      plain.dispose();
      plain.dispose();
      expect(context.engine.heap.bytesInUse).toBeLessThan(before);
      expect(() => evaluator.multiplyEncoded(a, plain)).toThrow(/disposed/);
    }
  });

  it('runs down to level 0 and says what to do there', () => {
    const x = vector(1024);
    let c = owner.encrypt({ re: x }, TOP);
    const power = Float64Array.from(x);
    for (let level = TOP; level > 0; level--) {
      c = evaluator.rescale(evaluator.multiply(c, c));
      power.forEach((v, i) => (power[i] = v * v));
    }
    expect(c.level).toBe(0);
    // Where x is near 1 an error at the top grows by the derivative of x^32.
    expectSlots(
      c,
      (i) => power[i]!,
      () => 0,
      2 ** TOP * TOLERANCE,
    );
    expect(() => evaluator.multiply(c, c)).toThrow(/level 0.*Refresh.*L15/);
  });

  it('rotates both ways, hoisted and not, and conjugates', () => {
    const x = complex();
    const a = owner.encrypt(x, 2);
    const n = context.slots;
    for (const steps of [1, 7, 16, -1, -64]) {
      expectSlots(
        evaluator.rotate(a, steps),
        (i) => x.re[(i + steps + n) % n]!,
        (i) => x.im[(i + steps + n) % n]!,
      );
    }
    evaluator.rotateMany(a, [0, 1, 2, 15]).forEach((c, k) => {
      const steps = [0, 1, 2, 15][k]!;
      expectSlots(
        c,
        (i) => x.re[(i + steps) % n]!,
        (i) => x.im[(i + steps) % n]!,
      );
    });
    expectSlots(
      evaluator.conjugate(a),
      (i) => x.re[i]!,
      (i) => -x.im[i]!,
    );
    expect(() => evaluator.rotate(a, 17)).toThrow(/lack a rotation by 17/);
  });

  it('drops levels and stays canonical', () => {
    const x = complex();
    const a = owner.encrypt(x, TOP);
    for (const level of [0, 1, TOP - 1, TOP]) {
      const c = evaluator.dropToLevel(a, level);
      expect(c.level).toBe(level);
      expect(c.scale / evaluator.canonicalScale(level)).toBeCloseTo(1, 9);
      expectSlots(
        c,
        (i) => x.re[i]!,
        (i) => x.im[i]!,
      );
    }
  });

  for (const [count, period, chunks, groups] of [
    [4, 8, 1, 1],
    [32, 64, 2, 2],
    [16, 256, 3, 1],
    [64, 512, 1, 1],
    [32, 1024, 1, 1],
  ] as const) {
    it(`diagonal products: ${count} diagonals of period ${period}, ${chunks} chunks, ${groups} groups`, () => {
      const n = context.slots;
      const diagonals = Array.from({ length: chunks }, () => Array.from({ length: count }, () => vector(period)));
      const source = {
        count,
        period,
        chunks,
        fill: (chunk: number, r: number, out: Float64Array) => out.set(diagonals[chunk]![r]!),
      };
      const weights = Array.from({ length: groups }, () => Array.from({ length: chunks }, () => complex()));
      const deltas = Array.from({ length: groups }, () => complex());
      const prepared = evaluator.prepareDiagonals(source);
      const forward = evaluator.multiplyDiagonals(
        weights.map((g) => g.map((w) => owner.encrypt(w, 2))),
        prepared,
        0.5,
      );
      const d = (chunk: number, r: number, i: number) => diagonals[chunk]![r]![((i % period) + period) % period]!;
      const sum = (f: (chunk: number, r: number) => number, only?: number): number => {
        let s = 0;
        for (let c = 0; c < chunks; c++)
          if (only === undefined || c === only) for (let r = 0; r < count; r++) s += f(c, r);
        return s;
      };
      forward.forEach((c, g) => {
        const w = weights[g]!;
        expectSlots(
          evaluator.rescale(c),
          (i) => 0.5 * sum((ch, r) => d(ch, r, i) * w[ch]!.re[(i + r) % n]!),
          (i) => 0.5 * sum((ch, r) => d(ch, r, i) * w[ch]!.im[(i + r) % n]!),
          8 * TOLERANCE,
        );
      });
      const back = evaluator.multiplyDiagonalsTransposed(
        deltas.map((v) => owner.encrypt(v, 1)),
        prepared,
        0.25,
      );
      back.forEach((group, g) => {
        const v = deltas[g]!;
        group.forEach((c, chunk) => {
          expectSlots(
            evaluator.rescale(c),
            (i) => 0.25 * sum((ch, r) => d(ch, r, i - r) * v.re[(i - r + n) % n]!, chunk),
            (i) => 0.25 * sum((ch, r) => d(ch, r, i - r) * v.im[(i - r + n) % n]!, chunk),
            8 * TOLERANCE,
          );
        });
      });
      prepared[Symbol.dispose]();
    });
  }

  it('scopes free what they made, and nothing else', () => {
    const a = owner.encrypt(complex(), TOP);
    const work = () =>
      evaluator.scope(() => evaluator.rescale(evaluator.multiply(a, evaluator.rotate(a, 1)))).dispose();
    work();
    const before = context.engine.heap.bytesInUse;
    for (let i = 0; i < 5; i++) work();
    expect(context.engine.heap.bytesInUse).toBe(before);
    expect(a.c0.disposed).toBe(false);
  });
});

describe('blinded refresh', () => {
  it('returns the same values at the top, from any level', () => {
    const z = complex();
    for (const level of [0, 2]) {
      const low = owner.encrypt(z, level);
      const blinding = blind(context, publicKey, [low]);
      const answer = blinding.masked.map((c) => owner.reencryptMasked(c, TOP));
      const [fresh] = unblind(context, blinding, answer) as [Ciphertext];
      expect(fresh.level).toBe(TOP);
      expectSlots(
        fresh,
        (i) => z.re[i]!,
        (i) => z.im[i]!,
      );
    }
  });

  it('shows the owner nothing: masked slots are huge and unrelated to the message', () => {
    const blinding = blind(context, publicKey, [owner.encrypt({ re: Float64Array.of(1) }, 0)]);
    const seen = owner.decrypt(blinding.masked[0]!);
    const rms = Math.sqrt(seen.re.reduce((s, x) => s + x * x, 0) / seen.re.length);
    expect(Math.log2(rms)).toBeGreaterThan(50);
    blinding.discard();
  });
});

describe('parameter sets', () => {
  it('stay within the security table, exactly', async () => {
    for (const [name, bound, levels] of [
      ['L13', 214, 3],
      ['L14', 430, 9],
      ['L15', 868, 20],
    ] as const) {
      const p = await parameterSet(name);
      expect(p.logQP).toBeLessThanOrEqual(bound);
      expect(p.maxLevel).toBe(levels);
      expect(new Set([...p.primes, ...p.specialPrimes]).size).toBe(p.primes.length + p.specialPrimes.length);
    }
    for (const name of ['L99', '', 'toString', '__proto__', 'insecure-6-1-1', 'insecure-99-1-1', 'insecure-11-9-0']) {
      await expect(parameterSet(name)).rejects.toThrow(/L13, L14, L15/);
    }
  });
});
