import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { largestDifference, mail, makeData, makeModel, recipe, silent } from '../../test/fixtures/sealed-round.ts';
import { putTogether, takeApart } from '../../test/vectors/format-v1/fixture.ts';
import { HermeticError } from '../base/errors.ts';
import { Bootstrapper } from '../circuits/bootstrapping.ts';
import { bootstrappingKeyNames, collectKeys, type KeyName } from '../circuits/bootstrapping-keys.ts';
import { planBootstrapping } from '../circuits/bootstrapping-plan.ts';
import { generateBootstrappingKeys } from '../circuits/secret/bootstrapping-keys.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { batches } from '../nn/feature-rows.ts';
import { planRefreshPacking } from '../nn/sealed/refresh-packing.ts';
import { trainInTheClear } from '../nn/twin.ts';
import { writeBootstrappingKeys } from '../owner/bootstrapping-keys.ts';
import { writeTrainerKeys } from '../owner/key-file.ts';
import { type CreatedKeys, createKeys } from '../owner/owner-keys.ts';
import { open, seal } from '../owner/seal.ts';
import { openBootstrappingKeys, writeBootstrappingKeys as writeKeys } from '../protocol/bootstrapping-keys.ts';
import { type ByteSource, memorySink, memorySource } from '../protocol/byte-source.ts';
import { readCheckpoint } from '../protocol/checkpoint.ts';
import { decodeFixedHeader, FIXED_HEADER_BYTES } from '../protocol/container-layout.ts';
import { inspectFile } from '../protocol/inspect.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import { truncate } from '../ring/poly.ts';
import type { SwitchingKey } from '../rlwe/keys.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { type Ciphertext, copyTo } from '../schemes/ckks/ciphertext.ts';
import { type Bootstrapping, type ReadBootstrappingOptions, readBootstrappingKeys } from './bootstrapping.ts';
import { type CheckpointStore, memoryCheckpoints } from './checkpoint-store.ts';
import { fit as fitSealed } from './fit.ts';
import type { FitOptions } from './fit-options.ts';
import { readTrainerKeys, type TrainerKeys } from './trainer-keys.ts';

/** 128 slots, nine levels. */
const SET = 'insecure-b8-9-9';
const SLOTS = 128;
/** Of slots of magnitude 8. */
const SLOT_TOLERANCE = 2 ** -15;

interface Party {
  readonly owner: CreatedKeys;
  readonly trainer: TrainerKeys;
}

async function makeParty(set: string): Promise<Party> {
  const owner = await createKeys({ set, threads: 1 });
  const sink = memorySink();
  await writeTrainerKeys(sink, owner);
  return { owner, trainer: await readTrainerKeys(memorySource(sink.bytes()), { ...silent, threads: 1 }) };
}

async function bootstrappingFile({ owner }: Party, slots?: number): Promise<Uint8Array> {
  const sink = memorySink();
  await writeBootstrappingKeys(sink, owner, { threads: 1, ...(slots !== undefined && { slots }) });
  return sink.bytes();
}

const read = (file: Uint8Array, { trainer }: Party, options: ReadBootstrappingOptions = {}): Promise<Bootstrapping> =>
  readBootstrappingKeys(memorySource(file), trainer, { ...silent, threads: 1, ...options });

let party: Party;
let other: Party;
let file: Uint8Array;
let bootstrapping: Bootstrapping;
beforeAll(async () => {
  [party, other] = [await makeParty(SET), await makeParty(SET)];
  file = await bootstrappingFile(party);
  bootstrapping = await read(file, party);
});
afterAll(() => {
  bootstrapping.dispose();
  for (const { owner, trainer } of [party, other]) for (const keys of [owner, trainer]) keys.dispose();
});

/** The error with which something is refused. */
async function refusal(work: Promise<unknown>): Promise<HermeticError> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof HermeticError) return outcome;
  throw outcome ?? new Error('nothing was refused');
}

const wave = Float64Array.from({ length: SLOTS }, (_, i) => 8 * Math.sin(3 * i));

function sample({ owner, trainer }: Party): Ciphertext {
  const sealed = owner.scheme.encrypt({ re: wave, im: wave.toReversed() }, 0);
  const outside = copyTo(trainer.context.ring, sealed);
  sealed.dispose();
  return outside;
}

const nameOf = ({ use, galois }: KeyName): string => `${use}:${galois}`;

