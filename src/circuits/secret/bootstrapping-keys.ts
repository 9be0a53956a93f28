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

/** A key to be made, and the public seed of its uniform halves. */
export interface KeyOrder {
  readonly name: KeyName;
  readonly seed: Uint8Array;
}

/**
 * Each key in turn; whoever takes it frees it. The sparse secret lives as long as the generator runs and is then wiped:
 * both of its keys must be among the orders.
 */
export function* generateBootstrappingKeys(
  context: BootstrappingContext,
  secretKey: SecretKey,
  orders: readonly KeyOrder[],
): Generator<{ readonly name: KeyName; readonly key: SwitchingKey }> {
  const { sparseWeight = 0 } = context.parameters.bootstrapping ?? {};
  const sparse = SecretKey.generateSparse(context, sparseWeight);
  try {
    for (const order of orders) yield { name: order.name, key: generate(context, secretKey, sparse, order) };
  } finally {
    sparse.dispose();
  }
}

function generate(
  context: BootstrappingContext,
  dense: SecretKey,
  sparse: SecretKey,
  { name: { use, galois }, seed }: KeyOrder,
): SwitchingKey {
  const options = { gadget: gadgetOf(context, use), seed };
  if (use === 'relinearization') return generateRelinearizationKey(context, dense, options);
  if (use === 'toSparse') return generateSwitchingKey(context, dense.plain, sparse.montgomery, options);
  if (use === 'fromSparse') return generateSwitchingKey(context, sparse.plain, dense.montgomery, options);
  return generateGaloisKey(context, dense, galois, options);
}
