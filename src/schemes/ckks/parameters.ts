/**
 * Parameter sets of RNS-CKKS (Cheon, Han, Kim, Kim and Song 2018/931). Every set takes the largest dot28 primes, so the
 * scales of all levels stay within a few hundredths of a bit of 2^28; the very largest form the special modulus, which
 * keeps it above every digit of key switching.
 */
import { HermeticError } from '../../base/errors.ts';
import { dot28Primes } from '../../ring/primes.ts';
import { checkSecurity, logModulus } from '../../rlwe/security-table.ts';

export interface CkksParameters {
  readonly set: string;
  readonly logN: number;
  readonly N: number;
  /** Complex slots, N/2. */
  readonly slots: number;
  /** Ciphertext primes, bottom first: base limbs, then one prime a level. */
  readonly primes: readonly number[];
  readonly specialPrimes: readonly number[];
  /** Limbs left at level 0: three, so that the mask of a blinded refresh hides a message by 2^-50. */
  readonly baseLimbs: number;
  readonly maxLevel: number;
  readonly logQP: number;
  /** 128, or 0 for insecure sets. */
  readonly securityBits: number;
  readonly insecure: boolean;
  /** SHA-256 of the canonical description. */
  readonly hash: Uint8Array;
}

interface Shape {
  readonly logN: number;
  readonly levels: number;
  readonly special: number;
}

const BASE_LIMBS = 3;

/** engine.md's table; log2(QP) is checked against the security table when a set is made. */
const SHAPES: Readonly<Record<string, Shape>> = {
  L13: { logN: 13, levels: 3, special: 1 },
  L14: { logN: 14, levels: 9, special: 3 },
  L15: { logN: 15, levels: 20, special: 8 },
};

export const PARAMETER_SETS: readonly string[] = Object.keys(SHAPES);

/** A named set at 128 bits. Throws BAD_ARGUMENT for an unknown name. */
export async function parameterSet(name: string): Promise<CkksParameters> {
  const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined;
  if (shape) return build(name, shape, false);
  const [, ...numbers] = /^insecure-(\d{1,2})-(\d{1,2})-(\d{1,2})$/.exec(name) ?? [];
  const [logN, levels, special] = numbers.map(Number);
  if (isInsecureShape(logN, levels, special)) return insecureParameters({ logN, levels, special });
  throw new HermeticError('BAD_ARGUMENT', 'unknown parameter set', {
    expected: PARAMETER_SETS.join(', '),
    got: JSON.stringify(name.slice(0, 40)),
  });
}

/** Small rings for tests. Broken by anyone; says so in its name, in every file, at every load. */
export async function insecureParameters(shape: {
  logN: number;
  levels: number;
  special?: number;
}): Promise<CkksParameters> {
  const { logN, levels, special = 2 } = shape;
  if (!isInsecureShape(logN, levels, special)) {
    throw new RangeError(`expected logN 7..15, levels 1..40, special 1..15; got ${logN}, ${levels}, ${special}`);
  }
  return build(`insecure-${logN}-${levels}-${special}`, { logN, levels, special }, true);
}

function isInsecureShape(logN: number, levels: number, special: number): boolean {
  return logN >= 7 && logN <= 15 && levels >= 1 && levels <= 40 && special >= 1 && special <= 15;
}

async function build(set: string, shape: Shape, insecure: boolean): Promise<CkksParameters> {
  const { logN, levels, special } = shape;
  const candidates = dot28Primes(logN);
  const specialPrimes = candidates.slice(0, special);
  const rest = candidates.slice(special, special + levels + BASE_LIMBS);
  const primes = [...rest.slice(levels).reverse(), ...orderForScales(rest.slice(0, levels))];
  if (!insecure) checkSecurity(logN, [...primes, ...specialPrimes]);
  const description = JSON.stringify({ scheme: 'ckks', logN, primes, specialPrimes, baseLimbs: BASE_LIMBS, insecure });
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(description));
  return {
    set,
    logN,
    N: 1 << logN,
    slots: 1 << (logN - 1),
    primes,
    specialPrimes,
    baseLimbs: BASE_LIMBS,
    maxLevel: levels,
    logQP: logModulus([...primes, ...specialPrimes]),
    securityBits: insecure ? 0 : 128,
    insecure,
    hash: new Uint8Array(digest),
  };
}

/**
 * Bottom first. Rescaling doubles the deviation of the scale from the primes, Δ_{l−1} = Δ_l²/q_l, so each level takes
 * the prime that brings the next scale nearest to the mean of those left.
 */
function orderForScales(primes: readonly number[]): number[] {
  const left = [...primes];
  const topDown: number[] = [];
  let logScale = topLogScale(primes);
  while (left.length > 0) {
    const mean = logModulus(left) / left.length;
    const distance = (p: number): number => Math.abs(2 * logScale - Math.log2(p) - mean);
    left.sort((a, b) => distance(a) - distance(b));
    const q = left.shift() as number;
    topDown.push(q);
    logScale = 2 * logScale - Math.log2(q);
  }
  return topDown.reverse();
}

function topLogScale(primes: readonly number[]): number {
  return logModulus(primes) / primes.length;
}

/** Δ_l for l = 0 … maxLevel: the mean of the level primes at the top, then Δ_{l−1} = Δ_l²/q_l. */
export function canonicalScales(parameters: CkksParameters): number[] {
  const levelPrimes = parameters.primes.slice(parameters.baseLimbs);
  const scales = new Array<number>(parameters.maxLevel + 1);
  scales[parameters.maxLevel] = 2 ** topLogScale(levelPrimes);
  for (let l = parameters.maxLevel; l > 0; l--) {
    scales[l - 1] = (scales[l] as number) ** 2 / (levelPrimes[l - 1] as number);
  }
  return scales;
}
