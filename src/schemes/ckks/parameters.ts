/**
 * Parameter sets of RNS-CKKS (Cheon, Han, Kim, Kim and Song 2018/931). Every set takes the largest dot28 primes, so the
 * scales of all levels stay within a few hundredths of a bit of 2^28; the very largest form the special modulus, which
 * keeps it above every digit of key switching.
 */
import { HermeticError } from '../../base/errors.ts';
import { dot28Primes } from '../../ring/primes.ts';
import { checkEncapsulation, checkSecurity, logModulus } from '../../rlwe/security-table.ts';
import {
  BOOTSTRAPPING_BASE_LIMBS,
  BOOTSTRAPPING_STAGES,
  type BootstrappingParameters,
  bootstrappingChain,
  ENCAPSULATION_LIMBS,
} from './bootstrapping-parameters.ts';
import { orderForScales } from './scale-order.ts';

export interface CkksParameters {
  readonly set: string;
  readonly logN: number;
  readonly N: number;
  /** Complex slots, N/2. */
  readonly slots: number;
  /** Ciphertext primes, bottom first: base limbs, then one prime a level. */
  readonly primes: readonly number[];
  readonly specialPrimes: readonly number[];
  /**
   * Limbs left at level 0: three, so that the mask of a blinded refresh hides a message by 2^-50; with bootstrapping
   * those of q0 and of SlotsToCoeffs.
   */
  readonly baseLimbs: number;
  readonly maxLevel: number;
  readonly logQP: number;
  /** 128, or 0 for insecure sets. */
  readonly securityBits: number;
  readonly insecure: boolean;
  /** Sets that bootstrap: the whole chain, of which `primes` and `specialPrimes` are the application's part. */
  readonly bootstrapping?: BootstrappingParameters;
  /** SHA-256 of the canonical description. */
  readonly hash: Uint8Array;
}

interface Shape {
  readonly logN: number;
  readonly levels: number;
  readonly special: number;
  /** The chain of a set that bootstraps; `special` counts the special primes of its largest keys. */
  readonly bootstraps?: boolean;
}

const BASE_LIMBS = 3;

/** engine.md's table; log2(QP) is checked against the security table when a set is made. */
const SHAPES: Readonly<Record<string, Shape>> = {
  L13: { logN: 13, levels: 3, special: 1 },
  L14: { logN: 14, levels: 9, special: 3 },
  L15: { logN: 15, levels: 20, special: 8 },
  B16: { logN: 16, levels: 17, special: 21, bootstraps: true },
};

export const PARAMETER_SETS: readonly string[] = Object.keys(SHAPES);

/** A named set at 128 bits. Throws BAD_ARGUMENT for an unknown name. */
export async function parameterSet(name: string): Promise<CkksParameters> {
  const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined;
  if (shape) return build(name, shape, false);
  const [, b, ...numbers] = /^insecure-(b?)(\d{1,2})-(\d{1,2})-(\d{1,2})$/.exec(name) ?? [];
  const [logN, levels, special] = numbers.map(Number);
  const bootstraps = b === 'b';
  if (isInsecureShape(logN, levels, special, bootstraps)) {
    return insecureParameters({ logN, levels, special, bootstraps });
  }
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
  bootstraps?: boolean;
}): Promise<CkksParameters> {
  const { logN, levels, bootstraps = false, special = bootstraps ? 9 : 2 } = shape;
  if (!isInsecureShape(logN, levels, special, bootstraps)) {
    const least = leastSpecial(bootstraps);
    throw new RangeError(`expected logN 7..15, levels 1..40, special ${least}..21; got ${logN}, ${levels}, ${special}`);
  }
  const set = `insecure-${bootstraps ? 'b' : ''}${logN}-${levels}-${special}`;
  return build(set, { logN, levels, special, bootstraps }, true);
}

/** With bootstrapping the special primes must clear SlotsToCoeffs' digits of five limbs by one. */
function leastSpecial(bootstraps: boolean): number {
  return bootstraps ? BOOTSTRAPPING_BASE_LIMBS + 1 : 1;
}

function isInsecureShape(logN: number, levels: number, special: number, bootstraps: boolean): boolean {
  const fits = special >= leastSpecial(bootstraps) && special <= 21;
  return fits && logN >= 7 && logN <= 15 && levels >= 1 && levels <= 40;
}

async function build(set: string, shape: Shape, insecure: boolean): Promise<CkksParameters> {
  const { logN, levels } = shape;
  const { primes, specialPrimes, baseLimbs, bootstrapping } = shape.bootstraps ? bootstrapped(shape) : levelled(shape);
  const whole = bootstrapping ?? { primes, specialPrimes };
  if (!insecure) checkSecurity(logN, [...whole.primes, ...whole.specialPrimes]);
  if (bootstrapping) {
    const { rootLimbs, sparseWeight } = bootstrapping;
    const own = [
      ...bootstrapping.primes.slice(0, rootLimbs),
      ...bootstrapping.specialPrimes.slice(0, ENCAPSULATION_LIMBS),
    ];
    if (!insecure) checkEncapsulation(logN, sparseWeight, own);
  }
  const content = {
    scheme: 'ckks',
    logN,
    primes,
    specialPrimes,
    baseLimbs,
    insecure,
    ...(bootstrapping && { bootstrapping }),
  };
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(content)));
  return {
    set,
    logN,
    N: 1 << logN,
    slots: 1 << (logN - 1),
    primes,
    specialPrimes,
    baseLimbs,
    maxLevel: levels,
    logQP: logModulus([...whole.primes, ...whole.specialPrimes]),
    securityBits: insecure ? 0 : 128,
    insecure,
    ...(bootstrapping && { bootstrapping }),
    hash: new Uint8Array(digest),
  };
}

type Chain = Pick<CkksParameters, 'primes' | 'specialPrimes' | 'baseLimbs' | 'bootstrapping'>;

function levelled({ logN, levels, special }: Shape): Chain {
  const candidates = dot28Primes(logN);
  const rest = candidates.slice(special, special + levels + BASE_LIMBS);
  return {
    primes: [...rest.slice(levels).reverse(), ...orderForScales(rest.slice(0, levels), Math.log2)],
    specialPrimes: candidates.slice(0, special),
    baseLimbs: BASE_LIMBS,
  };
}

/** The application's keys cut its own limbs into two digits: shorter ones than those of the whole modulus. */
function bootstrapped({ logN, levels, special }: Shape): Chain {
  const bootstrapping = { ...bootstrappingChain(logN, levels, special), ...BOOTSTRAPPING_STAGES };
  const limbs = BOOTSTRAPPING_BASE_LIMBS + levels;
  return {
    primes: bootstrapping.primes.slice(0, limbs),
    specialPrimes: bootstrapping.specialPrimes.slice(0, Math.ceil(limbs / 2)),
    baseLimbs: BOOTSTRAPPING_BASE_LIMBS,
    bootstrapping,
  };
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
