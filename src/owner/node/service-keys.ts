/** Key files of a service's store: their answers are counted in its database, and by nobody beside it. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';

/** In the folder of a store: its secret keys, and the file that says that it is one. */
export const STORE_KEYS = 'keys';
export const STORE_MARK = 'store-id';

/**
 * Refuses a key that a service answers with: a book or a budget of its own would let the key answer twice as much.
 * @param path of the key file, links followed
 * @throws HermeticError POLICY_DENIED
 */
export async function refuseServiceKey(path: string): Promise<void> {
  const folder = dirname(path);
  const store = dirname(folder);
  if (basename(folder) !== STORE_KEYS) return;
  const mark = await stat(join(store, STORE_MARK)).catch(() => undefined);
  if (mark === undefined) return;
  throw new HermeticError(
    'POLICY_DENIED',
    `this key belongs to the service in ${store}, which counts what it answers`,
    {
      mend:
        'Answer through the service: hermetic service approve, or a policy of the party. What nobody else sees may be ' +
        'opened here, with hermetic open or unlock --private.',
    },
  );
}
