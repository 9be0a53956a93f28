/** Refreshers that need nobody: none at all, and, for tests and simulations, one that looks. */

import { HermeticError } from '../../base/errors.ts';
import type { ClearCiphertext } from '../../schemes/clear/clear-ciphertext.ts';
import type { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import type { Refresher } from '../../schemes/refresher.ts';
import type { SlotCiphertext } from '../../schemes/scheme.ts';

/** The levels of the parameters are the budget: refuses with LEVELS_EXHAUSTED. */
export function noRefresher<C extends SlotCiphertext>(): Refresher<C> {
  return {
    mode: 'none',
    refresh: async (_, request) => {
      throw new HermeticError('LEVELS_EXHAUSTED', `no levels are left after step ${request.step}`, {
        expected: `level ${request.level}`,
        mend: 'Train fewer steps, take a larger parameter set, or name a refresh server.',
      });
    },
  };
}

/** Encrypts the values anew on the clear scheme, as the owner would. */
export function clearRefresher(evaluator: ClearEvaluator): Refresher<ClearCiphertext> {
  return {
    mode: 'owner',
    refresh: async (ciphertexts, request) =>
      ciphertexts.map((ciphertext) => evaluator.encrypt(evaluator.decrypt(ciphertext), request.level)),
  };
}
