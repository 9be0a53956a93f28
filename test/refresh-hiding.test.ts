/** What the owner's refresh tells the owner, a malicious trainer, and a trainer whose owner lies: nothing, nothing, nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OwnerKeys } from '../src/owner/owner-keys.ts';
import { createRefreshService } from '../src/owner/owner-refresh.ts';
import { open, seal } from '../src/owner/seal.ts';
import { memorySink, memorySource } from '../src/protocol/byte-source.ts';
import type { CiphertextRecord } from '../src/protocol/ciphertext-record.ts';
import { fromRecord, toRecord } from '../src/protocol/ckks-codec.ts';
import { readRefreshRequest, writeRefreshRequest } from '../src/protocol/refresh-message.ts';
import type { RefreshTransport } from '../src/protocol/refresh-transport.ts';
import type { ReadSealedModel } from '../src/protocol/sealed-model.ts';
import { add, multiplyMontgomery, toCoefficients } from '../src/ring/poly.ts';
import { blind } from '../src/schemes/ckks/blinding.ts';
import type { Ciphertext } from '../src/schemes/ckks/ciphertext.ts';
import { memoryCheckpoints } from '../src/trainer/checkpoint-store.ts';
import { fit as fitSealed } from '../src/trainer/fit.ts';
import type { FitOptions } from '../src/trainer/fit-options.ts';
import {
  largestDifference,
  mail,
  makeData,
  makeModel,
  makeParty,
  type Party,
  recipe,
  silent,
  twin,
} from './fixtures/sealed-round.ts';

let party: Party;
let stranger: Party;
let sealed: ReadSealedModel;
const model = makeModel();
const data = makeData();
beforeAll(async () => {
  [party, stranger] = [await makeParty(), await makeParty()];
  sealed = await mail(seal(model, party.owner, { batch: 16 }), party);
});
afterAll(() => {
  party.dispose();
  stranger.dispose();
});

const TOLERANCE = 2 ** -12;

function train(refresh: RefreshTransport, options: Partial<FitOptions> = {}) {
  const retry = { attempts: 3, retryDelayMs: 1 };
  return fitSealed(sealed, party.trainer, data, { recipe, refresh, retry, ...options });
}

async function weightsOf(run: ReturnType<typeof train>) {
  return open(await mail((await run).model, party), party.owner).weights;
}

/**
 * The integers that an owner sees, as it computes them: digits d_0 + q_0·d_1 + q_0·q_1·d_2 of (c0 + c1·s) mod q_0·q_1·q_2,
 * digit by digit as fractions of their primes.
 */
function seenByOwner({ context, secret }: OwnerKeys, ciphertext: Ciphertext): number[][] {
  const { ring, base, engine, baseLimbs } = context;
  const phase = add(ciphertext.c0, multiplyMontgomery(ciphertext.c1, secret.montgomery));
  const coefficients = toCoefficients(phase, baseLimbs);
  const digits = base.digits(coefficients);
  engine.flush();
  const words = engine.heap.u32(digits.first, baseLimbs * ring.N).slice();
  digits.release();
  for (const poly of [phase, coefficients]) poly.dispose();
  return Array.from({ length: baseLimbs }, (_, j) =>
    Array.from(words.subarray(j * ring.N, (j + 1) * ring.N), (digit) => digit / context.parameters.primes[j]),
  );
}

const BINS = 64;
/** A chi-square of 63 degrees of freedom exceeds this once in 10^12 tries. */
const UNLIKELY = 170;

