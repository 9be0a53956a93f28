/** What the owner's policy of unlocks (`owner/unlock-policy.ts`) works with here: files, keys, the two books. */
import { outputSize } from '../../nn/network.ts';
import { misfitOf, type UnlockDecision } from '../../owner/unlock-policy.ts';
import type { UnlockPolicy } from '../../protocol/service/types.ts';
import { problem } from '../problems.ts';
import { type AuditNote, appendAudit } from '../store/audit-log.ts';
import type { ModelRow, NetworkRow } from '../store/tables.ts';
import type { UnlockJob } from '../vault/jobs.ts';
import type { UnlockAsks } from '../vault/unlocking.ts';
import { carriedKeys, chargeKeys } from './charging.ts';
import { type ServiceContext, transact } from './context.ts';
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
  return consider(service, wish, 'decide');
}

/** The answer that the owner approved, decrypted whatever the policy has become since. Errors as above. */
export async function approved(service: ServiceContext, wish: UnlockWish): Promise<UnlockDecision> {
  return consider(service, { ...wish, policy: { ...wish.policy, mode: 'quota' } }, 'approve');
}

async function consider(service: ServiceContext, wish: UnlockWish, verb: UnlockJob['verb']): Promise<UnlockDecision> {
  const { keyId, sha256, network, rows, features, policy } = wish;
  const outputs = outputSize(architectureOf(network));
  const job = { verb, keyId, sha256, set: network.setName, outputs, rows, features, policy };
  return service.vault.run('unlock', job, { answers: { ...booksOf(service, wish) } });
}

/** What the vault asks for before it answers. */
function booksOf(service: ServiceContext, wish: UnlockWish): UnlockAsks {
  return {
    ...rowAccount(service, wish.partyId),
    charge: (told) => charge(service, wish, told),
    modelFile: (modelId) => modelFile(service, wish, modelId),
  };
}

function rowAccount({ database }: ServiceContext, partyId: string): Pick<UnlockAsks, 'take' | 'giveBack'> {
  return {
    take: async ({ rows, limit }) => {
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
async function charge(
  service: ServiceContext,
  wish: UnlockWish,
  { answers, modelId }: Parameters<UnlockAsks['charge']>[0],
): Promise<void> {
  const { keyId } = wish;
  const carried = await carriedKeys(service.database, keyId);
  const own = modelId === undefined || (await findOpened(service, wish, modelId))?.status !== 'sealed';
  const keys = own ? [keyId, ...carried] : carried;
  if (keys.length === 0) return;
  await chargeKeys(service, keys, answers, (transaction, bits) =>
    appendAudit(transaction, service.now(), useOf(wish, { bits })),
  );
}

function useOf({ id, actor, partyId, keyId, rows }: UnlockWish, more: { readonly bits: number }): AuditNote {
  return { actor, action: 'unlock', subject: id, details: { party: partyId, key: keyId, rows: rows.length, ...more } };
}

/** The file of a model that this party was given or that was accepted from it. */
async function modelFile(service: ServiceContext, wish: UnlockWish, modelId: string): Promise<string | undefined> {
  const row = await findOpened(service, wish, modelId);
  if (row === undefined) return undefined;
  // Decrypted for the owner's eyes, predictions and weights: uses of the key all the same.
  await transact(service, (transaction) => appendAudit(transaction, service.now(), useOf(wish, { bits: 0 })));
  return row.sha256;
}

function findOpened(
  { database }: ServiceContext,
  { keyId }: UnlockWish,
  modelId: string,
): Promise<ModelRow | undefined> {
  return database
    .selectFrom('models')
    .selectAll()
    .where('id', '=', modelId)
    .where('keyId', '=', keyId)
    .where('status', '!=', 'refused')
    .executeTakeFirst();
}
