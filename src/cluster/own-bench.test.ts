/** A worker that lies about a call to the owner, and the coordinator that judges it with the owner's own books before it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeParty, type Party } from '../../test/fixtures/sealed-round.ts';
import { createRefreshService } from '../owner/owner-refresh.ts';
import { fromRecord } from '../protocol/ckks-codec.ts';
import { isOtherRequest } from '../protocol/refresh-transport.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { refreshByOwner } from '../trainer/owner-refresher.ts';
import { type RefreshExchange, refreshExchange } from '../trainer/refresh-exchange.ts';
import { Spoiled } from './audit.ts';
import { type BlobStore, blobName } from './blob-store.ts';
import { ciphertextOf, decodeCiphertext, encodeCiphertext } from './ciphertext-blob.ts';
import { Inspector } from './inspector.ts';
import { OwnBench } from './own-bench.ts';
import { callSecrets } from './owner-refresh.ts';
import type { Task } from './task.ts';
import type { UnitDone, UnitJob } from './units.ts';
import type { Workbench } from './workbench.ts';

const [LEVEL, STEP] = [4, 3];
let party: Party;
beforeAll(async () => {
  party = await makeParty();
});
afterAll(() => party.dispose());

function storeOf(): BlobStore {
  const held = new Map<string, Uint8Array>();
  return {
    put: async (bytes) => {
      const name = await blobName(bytes);
      held.set(name, bytes);
      return name;
    },
    get: async (name) => held.get(name)!,
    remove: async () => {},
  };
}

const sealed = (value: number): Ciphertext =>
  ciphertextOf(
    party.trainer,
    encodeCiphertext(party.owner, party.owner.scheme.encrypt({ re: Float64Array.of(value) }, 1)),
  );

function benchOf(exchange: RefreshExchange, blobs: BlobStore): Workbench {
  const held = new Map<string, Ciphertext>();
  const cache = {
    get: (name: string) => held.get(name),
    put: (name: string, made: Ciphertext) => void held.set(name, made),
    trim: () => {},
  };
  const bench = { keys: party.trainer, bootstrapping: undefined, exchange, blobs, cache, shard: () => undefined };
  return { ...bench, run: { freshLevel: LEVEL } } as unknown as Workbench;
}

/** One ciphertext, a call to the owner for it, and who may be asked. */
async function scene(remembered: number = 4) {
  const { trainer } = party;
  const { parameters, keyId } = trainer;
  const blobs = storeOf();
  const service = createRefreshService(party.owner, { budget: 8, remembered });
  const exchange = refreshExchange({
    parameters,
    keyId,
    run: 'r',
    transport: (request) => service.answer('trainer', request),
    attempts: 1,
  });
  const truth = sealed(0.5);
  const secret = new Uint8Array(32).fill(7);
  const job = {
    kind: 'owner-refresh',
    run: 'ab'.repeat(32),
    step: STEP,
    secret: await blobs.put(secret),
    members: [await blobs.put(encodeCiphertext(trainer, truth))],
  } as const;
  const ask = async (ciphertext: Ciphertext, name?: string): Promise<UnitDone> => {
    const call = { step: STEP, level: LEVEL, ...(name !== undefined && { name }) };
    const [{ level, scale }, blob] = await refreshByOwner(trainer, exchange, [ciphertext], call).then(
      async ([fresh]) => [fresh, await blobs.put(encodeCiphertext(trainer, fresh))] as const,
    );
    return { outputs: [{ blob, level, scale }], ms: { fetch: 0, compute: 0, store: 0 }, bytes: NONE };
  };
  const { name } = await callSecrets(secret, job);
  const own = new OwnBench(benchOf(exchange, blobs));
  const opened = async ({ outputs }: UnitDone): Promise<number> => {
    const record = decodeCiphertext(party.owner, await blobs.get(outputs[0].blob, 2 ** 24));
    return party.owner.scheme.decrypt(fromRecord(party.owner.context, record)).re[0];
  };
  return { blobs, exchange, job, truth, name, ask, own, opened };
}
const NONE = { fetched: 0, stored: 0 };

/** A unit that a worker has answered, audited by the coordinator alone. */
async function audited(job: UnitJob, own: OwnBench, answer: UnitDone, otherwise: () => Promise<UnitDone>) {
  const events: string[] = [];
  const accepted: UnitDone[] = [answer];
  const say = (what: string) => (who: string) => void events.push(`${what} ${who}`);
  const inspector = new Inspector(
    { others: () => ({ able: [], free: [] }), handOut: async () => {}, ban: async (worker) => say('ban')(worker) },
    { audit: 1, events: { lied: say('lied'), unaudited: say('unaudited'), replaced: say('replaced') } },
  );
  const accept = async (done: UnitDone): Promise<void> => void accepted.push(done);
  const unit = { place: `${STEP}/owner-refresh/0`, job, here: () => own.judge(job), otherwise, accept };
  const task: Task = { unit, name: 'n', attempts: new Set(), refusedBy: new Set(), handedOut: 1, done: true };
  inspector.note(task, 'worker', answer);
  const thrown = await inspector.inspect([task]).catch((error: unknown) => error);
  return { events, accepted, thrown, task };
}

describe('the audit of a call to the owner', () => {
  it('bans a worker that made the call with other ciphertexts, though nobody can make it again', async () => {
    const { job, name, ask, own } = await scene();
    const lie = await ask(sealed(9), name);
    expect(await own.judge(job)).toBe('nobody');
    const { events, thrown, task } = await audited(job, own, lie, () => own.do(job));
    expect(events).toEqual(['ban worker', 'lied worker']);
    expect(thrown).toBeInstanceOf(Spoiled);
    expect((thrown as Spoiled).places).toEqual([task.unit.place]);
    own.dispose();
  });

  it('bans a worker that made a call of its own instead', async () => {
    const { job, ask, own } = await scene();
    const { events, thrown } = await audited(job, own, await ask(sealed(9)), () => own.do(job));
    expect(events).toEqual(['ban worker', 'lied worker']);
    expect(thrown).toBeInstanceOf(Spoiled);
  });

  it('finds nothing in an honest answer', async () => {
    const { job, own, exchange, blobs } = await scene();
    const answer = await new OwnBench(benchOf(exchange, blobs)).do(job);
    const { events, thrown, accepted } = await audited(job, own, answer, () => own.do(job));
    expect([events, thrown, accepted]).toEqual([[], undefined, [answer]]);
  });

  it('replaces what it cannot judge, for the owner keeps his answer no longer, and blames nobody', async () => {
    const { job, truth, ask, own, exchange, blobs, opened } = await scene(1);
    await new OwnBench(benchOf(exchange, blobs)).do(job);
    // The right call and a wrong answer: what came of another call, for which the owner let go of the first one's.
    const lie = await ask(sealed(9));
    expect(await own.judge(job)).toBeUndefined();
    const { events, thrown, accepted, task } = await audited(job, own, lie, () => ask(truth));
    expect([events, thrown, task.inspection]).toEqual([[`replaced ${task.unit.place}`], undefined, undefined]);
    expect(accepted).toHaveLength(2);
    expect(await opened(accepted[1])).toBeCloseTo(0.5, 2);
  });
});

describe('the words of an owner', () => {
  it('tell a name that went to another request from an answer that is kept no longer', async () => {
    const { truth, name, ask } = await scene(1);
    await ask(sealed(9), name);
    const other = await ask(truth, name).catch((error: unknown) => error);
    expect(isOtherRequest(other)).toBe(true);
    expect(isOtherRequest(new Error((other as Error).message))).toBe(false);
  });
});
