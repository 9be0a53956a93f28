/** A whole bootstrapping on the bigint twin of the kernels: with the same random bytes every residue is the same. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Engine } from '../kernels/engine.ts';
import { createTwinEngine } from '../kernels/twin/executor.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { uniformPoly } from '../ring/sampler.ts';
import type { SwitchingKey } from '../rlwe/keys.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { ChainEvaluator } from '../schemes/ckks/chain-evaluator.ts';
import { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { parameterSet } from '../schemes/ckks/parameters.ts';
import { Bootstrapper } from './bootstrapping.ts';
import { bootstrappingKeyNames, collectKeys } from './bootstrapping-keys.ts';
import { planBootstrapping } from './bootstrapping-plan.ts';
import { generateBootstrappingKeys } from './secret/bootstrapping-keys.ts';

/** The system's generator, replaced by one that repeats after `restart`. */
let bytes: SeededRandom;
const restart = (): void => {
  bytes = new SeededRandom(99);
};

beforeEach(() => {
  restart();
  vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
    const { buffer, byteOffset, byteLength } = array as Uint8Array;
    const view = new Uint8Array(buffer, byteOffset, byteLength);
    for (let i = 0; i < view.length; i++) view[i] = bytes.integer(256);
    return array;
  });
});
afterEach(() => vi.restoreAllMocks());

const PARAMETERS = await parameterSet('insecure-b7-1-6');

type Residues = ReadonlyMap<string, readonly Uint32Array[]>;

/** Keys of a dense and a sparse secret, the evaluator's operations, a bootstrapping: of a ciphertext that is noise. */
function run(engine: Engine): Residues {
  restart();
  const context = new BootstrappingContext(PARAMETERS, engine);
  const { ring, scales, parameters } = context;
  const secret = SecretKey.generate(context);
  const plan = planBootstrapping(PARAMETERS);
  const orders = bootstrappingKeyNames(context, [plan]).map((name, i) => ({ name, seed: new Uint8Array(32).fill(i) }));
  const made = new Map<string, SwitchingKey>();
  for (const { name, key } of generateBootstrappingKeys(context, secret, orders)) {
    made.set(`${name.use}:${name.galois}`, key);
  }
  const keys = collectKeys(({ use, galois }) => made.get(`${use}:${galois}`));
  const random = (limbs: number, seed: number): Ciphertext => {
    const indices = Array.from({ length: limbs }, (_, i) => i);
    const poly = (stream: number) => uniformPoly(ring, indices, new Uint8Array(32).fill(seed), stream);
    return new Ciphertext(poly(0), poly(1), limbs - parameters.baseLimbs, scales[0]!);
  };
  const evaluator = new ChainEvaluator(context, context.main, keys.main);
  const [a, b] = [random(9, 1), random(8, 2)];
  const terms = [
    { x: a, factor: 3n },
    { x: b, factor: -(1n << 60n) },
  ];
  const results: Record<string, Ciphertext> = {
    product: evaluator.multiply(a, b, 2, terms),
    combination: evaluator.combine(terms, scales[0]!),
    rescaled: evaluator.rescale(evaluator.addConstant(a, 0.7), 3),
    conjugate: evaluator.conjugate(b),
    rotated: evaluator.rotate(a, 1),
    bootstrapped: new Bootstrapper(context, keys, plan).bootstrap(random(6, 3)),
  };
  const read = ({ c0, c1 }: Ciphertext) => [c0, c1].flatMap((poly) => poly.limbs.map((_, j) => poly.read(j)));
  const residues = new Map(Object.entries(results).map(([name, c]) => [name, read(c)]));
  for (const name of ['toSparse:1', 'fromSparse:1', 'relinearization:1']) {
    const { digits } = made.get(name)!;
    residues.set(
      name,
      digits.flatMap(({ b: half }) => half.limbs.map((_, j) => half.read(j))),
    );
  }
  return residues;
}

describe('bootstrapping on the bigint twin', () => {
  it('is bit for bit bootstrapping on the kernels, on one thread or two', async () => {
    const twin = run(createTwinEngine());
    for (const threads of [1, 2]) {
      const engine = await createEngine({ threads });
      const wasm = run(engine);
      engine.dispose();
      expect([...wasm.keys()]).toEqual([...twin.keys()]);
      for (const [name, limbs] of twin) {
        limbs.forEach((limb, j) => {
          expect(wasm.get(name)?.[j], `${name}, limb ${j}, ${threads} threads`).toEqual(limb);
        });
      }
    }
  });

  it('other random bytes give other keys and another result: the comparison can fail', async () => {
    const engine = await createEngine({ threads: 1 });
    const first = run(engine);
    vi.restoreAllMocks();
    const second = run(engine);
    engine.dispose();
    for (const name of ['toSparse:1', 'fromSparse:1', 'relinearization:1', 'bootstrapped']) {
      expect(second.get(name)?.[0], name).not.toEqual(first.get(name)?.[0]);
    }
  });
});
