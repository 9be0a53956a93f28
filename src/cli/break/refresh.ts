/** `hermetic break refresh`: the reaction attack, on a refresh that checks a range and on the product's. */
import { keyFromReactions, question } from '../../attacks/refresh-key.ts';
import { HermeticError } from '../../base/errors.ts';
import { createRefreshService } from '../../owner/owner-refresh.ts';
import type { RefreshService } from '../../owner/refresh-service.ts';
import { memorySink } from '../../protocol/byte-source.ts';
import type { CiphertextRecord } from '../../protocol/ciphertext-record.ts';
import { toRecord } from '../../protocol/ckks-codec.ts';
import { writeRefreshRequest } from '../../protocol/refresh-message.ts';
import { blind } from '../../schemes/ckks/blinding.ts';
import { encryptPublic } from '../../schemes/ckks/public-encryption.ts';
import { formatCount } from '../format.ts';
import type { Progress } from '../progress.ts';
import { refreshExplanation } from './explanation.ts';
import { Telling } from './telling.ts';
import { type Trial, timed } from './trial.ts';
import type { BreakOptions } from './unlock.ts';
import { UNSAFE_BOUND, unsafeRefreshSaysOutOfRange } from './unsafe.ts';
import { makeVictim, type Victim } from './victim.ts';

export interface BreakRefreshOptions extends BreakOptions {
  /** Honest calls, and as many malicious ones, whose answers are compared. */
  readonly calls: number;
}

export interface Comparison {
  readonly calls: number;
  readonly startProgress?: () => Progress;
  readonly signal?: AbortSignal;
}

/** What anyone sees of an answer. */
export interface SeenAnswer {
  /** `ok`, or the code of the error. */
  readonly status: string;
  readonly bytes: number;
  /** Some bit of the ciphertext. */
  readonly bit: boolean;
}

export type AskRefresh = (record: CiphertextRecord) => Promise<SeenAnswer>;

/** Returns the exit code. */
export async function breakRefresh({ console, set, threads, calls }: BreakRefreshOptions): Promise<number> {
  const victim = await makeVictim(set, threads);
  try {
    const telling = new Telling(console, refreshExplanation);
    const { N } = victim.keys.context.ring;
    telling.open(set, N);
    telling.trial(await tryUnsafeRefresh(victim));
    const startProgress = (): Progress => telling.story.progress({ unit: 'call', total: 2 * calls });
    telling.trial(await tryRefreshService(victim, { calls, startProgress, signal: console.io.signal }));
    return telling.close(set, N);
  } finally {
    victim.dispose();
  }
}

export async function tryUnsafeRefresh(victim: Victim): Promise<Trial> {
  const { keys, target } = victim;
  const { context } = target;
  const { result, seconds } = await timed(() =>
    keyFromReactions({
      context,
      bound: UNSAFE_BOUND,
      reaction: async (record) => unsafeRefreshSaysOutOfRange(keys, record),
    }),
  );
  const { right, chance, opened } = victim.score(result.key);
  const { calls } = result;
  const facts = [
    'A refresh that lifts the integers, compares them with a bound, and says “out of range”.',
    `${(calls / context.ring.N).toFixed(2)} calls a coefficient; 5/3 are to be expected.`,
  ];
  return { against: 'unsafe', name: 'one bit a call', opened, right, chance, calls, seconds, asClaimed: opened, facts };
}

/** The same questions to the product, and `calls` answers to honest requests beside as many to malicious ones. */
export async function tryRefreshService(victim: Victim, comparison: Comparison): Promise<Trial> {
  const { calls } = comparison;
  const { context } = victim.target;
  const ask = askService(victim, createRefreshService(victim.keys, { budget: 2 ** 24 }));
  const honest = await ask(honestRequest(victim));
  const { result, seconds } = await timed(() =>
    keyFromReactions({
      context,
      bound: UNSAFE_BOUND,
      // Where nothing differs the attacker clutches at a bit of the answer.
      reaction: async (record) => {
        const seen = await ask(record);
        return seen.status !== honest.status || seen.bytes !== honest.bytes || seen.bit;
      },
    }),
  );
  const { right, chance, opened, atChance } = victim.score(result.key);
  const kinds = await compareAnswers(victim, ask, comparison);
  const same =
    kinds.honest.size === 1 && kinds.malicious.size === 1 && [...kinds.honest][0] === [...kinds.malicious][0];
  const facts = [
    `RefreshService answered ${formatCount(calls)} honest and ${formatCount(calls)} malicious requests: ` +
      (same ? `all “${[...kinds.honest][0]}”.` : `“${[...kinds.honest].join()}” and “${[...kinds.malicious].join()}”.`),
  ];
  const asClaimed = !opened && atChance && same;
  return {
    against: 'product',
    name: 'blinded refresh',
    opened,
    right,
    chance,
    calls: result.calls,
    seconds,
    asClaimed,
    facts,
  };
}

/** The different answers, by status and length, that requests of each kind got. */
export async function compareAnswers(
  victim: Victim,
  ask: AskRefresh,
  { calls, startProgress, signal }: Comparison,
): Promise<{ readonly honest: ReadonlySet<string>; readonly malicious: ReadonlySet<string> }> {
  const { context } = victim.target;
  const honest = new Set<string>();
  const malicious = new Set<string>();
  const note = (kinds: Set<string>, { status, bytes }: SeenAnswer): void => {
    kinds.add(`${status}, ${formatCount(bytes)} bytes`);
  };
  const progress = startProgress?.();
  try {
    for (let i = 0; i < calls; i++) {
      signal?.throwIfAborted();
      note(honest, await ask(honestRequest(victim)));
      const place = Math.floor(i / 2) % context.ring.N;
      note(malicious, await ask(question(context, UNSAFE_BOUND, place, i % 2 === 0 ? 1 : -1)));
      progress?.update(2 * (i + 1));
    }
  } finally {
    progress?.stop();
  }
  return { honest, malicious };
}

/** Requests as they are sent and answers as they arrive, byte for byte. */
export function askService({ keys }: Victim, service: RefreshService): AskRefresh {
  const { parameters, keyId } = keys;
  let count = 0;
  return async (record) => {
    const sink = memorySink();
    const call = `call-${String(count++).padStart(9, '0')}`;
    await writeRefreshRequest(sink, { run: 'run', step: 1, call, keyId, level: 1, records: [record] }, parameters);
    try {
      const answer = await service.answer('attacker', sink.bytes());
      return { status: 'ok', bytes: answer.length, bit: (answer[answer.length - BODY_BYTE] & 1) === 1 };
    } catch (error) {
      if (!(error instanceof HermeticError)) throw error;
      return { status: error.code, bytes: 0, bit: false };
    }
  };
}

/** Counted from the end: well inside the residues. */
const BODY_BYTE = 200;

/** A trainer's: masked and re-randomised. */
function honestRequest({ keys }: Victim): CiphertextRecord {
  const { context, publicKey } = keys;
  const weights = encryptPublic(context, publicKey, { re: Float64Array.of(0.5) }, 0);
  const blinding = blind(context, publicKey, [weights]);
  const record = toRecord(blinding.masked[0]);
  blinding.discard();
  weights.dispose();
  return record;
}
