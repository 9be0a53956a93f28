/** Microsoft SEAL (node-seal) as a CKKS peer on real slots: the operations that both libraries have, nothing more. */
import SEAL from 'node-seal';

/** The types describe the package's ES module; Node loads its UMD build, whose export is the function itself. */
const load = SEAL as unknown as typeof SEAL.default;

export type CipherText = ReturnType<Awaited<ReturnType<typeof load>>['CipherText']>;

/** Bits of the primes: base, two levels, special. */
const PRIME_BITS = [60, 40, 40, 60];
const SCALE = 2 ** 40;

export interface SealPeer {
  readonly slots: number;
  encrypt(values: Float64Array): CipherText;
  encryptSymmetric(values: Float64Array): CipherText;
  decrypt(ciphertext: CipherText): Float64Array;
  add(a: CipherText, b: CipherText): CipherText;
  subtract(a: CipherText, b: CipherText): CipherText;
  negate(a: CipherText): CipherText;
  /** Relinearised and rescaled. */
  multiply(a: CipherText, b: CipherText): CipherText;
  /** Rescaled; `a` is fresh. */
  multiplyPlain(a: CipherText, values: Float64Array): CipherText;
  /** `a` is fresh. */
  addPlain(a: CipherText, values: Float64Array): CipherText;
  rotate(a: CipherText, steps: number): CipherText;
}

export async function sealPeer(logN: number, rotations: readonly number[]): Promise<SealPeer> {
  const lib = await load();
  const parameters = lib.EncryptionParameters(lib.SchemeType.ckks);
  parameters.setPolyModulusDegree(2 ** logN);
  parameters.setCoeffModulus(lib.CoeffModulus.Create(2 ** logN, Int32Array.from(PRIME_BITS)));
  const context = lib.Context(parameters, true, lib.SecurityLevel.tc128);
  const keys = lib.KeyGenerator(context);
  const relinearisation = keys.createRelinKeys();
  const galois = keys.createGaloisKeys(Int32Array.from(rotations));
  const encoder = lib.CKKSEncoder(context);
  const encryptor = lib.Encryptor(context, keys.createPublicKey(), keys.secretKey());
  const decryptor = lib.Decryptor(context, keys.secretKey());
  const evaluator = lib.Evaluator(context);
  const encode = (values: Float64Array) => {
    const plain = lib.PlainText();
    encoder.encode(values, SCALE, plain);
    return plain;
  };
  const into = (write: (out: CipherText) => unknown): CipherText => {
    const out = lib.CipherText();
    write(out);
    return out;
  };
  return {
    slots: encoder.slotCount,
    encrypt: (values) => into((out) => encryptor.encrypt(encode(values), out)),
    encryptSymmetric: (values) => into((out) => encryptor.encryptSymmetric(encode(values), out)),
    decrypt: (ciphertext) => {
      const plain = lib.PlainText();
      decryptor.decrypt(ciphertext, plain);
      return encoder.decode(plain);
    },
    add: (a, b) => into((out) => evaluator.add(a, b, out)),
    subtract: (a, b) => into((out) => evaluator.sub(a, b, out)),
    negate: (a) => into((out) => evaluator.negate(a, out)),
    multiply: (a, b) =>
      into((out) => {
        evaluator.multiply(a, b, out);
        evaluator.relinearize(out, relinearisation, out);
        evaluator.rescaleToNext(out, out);
      }),
    multiplyPlain: (a, values) =>
      into((out) => {
        evaluator.multiplyPlain(a, encode(values), out);
        evaluator.rescaleToNext(out, out);
      }),
    addPlain: (a, values) => into((out) => evaluator.addPlain(a, encode(values), out)),
    rotate: (a, steps) => into((out) => evaluator.rotateVector(a, steps, galois, out)),
  };
}
