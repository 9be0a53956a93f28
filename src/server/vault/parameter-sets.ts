/** Parameter sets by name, each made once: finding their primes takes longer than a small refresh. */
import { ciphertextParameters } from '../../protocol/ckks-codec.ts';
import type { CiphertextParameters } from '../../protocol/parameters.ts';
import { type CkksParameters, parameterSet } from '../../schemes/ckks/parameters.ts';

const sets = new Map<string, Promise<CkksParameters>>();

/** A set that a network or a key of the store has. @throws HermeticError BAD_ARGUMENT */
export function knownSet(name: string): Promise<CkksParameters> {
  const known = sets.get(name);
  if (known !== undefined) return known;
  const making = parameterSet(name);
  sets.set(name, making);
  making.catch(() => sets.delete(name));
  return making;
}

/** What files of a set say of its parameters. */
export async function parametersOf(name: string): Promise<CiphertextParameters> {
  return ciphertextParameters(await knownSet(name));
}
