/** A scheme of integer slots under fixed point, as `SchemeParty`. */

import { noRefresher } from '../../nn/sealed/refreshers.ts';
import type { PlainForm } from '../../protocol/teaching-files.ts';
import { blindFixedPoint } from '../../schemes/fixed-point/blinding.ts';
import type { FixedPointCiphertext } from '../../schemes/fixed-point/ciphertext.ts';
import { FixedPointEvaluator, type FixedPointOptions } from '../../schemes/fixed-point/fixed-point-evaluator.ts';
import { FixedPointSecret } from '../../schemes/fixed-point/secret/fixed-point-secret.ts';
import type { IntegerEvaluator, IntegerSecret } from '../../schemes/integer-scheme.ts';
import type { Refresher } from '../../schemes/refresher.ts';
import type { SchemeCapabilities } from '../../schemes/scheme.ts';
import type { SchemeName, TeachingSchemeName } from '../../schemes/traits.ts';
import type { SchemeParty } from './party.ts';

export interface IntegerParty<X> {
  readonly scheme: SchemeName;
  readonly security: string;
  readonly evaluator: IntegerEvaluator<X>;
  readonly secret: IntegerSecret<X>;
  readonly options: FixedPointOptions;
  /** Of one ciphertext of integers. */
  readonly ciphertextBytes: number;
  readonly publicKeyBytes: number;
  /** Plain forms of a teaching scheme's public keys and ciphertexts. */
  readonly plain?: {
    readonly scheme: TeachingSchemeName;
    keys(): PlainForm;
    ciphertext(x: X): PlainForm;
  };
  readonly dispose: () => void;
}

const DIVIDES: SchemeCapabilities = { slots: 'real', arithmetic: 'exact', scales: 'kept', levels: 'endless' };
const GROWS: SchemeCapabilities = { slots: 'real', arithmetic: 'exact', scales: 'growing', levels: 'owner' };

export function fixedPointParty<X>(party: IntegerParty<X>): SchemeParty<FixedPointCiphertext<X>> {
  const { scheme, security, options, publicKeyBytes, plain, dispose } = party;
  const evaluator = new FixedPointEvaluator(party.evaluator, options);
  const secret = new FixedPointSecret(evaluator, party.secret);
  return {
    scheme,
    security,
    capabilities: party.evaluator.divide ? DIVIDES : GROWS,
    evaluator,
    refresher: party.evaluator.divide ? noRefresher() : ownerRefresher(evaluator, secret),
    encrypt: (values, level) => secret.encrypt(values, level),
    decrypt: (ciphertext) => secret.decrypt(ciphertext),
    ciphertextBytes: party.ciphertextBytes,
    ciphertextSlots: party.evaluator.slots,
    publicKeyBytes,
    precisionBits: Math.min(options.logScale, options.constantBits) - 4,
    ...(plain && {
      files: {
        scheme: plain.scheme,
        keys: () => plain.keys(),
        ciphertext: ({ level, logScale, re, im }: FixedPointCiphertext<X>) => {
          if (re === undefined) throw new RangeError('a ciphertext without a real part is not for files');
          return { level, logScale, re: plain.ciphertext(re.value), im: im && plain.ciphertext(im.value) };
        },
      },
    }),
    dispose,
  };
}

/** Blinded: the trainer masks, the owner renews, the trainer unmasks. */
function ownerRefresher<X>(
  evaluator: FixedPointEvaluator<X>,
  secret: FixedPointSecret<X>,
): Refresher<FixedPointCiphertext<X>> {
  return {
    mode: 'owner',
    refresh: async (ciphertexts, { level }) => {
      const blinding = blindFixedPoint(evaluator, ciphertexts);
      return blinding.unblind(
        blinding.parts.map((part) => secret.renew(part)),
        level,
      );
    },
  };
}
