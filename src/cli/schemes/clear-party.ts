/** `clear`: nothing is encrypted; levels, scales and noise are those of CKKS. */

import { clearRefresher } from '../../nn/sealed/refreshers.ts';
import type { ClearCiphertext } from '../../schemes/clear/clear-ciphertext.ts';
import { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import type { PartyOptions, SchemeParty } from './party.ts';

/** As many as the default set of CKKS. */
const LEVELS = 9;
/** Absolute, about what CKKS has at N = 2^14. */
const NOISE = { encryption: 2 ** -18, rescale: 2 ** -18, keySwitch: 2 ** -17, seed: 1 };

export function clearParty({ slots }: PartyOptions): SchemeParty<ClearCiphertext> {
  const evaluator = new ClearEvaluator({ slots, levels: LEVELS, noise: NOISE });
  return {
    scheme: 'clear',
    security: 'none',
    capabilities: { slots: 'complex', arithmetic: 'approximate', scales: 'kept', levels: 'owner' },
    evaluator,
    refresher: clearRefresher(evaluator),
    encrypt: (values, level) => evaluator.encrypt(values, level),
    decrypt: (ciphertext) => evaluator.decrypt(ciphertext),
    ciphertextBytes: 2 * slots * Float64Array.BYTES_PER_ELEMENT,
    ciphertextSlots: slots,
    publicKeyBytes: 0,
    precisionBits: 12,
    dispose: () => {},
  };
}
