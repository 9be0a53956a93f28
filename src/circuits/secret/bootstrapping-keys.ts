/** The keys of a bootstrapping, made one at a time: at N = 2^16 each of the large ones has some 66 MB. */

import type { SwitchingKey } from '../../rlwe/keys.ts';
import {
  generateGaloisKey,
  generateRelinearizationKey,
  generateSwitchingKey,
} from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import type { BootstrappingContext } from '../../schemes/ckks/bootstrapping-context.ts';
import { gadgetOf, type KeyName } from '../bootstrapping-keys.ts';

/**
 * Each key in turn; whoever takes it frees it. The sparse secret lives as long as the generator runs and is then wiped:
 * both of its keys must be among the names.
 */
export function* generateBootstrappingKeys(
  context: BootstrappingContext,
  secretKey: SecretKey,
  names: readonly KeyName[],
): Generator<{ readonly name: KeyName; readonly key: SwitchingKey }> {
  const { sparseWeight = 0 } = context.parameters.bootstrapping ?? {};
  const sparse = SecretKey.generateSparse(context, sparseWeight);
  try {
    for (const name of names) yield { name, key: generate(context, secretKey, sparse, name) };
  } finally {
    sparse.dispose();
  }
}

function generate(
  context: BootstrappingContext,
  dense: SecretKey,
  sparse: SecretKey,
  { use, galois }: KeyName,
): SwitchingKey {
  const gadget = gadgetOf(context, use);
  if (use === 'relinearization') return generateRelinearizationKey(context, dense, gadget);
  if (use === 'toSparse') return generateSwitchingKey(context, dense.plain, sparse.montgomery, gadget);
  if (use === 'fromSparse') return generateSwitchingKey(context, sparse.plain, dense.montgomery, gadget);
  return generateGaloisKey(context, dense, galois, gadget);
}
