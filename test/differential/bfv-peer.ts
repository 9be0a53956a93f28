/** Microsoft SEAL (node-seal) as a BFV peer on integer slots: the operations that both libraries have, nothing more. */
import SEAL from 'node-seal';

/** The types describe the package's ES module; Node loads its UMD build, whose export is the function itself. */
const load = SEAL as unknown as typeof SEAL.default;

export type SealedIntegers = ReturnType<Awaited<ReturnType<typeof load>>['CipherText']>;

/** Both rows of SEAL's matrix hold the same integers, so that its row rotations are rotations of N/2 slots. */
export interface BfvPeer {
  encrypt(values: readonly number[]): SealedIntegers;
  /** Centred. */
  decrypt(ciphertext: SealedIntegers): number[];
  add(a: SealedIntegers, b: SealedIntegers): SealedIntegers;
  subtract(a: SealedIntegers, b: SealedIntegers): SealedIntegers;
  negate(a: SealedIntegers): SealedIntegers;
  /** Relinearised. */
  multiply(a: SealedIntegers, b: SealedIntegers): SealedIntegers;
  multiplyPlain(a: SealedIntegers, values: readonly number[]): SealedIntegers;
  addPlain(a: SealedIntegers, values: readonly number[]): SealedIntegers;
  rotate(a: SealedIntegers, steps: number): SealedIntegers;
  free(a: SealedIntegers): void;
}

/** @param primeBits of the ciphertext modulus, the special prime last. Insecure: a small ring for tests. */
export async function insecureBfvPeer(
  logN: number,
  t: number,
  primeBits: readonly number[],
  rotations: readonly number[],
): Promise<BfvPeer> {
  const lib = await load();
  const parameters = lib.EncryptionParameters(lib.SchemeType.bfv);
  parameters.setPolyModulusDegree(2 ** logN);
  parameters.setCoeffModulus(lib.CoeffModulus.Create(2 ** logN, Int32Array.from(primeBits)));
  parameters.setPlainModulus(lib.Modulus(BigInt(t)));
  const context = lib.Context(parameters, true, lib.SecurityLevel.none);
  const keys = lib.KeyGenerator(context);
  const relinearisation = keys.createRelinKeys();
  const galois = keys.createGaloisKeys(Int32Array.from(rotations));
  const encoder = lib.BatchEncoder(context);
  const encryptor = lib.Encryptor(context, keys.createPublicKey());
  const decryptor = lib.Decryptor(context, keys.secretKey());
  const evaluator = lib.Evaluator(context);
  type Plain = ReturnType<typeof lib.PlainText>;
  const withPlain = <T>(use: (plain: Plain) => T): T => {
    const plain = lib.PlainText();
    try {
      return use(plain);
    } finally {
      plain.delete();
    }
  };
  const encoded = <T>(values: readonly number[], use: (plain: Plain) => T): T =>
    withPlain((plain) => {
      encoder.encode(Int32Array.from([...values, ...values]), plain);
      return use(plain);
    });
  const into = (write: (out: SealedIntegers) => unknown): SealedIntegers => {
    const out = lib.CipherText();
    write(out);
    return out;
  };
  return {
    encrypt: (values) => into((out) => encoded(values, (plain) => encryptor.encrypt(plain, out))),
    decrypt: (ciphertext) =>
      withPlain((plain) => {
        decryptor.decrypt(ciphertext, plain);
        return [...encoder.decode(plain, true)].slice(0, 2 ** (logN - 1));
      }),
    add: (a, b) => into((out) => evaluator.add(a, b, out)),
    subtract: (a, b) => into((out) => evaluator.sub(a, b, out)),
    negate: (a) => into((out) => evaluator.negate(a, out)),
    multiply: (a, b) =>
      into((out) => {
        evaluator.multiply(a, b, out);
        evaluator.relinearize(out, relinearisation, out);
      }),
    multiplyPlain: (a, values) => into((out) => encoded(values, (plain) => evaluator.multiplyPlain(a, plain, out))),
    addPlain: (a, values) => into((out) => encoded(values, (plain) => evaluator.addPlain(a, plain, out))),
    rotate: (a, steps) => into((out) => evaluator.rotateRows(a, steps, galois, out)),
    free: (a) => a.delete(),
  };
}
