/** An owner and a trainer of the scheme of a name. */

import type { SchemeName } from '../../schemes/traits.ts';
import type { PartyOptions, SchemeParty } from './party.ts';

/** Makes keys, which takes seconds. */
export async function createParty(scheme: SchemeName, options: PartyOptions): Promise<SchemeParty> {
  switch (scheme) {
    case 'clear':
      return (await import('./clear-party.ts')).clearParty(options);
    case 'ckks':
      return await (await import('./ckks-party.ts')).ckksParty(options);
    case 'vector':
      return (await import('./vector-party.ts')).vectorParty(options);
    case 'bfv':
      return await (await import('./bfv-party.ts')).bfvParty(options);
    case 'yashe':
      return await (await import('./yashe-party.ts')).yasheParty(options);
  }
}
