/** What the holder of the secret key does. */
import { multiplyInteger, multiplyMontgomery, type Poly, toCoefficients } from '../../../ring/poly.ts';
import type { IntegerSecret } from '../../integer-scheme.ts';
import type { YasheCiphertext } from '../ciphertext.ts';
import type { YasheContext } from '../context.ts';
import type { YashePublicKey } from '../keys.ts';
import { encryptPublic } from '../public-encryption.ts';
import type { YasheSecretKey } from './secret-key.ts';

export class YasheSecret implements IntegerSecret<YasheCiphertext> {
  private readonly context: YasheContext;
  private readonly key: YasheSecretKey;
  private readonly publicKey: YashePublicKey;

  constructor(context: YasheContext, key: YasheSecretKey, publicKey: YashePublicKey) {
    this.context = context;
    this.key = key;
    this.publicKey = publicKey;
  }

  encrypt(values: readonly bigint[]): YasheCiphertext {
    const { remainders } = this.context.encoder;
    const bound = remainders.modulus / 2n;
    if (values.some((x) => x > bound || x < -bound)) {
      throw new RangeError(`expected integers of at most ${remainders.bits} bits`);
    }
    return encryptPublic(this.context, this.publicKey, values);
  }

  /** round(t/q·f·c) modulo each t. */
  decrypt({ parts }: YasheCiphertext, count: number = this.context.slots): bigint[] {
    const { ring, lift, encoder, plainIndices } = this.context;
    return ring.scope(
      () =>
        encoder.decode(
          parts.map((c, j) => lift.divide(this.phase(c, j), plainIndices[j] as number)),
          count,
        ),
      () => [],
    );
  }

  /** −log2(2·max|v|) over the parts, v the invariant noise: bits until decryption fails. Secret: for tests. */
  noiseBudget({ parts }: YasheCiphertext): number {
    const { ring, base, parameters } = this.context;
    const budgets = parts.map((c, j) =>
      ring.scope(
        () => {
          const scaled = multiplyInteger(this.phase(c, j), BigInt(parameters.plainPrimes[j] as number));
          const digits = base.digits(toCoefficients(scaled));
          const noise = base.toDoubles(digits, 1 / Number(base.modulus));
          digits.wipe();
          digits.release();
          return -1 - Math.log2(noise.reduce((most, x) => Math.max(most, Math.abs(x)), 0));
        },
        () => [],
      ),
    );
    return Math.min(...budgets);
  }

  private phase(c: Poly<'ntt'>, j: number): Poly<'ntt'> {
    return multiplyMontgomery(c, this.key.montgomery[j] as Poly<'ntt'>);
  }
}
