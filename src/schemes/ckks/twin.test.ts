/** The whole scheme on the bigint twin of the kernels: with the same random bytes every residue is the same. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Engine } from '../../kernels/engine.ts';
import { createTwinEngine } from '../../kernels/twin/executor.ts';
import { createEngine } from '../../kernels/wasm-executor.ts';
import { generateEvaluationKeys, generatePublicKey } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { blind, unblind } from './blinding.ts';
import type { Ciphertext } from './ciphertext.ts';
import { CkksContext } from './context.ts';
import { CkksEvaluator } from './evaluator.ts';
import { insecureParameters } from './parameters.ts';
import { encryptPublic } from './public-encryption.ts';
import { SecretScheme } from './secret/secret-scheme.ts';

/** The system's generator, replaced by one that repeats after `restart`. */
let bytes: SeededRandom;
const restart = (): void => {
  bytes = new SeededRandom(99);
};

beforeEach(() => {
  restart();
  vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
    const view = array as unknown as Uint8Array;
    for (let i = 0; i < view.length; i++) view[i] = bytes.integer(256);
    return array;
  });
});
afterEach(() => vi.restoreAllMocks());

interface Trace {
  readonly residues: ReadonlyMap<string, readonly Uint32Array[]>;
  readonly slots: Float64Array;
}

const PARAMETERS = await insecureParameters({ logN: 7, levels: 3, special: 2 });

/** Keys, both encryptions, every kind of operation, a blinded refresh. */
function run(engine: Engine): Trace {
  restart();
  const context = new CkksContext(PARAMETERS, engine);
  const secretKey = SecretKey.generate(context);
  const publicKey = generatePublicKey(context, secretKey);
  const needs = { rotations: [1, 2], conjugation: true, relinearization: true };
  const evaluator = new CkksEvaluator(context, generateEvaluationKeys(context, secretKey, needs));
  const owner = new SecretScheme(context, secretKey);
  const values = new SeededRandom(1);
  const vector = (length: number) => Float64Array.from({ length }, () => values.uniform(-1, 1));
  const a = owner.encrypt({ re: vector(64), im: vector(64) }, 3);
  const b = encryptPublic(context, publicKey, { re: vector(32) }, 3);
  const product = evaluator.rescale(evaluator.multiply(a, b));
  const diagonals = evaluator.prepareDiagonals({
    count: 2,
    period: 64,
    chunks: 1,
    fill: (_c, _r, out) => out.set(vector(64)),
  });
  const blinding = blind(context, publicKey, [product]);
  const answers = blinding.masked.map((c) => owner.reencryptMasked(c, 3));
  const results: Record<string, Ciphertext> = {
    secret: a,
    public: b,
    sum: evaluator.add(a, b),
    product,
    plain: evaluator.rescale(evaluator.multiplyPlain(a, vector(64))),
    periodic: evaluator.rescale(evaluator.multiplyPlain(a, vector(4))),
    scalar: evaluator.multiplyScalar(a, -0.3),
    dropped: evaluator.dropToLevel(a, 1),
    rotated: evaluator.rotate(product, 1),
    hoisted: evaluator.rotateMany(a, [1, 2])[1] as Ciphertext,
    conjugate: evaluator.conjugate(a),
    timesI: evaluator.timesI(a),
    diagonals: evaluator.multiplyDiagonals([[a]], diagonals, 0.5)[0] as Ciphertext,
    refreshed: unblind(context, blinding, answers)[0] as Ciphertext,
  };
  const residues = new Map<string, Uint32Array[]>();
  for (const [name, { c0, c1 }] of Object.entries(results)) {
    residues.set(
      name,
      [c0, c1].flatMap((poly) => poly.limbs.map((_, j) => poly.read(j))),
    );
  }
  return { residues, slots: owner.decrypt(product).re };
}

describe('CKKS on the bigint twin', () => {
  it('is bit for bit CKKS on the kernels, on one thread or two', async () => {
    const twin = run(createTwinEngine());
    for (const threads of [1, 2]) {
      const engine = await createEngine({ threads });
      const wasm = run(engine);
      engine.dispose();
      for (const [name, limbs] of twin.residues) {
        limbs.forEach((limb, j) => {
          expect(wasm.residues.get(name)?.[j], `${name}, limb ${j}, ${threads} threads`).toEqual(limb);
        });
      }
      expect(wasm.slots).toEqual(twin.slots);
    }
  });

  it('other random bytes give other ciphertexts: the comparison can fail', async () => {
    const engine = await createEngine({ threads: 1 });
    const first = run(engine);
    vi.restoreAllMocks();
    const second = run(engine);
    engine.dispose();
    expect(second.residues.get('secret')?.[0]).not.toEqual(first.residues.get('secret')?.[0]);
  });
});
