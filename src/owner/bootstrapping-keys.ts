/** The keys with which a trainer bootstraps alone: made and written one at a time. */

import { HermeticError } from '../base/errors.ts';
import { bootstrappingKeyNames } from '../circuits/bootstrapping-keys.ts';
import { planBootstrapping } from '../circuits/bootstrapping-plan.ts';
import { generateBootstrappingKeys } from '../circuits/secret/bootstrapping-keys.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { writeBootstrappingKeys as writeFile } from '../protocol/bootstrapping-keys.ts';
import type { ByteSink } from '../protocol/byte-source.ts';
import type { SigningKey } from '../protocol/signing-key.ts';
import { freshSeed } from '../ring/sampler.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';
import type { OwnerKeys } from './owner-keys.ts';

export interface BootstrappingKeysOptions {
  /** Slots after which the messages repeat, a power of two: fewer mean fewer keys and faster work. Default: all. */
  readonly slots?: number;
  /** Default: all cores. */
  readonly threads?: number;
  /** Called after each key. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the bootstrapping keys of an owner, which reveal no more than trainer keys do.
 * @throws HermeticError BAD_ARGUMENT for a parameter set that does not bootstrap, or that has fewer slots, and for an
 *   owner who cannot sign; DISK
 */
export async function writeBootstrappingKeys(
  sink: ByteSink,
  owner: OwnerKeys,
  options: BootstrappingKeysOptions = {},
): Promise<void> {
  const { slots = owner.context.slots, threads, onProgress = () => {} } = options;
  const { parameters } = owner.context;
  requireBootstrappingSlots(parameters, slots);
  const signing = requireSigning(owner);
  const plan = planBootstrapping(parameters, Math.log2(slots));
  const context = new BootstrappingContext(parameters, await createEngine(threads === undefined ? {} : { threads }));
  const coefficients = owner.secret.toBytes();
  const secret = SecretKey.fromBytes(context, coefficients);
  coefficients.fill(0);
  try {
    const orders = bootstrappingKeyNames(context, [plan]).map((name) => ({ name, seed: freshSeed() }));
    const header = {
      keyId: owner.keyId,
      logSlots: plan.logSlots,
      keys: orders.map(({ name, seed }) => ({ ...name, seed })),
    };
    let done = 0;
    function* keys(): ReturnType<typeof generateBootstrappingKeys> {
      for (const made of generateBootstrappingKeys(context, secret, orders)) {
        yield made;
        onProgress(++done, orders.length);
      }
    }
    await writeFile(sink, context, owner.parameters, header, signing, keys());
  } finally {
    secret.dispose();
    context.dispose();
  }
}

function requireSigning({ signing }: OwnerKeys): SigningKey {
  if (signing !== undefined) return signing;
  throw new HermeticError('BAD_ARGUMENT', 'this owner key is older than signatures, and cannot sign', {
    mend: 'Make new keys (hermetic keygen), and rekey the network to them.',
  });
}

/** @throws HermeticError BAD_ARGUMENT unless the set bootstraps messages that repeat after so many slots */
export function requireBootstrappingSlots({ set, slots, bootstrapping }: CkksParameters, wanted: number): void {
  if (bootstrapping === undefined) {
    throw new HermeticError('BAD_ARGUMENT', `the set ${set} does not bootstrap`, { mend: 'Use the set B16.' });
  }
  if (wanted >= 32 && wanted <= slots && Number.isInteger(Math.log2(wanted))) return;
  throw new HermeticError('BAD_ARGUMENT', 'bootstrapping keys cannot be made for these slots', {
    expected: `a power of two from 32 to ${slots}`,
    got: `${wanted}`,
    mend: 'Leave the slots out for keys that serve every network.',
  });
}
