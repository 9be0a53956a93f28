/** Rule 2 at full count: ten thousand honest and ten thousand malicious refreshes are answered alike. */
import { expect, it } from 'vitest';
import { tryRefreshService } from '../../src/cli/break/refresh.ts';
import { makeVictim } from '../../src/cli/break/victim.ts';

it('10,000 malicious refreshes are answered as 10,000 honest ones, and tell nothing of the key', async () => {
  const victim = await makeVictim('insecure-9-1-1', 1);
  try {
    const trial = await tryRefreshService(victim, { calls: 10_000 });
    expect(trial).toMatchObject({ against: 'product', opened: false, asClaimed: true });
  } finally {
    victim.dispose();
  }
});