function chiSquare(fractions: readonly number[]): number {
  const counts = new Float64Array(BINS);
  for (const fraction of fractions) counts[Math.floor(fraction * BINS)]++;
  const expected = fractions.length / BINS;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Digits that the owner sees of many blinded ciphertexts of the same weights, digit by digit. */
function digitsOf(weight: number): number[][] {
  const { owner, trainer } = party;
  const pooled: number[][] = [[], [], []];
  for (let i = 0; i < 24; i++) {
    const ciphertext = owner.scheme.encrypt({ re: Float64Array.of(weight), im: Float64Array.of(-weight) }, 0);
    const record = toRecord(ciphertext);
    const own = fromRecord(trainer.context, record);
    const blinding = blind(trainer.context, trainer.publicKey, [own]);
    const masked = fromRecord(owner.context, toRecord(blinding.masked[0]));
    for (const [j, digits] of seenByOwner(owner, masked).entries()) pooled[j].push(...digits);
    blinding.discard();
    for (const used of [ciphertext, own, masked]) used.dispose();
  }
  return pooled;
}

describe('the masked integers that the owner sees', () => {
  it.each([0, 1, -3, 1000])('are uniform, whatever the weights are (%d)', (weight) => {
    for (const digits of digitsOf(weight)) {
      expect(digits).toHaveLength(24 * 512);
      expect(chiSquare(digits)).toBeLessThan(UNLIKELY);
    }
  });

  it('would not be uniform without a mask', () => {
    const bare = party.owner.scheme.encrypt({ re: Float64Array.of(1) }, 0);
    expect(chiSquare(seenByOwner(party.owner, bare)[2])).toBeGreaterThan(10 * UNLIKELY);
    bare.dispose();
  });

  it('are fresh in every call', () => {
    const { trainer, owner } = party;
    const own = fromRecord(trainer.context, toRecord(owner.scheme.encrypt({ re: Float64Array.of(1) }, 0)));
    const [one, two] = [0, 1].map(() => {
      const blinding = blind(trainer.context, trainer.publicKey, [own]);
      const seen = seenByOwner(owner, fromRecord(owner.context, toRecord(blinding.masked[0])));
      blinding.discard();
      return seen;
    });
    const differences = one[2].map((digit, i) => (digit - two[2][i] + 1) % 1);
    expect(chiSquare(differences)).toBeLessThan(UNLIKELY);
  });

  it('are all that a request holds: level 0, no seed, the same size for all weights', async () => {
    const sizes = new Set<number>();
    const service = createRefreshService(party.owner);
    await train(async (request) => {
      sizes.add(request.length);
      const message = await readRefreshRequest(memorySource(request), party.owner.parameters, {
        ...silent,
        maxRecords: 64,
      });
      expect(message.records.every(({ level, seed }) => level === 0 && seed === undefined)).toBe(true);
      return service.answer('trainer', request);
    });
    // With velocities, and without them after the last step.
    expect(sizes.size).toBe(2);
  });
});

describe('the answers of the owner', () => {
  /** A request that asks about these integers. */
  async function request(records: readonly CiphertextRecord[], call: string): Promise<Uint8Array> {
    const { parameters, keyId } = party.owner;
    const sink = memorySink();
    await writeRefreshRequest(sink, { run: 'run', step: 1, call, keyId, level: 3, records }, parameters);
    return sink.bytes();
  }

  it('are alike for honest and for malicious requests: always success, always as long', async () => {
    const { owner } = party;
    const service = createRefreshService(owner);
    const honest = owner.scheme.encrypt({ re: Float64Array.of(1) }, 0);
    const { polynomials: _, seed: __, ...shape } = toRecord(honest);
    const record = (fill: (prime: number, i: number) => number): CiphertextRecord => {
      const { N, primes } = owner.context.parameters;
      const words = () => Uint32Array.from({ length: 3 * N }, (_, i) => fill(primes[Math.floor(i / N)], i % N));
      return { ...shape, polynomials: [words(), words()] };
    };
    const kinds = [
      record(() => 0),
      record((prime) => prime - 1),
      record((prime) => prime >> 1),
      record((_, i) => Number(i === 0)),
      record((prime, i) => (Math.imul(i + 1, 2654435761) % (prime >> 1)) & 0x7ffffff),
    ];
    const lengths = new Set<number>();
    for (let i = 0; i < 200; i++) {
      lengths.add((await service.answer('x', await request([kinds[i % kinds.length]], `c${i}`.padEnd(8, '.')))).length);
    }
    expect(lengths.size).toBe(1);
  });

  it('are fresh encryptions: two calls about the same integers have nothing in common', async () => {
    const { owner, trainer } = party;
    const service = createRefreshService(owner);
    const own = fromRecord(trainer.context, toRecord(owner.scheme.encrypt({ re: Float64Array.of(1) }, 0)));
    const blinding = blind(trainer.context, trainer.publicKey, [own]);
    const records = [toRecord(blinding.masked[0])];
    const [one, two] = [
      await service.answer('x', await request(records, 'a')),
      await service.answer('x', await request(records, 'b')),
    ];
    const tail = (bytes: Uint8Array) => Buffer.from(bytes.subarray(bytes.length - 12_000, bytes.length - 64));
    let equal = 0;
    for (const [i, byte] of tail(one).entries()) equal += Number(byte === tail(two)[i]);
    expect(equal / tail(one).length).toBeLessThan(0.1);
  });
});

describe('requests that are dropped, doubled or reordered', () => {
  it('change nothing', async () => {
    const service = createRefreshService(party.owner);
    const sent: Uint8Array[] = [];
    let turn = 0;
    const network: RefreshTransport = async (request) => {
      sent.push(request);
      turn++;
      if (turn % 3 === 1) throw new TypeError('the request was lost');
      const answer = await service.answer('trainer', request);
      if (turn % 3 === 2) throw new TypeError('the answer was lost');
      // Doubled, and an old one late.
      await Promise.all([service.answer('trainer', request), service.answer('trainer', sent[0])]);
      return answer;
    };
    expect(largestDifference(await weightsOf(train(network)), twin(model, data))).toBeLessThan(TOLERANCE);
    expect(service.account('trainer').calls).toBe(3);
    expect(turn).toBe(9);
  });
});

describe('an owner who lies', () => {
  const cases: [string, (honest: RefreshTransport, theirs: RefreshTransport) => RefreshTransport, string?][] = [
    ['with nonsense', () => async () => new TextEncoder().encode('<!doctype html><p>Log in')],
    ['with nothing', () => async () => new Uint8Array(0)],
    ['by cutting answers short', (honest) => async (r, o) => (await honest(r, o)).subarray(0, -50)],
    [
      'with the answer to an earlier call',
      (honest) => {
        let first: Uint8Array | undefined;
        return async (r, o) => (first ??= await honest(r, o));
      },
    ],
    ['by holding another key', (_, theirs) => theirs, 'WRONG_KEY'],
  ];

  it.each(cases)('%s is found out, and what was learned is kept', async (_, lie, code = 'REFRESH_FAILED') => {
    const services = [party, stranger].map(({ owner }) => createRefreshService(owner));
    const [honest, theirs] = services.map(
      (service): RefreshTransport =>
        (r) =>
          service.answer('trainer', r),
    );
    const store = memoryCheckpoints();
    await expect(train(lie(honest, theirs), { checkpoint: store })).rejects.toMatchObject({
      code,
      mend: expect.any(String),
    });
    const weights = await weightsOf(train(honest, { checkpoint: store }));
    expect(largestDifference(weights, twin(model, data))).toBeLessThan(TOLERANCE);
  });

  it('by changing what it decrypted, makes a network that does not pass for weights', async () => {
    const service = createRefreshService(party.owner);
    const evil = createRefreshService({
      ...party.owner,
      scheme: new Proxy(party.owner.scheme, {
        get: (target, name) =>
          name === 'reencryptMasked'
            ? (_: Ciphertext, level: number) => target.encrypt({ re: Float64Array.of(0) }, level)
            : Reflect.get(target, name).bind(target),
      }),
    });
    let calls = 0;
    const run = train((request) => (++calls < 3 ? service : evil).answer('trainer', request));
    await expect(weightsOf(run)).rejects.toMatchObject({ code: 'DIVERGED' });
  });
});
