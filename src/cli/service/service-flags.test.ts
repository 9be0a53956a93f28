import { describe, expect, it } from 'vitest';
import type { Overview } from '../../protocol/service/types.ts';
import { findNetwork, findParty } from './service-flags.ts';

const networks = ['aaaa0000', 'bbbb0000', 'cccc0000'].map((id, i) => ({ id, name: i < 2 ? 'churn' : 'signs' }));
const overview = { networks, parties: networks } as unknown as Overview;

describe('a name that several have', () => {
  it('is refused with the identifiers of those that have it, and with how to name one', () => {
    const message =
      "which network 'churn' is not clear; expected one of churn (aaaa0000), churn (bbbb0000). Name it by its identifier, " +
      'of which the first digits are enough, such as aaaa0000.';
    expect(() => findNetwork(overview, 'churn')).toThrow(message);
    expect(() => findParty(overview, 'churn')).toThrow(/^which party 'churn' is not clear; expected one of churn/);
    expect(findNetwork(overview, 'bbbb').id).toBe('bbbb0000');
  });

  it('lists all where none has it, or none is named', () => {
    expect(() => findNetwork(overview, 'zoo')).toThrow(/^there is no network 'zoo'; expected one of churn .*signs/);
    expect(() => findNetwork(overview, undefined)).toThrow(/^which network is not clear; expected one of .*signs/);
  });
});
