/** A trainer asks for predictions, row by row, and waits for the owner's answer where it must. */

import { HermeticError } from '../../base/errors.ts';
import type { ServiceClient } from '../../client/service-client.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { FeatureSettings } from '../../data/settings.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import { readSealedModel } from '../../protocol/sealed-model.ts';
import type { UnlockView } from '../../protocol/service/types.ts';
import type { Console } from '../console.ts';
import { featureSettingsOf } from '../model-files.ts';
import { loadTrainerKeys } from '../train-file.ts';
import { type JoinedFolder, openJoinedFolder } from './joined-folder.ts';
import { shortId } from './service-flags.ts';
import { uploadFile } from './submission.ts';

export interface UnlockRequestOptions {
  readonly folder: string;
  readonly predictions: string;
  readonly rows: readonly number[];
  /** The rows of these predictions; for owners who compute them themselves. */
  readonly loadData: ((settings: FeatureSettings) => Promise<Dataset>) | undefined;
  readonly wait: boolean;
  /** Asks once more where the owner denied these rows. */
  readonly again: boolean;
}

export interface UnlockOutcome {
  readonly unlock: UnlockView;
  readonly classNames: readonly string[];
}

/** HermeticError as the service answers; POLICY_DENIED where the owner denies; BAD_ARGUMENT where features are needed. */
export async function requestUnlock(console: Console, options: UnlockRequestOptions): Promise<UnlockOutcome> {
  const joined = await openJoinedFolder(console, options.folder);
  const { client } = joined;
  const { signal } = console.io;
  const { party } = await client.me({ signal });
  const settings = await settingsOf(console, joined);
  const features = await featuresFor(console, options, settings, party.unlocks?.policy.mode === 'verified');
  const upload = await uploadFile(console, joined, 'predictions', options.predictions);
  const asked = await client.requestUnlock(
    { uploadId: upload.id, rows: options.rows, again: options.again, ...(features && { features }) },
    { signal },
  );
  const unlock = options.wait ? await untilDecided(console, client, asked) : asked;
  if (unlock.status !== 'denied') return { unlock, classNames: settings.label.classes };
  throw new HermeticError('POLICY_DENIED', `the owner denied the request ${shortId(unlock.id)}`, {
    ...(unlock.reason !== undefined && { got: JSON.stringify(unlock.reason) }),
    mend: 'Talk to the owner; --again asks once more for these rows.',
  });
}

async function featuresFor(
  console: Console,
  { loadData, rows }: UnlockRequestOptions,
  settings: FeatureSettings,
  verified: boolean,
): Promise<number[][] | undefined> {
  if (loadData === undefined) {
    if (!verified) return undefined;
    throw new HermeticError('BAD_ARGUMENT', 'this owner answers from the opened model, and needs the rows themselves', {
      mend: 'Give --data with the rows that were predicted; they leave this machine then.',
    });
  }
  if (!verified) {
    console.note('the owner does not ask for the rows themselves: they stay here');
    return undefined;
  }
  console.warn(`the features of ${rows.length} rows are sent to the owner`);
  const { features } = await loadData(settings);
  const missing = rows.find((row) => row >= features.rows);
  if (missing !== undefined) {
    throw new HermeticError('BAD_ARGUMENT', `there is no row ${missing}`, { expected: `0 to ${features.rows - 1}` });
  }
  const dense = new Float32Array(rows.length * features.columns);
  features.densify(Uint32Array.from(rows), dense);
  return rows.map((_, i) => Array.from(dense.subarray(i * features.columns, (i + 1) * features.columns)));
}

async function settingsOf(console: Console, { paths }: JoinedFolder): Promise<FeatureSettings> {
  const keys = await loadTrainerKeys(console, paths.keys, { threads: 1 });
  try {
    const model = await withFileSource(paths.model, (source) =>
      readSealedModel(source, { parametersFor: () => keys.parameters, onWarning: () => {} }),
    );
    return featureSettingsOf(model, paths.model);
  } finally {
    keys.dispose();
  }
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

async function untilDecided(console: Console, client: ServiceClient, asked: UnlockView): Promise<UnlockView> {
  const { signal } = console.io;
  let unlock = asked;
  if (unlock.status === 'pending') console.note(`request ${shortId(unlock.id)} waits for the owner …`);
  for (let ms = FIRST_PAUSE_MS; unlock.status === 'pending'; ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
    const { pause } = await import('../../base/pause.ts');
    await pause(ms, signal);
    unlock = await client.unlockStatus(unlock.id, { signal });
  }
  return unlock;
}
