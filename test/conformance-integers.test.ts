/**
 * One suite over every scheme of integer slots: what fixed point needs of an `IntegerEvaluator`, exactly, by declared
 * capability. The parameters are small, and say that they are insecure.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { bfvIntegers } from '../src/cli/schemes/bfv-party.ts';
import type { IntegerParty } from '../src/cli/schemes/fixed-point-party.ts';
import { vectorIntegers } from '../src/cli/schemes/vector-party.ts';
import { yasheIntegers } from '../src/cli/schemes/yashe-party.ts';
import { ClearIntegers } from '../src/schemes/clear/clear-integers.ts';

const STEPS = [1, 3, 4, 8, 15];
const options = { slots: 16, rotations: () => STEPS, insecure: true, threads: 1 };
const random = new SeededRandom(11);

function clearIntegers(modulus: bigint | undefined): IntegerParty<unknown> {
  const integers = new ClearIntegers({ slots: 16, ...(modulus !== undefined && { modulus, depth: 7 }) });
  return {
    scheme: 'clear',
    security: 'none',
    evaluator: integers,
    secret: integers,
    options: { slots: 16, logScale: 8, freshBound: 16, constantBits: 8 },
    ciphertextBytes: 0,
    publicKeyBytes: 0,
    dispose: () => {},
  } as IntegerParty<unknown>;
}

const ENTRIES: readonly { readonly name: string; make(): Promise<IntegerParty<unknown>> }[] = [
  { name: 'bfv', make: async () => (await bfvIntegers(options)) as IntegerParty<unknown> },
  { name: 'yashe', make: async () => (await yasheIntegers(options)) as IntegerParty<unknown> },
  { name: 'vector', make: async () => vectorIntegers(options) as IntegerParty<unknown> },
  { name: 'integers modulo 2^201 + 1', make: async () => clearIntegers((1n << 201n) + 1n) },
  { name: 'integers without end', make: async () => clearIntegers(undefined) },
];

describe.each(ENTRIES)('integer slots of $name', ({ make }) => {
  let party: IntegerParty<unknown>;
  let slots: number;

  beforeAll(async () => {
    party = await make();
    slots = party.evaluator.slots;
  }, 60_000);

  afterAll(() => party?.dispose());

  const draw = (length = slots, most = 1000) =>
    Array.from({ length }, () => BigInt(Math.round(random.uniform(-most, most))));
  const read = (x: unknown) => party.secret.decrypt(x);
  const repeated = (values: readonly bigint[]) => Array.from({ length: slots }, (_, i) => values[i % values.length]);

  it('are encrypted and decrypted, short vectors repeated', () => {
    for (const length of [slots, 4, 1]) {
      const x = draw(length);
      expect(read(party.secret.encrypt(x))).toEqual(repeated(x));
      expect(party.secret.decrypt(party.secret.encrypt(x), 3)).toEqual(repeated(x).slice(0, 3));
    }
    expect(() => party.secret.encrypt([1n, 2n, 3n])).toThrow();
  });

  it('are added, negated and multiplied exactly', () => {
    const { evaluator, secret } = party;
    const [x, y, p] = [draw(), draw(), draw(8)];
    const [a, b] = [secret.encrypt(x), secret.encrypt(y)];
    const each = (f: (x: bigint, y: bigint, p: bigint) => bigint) => x.map((v, i) => f(v, y[i], p[i % 8]));
    expect(read(evaluator.add(a, b))).toEqual(each((u, v) => u + v));
    expect(read(evaluator.subtract(a, b))).toEqual(each((u, v) => u - v));
    expect(read(evaluator.negate(a))).toEqual(each((u) => -u));
    expect(read(evaluator.addPlain(a, p))).toEqual(each((u, _, w) => u + w));
    expect(read(evaluator.multiplyPlain(a, p))).toEqual(each((u, _, w) => u * w));
    expect(read(evaluator.innerProduct([a], [b]))).toEqual(each((u, v) => u * v));
    expect(read(evaluator.innerProduct([a, b, a], [b, b, a]))).toEqual(each((u, v) => u * v + v * v + u * u));
    for (const factor of [0n, 1n, -1n, 255n, 1n << 20n]) {
      expect(read(evaluator.multiplyInteger(a, factor))).toEqual(each((u) => factor * u));
    }
    expect(() => evaluator.innerProduct([], [])).toThrow(RangeError);
    expect(() => evaluator.innerProduct([a], [])).toThrow(RangeError);
  });

  it('rotate cyclically, one by one and together', () => {
    const x = draw();
    const a = party.secret.encrypt(x);
    const all = [0, ...STEPS];
    const together = party.evaluator.rotateMany?.(a, all);
    expect(together !== undefined).toBe(party.scheme === 'bfv');
    all.forEach((steps, i) => {
      const wanted = x.map((_, slot) => x[(slot + steps) % slots]);
      expect(read(party.evaluator.rotate(a, steps))).toEqual(wanted);
      if (together) expect(read(together[i])).toEqual(wanted);
    });
  });

  it('stand as many products in a row as they declare, or those of a step', () => {
    const { evaluator, secret } = party;
    const depth = Math.min(evaluator.depth, 7);
    expect(depth).toBe(7);
    const x = draw(slots, 2);
    const fresh = secret.encrypt(x);
    let product = fresh;
    for (let i = 0; i < depth; i++) product = evaluator.innerProduct([product], [fresh]);
    expect(read(product)).toEqual(x.map((v) => v ** BigInt(depth + 1)));
  });

  it('wrap beyond the plaintext modulus, and only there', () => {
    const { evaluator, secret } = party;
    if (evaluator.plainBits === Number.POSITIVE_INFINITY) {
      const large = 1n << 30n;
      const a = secret.encrypt([large]);
      expect(read(evaluator.multiplyInteger(a, large))[0]).toBe(large * large);
      return;
    }
    const edge = (1n << BigInt(Math.floor(evaluator.plainBits))) - 1n;
    const a = secret.encrypt([edge, -edge]);
    expect(read(a).slice(0, 2)).toEqual([edge, -edge]);
    const doubled = read(evaluator.multiplyInteger(a, 4n)).slice(0, 2);
    expect(doubled).not.toEqual([4n * edge, -4n * edge]);
  });

  it('are divided with rounding where the scheme can', () => {
    const { evaluator, secret } = party;
    if (evaluator.divide === undefined) {
      expect(evaluator.plainBits).toBeLessThan(Number.POSITIVE_INFINITY);
      return;
    }
    const x = draw(slots, 2 ** 30);
    const quotients = read(evaluator.divide(secret.encrypt(x), 10));
    quotients.forEach((q, i) => {
      expect(Math.abs(Number(q) - Number(x[i]) / 1024)).toBeLessThanOrEqual(2);
    });
  });

  it('come out the same under fresh randomness, where the scheme offers it', () => {
    const { evaluator, secret } = party;
    const x = draw();
    const a = secret.encrypt(x);
    const again = evaluator.rerandomize?.(a);
    if (again !== undefined) expect(read(again)).toEqual(x);
    expect(read(a)).toEqual(x);
  });
});