const residues = ({ c0, c1 }: Ciphertext): Buffer =>
  Buffer.concat([c0, c1].flatMap((poly) => poly.limbs.map((_, j) => Buffer.from(poly.read(j).buffer))));

/** Residues after a bootstrapping; nothing is left in memory. */
function refreshed(by: Bootstrapping, ciphertext: Ciphertext): Buffer {
  const result = by.bootstrap(ciphertext);
  const bytes = residues(result);
  result.dispose();
  return bytes;
}

describe('bootstrapping keys in a file', () => {
  it('renew levels, and the owner finds the same slots', () => {
    const ciphertext = sample(party);
    const stages: string[] = [];
    const result = bootstrapping.bootstrap(ciphertext, (stage) => stages.push(stage));
    expect(stages).toEqual(['slotsToCoeffs', 'modRaise', 'coeffsToSlots', 'evalMod']);
    expect([bootstrapping.slots, result.level]).toEqual([SLOTS, party.trainer.context.maxLevel]);
    const { re, im } = party.owner.scheme.decrypt(copyTo(party.owner.context.ring, result));
    wave.forEach((value, i) => {
      expect(Math.abs(re[i] - value)).toBeLessThan(SLOT_TOLERANCE);
      expect(Math.abs(im[i] - wave[SLOTS - 1 - i])).toBeLessThan(SLOT_TOLERANCE);
    });
    for (const c of [ciphertext, result]) c.dispose();
  });

  it('bootstrap bit for bit as the keys in memory that they were written from', async () => {
    const context = new BootstrappingContext(party.owner.context.parameters, await createEngine({ threads: 1 }));
    const plan = planBootstrapping(context.parameters);
    const orders = bootstrappingKeyNames(context, [plan]).map((name, i) => ({
      name,
      seed: new Uint8Array(32).fill(i),
    }));
    const secret = SecretKey.fromBytes(context, party.owner.secret.toBytes());
    const made = new Map<string, SwitchingKey>();
    function* kept() {
      for (const { name, key } of generateBootstrappingKeys(context, secret, orders)) {
        // The writer frees what it has written.
        made.set(nameOf(name), {
          seed: key.seed,
          digits: key.digits.map(({ a, b }) => ({ a: truncate(a), b: truncate(b) })),
        });
        yield { name, key };
      }
    }
    const header = {
      keyId: party.owner.keyId,
      logSlots: plan.logSlots,
      keys: orders.map(({ name, seed }) => ({ ...name, seed })),
    };
    const sink = memorySink();
    await writeKeys(sink, context, party.owner.parameters, header, kept());
    const inMemory = new Bootstrapper(
      context,
      collectKeys((name) => made.get(nameOf(name))),
      plan,
    );
    const ciphertext = sample(party);
    const expected = residues(inMemory.bootstrap(copyTo(context.ring, ciphertext)));
    const fromFile = await read(sink.bytes(), party);
    expect(refreshed(fromFile, ciphertext).equals(expected)).toBe(true);
    // Keys that were drawn anew do as well, but not bit for bit.
    expect(refreshed(bootstrapping, ciphertext).equals(expected)).toBe(false);
    const reader = await openBootstrappingKeys(memorySource(sink.bytes()), context, () => plan, silent);
    expect([reader.header, reader.totalBytes]).toEqual([header, sink.bytes().length]);
    fromFile.dispose();
    ciphertext.dispose();
    context.dispose();
  });

  it('may wait outside the kernels’ memory, all or some of them: the same bits', async () => {
    const ciphertext = sample(party);
    const expected = refreshed(bootstrapping, ciphertext);
    const { resident: whole, parked: none } = bootstrapping.keyBytes;
    expect(none).toBe(0);
    // The file holds half of each key; the other half comes from seeds.
    expect(whole).toBeGreaterThan(1.9 * file.length);
    expect(whole).toBeLessThan(2.1 * file.length);
    for (const residentBytes of [0, Math.floor(whole / 2)]) {
      const slower = await read(file, party, { residentBytes });
      const { resident, parked } = slower.keyBytes;
      expect(resident + parked).toBe(whole);
      expect(resident).toBeLessThanOrEqual(residentBytes);
      expect(parked).toBeLessThan(whole - residentBytes + whole / 10);
      for (let again = 0; again < 2; again++) expect(refreshed(slower, ciphertext).equals(expected)).toBe(true);
      slower.dispose();
    }
    ciphertext.dispose();
  });

  it('give the same bits every time, and leave nothing of a bootstrapping in either memory', () => {
    const watch = vi.spyOn(Bootstrapper.prototype, 'bootstrap');
    const ciphertext = sample(party);
    const first = refreshed(bootstrapping, ciphertext);
    const inside = watch.mock.contexts[0] as unknown as { readonly context: BootstrappingContext };
    watch.mockRestore();
    const inUse = () => [inside.context, party.trainer.context].map(({ engine }) => engine.heap.bytesInUse);
    const before = inUse();
    expect(refreshed(bootstrapping, ciphertext).equals(first)).toBe(true);
    expect(inUse()).toEqual(before);
    const another = sample(party);
    expect(refreshed(bootstrapping, another).equals(first)).toBe(false);
    for (const c of [ciphertext, another]) c.dispose();
  });

  it('are fewer for fewer slots, and tell how many there are as they come', async () => {
    const seen: [number, number][] = [];
    const few = await bootstrappingFile(party, 32);
    expect(few.length).toBeLessThan(file.length);
    const small = await read(few, party, { onProgress: (done, total) => seen.push([done, total]) });
    // Putting slots that repeat together costs a level.
    const { maxLevel } = party.trainer.context;
    expect([small.slots, small.level, bootstrapping.level]).toEqual([32, maxLevel - 1, maxLevel]);
    const total = seen[0][1];
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => [i + 1, total]));
    const sealed = party.owner.scheme.encrypt({ re: wave.subarray(0, 32) }, 0);
    const result = small.bootstrap(copyTo(party.trainer.context.ring, sealed));
    expect(result.level).toBe(maxLevel - 1);
    const { re } = party.owner.scheme.decrypt(copyTo(party.owner.context.ring, result));
    re.forEach((value, i) => expect(Math.abs(value - wave[i % 32])).toBeLessThan(SLOT_TOLERANCE));
    small.dispose();
  });

  it('are made one after another, with a word after each', async () => {
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    await writeBootstrappingKeys(memorySink(), party.owner, { threads: 1, slots: 32, onProgress });
    const total = seen[0][1];
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => [i + 1, total]));
  });
});

