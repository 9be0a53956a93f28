/** Training in a folder that joined a network: fetch what is new, train, sign, hand in. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import type { Me, ServedModel } from '../../protocol/service/types.ts';
import type { Console } from '../console.ts';
import { spacedWords } from '../format.ts';
import { type TrainOutcome, type TrainRequest, trainFile } from '../train-file.ts';
import { fetchFiles } from './fetch-files.ts';
import { type JoinedFolder, openJoinedFolder } from './joined-folder.ts';
import { ProgressReporter } from './progress-reporter.ts';
import { shortId } from './service-flags.ts';
import { keepRecord, submitTrained } from './submission.ts';

/** What the folder does not say itself. */
export interface JoinedRequest
  extends Pick<TrainRequest, 'threads' | 'fingerprint' | 'loadData' | 'training' | 'executor' | 'progress'> {
  readonly folder: string;
  /** Default: in the folder, named by the model. */
  readonly checkpoint: string | undefined;
  /** Hands the result in. */
  readonly submit: boolean;
}

export interface JoinedOutcome {
  readonly outcome: TrainOutcome;
  readonly out: string;
  /** What the owner's gates said; undefined where nothing was handed in. */
  readonly answer: ServedModel | undefined;
}

/** HermeticError as `trainFile`, and as the service answers. */
export async function trainJoined(console: Console, request: JoinedRequest): Promise<JoinedOutcome> {
  const joined = await openJoinedFolder(console, request.folder);
  const me = await joined.client.me({ signal: console.io.signal });
  const fetched = await fetchFiles(console, joined, me);
  if (fetched.length > 0 && request.progress === 'auto') console.note(`fetched from the owner: ${fetched.join(', ')}`);
  // Named by the model: one that comes under another key is another run.
  const kept = join(request.folder, `run-${shortId(me.model.id)}`);
  const outcome = await train(console, joined, me, { ...request, checkpoint: request.checkpoint ?? kept });
  await keepRecord(joined, me, outcome);
  // Whole, and signed for: the next run on this model may be another. A folder that the user named is the user's.
  if (request.checkpoint === undefined) await rm(kept, { recursive: true, force: true });
  const answer = request.submit ? await submitTrained(console, joined) : undefined;
  return { outcome, out: joined.paths.trained, answer };
}

async function train(console: Console, joined: JoinedFolder, me: Me, request: JoinedRequest): Promise<TrainOutcome> {
  const { paths, client, service } = joined;
  const reporter = new ProgressReporter(client);
  const { threads, fingerprint, loadData, training, executor, progress, checkpoint } = request;
  const alone = me.files.bootstrappingKeys !== undefined;
  const outcome = await trainFile(console, {
    model: paths.model,
    keys: paths.keys,
    threads,
    fingerprint,
    loadData,
    training,
    ...(executor && { executor }),
    progress,
    refresh: alone ? 'bootstrap' : new URL(service.url),
    bootstrappingKeys: alone ? paths.bootstrappingKeys : undefined,
    tokenFile: paths.token,
    checkpoint,
    out: paths.trained,
    listener: reporter.listener,
  });
  await reporter.finish();
  return outcome;
}

/** What came of handing a model in, for people. */
export function answerWords({ id, status, gates }: ServedModel): string {
  if (status !== 'refused') return `accepted as ${shortId(id)}`;
  const failed = gates.filter(({ passed }) => !passed).map(({ gate, detail }) => `${spacedWords(gate)}: ${detail}`);
  return `refused: ${failed.join('; ')}`;
}

/** HermeticError POLICY_DENIED where the owner's gates refused it. */
export function requireAccepted(answer: ServedModel | undefined): void {
  if (answer?.status !== 'refused') return;
  throw new HermeticError('POLICY_DENIED', `the owner's gates ${answerWords(answer)}`, {
    mend: 'Train anew: with a lower learning rate, more rows, or labels looked over.',
  });
}
