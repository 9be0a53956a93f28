import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { Spoiled } from './audit.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Unit } from './task.ts';
import type { AttemptView, UnitQueue, WorkerView } from './unit-queue.ts';
import type { UnitDone, UnitJob } from './units.ts';

const HASH = 'ab'.repeat(32);
const answer: UnitDone = {
  outputs: [{ blob: HASH, level: 1, scale: 2 ** 28 }],
  ms: { fetch: 0, compute: 1, store: 0 },
  bytes: { fetched: 0, stored: 0 },
};

/**
 * A clock that goes on by a millisecond whenever everybody waits: who is faster, late or out of sight is decided by the
 * times below, and not by what else the machine does.
 */
let pump: NodeJS.Immediate;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const tick = (): void => {
    vi.advanceTimersByTime(1);
    pump = setImmediate(tick);
  };
  pump = setImmediate(tick);
});
afterEach(() => {
  clearImmediate(pump);
  vi.useRealTimers();
});

interface Handed {
  readonly id: string;
  readonly worker: string;
  readonly at: number;
  cancelled: boolean;
}

/** Workers that take a given time, one unit after the other; `dies` and `silent` never answer. */
class Town implements UnitQueue {
  readonly handed: Handed[] = [];
  readonly people: Map<string, { ms: number; view: WorkerView; answer?: unknown }> = new Map();
  readonly quarantined: string[] = [];
  readonly forgotten: string[] = [];
  gone: Set<string> = new Set();

