/** What the owner's policy of unlocks (`owner/unlock-policy.ts`) works with here: files, keys, the two books. */
import { outputSize } from '../../nn/network.ts';
import { open } from '../../owner/seal.ts';
import { UnlockLedger } from '../../owner/unlock-ledger.ts';
import {
  approveUnlock,
  decideUnlock,
  misfitOf,
  type OwnedModel,
  type RowAccount,
  type UnlockDecision,
  type UnlockMeans,
} from '../../owner/unlock-policy.ts';
import { type ReadSealedPredictions, readSealedPredictions } from '../../protocol/sealed-predictions.ts';
import type { UnlockPolicy } from '../../protocol/service/types.ts';
import { type AuditNote, appendAudit } from '../store/audit-log.ts';
import type { NetworkRow } from '../store/tables.ts';
import { databaseUnlockBook } from '../store/unlock-book.ts';
import { type ServiceContext, transact } from './context.ts';
import { loadModel } from './models.ts';
import { parametersOf } from './parameter-sets.ts';
import { problem } from './problems.ts';
import { architectureOf } from './views.ts';

/** What is asked for, and who stands in the books for it. */
export interface UnlockWish {
  readonly id: string;
  readonly partyId: string;
  /** Who made it answered: a party's name where its policy did, else the owner. */
  readonly actor: string;
  readonly network: NetworkRow;
  readonly keyId: string;
  /** The file of predictions. */
  readonly sha256: string;
  readonly rows: readonly number[];
  readonly features?: readonly (readonly number[])[] | undefined;
  readonly policy: UnlockPolicy;
}

/** @throws HttpProblem 400 for a policy that cannot be carried out for this network's outputs */
export function checkPolicy({ release }: UnlockPolicy, network: NetworkRow): void {
  const misfit = misfitOf(release, outputSize(architectureOf(network)));
  if (misfit !== undefined) throw problem(400, 'BAD_ARGUMENT', misfit);
}

/** What the party's policy makes of a request. @throws HttpProblem; HermeticError BAD_FILE, WRONG_KEY, BAD_ARGUMENT */
export async function decide(service: ServiceContext, wish: UnlockWish): Promise<UnlockDecision> {
  return consider(service, wish, decideUnlock);
}

/** The answer that the owner approved, decrypted whatever the policy has become since. Errors as above. */
export async function approved(service: ServiceContext, wish: UnlockWish): Promise<UnlockDecision> {
  return consider(service, { ...wish, policy: { ...wish.policy, mode: 'quota' } }, approveUnlock);
}

async function consider(
  service: ServiceContext,
  wish: UnlockWish,
  decision: typeof decideUnlock,
): Promise<UnlockDecision> {
  const { keyId, rows, features, policy, partyId } = wish;
  const predictions = await readPredictions(service, wish);
  return service.keys.use(keyId, (keys) => {
    const means: UnlockMeans = {
      policy,
      keys,
      account: rowAccount(service, partyId),
      ledger: ledgerOf(service, wish),
      openedModel: (modelId) => openedModel(service, wish, modelId, keys),
    };
    return decision({ predictions, rows, features }, means);
  });
}

async function readPredictions(
  { store }: ServiceContext,
  { sha256, network, keyId }: UnlockWish,
): Promise<ReadSealedPredictions> {
  const parameters = await parametersOf(network.setName);
  const options = { parametersFor: () => parameters, onWarning: () => {} };
  const predictions = await store.blobs.with(sha256, (source) => readSealedPredictions(source, options));
  if (predictions.keyId !== keyId) {
    throw problem(409, 'WRONG_KEY', 'the predictions are sealed under another key than this party has', {
      mend: 'Fetch keys and model anew, and predict with those.',
    });
  }
  const outputs = outputSize(architectureOf(network));
  if (predictions.classes === outputs) return predictions;
  throw problem(400, 'BAD_FILE', 'these are predictions of another network', {
    expected: `${outputs} outputs`,
    got: `${predictions.classes}`,
  });
}

function rowAccount({ database }: ServiceContext, partyId: string): RowAccount {
  return {
    take: async (rows, limit) => {
      const { numUpdatedRows } = await database
        .updateTable('parties')
        .set((build) => ({ unlockRows: build('unlockRows', '+', rows) }))
        .where('id', '=', partyId)
        .where('unlockRows', '<=', limit - rows)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    giveBack: async (rows) => {
      await database
        .updateTable('parties')
        .set((build) => ({ unlockRows: build('unlockRows', '-', rows) }))
        .where('id', '=', partyId)
        .execute();
    },
  };
}

/** Every answer is an entry of the audit log, in the transaction that counts it. */
function ledgerOf(service: ServiceContext, wish: UnlockWish): UnlockLedger {
  const book = databaseUnlockBook(service.database, wish.keyId, (transaction, added) => {
    const bits = added.reduce((sum, answer) => sum + answer.bits, 0);
    return appendAudit(transaction, service.now(), useOf(wish, { bits }));
  });
  return new UnlockLedger(book);
}

function useOf({ id, actor, partyId, keyId, rows }: UnlockWish, more: { readonly bits: number }): AuditNote {
  return { actor, action: 'unlock', subject: id, details: { party: partyId, key: keyId, rows: rows.length, ...more } };
}

/** The owner's weights of a model that this party was given or that was accepted from it. */
async function openedModel(
  service: ServiceContext,
  wish: UnlockWish,
  modelId: string,
  keys: Parameters<typeof open>[1],
): Promise<OwnedModel | undefined> {
  const row = await service.database
    .selectFrom('models')
    .selectAll()
    .where('id', '=', modelId)
    .where('keyId', '=', wish.keyId)
    .where('status', '!=', 'refused')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const sealed = await loadModel(service, row.sha256, wish.network.setName);
  // Decrypted for the owner's eyes, predictions and weights: uses of the key all the same.
  await transact(service, (transaction) => appendAudit(transaction, service.now(), useOf(wish, { bits: 0 })));
  return open(sealed, keys);
}
