/** The operations of this package under the stopwatch. Every call frees what it makes. */
import { generateEvaluationKeys, generatePublicKey } from '../dist/rlwe/secret/key-generation.js';
import { SecretKey } from '../dist/rlwe/secret/secret-key.js';
import { CkksContext } from '../dist/schemes/ckks/context.js';
import { CkksEvaluator } from '../dist/schemes/ckks/evaluator.js';
import { parameterSet } from '../dist/schemes/ckks/parameters.js';
import { encryptPublic } from '../dist/schemes/ckks/public-encryption.js';
import { SecretScheme } from '../dist/schemes/ckks/secret/secret-scheme.js';

/** Transforms a call of `ntt`: its polynomial then stands for log2(Q) bits, as the peer's ciphertext does. */
const POLYNOMIALS = 2;

/**
 * @param {string} set
 * @param {number} threads
 */
export async function ours(set, threads) {
  const parameters = await parameterSet(set);
  const context = await CkksContext.create(parameters, { threads });
  const secretKey = SecretKey.generate(context);
  const publicKey = generatePublicKey(context, secretKey);
  const needs = { rotations: [1], conjugation: false, relinearization: true };
  const evaluator = new CkksEvaluator(context, generateEvaluationKeys(context, secretKey, needs));
  const owner = new SecretScheme(context, secretKey);
  const top = parameters.maxLevel;
  const values = { re: Float64Array.from({ length: parameters.slots }, (_, i) => Math.sin(i)) };
  const [a, b] = [owner.encrypt(values, top), owner.encrypt(values, top)];
  const plain = evaluator.encodePlain(values.re, a);
  const limbs = a.c0.limbCount;
  const transformed = [a.c0, a.c1].slice(0, POLYNOMIALS).flatMap((poly) => {
    const copy = context.ring.allocate('ntt', poly.indices);
    for (let j = 0; j < limbs; j++) copy.write(j, poly.read(j));
    return copy.limbs.map((limb, j) => ({ limb, prime: copy.prime(j) }));
  });
  return {
    logN: parameters.logN,
    logQP: parameters.logQP,
    primes: [...parameters.primes, ...parameters.specialPrimes],
    /** Coefficients times modulus bits of one call of `ntt`. */
    nttBits: transformed.reduce((sum, { prime }) => sum + parameters.N * Math.log2(prime.p), 0),
    operations: {
      rotate: () => evaluator.rotate(a, 1).dispose(),
      multiply: () => evaluator.scope(() => evaluator.rescale(evaluator.multiply(a, b))).dispose(),
      multiplyPlain: () => evaluator.multiplyEncoded(a, plain).dispose(),
      ntt: () => {
        for (const { limb, prime } of transformed) context.engine.nttForward(limb, limb, prime);
        context.engine.flush();
      },
      encode: () => context.encoder.encode(values, context.scales[top], limbs).dispose(),
      encrypt: () => encryptPublic(context, publicKey, values, top).dispose(),
      encryptSecret: () => owner.encrypt(values, top).dispose(),
      decrypt: () => void owner.decrypt(a),
    },
    dispose: () => context.dispose(),
  };
}