describe('bootstrapping keys that do not fit', () => {
  it('of another owner, or of other parameters: WRONG_KEY', async () => {
    expect(await refusal(read(file, other))).toMatchObject({
      code: 'WRONG_KEY',
      message: expect.stringContaining('bootstrapping keys was made under another key'),
    });
    const wider = await makeParty('insecure-b8-8-9');
    expect(await refusal(read(file, wider))).toMatchObject({
      code: 'WRONG_KEY',
      message: expect.stringContaining('other parameters'),
    });
    for (const keys of [wider.owner, wider.trainer]) keys.dispose();
  });

  it('to a set that does not bootstrap: BAD_ARGUMENT on both sides', async () => {
    const levelled = await makeParty('insecure-8-4-2');
    const trainer = await refusal(read(file, levelled));
    const owner = await refusal(bootstrappingFile(levelled));
    for (const error of [trainer, owner]) {
      expect(error).toMatchObject({
        code: 'BAD_ARGUMENT',
        message: expect.stringContaining('the set insecure-8-4-2 does not bootstrap'),
        mend: expect.stringContaining('B16'),
      });
    }
    for (const keys of [levelled.owner, levelled.trainer]) keys.dispose();
  });

  it.each([0, -32, 16, 31, 33, 96, 256, 64.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'for %d slots: BAD_ARGUMENT, and nothing is written',
    async (slots) => {
      const sink = memorySink();
      expect(await refusal(writeBootstrappingKeys(sink, party.owner, { slots, threads: 1 }))).toMatchObject({
        code: 'BAD_ARGUMENT',
        expected: `a power of two from 32 to ${SLOTS}`,
        got: `${slots}`,
      });
      expect(sink.bytes().length).toBe(0);
    },
  );

  it('of another kind: BAD_FILE', async () => {
    const trainerKeys = memorySink();
    await writeTrainerKeys(trainerKeys, party.owner);
    for (const bytes of [trainerKeys.bytes(), new Uint8Array(0), new Uint8Array(100)]) {
      expect((await refusal(read(bytes, party))).code).toBe('BAD_FILE');
    }
    const swapped = readTrainerKeys(memorySource(file), { ...silent, threads: 1 });
    expect(await refusal(swapped)).toMatchObject({ code: 'BAD_FILE', got: 'bootstrapping-keys' });
  });

  it('leave the trainer’s own keys as they are', async () => {
    const before = party.trainer.context.engine.heap.bytesInUse;
    await refusal(read(file.subarray(0, file.length - 1), party));
    expect(party.trainer.context.engine.heap.bytesInUse).toBe(before);
  });
});

/** Damaged and forged files, read by one engine over and over: the door that `readBootstrappingKeys` goes through. */
describe('hostile bootstrapping keys', () => {
  let context: BootstrappingContext;
  let small: Uint8Array;
  let headerEnd: number;
  beforeAll(async () => {
    context = new BootstrappingContext(party.owner.context.parameters, await createEngine({ threads: 1 }));
    small = await bootstrappingFile(party, 32);
    headerEnd = FIXED_HEADER_BYTES + decodeFixedHeader(small).headerBytes;
  });
  afterAll(() => context.dispose());

  /** 'read', or the code with which it was refused; memory is as before. */
  async function outcome(source: ByteSource): Promise<string> {
    const before = context.engine.heap.bytesInUse;
    const planFor = (logSlots: number) => planBootstrapping(context.parameters, logSlots);
    try {
      const reader = await openBootstrappingKeys(source, context, planFor, silent);
      await reader.readKeys((_, { digits }) => {
        for (const { a, b } of digits) for (const poly of [a, b]) poly.dispose();
      });
      expect(context.engine.heap.bytesInUse).toBe(before);
      return 'read';
    } catch (error) {
      if (error instanceof HermeticError) return error.code;
      throw error;
    }
  }

  it('are read when nothing was done to them', async () => {
    expect(await outcome(memorySource(small))).toBe('read');
  });

  it('BAD_FILE for every truncation, and for anything appended', async () => {
    const places = [0, 1, 8, 55, 56, 57, headerEnd - 1, headerEnd, headerEnd + 31, headerEnd + 32, headerEnd + 33];
    places.push(small.length - 65, small.length - 33, small.length - 32, small.length - 1);
    for (const place of places)
      expect(await outcome(memorySource(small.subarray(0, place))), `${place}`).toBe('BAD_FILE');
    expect(await outcome(memorySource(Uint8Array.from([...small, 0])))).toBe('BAD_FILE');
    await fc.assert(
      fc.asyncProperty(fc.nat(small.length - 1), async (length) => {
        expect(await outcome(memorySource(small.subarray(0, length)))).toBe('BAD_FILE');
        // From a pipe, which does not say how long it is.
        const { size: _, ...pipe } = memorySource(small.subarray(0, length));
        expect(await outcome({ ...pipe, size: undefined })).toBe('BAD_FILE');
      }),
      { numRuns: 15 },
    );
  });

  it('refuse every flipped bit, in the header and in the keys', async () => {
    const refused = async (at: number, bit: number) => {
      const code = await outcome(memorySource(small.with(at, small[at] ^ (1 << bit))));
      // Bytes 16 to 47 are the hash of the parameters.
      expect(code, `byte ${at}`).toBe(at >= 16 && at < 48 ? 'WRONG_KEY' : 'BAD_FILE');
    };
    for (let at = 0; at < 200; at++) await refused(at, at % 8);
    for (let at = 200; at < headerEnd + 32; at += 23) await refused(at, at % 8);
    await fc.assert(fc.asyncProperty(fc.nat(small.length - 1), fc.nat(7), refused), { numRuns: 25 });
  });

  type Key = { readonly use: string; readonly galois: number; readonly seed: Uint8Array };
  type Content = { keyId: string; logSlots: number; keys: Key[] };

  /** Another header over the same sections, with digests that fit. */
  async function forged(change: (content: Content) => unknown, sections?: (all: Uint8Array[]) => Uint8Array[]) {
    const parts = takeApart(small);
    const content = change(structuredClone(parts.header.content) as unknown as Content) as Record<string, unknown>;
    const bodies = sections?.(parts.sections) ?? parts.sections;
    const header = { ...parts.header, content, sections: bodies.map(({ length }) => length) };
    return putTogether(small, { header, sections: bodies });
  }

  const another = (change: (keys: Key[]) => Key[]) => (content: Content) => ({
    ...content,
    keys: change(content.keys),
  });

  it.each<[string, (content: Content) => unknown]>([
    ['lacks a key', another((keys) => keys.slice(1))],
    ['lacks the last key', another((keys) => keys.slice(0, -1))],
    ['has a key twice', another((keys) => [...keys, keys[3]])],
    ['has a key twice instead of another', another((keys) => keys.with(4, keys[3]))],
    ['has a foreign Galois element', another((keys) => keys.with(-1, { ...(keys.at(-1) as Key), galois: 3 }))],
    ['has an even Galois element', another((keys) => keys.with(-1, { ...(keys.at(-1) as Key), galois: 2 }))],
    ['has an element for relinearisation', another((keys) => keys.map((k) => ({ ...k, galois: 5 })))],
    ['has one more than is used', another((keys) => [...keys, { ...keys[0], use: 'main', galois: 3 }])],
    ['has an unknown use', another((keys) => keys.with(0, { ...keys[0], use: 'other' }))],
    ['has none', another(() => [])],
    ['has a short seed', another((keys) => keys.with(0, { ...keys[0], seed: new Uint8Array(31) }))],
    ['has no seed', another((keys) => keys.with(0, { use: keys[0].use, galois: 1 } as Key))],
    ['says other slots', (content) => ({ ...content, logSlots: 6 })],
    ['says more slots than there are', (content) => ({ ...content, logSlots: 16 })],
    ['says too few slots', (content) => ({ ...content, logSlots: 4 })],
    ['says half a power of two', (content) => ({ ...content, logSlots: 5.5 })],
    ['names no owner', ({ logSlots, keys }) => ({ logSlots, keys })],
    ['says more than belongs there', (content) => ({ ...content, more: 1 })],
    ['is no map', () => null],
  ])('BAD_FILE for a header that %s', async (_, change) => {
    expect(await outcome(memorySource(await forged(change)))).toBe('BAD_FILE');
  });

  it('says what is missing and who can help', async () => {
    const reading = read(await forged(another((keys) => keys.slice(1))), party);
    const count = takeApart(small).header.content.keys as Key[];
    expect(await refusal(reading)).toMatchObject({
      code: 'BAD_FILE',
      expected: `${count.length} keys`,
      got: `${count.length - 1}`,
      mend: expect.stringContaining('Ask the owner'),
    });
  });

  it('BAD_FILE for sections of other sizes or numbers, and for residues beyond their prime', async () => {
    const same = (content: Content) => content;
    const changes: ((all: Uint8Array[]) => Uint8Array[])[] = [
      (all) => all.slice(1),
      (all) => [...all, all[0]],
      (all) => all.with(0, all[0].subarray(4)),
      (all) => all.with(-1, new Uint8Array((all.at(-1) as Uint8Array).length + 4)),
      (all) => all.with(2, new Uint8Array(all[2].length).fill(255)),
      () => [],
    ];
    for (const change of changes) expect(await outcome(memorySource(await forged(same, change)))).toBe('BAD_FILE');
  });

  it('BAD_FILE for a key that comes twice, with its section', async () => {
    // The key to the sparse secret has two digits, those of SlotsToCoeffs one.
    const twice = await forged(
      another((keys) => [...keys, keys[3]]),
      (all) => [...all, all[4]],
    );
    expect(await outcome(memorySource(twice))).toBe('BAD_FILE');
  });

  it('takes keys in any order, as long as their sections are in the same', async () => {
    // Both of one digit: their sections can be exchanged with them.
    const swap = <T>(all: T[], i: number, j: number): T[] => all.with(i, all[j]).with(j, all[i]);
    const content = takeApart(small).header.content as unknown as Content;
    const first = content.keys.findIndex(({ use }) => use === 'slotsToCoeffs');
    // Before them stands the key to the sparse secret, of two digits.
    const turned = await forged(
      another((keys) => swap(keys, first, first + 1)),
      (all) => swap(all, first + 1, first + 2),
    );
    const reordered = await read(turned, party);
    const straight = await read(small, party);
    const sealed = party.owner.scheme.encrypt({ re: wave.subarray(0, 32) }, 0);
    const ciphertext = copyTo(party.trainer.context.ring, sealed);
    expect(refreshed(reordered, ciphertext).equals(refreshed(straight, ciphertext))).toBe(true);
    for (const by of [reordered, straight]) by.dispose();
  });

  it('raise nothing but HermeticError, whatever stands in the header', async () => {
    const hostile = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(-1, 0, 5.5, 2 ** 31, 2 ** 53 - 1, 1e300, '', [], {}, null),
      fc.uint8Array({ maxLength: 40 }),
    );
    const field = fc.constantFrom('keyId', 'logSlots', 'keys', 'use', 'galois', 'seed');
    await fc.assert(
      fc.asyncProperty(field, fc.nat(), hostile, async (name, at, value) => {
        const bytes = await forged((content) => {
          if (name in content) return { ...content, [name]: value };
          const key = content.keys[at % content.keys.length];
          return { ...content, keys: content.keys.with(at % content.keys.length, { ...key, [name]: value }) };
        });
        await outcome(memorySource(bytes));
        await inspectFile(memorySource(bytes), { ...silent, verify: false }).catch((error: unknown) => {
          expect(error).toBeInstanceOf(HermeticError);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('are told by inspect', async () => {
    const { keys } = takeApart(small).header.content as unknown as Content;
    const description = await inspectFile(memorySource(small), silent);
    expect(description).toMatchObject({
      kind: 'bootstrapping-keys',
      keyId: party.owner.keyId,
      slots: 32,
      keys: keys.length,
      sections: takeApart(small).sections.length,
      bytes: small.length,
      parameters: { set: SET, insecure: true },
      intact: true,
    });
    expect(JSON.parse(JSON.stringify(description))).toEqual(description);
  });
});

describe('fit with bootstrapping keys', () => {
  const data = makeData();
  const model = makeModel('3:linear,2:linear', 6);
  const training: TrainingRecipe = { ...recipe, steps: 5, schedule: { kind: 'constant' } };
  const target = {
    ...data,
    targets: Float32Array.from({ length: 128 }, (_, i) => Math.abs(data.targets[i >> 1] - (i & 1))),
  };

  /** Of the weights after some steps. */
  const TOLERANCE = 2 ** -16;

  async function train(
    refresh: FitOptions['refresh'],
    options: Partial<FitOptions> = {},
    change: Partial<TrainingRecipe> = {},
  ) {
    const result = await fitSealed(sealed, party.trainer, target, {
      recipe: { ...training, ...change },
      refresh,
      skipShadowRun: true,
      ...options,
    });
    return result;
  }

  let sealed: ReadSealedModel;
  beforeAll(async () => {
    sealed = await mail(seal(model, party.owner, { batch: 16 }), party);
  });

  const clearTwin = (change: Partial<TrainingRecipe> = {}) => {
    const whole = { ...training, ...change };
    return trainInTheClear(model.architecture, model.weights, whole, batches(target, whole)).weights;
  };

  /** Counts bootstrappings. */
  function counted(): { readonly refresh: Bootstrapping; readonly calls: () => number } {
    let calls = 0;
    const bootstrap: Bootstrapping['bootstrap'] = (ciphertext, onStage) => {
      calls++;
      return bootstrapping.bootstrap(ciphertext, onStage);
    };
    return { refresh: { ...bootstrapping, bootstrap }, calls: () => calls };
  }

  it.each<[string, Partial<TrainingRecipe>]>([
    ['Nesterov’s momentum', {}],
    ['plain descent', { momentum: 0, nesterov: false, steps: 3 }],
    ['a smaller batch than the model was sealed for', { batch: 8, steps: 3 }],
  ])('opens to what the twin learned: %s', async (_, change) => {
    const { refresh, calls } = counted();
    const { model: trained, plan } = await train(refresh, {}, change);
    const opened = open(await mail(trained, party), party.owner);
    expect(largestDifference(opened.weights, clearTwin(change))).toBeLessThan(TOLERANCE);
    expect(largestDifference(opened.weights, model.weights)).toBeGreaterThan(10 * TOLERANCE);
    expect(plan).toMatchObject({ refreshMode: 'bootstrap', levelsPerStep: 4, stepsPerRefresh: 2, freshLevel: 8 });
    // Between steps all parameters, after the last one the weights alone, for whoever goes on.
    const weights = planRefreshPacking(plan, 1).groups.length;
    const between = plan.refreshPacking?.groups.length ?? 0;
    expect(calls()).toBe(plan.refreshes * between + weights);
    expect(between).toBeLessThan(plan.ciphertexts.refreshed);
    expect(trained.records.every(({ level }) => level === 8)).toBe(true);
    expect(trained.provenance.at(-1)).toMatchObject({ kind: 'training', refresh: 'bootstrap' });
  });

  it('does with keys for the slots that it fills, a level lower', async () => {
    const narrow = makeModel('2:linear,1:lin4', 6);
    const change = { steps: 3, batch: 8 };
    const small = await mail(seal(narrow, party.owner, { batch: change.batch }), party);
    const few = await read(await bootstrappingFile(party, 32), party);
    const { model: trained, plan } = await fitSealed(small, party.trainer, data, {
      recipe: { ...training, ...change },
      refresh: few,
      skipShadowRun: true,
    });
    expect(plan).toMatchObject({ levelsPerStep: 4, stepsPerRefresh: 1, freshLevel: 4, refreshes: 2 });
    const opened = open(await mail(trained, party), party.owner);
    const whole = { ...training, ...change };
    const wanted = trainInTheClear(narrow.architecture, narrow.weights, whole, batches(data, whole)).weights;
    expect(largestDifference(opened.weights, wanted)).toBeLessThan(TOLERANCE);
    few.dispose();
  });

  it('can be trained on as it comes back', async () => {
    const once = await mail((await train(bootstrapping, {}, { steps: 2 })).model, party);
    const twice = await fitSealed(once, party.trainer, target, {
      recipe: { ...training, steps: 1 },
      refresh: 'none',
      skipShadowRun: true,
    });
    const between = clearTwin({ steps: 2 });
    const last = { ...training, steps: 1 };
    const wanted = trainInTheClear(model.architecture, between, last, batches(target, last)).weights;
    expect(largestDifference(open(await mail(twice.model, party), party.owner).weights, wanted)).toBeLessThan(
      TOLERANCE,
    );
  });

  it('is refused with keys for fewer slots than the network fills', async () => {
    const few = await read(await bootstrappingFile(party, 32), party);
    expect(await refusal(train(few))).toMatchObject({
      code: 'PLAN_REFUSED',
      expected: expect.stringMatching(/^(64|128) slots$/),
      got: '32',
      mend: expect.stringContaining('all slots'),
    });
    few.dispose();
  });

  it('is refused with the keys of another owner', async () => {
    const theirs = await read(await bootstrappingFile(other), other);
    expect(await refusal(train(theirs))).toMatchObject({ code: 'WRONG_KEY' });
    theirs.dispose();
  });

  class Killed extends Error {}

  it('ends bit for bit where an uninterrupted run ends, wherever it was killed', async () => {
    const { parameters } = party.owner;
    const end = (store: CheckpointStore) =>
      store.read(training.steps, (source) => readCheckpoint(source, { ...silent, parametersFor: () => parameters }));
    const whole = memoryCheckpoints();
    await train(bootstrapping, { checkpoint: whole });
    const expected = await end(whole);
    for (const [at, phase] of [
      [1, 'refresh'],
      [4, 'update'],
    ] as const) {
      const store = memoryCheckpoints();
      const killer = {
        phase: (step: number, report: { readonly phase: string }) => {
          if (step === at && report.phase === phase) throw new Killed();
        },
      };
      await expect(train(bootstrapping, { checkpoint: store, observer: killer })).rejects.toThrow(Killed);
      expect((await store.steps())[0]).toBe(at);
      // Another process, with keys read again, none of them in the kernels' memory.
      const again = await read(file, party, { residentBytes: 0 });
      await train(again, { checkpoint: store });
      const { records, state } = await end(store);
      expect(records).toEqual(expected.records);
      expect(state).toEqual(expected.state);
      again.dispose();
    }
  });

  it('leaves nothing in the trainer’s memory, not where it fails either', async () => {
    const inUse = () => party.trainer.context.engine.heap.bytesInUse;
    const fail = (): never => {
      throw new Killed();
    };
    const everything = async () => {
      await train(bootstrapping, {}, { steps: 3 });
      const failing = { ...bootstrapping, bootstrap: counting(1, fail) };
      await expect(train(failing, {}, { steps: 3 })).rejects.toThrow(Killed);
    };
    await everything();
    const before = inUse();
    await everything();
    expect(inUse()).toBe(before);
  });

  /** Bootstraps so many times, then does something else. */
  function counting(good: number, then: () => never): Bootstrapping['bootstrap'] {
    let calls = 0;
    return (ciphertext, onStage) => (++calls > good ? then() : bootstrapping.bootstrap(ciphertext, onStage));
  }
});
