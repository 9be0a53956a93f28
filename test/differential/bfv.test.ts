/**
 * Our BFV against Microsoft SEAL's at N = 2^8 with the same plaintext prime: 10,000 random operations on ciphertexts,
 * each on both libraries; after every one both decrypt to the same 128 integers, which are those of the clear. An
 * operation is one call on whole ciphertexts; encryptions are not counted.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { generateEvaluationKeys } from '../../src/rlwe/secret/key-generation.ts';
import { SecretKey } from '../../src/rlwe/secret/secret-key.ts';
import type { BfvCiphertext } from '../../src/schemes/bfv/ciphertext.ts';
import { BfvContext } from '../../src/schemes/bfv/context.ts';
import { BfvEvaluator } from '../../src/schemes/bfv/evaluator.ts';
import { insecureBfvParameters } from '../../src/schemes/bfv/parameters.ts';
import { BfvSecret } from '../../src/schemes/bfv/secret/secret-scheme.ts';
import { type BfvPeer, insecureBfvPeer, type SealedIntegers } from './bfv-peer.ts';

const LOG_N = 8;
const SLOTS = 2 ** (LOG_N - 1);
const OPERATIONS = 10_000;
const ROTATIONS = [1, -1, 16, -50, SLOTS / 2];
/** Of SEAL: room for products of depth 3. */
const SEAL_PRIME_BITS = [55, 55, 55, 60];
const DEPTH = 3;
const POOL = 6;

const parameters = await insecureBfvParameters({ logN: LOG_N, limbs: 6, special: 2, plainPrimes: 1 });
const T = parameters.plainPrimes[0]!;

let seal: BfvPeer;
let context: BfvContext;
let owner: BfvSecret;
let evaluator: BfvEvaluator;

beforeAll(async () => {
  seal = await insecureBfvPeer(LOG_N, T, SEAL_PRIME_BITS, ROTATIONS);
  context = await BfvContext.create(parameters, { threads: 1 });
  const key = SecretKey.generate(context);
  owner = new BfvSecret(context, key);
  const needs = { rotations: ROTATIONS, conjugation: false, relinearization: true };
  evaluator = new BfvEvaluator(context, generateEvaluationKeys(context, key, needs));
});
afterAll(() => context.dispose());

interface Entry {
  readonly ours: BfvCiphertext;
  readonly theirs: SealedIntegers;
  readonly clear: readonly number[];
  readonly products: number;
}

const centred = (x: number): number => {
  const r = ((x % T) + T) % T;
  return r > T / 2 ? r - T : r;
};
const times = (x: number, y: number): number => centred(Number((BigInt(x) * BigInt(y)) % BigInt(T)));
const bigints = (values: readonly number[]): bigint[] => values.map(BigInt);

const random = new SeededRandom(2012);
const vector = (): number[] => Array.from({ length: SLOTS }, () => centred(random.integer(T)));

function fresh(): Entry {
  const clear = vector();
  return { ours: owner.encrypt(bigints(clear)), theirs: seal.encrypt(clear), clear, products: 0 };
}

interface Kind {
  readonly name: string;
  readonly product: boolean;
  apply(a: Entry, b: Entry, v: readonly number[], steps: number): Omit<Entry, 'products'>;
}

const KINDS: readonly Kind[] = [
  {
    name: 'add',
    product: false,
    apply: (a, b) => ({
      ours: evaluator.add(a.ours, b.ours),
      theirs: seal.add(a.theirs, b.theirs),
      clear: a.clear.map((x, i) => centred(x + b.clear[i]!)),
    }),
  },
  {
    name: 'subtract',
    product: false,
    apply: (a, b) => ({
      ours: evaluator.subtract(a.ours, b.ours),
      theirs: seal.subtract(a.theirs, b.theirs),
      clear: a.clear.map((x, i) => centred(x - b.clear[i]!)),
    }),
  },
  {
    name: 'negate',
    product: false,
    apply: (a) => ({
      ours: evaluator.negate(a.ours),
      theirs: seal.negate(a.theirs),
      clear: a.clear.map((x) => centred(-x)),
    }),
  },
  {
    name: 'multiply',
    product: true,
    apply: (a, b) => ({
      ours: evaluator.multiply(a.ours, b.ours),
      theirs: seal.multiply(a.theirs, b.theirs),
      clear: a.clear.map((x, i) => times(x, b.clear[i]!)),
    }),
  },
  {
    name: 'multiplyPlain',
    product: true,
    apply: (a, _b, v) => ({
      ours: evaluator.multiplyPlain(a.ours, bigints(v)),
      theirs: seal.multiplyPlain(a.theirs, v),
      clear: a.clear.map((x, i) => times(x, v[i]!)),
    }),
  },
  {
    name: 'addPlain',
    product: false,
    apply: (a, _b, v) => ({
      ours: evaluator.addPlain(a.ours, bigints(v)),
      theirs: seal.addPlain(a.theirs, v),
      clear: a.clear.map((x, i) => centred(x + v[i]!)),
    }),
  },
  {
    name: 'rotate',
    product: false,
    apply: (a, _b, _v, steps) => ({
      ours: evaluator.rotate(a.ours, steps),
      theirs: seal.rotate(a.theirs, steps),
      clear: a.clear.map((_, i) => a.clear[(i + steps + SLOTS) % SLOTS]!),
    }),
  },
];

function free({ ours, theirs }: Entry): void {
  evaluator.dispose(ours);
  seal.free(theirs);
}

/** −0 and 0 are the same integer. */
function differences(x: readonly (number | bigint)[], y: readonly number[]): number {
  return x.length === y.length ? x.filter((value, i) => Number(value) !== y[i]).length : Number.POSITIVE_INFINITY;
}

describe('BFV against SEAL at N = 2^8', () => {
  it(`${OPERATIONS} operations on ciphertexts, equal after each`, { timeout: 180_000 }, () => {
    const pool = Array.from({ length: POOL }, fresh);
    const counts = new Map(KINDS.map(({ name }) => [name, 0]));
    let wrong = 0;
    for (let done = 0; done < OPERATIONS; done++) {
      const kind = KINDS[random.integer(KINDS.length)]!;
      const at = random.integer(POOL);
      // SEAL refuses a difference of a ciphertext and itself, which would hide nothing.
      const other = (at + 1 + random.integer(kind.name === 'subtract' ? POOL - 1 : POOL)) % POOL;
      const [a, b] = [pool[at]!, pool[other]!];
      const products = Math.max(a.products, b.products) + (kind.product ? 1 : 0);
      const result = kind.apply(a, b, vector(), ROTATIONS[random.integer(ROTATIONS.length)]!);
      wrong += differences(owner.decrypt(result.ours), result.clear);
      wrong += differences(seal.decrypt(result.theirs), result.clear);
      counts.set(kind.name, counts.get(kind.name)! + 1);
      free(a);
      if (products < DEPTH) pool[at] = { ...result, products };
      else {
        free({ ...result, products });
        pool[at] = fresh();
      }
    }
    expect(wrong).toBe(0);
    expect(Math.min(...counts.values())).toBeGreaterThan(OPERATIONS / 10);
  });

  it('sees a wrong result: a rotation by one slot too many differs', () => {
    const { ours, theirs, clear } = fresh();
    const wanted = clear.map((_, i) => clear[(i + 16) % SLOTS]!);
    expect(differences(seal.decrypt(seal.rotate(theirs, 16)), wanted)).toBe(0);
    expect(differences(owner.decrypt(evaluator.rotate(evaluator.rotate(ours, 16), 1)), wanted)).toBeGreaterThan(
      SLOTS / 2,
    );
  });
});
