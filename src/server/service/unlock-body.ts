/** How long a request to unlock predictions may be: found from the party's policy before a byte of it is read. */
import { inputSize } from '../../nn/network.ts';
import { MOST_UNLOCK_ROWS } from '../../protocol/service/schemas.ts';
import type { PartyRow } from '../store/tables.ts';
import { type BodyLimits, JSON_LIMITS } from './bodies.ts';
import type { ServiceContext } from './context.ts';
import { findNetwork } from './networks.ts';
import { policyOf } from './unlocks.ts';
import { architectureOf } from './views.ts';

/** Numbers of a request's features: they are parsed where every caller waits. More rows go in several requests. */
const MOST_FEATURES = 2 ** 21;
/** Of a row's number and of a feature, written in decimal. */
const ROW_BYTES = 12;
const FEATURE_BYTES = 26;

/**
 * What an ordinary body may have, and the numbers that the policy leaves room for: rows, and in verified mode their features.
 * @throws HttpProblem 403 where nothing is unlocked for this party
 */
export async function unlockBodyLimits(service: ServiceContext, party: PartyRow): Promise<BodyLimits> {
  const policy = await policyOf(service, party.id);
  const network = await findNetwork(service.database, party.networkId ?? '');
  const rows = Math.min(policy.rows, MOST_UNLOCK_ROWS);
  const columns = policy.mode === 'verified' ? inputSize(architectureOf(network)) : 0;
  const features = Math.min(rows * columns, MOST_FEATURES);
  return {
    maxBytes: JSON_LIMITS.maxBytes + rows * ROW_BYTES + features * FEATURE_BYTES,
    // Each row's features are a list as well.
    maxItems: JSON_LIMITS.maxItems + 2 * rows + features,
    mend: 'Ask for fewer rows at a time.',
  };
}
