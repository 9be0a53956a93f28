/** The refresh service of an owner's keys: see `refresh-service.ts`. */
import { fromRecord, toRecord } from '../protocol/ckks-codec.ts';
import type { OwnerKeys } from './owner-keys.ts';
import { type Reencryptor, RefreshService, type RefreshServiceOptions } from './refresh-service.ts';

export function createRefreshService(keys: OwnerKeys, options: RefreshServiceOptions = {}): RefreshService {
  return new RefreshService(reencryptor(keys), options);
}

/** What refreshes need of the owner's keys. */
export function reencryptor({ context, scheme, keyId, parameters }: OwnerKeys): Reencryptor {
  return {
    keyId,
    parameters,
    reencrypt: (records, level) =>
      records.map((record) => {
        const masked = fromRecord(context, record);
        const fresh = scheme.reencryptMasked(masked, level);
        const answer = toRecord(fresh);
        masked.dispose();
        fresh.dispose();
        return answer;
      }),
  };
}
