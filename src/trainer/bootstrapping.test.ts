import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  bootstrappingFile,
  makeParties,
  makeParty,
  type Party,
  read,
  refreshed,
  refusal,
  residues,
  SLOT_TOLERANCE,
  SLOTS,
  sample,
  wave,
} from '../../test/fixtures/bootstrapping-party.ts';
import { silent } from '../../test/fixtures/sealed-round.ts';
import { Bootstrapper } from '../circuits/bootstrapping.ts';
import { bootstrappingKeyNames, collectKeys, nameOf } from '../circuits/bootstrapping-keys.ts';
import { planBootstrapping } from '../circuits/bootstrapping-plan.ts';
import { generateBootstrappingKeys } from '../circuits/secret/bootstrapping-keys.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { writeBootstrappingKeys } from '../owner/bootstrapping-keys.ts';
import { writeTrainerKeys } from '../owner/key-file.ts';
import { openBootstrappingKeys, writeBootstrappingKeys as writeKeys } from '../protocol/bootstrapping-keys.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import { signerOf } from '../protocol/key-signature.ts';
import { truncate } from '../ring/poly.ts';
import type { SwitchingKey } from '../rlwe/keys.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { copyTo } from '../schemes/ckks/ciphertext.ts';
import type { Bootstrapping } from './bootstrapping.ts';
import { readTrainerKeys } from './trainer-keys.ts';

let party: Party;
let other: Party;
let file: Uint8Array;
let bootstrapping: Bootstrapping;
let dispose: () => void;
beforeAll(async () => {
  ({ party, other, file, bootstrapping, dispose } = await makeParties());
});
afterAll(() => dispose());

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
    await writeKeys(sink, context, party.owner.parameters, header, party.owner.signing, kept());
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
    const signer = signerOf(party.owner.signing);
    expect([reader.header, reader.totalBytes]).toEqual([{ ...header, signer }, sink.bytes().length]);
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
    // Half of each key, and the same bits still.
    const compact = await read(file, party, { residentBytes: 0, compact: true });
    expect(compact.keyBytes).toEqual({ resident: 0, parked: whole / 2 });
    for (let again = 0; again < 2; again++) expect(refreshed(compact, ciphertext).equals(expected)).toBe(true);
    compact.dispose();
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