  person(id: string, ms: number, more: Partial<WorkerView> & { answer?: unknown } = {}): void {
    const { answer: says, ...view } = more;
    this.people.set(id, {
      ms,
      view: { id, name: id, rows: new Set(), bootstraps: false, refreshes: false, ...view },
      answer: says,
    });
  }
  async workers() {
    return [...this.people.values()]
      .map(({ view }) => view)
      .filter(({ id }) => !this.gone.has(id) && !this.quarantined.includes(id));
  }
  async submit(id: string, worker: string) {
    if (!this.handed.some((handed) => handed.id === id)) {
      this.handed.push({ id, worker, at: performance.now(), cancelled: false });
    }
  }
  #state(handed: Handed): AttemptView {
    const { id, worker } = handed;
    if (handed.cancelled) return { id, worker, state: 'failed', error: 'cancelled' };
    const person = this.people.get(worker);
    const own = this.handed.filter((other) => other.worker === worker && !other.cancelled);
    const done = (own.indexOf(handed) + 1) * (person?.ms ?? Number.POSITIVE_INFINITY);
    const begun = own[0]?.at ?? 0;
    if (!this.gone.has(worker) && performance.now() - begun > done) {
      return { id, worker, state: 'done', answer: person?.answer ?? answer };
    }
    return { id, worker, state: own.indexOf(handed) === 0 ? 'running' : 'waiting' };
  }
  async look(ids: readonly string[]) {
    return this.handed.filter(({ id }) => ids.includes(id)).map((handed) => this.#state(handed));
  }
  async find(prefix: string) {
    return this.handed.filter(({ id }) => id.startsWith(prefix)).map((handed) => this.#state(handed));
  }
  async cancel(ids: readonly string[]) {
    for (const handed of this.handed) if (ids.includes(handed.id)) handed.cancelled = true;
  }
  async forget(ids: readonly string[]) {
    this.forgotten.push(...ids);
  }
  async banned() {
    return this.quarantined;
  }
  async quarantine(worker: string) {
    this.quarantined.push(worker);
  }
  to(worker: string): Handed[] {
    return this.handed.filter((handed) => handed.worker === worker);
  }
}

function units(count: number, more: Partial<Unit> = {}): { list: Unit[]; accepted: string[] } {
  const accepted: string[] = [];
  const list = Array.from({ length: count }, (_, i): Unit => {
    const place = `0/sum/${i}`;
    const job: UnitJob = { kind: 'sum', run: HASH, terms: [[HASH]] };
    return { place, job, accept: async () => void accepted.push(place), ...more };
  });
  return { list, accepted };
}

const dispatch = (queue: UnitQueue, options: Partial<ConstructorParameters<typeof Dispatcher>[0]> = {}): Dispatcher =>
  new Dispatcher({ run: 'run', queue, graceMs: 1000, ...options });

describe('a dispatcher', () => {
  it('keeps all workers busy, the fast ones more, and has each unit done once', async () => {
    const town = new Town();
    town.person('quick', 5);
    town.person('slow', 60);
    const { list, accepted } = units(12);
    const dispatcher = dispatch(town);
    await dispatcher.run(list);
    expect(accepted.toSorted()).toEqual(list.map(({ place }) => place).toSorted());
    expect(town.to('quick').length).toBeGreaterThan(town.to('slow').length);
    await dispatcher.forget();
    expect(new Set(town.forgotten)).toEqual(new Set(town.handed.map(({ id }) => id)));
  });

  it('gives units only to those who hold the rows and can bootstrap', async () => {
    const town = new Town();
    town.person('first', 5, { rows: new Set(['a']) });
    town.person('second', 5, { rows: new Set(['b']), bootstraps: true });
    const dispatcher = dispatch(town);
    await dispatcher.run(units(3, { rows: 'a' }).list);
    expect(town.to('second')).toEqual([]);
    await dispatcher.run(units(1, { place: '0/refresh/0', bootstraps: true } as Partial<Unit>).list);
    expect(town.to('second')).toHaveLength(1);
  });

  it('hands a unit out again when its worker is gone, and when it is late', async () => {
    for (const reason of ['lost', 'late'] as const) {
      const town = new Town();
      town.person('bad', Number.POSITIVE_INFINITY);
      const again: string[] = [];
      const events = {
        again: (place: string, worker: string, why: string) => void again.push(`${place} ${worker} ${why}`),
      };
      const { list, accepted } = units(1);
      const running = dispatch(town, {
        ...(reason === 'late' ? { deadlineMs: 50, graceMs: 60_000 } : { deadlineMs: 60_000 }),
        events,
      }).run(list);
      await vi.waitUntil(() => town.to('bad').length > 0);
      town.person('good', 5);
      if (reason === 'lost') town.gone.add('bad');
      await running;
      expect(accepted).toEqual(['0/sum/0']);
      expect(again).toEqual([`0/sum/0 bad ${reason}`]);
    }
  });

  it('bans whoever answers with what is not accepted, and whatever else he says', async () => {
    const town = new Town();
    town.person('liar', 5, { answer: { outputs: 'none' } });
    town.person('honest', 15);
    const banned: string[] = [];
    const { list, accepted } = units(4);
    await dispatch(town, { events: { quarantined: (worker) => void banned.push(worker) } }).run(list);
    expect(banned).toEqual(['liar']);
    expect(town.quarantined).toEqual(['liar']);
    expect(accepted).toHaveLength(4);
  });

  it('goes on with what one before it had handed out, and takes nothing of it for a lie', async () => {
    const town = new Town();
    town.person('one', 5);
    const { list } = units(3);
    await dispatch(town).run(list);
    const handed = town.handed.length;
    const { list: same, accepted } = units(3);
    await dispatch(town).run(same);
    expect(accepted).toHaveLength(3);
    expect(town.handed).toHaveLength(handed);
    // Its blobs have been removed since.
    let tries = 0;
    const accept = async () => {
      if (tries++ === 0) throw new HermeticError('BAD_FILE', 'the blob is missing');
    };
    await dispatch(town).run(units(1, { accept }).list);
    expect(town.quarantined).toEqual([]);
    expect(town.handed).toHaveLength(handed + 1);
  });

  it('gives up when nobody can do a unit, and says what they said', async () => {
    const town = new Town();
    town.person('one', 5, { answer: { refused: 'no memory' } });
    town.person('two', 5, { answer: { refused: 'no memory' } });
    await expect(dispatch(town).run(units(1).list)).rejects.toThrow(/cannot do 0\/sum\/0 \(no memory\)/);
  });

  it('stops by its signal, and takes back what nobody needs', async () => {
    const town = new Town();
    town.person('one', Number.POSITIVE_INFINITY);
    const stop = new AbortController();
    const dispatcher = dispatch(town, { signal: stop.signal });
    const running = dispatcher.run(units(2).list);
    void vi.waitUntil(() => town.handed.length > 0).then(() => stop.abort());
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    await dispatcher.close();
    expect(town.handed.every(({ cancelled }) => cancelled)).toBe(true);
  });
});

describe('what a dispatcher does itself', () => {
  it('is a unit that no worker can do, where it knows how', async () => {
    const town = new Town();
    town.person('mute', Number.POSITIVE_INFINITY, { refreshes: true });
    const { list, accepted } = units(2, { refreshes: true, otherwise: async () => answer });
    const running = dispatch(town, { deadlineMs: 30 }).run(list);
    // One whose only worker is late, and one that nobody else takes.
    await running;
    expect(accepted).toHaveLength(2);
    expect(town.handed.every(({ worker }) => worker === 'mute')).toBe(true);
  });
});

describe('an audit', () => {
  const other = 'cd'.repeat(32);
  const lie: UnitDone = { ...answer, outputs: [{ ...answer.outputs[0], blob: other }] };

  it('has every answer computed by another worker, and finds nothing where all are honest', async () => {
    const town = new Town();
    for (const name of ['one', 'two', 'three']) town.person(name, 5);
    const { list, accepted } = units(6);
    await dispatch(town, { audit: 1 }).run(list);
    expect(accepted).toHaveLength(6);
    expect(town.handed).toHaveLength(12);
    for (const { place } of list) {
      const workers = town.handed.filter(({ id }) => id.startsWith(`run/${place}/`)).map(({ worker }) => worker);
      expect(new Set(workers).size).toBe(2);
    }
    expect(town.quarantined).toEqual([]);
  });

  it('of a share of the answers costs that share', async () => {
    const town = new Town();
    for (const name of ['one', 'two']) town.person(name, 0);
    for (let step = 0; step < 8; step++) {
      const dispatcher = dispatch(town, { run: `run${step}`, audit: 0.25 });
      await dispatcher.run(units(40).list);
    }
    // 80 of 320 expected, with a deviation of 8.
    expect(town.handed.length - 320).toBeGreaterThan(30);
    expect(town.handed.length - 320).toBeLessThan(130);
  });

  it('finds out a liar by the word of this process, and has its work of the step done anew', async () => {
    const town = new Town();
    town.person('liar', 1, { answer: lie });
    town.person('honest', 20);
    const lies: string[] = [];
    const given = new Map<string, UnitDone>();
    const { list } = units(6);
    const noted = list.map((unit) => ({ ...unit, accept: async (done: UnitDone) => void given.set(unit.place, done) }));
    const own = noted.map((unit) => ({ ...unit, here: async () => answer }));
    const lied = (worker: string, place: string, redone: number): void =>
      void lies.push(`${worker} ${redone > 0} ${place.startsWith('0/sum/')}`);
    const dispatcher = dispatch(town, { audit: 1, events: { lied } });
    await expect(dispatcher.run(own)).rejects.toThrow(Spoiled);
    await dispatcher.run(own);
    expect(lies).toEqual(['liar true true']);
    expect(town.quarantined).toEqual(['liar']);
    expect([...given.values()].every((done) => done.outputs[0].blob === HASH)).toBe(true);
    // The next coordinator trusts it no more either.
    given.clear();
    await dispatch(town).run(own);
    expect([...given.values()].every((done) => done.outputs[0].blob === HASH)).toBe(true);
  });

  it('that finds a lie spoils what the liar did before in the step, unless that was audited too', async () => {
    const town = new Town();
    town.person('liar', 1, { answer: lie });
    const draws = [0.9, 0.9, 0.1];
    const dispatcher = dispatch(town, { audit: 0.5, draw: () => draws.shift() ?? 0.9 });
    const phase = (place: string): readonly Unit[] => units(1, { place, here: async () => answer }).list;
    await dispatcher.run(phase('0/gradient/0'));
    await dispatcher.forget();
    await dispatcher.run(phase('1/gradient/0'));
    const caught = await dispatcher.run(phase('1/update/0')).catch((error: unknown) => error);
    expect(caught).toMatchObject({ places: ['1/gradient/0', '1/update/0'] });
  });

  it('that this process cannot judge is judged by what two of three say, or by nobody', async () => {
    const town = new Town();
    town.person('liar', 1, { answer: lie });
    town.person('one', 10);
    await expect(dispatch(town, { audit: 1 }).run(units(1).list)).rejects.toMatchObject({ code: 'CLUSTER' });
    expect(town.quarantined).toEqual([]);
    town.person('two', 20);
    const dispatcher = dispatch(town, { run: 'again', audit: 1 });
    await dispatcher.run(units(2).list).catch((error: unknown) => expect(error).toBeInstanceOf(Spoiled));
    await dispatcher.run(units(2).list);
    expect(town.quarantined).toEqual(['liar']);
  });

  it('bans whoever answered what nobody can have done, and this process does it in the end', async () => {
    const town = new Town();
    town.person('liar', 1, { answer: lie });
    town.person('honest', 20, { answer: { refused: 'that call was made already' } });
    const given = new Map<string, UnitDone>();
    const accept = async (done: UnitDone): Promise<void> => void given.set('0/sum/0', done);
    const { list } = units(1, { accept, here: async () => 'nobody', otherwise: async () => answer });
    const dispatcher = dispatch(town, { audit: 1 });
    await expect(dispatcher.run(list)).rejects.toThrow(Spoiled);
    await dispatcher.run(list);
    expect(town.quarantined).toEqual(['liar']);
    expect(given.get('0/sum/0')).toBe(answer);
  });

  it('that nobody can judge lets no answer stand where this process can give its own, nor when it comes again', async () => {
    const town = new Town();
    town.person('liar', 1, { answer: lie });
    const [given, replaced]: [UnitDone[], string[]] = [[], []];
    const accept = async (done: UnitDone): Promise<void> => void given.push(done);
    const { list } = units(1, { accept, here: async () => undefined, otherwise: async () => answer });
    const draws = [0.1];
    const events = { replaced: (place: string) => void replaced.push(place) };
    const dispatcher = dispatch(town, { audit: 0.5, draw: () => draws.shift() ?? 0.9, events });
    // Again, as after another worker's lie: the answer is found, and what was drawn once is still to be audited.
    for (let i = 0; i < 2; i++) {
      await dispatcher.run(list);
      expect(given.at(-1)).toBe(answer);
    }
    expect(replaced).toEqual(['0/sum/0', '0/sum/0']);
    expect(town.handed).toHaveLength(1);
    // What gave way spoils nothing any more.
    const next = units(1, { place: '0/update/0', here: async () => answer }).list;
    draws.push(0.1);
    await expect(dispatcher.run(next)).rejects.toMatchObject({ places: ['0/update/0'] });
  });

  it('by this process finds a liar that is alone, and says so where it cannot be done at all', async () => {
    const town = new Town();
    town.person('only', 1, { answer: lie });
    const unaudited: string[] = [];
    await dispatch(town, { audit: 1, events: { unaudited: (place) => void unaudited.push(place) } }).run(units(1).list);
    expect(unaudited).toEqual(['0/sum/0']);
    const own = units(1, { here: async () => answer, place: '1/sum/0' } as Partial<Unit>).list;
    await expect(dispatch(town, { audit: 1 }).run(own)).rejects.toThrow(Spoiled);
    expect(town.quarantined).toEqual(['only']);
  });
});
