import { beforeAll, describe, expect, it } from 'vitest';
import { bytesToHex } from '../../base/bytes.ts';
import { createEngine } from '../../kernels/wasm-executor.ts';
import { dot28Primes } from '../../ring/primes.ts';
import type { Gadget } from '../../rlwe/context.ts';
import { checkEncapsulation, logModulus, MAX_LOG_QP } from '../../rlwe/security-table.ts';
import { BootstrappingContext } from './bootstrapping-context.ts';
import { type BootstrappingParameters, bootstrappingChain } from './bootstrapping-parameters.ts';
import { type CkksParameters, canonicalScales, insecureParameters, parameterSet } from './parameters.ts';

let B16: CkksParameters;
let chain: BootstrappingParameters;
beforeAll(async () => {
  B16 = await parameterSet('B16');
  chain = B16.bootstrapping!;
});

const productOf = (primes: readonly number[]): bigint => primes.reduce((product, p) => product * BigInt(p), 1n);
const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
/** log2 of the products of successive pairs. */
const logPairs = (primes: readonly number[]): number[] =>
  Array.from({ length: primes.length / 2 }, (_, i) => logModulus(primes.slice(2 * i, 2 * i + 2)));

/** The primes of each stage, bottom first. */
function stagesOf({ primes, rootLimbs, slotsToCoeffs, evalMod, coeffsToSlots }: BootstrappingParameters) {
  const top = primes.length - sum(evalMod) - sum(coeffsToSlots);
  const base = rootLimbs + sum(slotsToCoeffs);
  return {
    root: primes.slice(0, rootLimbs),
    slotsToCoeffs: primes.slice(rootLimbs, base),
    application: primes.slice(base, top),
    evalMod: primes.slice(top, top + sum(evalMod)),
    coeffsToSlots: primes.slice(top + sum(evalMod)),
  };
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

describe('the chain of B16', () => {
  it('has 42 ciphertext primes and 21 special ones, in the stages of the plan', () => {
    expect([chain.primes.length, chain.specialPrimes.length]).toEqual([42, 21]);
    const lengths = Object.values(stagesOf(chain)).map((primes) => primes.length);
    expect(lengths).toEqual([2, 3, 17, 14, 6]);
    const { rootLimbs, slotsToCoeffs, evalMod, coeffsToSlots } = chain;
    expect({ rootLimbs, slotsToCoeffs, evalMod, coeffsToSlots }).toEqual({
      rootLimbs: 2,
      slotsToCoeffs: [1, 1, 1],
      evalMod: [2, 2, 2, 2, 2, 2, 2],
      coeffsToSlots: [2, 2, 2],
    });
    expect([B16.logN, B16.N, B16.slots, B16.maxLevel, B16.baseLimbs]).toEqual([16, 65_536, 32_768, 17, 5]);
    expect([chain.logRatio, chain.sparseWeight]).toEqual([18, 32]);
    expect([B16.securityBits, B16.insecure]).toEqual([128, false]);
  });

  it('is of distinct primes between 2^27 and 2^28 that are 1 modulo 2^17', () => {
    const all = [...chain.primes, ...chain.specialPrimes];
    expect(new Set(all).size).toBe(63);
    const known = new Set(dot28Primes(16));
    for (const p of all) {
      expect(p).toBeGreaterThan(2 ** 27);
      expect(p).toBeLessThan(2 ** 28);
      expect(p % 2 ** 17).toBe(1);
      expect(isPrime(p)).toBe(true);
      expect(known.has(p)).toBe(true);
    }
  });

  it('has no more than the 1747 bits of the security table, exactly, and a run one prime higher has', () => {
    const all = [...chain.primes, ...chain.specialPrimes];
    expect(MAX_LOG_QP.get(16)).toBe(1747);
    expect(productOf(all) <= 1n << 1747n).toBe(true);
    expect(B16.logQP).toBeCloseTo(1693 + Math.log2(Number(productOf(all) >> 1693n)), 9);
    const sorted = all.toSorted((a, b) => b - a);
    const candidates = dot28Primes(16);
    const first = candidates.indexOf(sorted[0]!);
    expect(sorted).toEqual(candidates.slice(first, first + 63));
    expect(productOf(candidates.slice(first - 1, first + 62)) > 1n << 1747n).toBe(true);
  });

  it('has its largest primes in P, those of middle size in single levels', () => {
    const { root, slotsToCoeffs, application, evalMod, coeffsToSlots } = stagesOf(chain);
    expect(Math.min(...chain.specialPrimes)).toBeGreaterThan(Math.max(...chain.primes));
    const singles = [...slotsToCoeffs, ...application].toSorted((a, b) => a - b);
    const paired = [...root, ...evalMod, ...coeffsToSlots].toSorted((a, b) => a - b);
    expect(paired[10]!).toBeLessThan(singles[0]!);
    expect(paired[11]!).toBeGreaterThan(singles.at(-1)!);
  });

  it('pairs small primes with large ones: products within 0.06 bits, those of EvalMod within 0.03', () => {
    const { root, evalMod, coeffsToSlots } = stagesOf(chain);
    expect(spread([...logPairs(root), ...logPairs(evalMod), ...logPairs(coeffsToSlots)])).toBeLessThan(0.06);
    expect(spread(logPairs(evalMod))).toBeLessThan(0.03);
  });

  it('keeps the scales of EvalMod together: S² / pair, seven times, from the mean', () => {
    const pairs = logPairs(stagesOf(chain).evalMod).toReversed();
    const mean = sum(pairs) / pairs.length;
    let scale = mean;
    for (const pair of pairs) {
      scale = 2 * scale - pair;
      expect(Math.abs(scale - mean)).toBeLessThan(0.06);
    }
  });

  it('keeps the scales of the application within a tenth of a bit, each the square of the one above over its prime', () => {
    const scales = canonicalScales(B16).map(Math.log2);
    const { application } = stagesOf(chain);
    expect(scales.length).toBe(18);
    expect(spread(scales)).toBeLessThan(0.1);
    expect(scales[17]).toBeCloseTo(logModulus(application) / 17, 12);
    for (let level = 17; level > 0; level--) {
      expect(scales[level - 1]).toBeCloseTo(2 * scales[level]! - Math.log2(application[level - 1]!), 9);
    }
  });

  it('lends the application its lowest limbs and as many of its special primes as two digits need', () => {
    expect(B16.primes).toEqual(chain.primes.slice(0, 22));
    expect(B16.specialPrimes).toEqual(chain.specialPrimes.slice(0, 11));
  });
});

describe('the gadgets', () => {
  /** log2 of P over the largest digit. */
  function clearance(primes: readonly number[], { limbs, digitLimbs, special }: Gadget): number {
    const digits: number[] = [];
    for (let from = 0; from < limbs; from += digitLimbs) {
      digits.push(logModulus(primes.slice(from, Math.min(from + digitLimbs, limbs))));
    }
    return logModulus(special.map((i) => primes[i]!)) - Math.max(...digits);
  }

  async function gadgetsOf(parameters: CkksParameters) {
    const context = new BootstrappingContext(parameters, await createEngine({ threads: 1 }));
    const { gadgets } = context;
    context.dispose();
    return gadgets;
  }

  /** Those of the application's own context. */
  const applicationGadget = ({ primes, specialPrimes }: CkksParameters): Gadget => ({
    limbs: primes.length,
    digitLimbs: specialPrimes.length,
    special: specialPrimes.map((_, i) => primes.length + i),
  });

  it('of B16: every special modulus is above its largest digit by two bits or more', async () => {
    const gadgets = await gadgetsOf(B16);
    const primes = [...chain.primes, ...chain.specialPrimes];
    const special = (count: number) => Array.from({ length: count }, (_, i) => 42 + i);
    expect(gadgets).toEqual({
      main: { limbs: 42, digitLimbs: 21, special: special(21) },
      slotsToCoeffs: { limbs: 5, digitLimbs: 5, special: special(6) },
      encapsulation: { limbs: 2, digitLimbs: 1, special: special(2) },
    });
    expect(clearance(primes, gadgets.main)).toBeGreaterThan(2);
    expect(clearance([...B16.primes, ...B16.specialPrimes], applicationGadget(B16))).toBeGreaterThan(2);
    expect(clearance(primes, gadgets.slotsToCoeffs)).toBeGreaterThan(27);
    expect(clearance(primes, gadgets.encapsulation)).toBeGreaterThan(27);
  });

  it('of small sets: no digit is above its special modulus', async () => {
    for (const set of ['insecure-b7-1-6', 'insecure-b9-2-7', 'insecure-b10-4-9', 'insecure-b8-20-13']) {
      const parameters = await parameterSet(set);
      const { primes, specialPrimes } = parameters.bootstrapping!;
      for (const gadget of Object.values(await gadgetsOf(parameters))) {
        expect(clearance([...primes, ...specialPrimes], gadget as Gadget), set).toBeGreaterThan(0);
      }
      const own = [...parameters.primes, ...parameters.specialPrimes];
      expect(clearance(own, applicationGadget(parameters)), set).toBeGreaterThan(0);
    }
  });
});

describe('the keys of the sparse secret', () => {
  const refused = expect.objectContaining({ name: 'HermeticError', code: 'INSECURE_PARAMETERS' });

  it('have a modulus of no more than 120 bits in B16, exactly', () => {
    const own = [...chain.primes.slice(0, 2), ...chain.specialPrimes.slice(0, 2)];
    expect(productOf(own) <= 1n << 120n).toBe(true);
    expect(() => checkEncapsulation(16, chain.sparseWeight, own)).not.toThrow();
    // One limb more would be too long.
    expect(() => checkEncapsulation(16, 32, [...own, chain.specialPrimes[2]!])).toThrow(refused);
  });

  it('120 bits pass; a part in 10^9 more does not, nor 121', () => {
    const quarter = 2 ** 30;
    expect(() => checkEncapsulation(16, 32, [quarter, quarter, quarter, quarter])).not.toThrow();
    for (const last of [quarter * (1 + 1e-9), 2 * quarter]) {
      expect(() => checkEncapsulation(16, 32, [quarter, quarter, quarter, last])).toThrow(refused);
    }
    expect(() => checkEncapsulation(16, 32, [2 ** 60, 2 ** 61])).toThrow(/≤ 120.*121\.0 bits/);
  });

  it('no other weight and no other N, however short the modulus: nothing is interpolated', () => {
    for (const weight of [0, 1, 16, 31, 33, 64, 192, Number.NaN]) {
      expect(() => checkEncapsulation(16, weight, [3])).toThrow(refused);
    }
    for (const logN of [12, 13, 14, 15, 17]) expect(() => checkEncapsulation(logN, 32, [3])).toThrow(refused);
    expect(() => checkEncapsulation(15, 32, [3])).toThrow('weight 32 at N = 2^16');
  });
});

describe('descriptions', () => {
  /** SHA-256 as in files; those of levelled sets as they were before any set bootstrapped (commit c6b96c7). */
  const HASHES = {
    B16: '2d28bf5c541e60b7481a93d03487bc2ac1eb94e23c53ed84265e9e04a1f498cd',
    L13: '11194016e1754eeffeaa63f40a1a4144bded6ce0c48807687a3142c683e4c98e',
    L14: '183a1c24c3f3afafd7ff1387d36210bd01a11f61e2e16c3f41b4c5265c5eaede',
    L15: '22798de76763f79da15a4ffc3d71ac55061456c0c6f12f9f0f9e45f0ddb6c784',
    'insecure-b10-4-9': '4c0b3c4fffcac13f3ade44675af0e70d6c468d26ffde0504664b54b2b51dfec6',
    'insecure-10-4-9': '514545cc6e08cee8616262268999f10b7deda1c375ac1d004ce0ddd6d0246bd0',
  };

  for (const [set, hash] of Object.entries(HASHES)) {
    it(`${set} hashes as ever`, async () => {
      expect(bytesToHex((await parameterSet(set)).hash)).toBe(hash);
    });
  }

  it('small sets that bootstrap say that they are insecure, have names of their own and hashes of their own', async () => {
    const sets = await Promise.all(['insecure-b10-4-9', 'insecure-b10-5-9', 'insecure-b9-4-9'].map(parameterSet));
    for (const { insecure, securityBits, set, bootstrapping } of sets) {
      expect([insecure, securityBits, set.startsWith('insecure-b')]).toEqual([true, 0, true]);
      expect(bootstrapping).toBeDefined();
    }
    const plain = await parameterSet('insecure-10-4-9');
    expect(plain.bootstrapping).toBeUndefined();
    expect(new Set([...sets, plain].map(({ hash }) => bytesToHex(hash))).size).toBe(4);
    const made = await insecureParameters({ logN: 10, levels: 4, special: 9, bootstraps: true });
    expect(made).toEqual(sets[0]);
  });

  it('sets whose special modulus could not clear five limbs are unknown', async () => {
    const unknown = expect.objectContaining({ name: 'HermeticError', code: 'BAD_ARGUMENT' });
    for (const set of ['insecure-b10-4-4', 'insecure-b16-17-21', 'insecure-b10-0-9', 'insecure-c10-4-9', 'B15']) {
      await expect(parameterSet(set)).rejects.toEqual(unknown);
    }
    await expect(insecureParameters({ logN: 10, levels: 4, special: 4, bootstraps: true })).rejects.toThrow(RangeError);
  });

  it('one chain for one shape', () => {
    expect(bootstrappingChain(16, 17, 21)).toEqual({ primes: chain.primes, specialPrimes: chain.specialPrimes });
    expect(bootstrappingChain(10, 4, 9)).toEqual(bootstrappingChain(10, 4, 9));
  });
});
