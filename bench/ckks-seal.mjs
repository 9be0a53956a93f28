/**
 * The same operations in node-seal 6.0.3 (Microsoft SEAL 4 in WebAssembly, single-threaded). node-seal 7 does not load
 * on Node 20. Operations write to objects made beforehand, which is SEAL's fastest way.
 */
import SEAL from 'node-seal';

export const PEER = 'node-seal';
const LOG_SCALE = 40;
const OUTER_BITS = 60;

/**
 * Primes whose sizes add up to `total` bits: 60 for the base and for the special prime, as SEAL's examples have it, and
 * as near to `bits` as may be between them.
 * @param {number} total
 * @param {number} bits
 */
export function primeSizes(total, bits) {
  const inner = total - 2 * OUTER_BITS;
  const count = Math.max(Math.round(inner / bits), Math.ceil(inner / OUTER_BITS));
  const sizes = Array.from({ length: count }, (_, i) => Math.floor((inner + i) / count));
  return [OUTER_BITS, ...sizes, OUTER_BITS];
}

/**
 * @param {number} logN
 * @param {number} logQP
 * @param {number} bits of the inner primes
 */
export async function seal(logN, logQP, bits) {
  const lib = await SEAL();
  const N = 2 ** logN;
  const sizes = primeSizes(Math.round(logQP), bits);
  const parameters = lib.EncryptionParameters(lib.SchemeType.ckks);
  parameters.setPolyModulusDegree(N);
  parameters.setCoeffModulus(lib.CoeffModulus.Create(N, Int32Array.from(sizes)));
  const context = lib.Context(parameters, true, lib.SecurityLevel.tc128);
  const keys = lib.KeyGenerator(context);
  const relinearisation = keys.createRelinKeys();
  const galois = keys.createGaloisKeys(Int32Array.of(1));
  const encoder = lib.CKKSEncoder(context);
  const encryptor = lib.Encryptor(context, keys.createPublicKey(), keys.secretKey());
  const decryptor = lib.Decryptor(context, keys.secretKey());
  const evaluator = lib.Evaluator(context);
  const values = Float64Array.from({ length: N / 2 }, (_, i) => Math.sin(i));
  const plain = lib.PlainText();
  const encode = () => encoder.encode(values, 2 ** LOG_SCALE, plain);
  encode();
  const ciphertext = () => {
    const fresh = lib.CipherText();
    encryptor.encrypt(plain, fresh);
    return fresh;
  };
  const [a, b, out, product, coefficients] = [ciphertext(), ciphertext(), ciphertext(), ciphertext(), ciphertext()];
  const decrypted = lib.PlainText();
  evaluator.cipherTransformFromNtt(a, coefficients);
  const dataBits = sizes.slice(0, -1).reduce((sum, x) => sum + x, 0);
  return {
    logQP: sizes.reduce((sum, x) => sum + x, 0),
    sizes,
    nttBits: 2 * N * dataBits,
    operations: {
      rotate: () => evaluator.rotateVector(a, 1, galois, out),
      multiply: () => {
        evaluator.multiply(a, b, product);
        evaluator.relinearize(product, relinearisation, product);
        evaluator.rescaleToNext(product, out);
      },
      multiplyPlain: () => evaluator.multiplyPlain(a, plain, out),
      ntt: () => evaluator.cipherTransformToNtt(coefficients, out),
      encode,
      encrypt: () => {
        encode();
        encryptor.encrypt(plain, out);
      },
      encryptSecret: () => {
        encode();
        encryptor.encryptSymmetric(plain, out);
      },
      decrypt: () => {
        decryptor.decrypt(a, decrypted);
        encoder.decode(decrypted);
      },
    },
    dispose: () => {
      for (const object of [a, b, out, product, coefficients, plain, decrypted, galois, relinearisation])
        object.delete();
    },
  };
}
