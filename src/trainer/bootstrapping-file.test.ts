import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootstrappingFile,
  makeParty,
  type Party,
  read,
  refreshed,
  refusal,
  SET,
  wave,
} from '../../test/fixtures/bootstrapping-party.ts';
import { signedAgain } from '../../test/fixtures/forged-keys.ts';
import { silent } from '../../test/fixtures/sealed-round.ts';
import { putTogether, takeApart } from '../../test/vectors/format-v1/fixture.ts';
import { HermeticError } from '../base/errors.ts';
import { planBootstrapping } from '../circuits/bootstrapping-plan.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { openBootstrappingKeys } from '../protocol/bootstrapping-keys.ts';
import { type ByteSource, memorySource } from '../protocol/byte-source.ts';
import { decodeFixedHeader, FIXED_HEADER_BYTES } from '../protocol/container-layout.ts';
import { inspectFile } from '../protocol/inspect.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { copyTo } from '../schemes/ckks/ciphertext.ts';

let party: Party;
beforeAll(async () => {
  party = await makeParty(SET);
});
afterAll(() => {
  for (const keys of [party.owner, party.trainer]) keys.dispose();
});

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
    // Both of one digit: their sections can be exchanged with them. The owner signs what came of it.
    const swap = <T>(all: T[], i: number, j: number): T[] => all.with(i, all[j]).with(j, all[i]);
    const content = takeApart(small).header.content as unknown as Content;
    const first = content.keys.findIndex(({ use }) => use === 'slotsToCoeffs');
    // Before them stands the key to the sparse secret, of two digits.
    const turned = await signedAgain(
      await forged(
        another((keys) => swap(keys, first, first + 1)),
        (all) => swap(all, first + 1, first + 2),
      ),
      party.owner.signing,
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
