/** Unlocked predictions: the owner's policy (`owner/unlock-policy.ts`), with the books at the other end of the wire. */
import { open } from '../../owner/seal.ts';
import { type CountedKey, type UnlockAnswer, UnlockLedger } from '../../owner/unlock-ledger.ts';
import { approveUnlock, decideUnlock, type RowAccount, type UnlockMeans } from '../../owner/unlock-policy.ts';
import { type ReadSealedPredictions, readSealedPredictions } from '../../protocol/sealed-predictions.ts';
import { problem } from '../problems.ts';
import type { Argument, UnlockJob } from './jobs.ts';
import { loadModel } from './opening.ts';
import { parametersOf } from './parameter-sets.ts';
import type { Done, Room } from './room.ts';
import type { Ask } from './wire.ts';

/** What the caller answers meanwhile. */
export interface UnlockAsks {
  /** Adds rows to the party's account, where they stay within the limit. */
  readonly take: (rows: { readonly rows: number; readonly limit: number }) => Promise<boolean>;
  readonly giveBack: (rows: number) => Promise<void>;
  /**
   * Enters answers before the first is made, under all keys that they may tell of: that of the predictions, which are
   * decrypted, or those that this opened model went through. @throws HermeticError POLICY_DENIED
   */
  readonly charge: (told: { readonly answers: readonly UnlockAnswer[]; readonly modelId?: string }) => Promise<void>;
  /** The file of a model that the owner may open for this, which it notes; undefined where there is none. */
  readonly modelFile: (modelId: string) => Promise<string | undefined>;
}

export async function unlock(room: Room, wish: Argument<'unlock'>, ask: Ask): Done<'unlock'> {
  const { verb, keyId, set, rows, features, policy } = wish;
  const predictions = await readPredictions(room, wish);
  return room.keys.use(keyId, (keys) => {
    const means: UnlockMeans = {
      policy,
      keys,
      account: askedAccount(ask),
      ledger: new AskedLedger(ask),
      openedModel: async (modelId) => {
        const sha256 = (await ask('modelFile' satisfies keyof UnlockAsks, modelId)) as string | undefined;
        if (sha256 === undefined) return undefined;
        const { architecture, weights } = open(await loadModel(room, { sha256, set }), keys);
        const charge = async (answers: readonly UnlockAnswer[]): Promise<void> =>
          void (await ask('charge' satisfies keyof UnlockAsks, { answers, modelId }));
        return { architecture, weights, charge };
      },
    };
    return (verb === 'decide' ? decideUnlock : approveUnlock)({ predictions, rows, features }, means);
  });
}

async function readPredictions(
  { blobs }: Room,
  { sha256, set, keyId, outputs }: UnlockJob,
): Promise<ReadSealedPredictions> {
  const parameters = await parametersOf(set);
  const options = { parametersFor: () => parameters, onWarning: () => {} };
  const predictions = await blobs.with(sha256, (source) => readSealedPredictions(source, options));
  if (predictions.keyId !== keyId) {
    throw problem(409, 'WRONG_KEY', 'the predictions are sealed under another key than this party has', {
      mend: 'Fetch keys and model anew, and predict with those.',
    });
  }
  if (predictions.classes === outputs) return predictions;
  throw problem(400, 'BAD_FILE', 'these are predictions of another network', {
    expected: `${outputs} outputs`,
    got: `${predictions.classes}`,
  });
}

function askedAccount(ask: Ask): RowAccount {
  return {
    take: async (rows, limit) => (await ask('take' satisfies keyof UnlockAsks, { rows, limit })) as boolean,
    giveBack: async (rows) => void (await ask('giveBack' satisfies keyof UnlockAsks, rows)),
  };
}

/** The books are the caller's, who charges them as `UnlockLedger` does. */
class AskedLedger extends UnlockLedger {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    super();
    this.#ask = ask;
  }

  override async charge(_key: CountedKey, answers: readonly UnlockAnswer[]): Promise<void> {
    await this.#ask('charge' satisfies keyof UnlockAsks, { answers });
  }
}
