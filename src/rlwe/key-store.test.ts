import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../kernels/wasm-executor.ts';
import type { Poly } from '../ring/poly.ts';
import { dot28Primes } from '../ring/primes.ts';
import { uniformPoly } from '../ring/sampler.ts';
import { type Gadget, RlweContext } from './context.ts';
import { KeyStore } from './key-store.ts';
import { KeySwitcher } from './key-switching.ts';
import type { SwitchingKey } from './keys.ts';
import { generateGaloisKey } from './secret/key-generation.ts';
import { SecretKey } from './secret/secret-key.ts';

const LOG_N = 8;
const N = 1 << LOG_N;
const [LIMBS, SPECIAL] = [4, 2];
/** Two digits of two limbs, over six primes; and three of one limb, over four. */
const SMALL: Gadget = { limbs: 3, digitLimbs: 1, special: [LIMBS] };
const LARGE_BYTES = 2 * 2 * (LIMBS + SPECIAL) * 4 * N;
const SMALL_BYTES = 2 * 3 * 4 * 4 * N;
const ELEMENTS = [5, 25, 125];

let context: RlweContext;
let secret: SecretKey;
/** Residues of every key by name, as they were made. */
const originals = new Map<string, Uint32Array[]>();

beforeAll(async () => {
  const candidates = dot28Primes(LOG_N);
  context = new RlweContext(await createEngine({ threads: 1 }), {
    logN: LOG_N,
    primes: candidates.slice(SPECIAL, SPECIAL + LIMBS),
    specialPrimes: candidates.slice(0, SPECIAL),
    baseLimbs: 2,
  });
  secret = SecretKey.generate(context);
  // Tables of automorphisms are made once.
  for (const g of ELEMENTS) free(makeKey(g));
});
afterAll(() => context.engine.dispose());

const inUse = (): number => context.engine.heap.bytesInUse;
const largeName = (g: number): string => `large:${g}`;
const smallName = (g: number): string => `small:${g}`;

const residues = ({ digits }: SwitchingKey): Uint32Array[] =>
  digits.flatMap(({ b, a }) => [b, a]).flatMap((poly) => poly.limbs.map((_, j) => poly.read(j)));

const free = ({ digits }: SwitchingKey): void => {
  for (const { a, b } of digits) for (const poly of [a, b]) poly.dispose();
};

function makeKey(g: number, gadget?: Gadget): SwitchingKey {
  const seed = new Uint8Array(32).fill(g);
  const key = generateGaloisKey(context, secret, g, gadget === undefined ? { seed } : { gadget, seed });
  originals.set(gadget === undefined ? largeName(g) : smallName(g), residues(key));
  return key;
}

/** Three keys of each shape, the large ones first. */
function fill(residentBytes: number): KeyStore {
  const store = new KeyStore({ residentBytes });
  for (const g of ELEMENTS) store.put(largeName(g), makeKey(g));
  for (const g of ELEMENTS) store.put(smallName(g), makeKey(g, SMALL));
  return store;
}

const names = [...ELEMENTS.map(largeName), ...ELEMENTS.map(smallName)];
const ALL_BYTES = 3 * (LARGE_BYTES + SMALL_BYTES);

/** Budget, and what it holds: keys of each shape that stay. */
const BUDGETS: readonly [string, number, number, number][] = [
  ['nothing', 0, 0, 0],
  ['a byte too little for one key', SMALL_BYTES - 1, 0, 0],
  ['one small key', SMALL_BYTES, 0, 1],
  ['one key of each shape, and a byte too little for another', LARGE_BYTES + 2 * SMALL_BYTES - 1, 1, 1],
  ['all but the last', ALL_BYTES - 1, 3, 2],
  ['exactly all', ALL_BYTES, 3, 3],
  ['any number', Number.POSITIVE_INFINITY, 3, 3],
];

describe('a store of switching keys', () => {
  it.each(BUDGETS)('with room for %s gives every key as it was put in', (_, budget, large, small) => {
    const before = inUse();
    const store = fill(budget);
    const resident = large * LARGE_BYTES + small * SMALL_BYTES;
    expect([store.residentBytes, store.parkedBytes]).toEqual([resident, ALL_BYTES - resident]);
    // Beside the keys that stay there is one place for each shape that is parked.
    const places = (large < 3 ? LARGE_BYTES : 0) + (small < 3 ? SMALL_BYTES : 0);
    expect(inUse() - before).toBe(resident + places);
    for (let round = 0; round < 2; round++) {
      for (const name of round === 0 ? names : names.toReversed()) {
        const key = store.get(name) as SwitchingKey;
        expect(residues(key), name).toEqual(originals.get(name));
        expect(key.seed).toEqual(new Uint8Array(32).fill(Number(name.split(':')[1])));
      }
    }
    expect(inUse() - before).toBe(resident + places);
    expect([store.residentBytes, store.parkedBytes]).toEqual([resident, ALL_BYTES - resident]);
    for (const name of names) free(store.get(name) as SwitchingKey);
    expect(inUse()).toBe(before);
  });

  it('switches keys bit for bit alike from either memory', () => {
    const [resident, parked] = [
      new KeyStore({ residentBytes: Number.POSITIVE_INFINITY }),
      new KeyStore({ residentBytes: 0 }),
    ];
    for (const store of [resident, parked]) {
      for (const g of ELEMENTS) {
        // The same bytes in both: errors are drawn anew for every key.
        const key = store === resident ? makeKey(g) : copyOf(resident.get(largeName(g)) as SwitchingKey);
        store.put(largeName(g), key);
      }
    }
    const switcher = new KeySwitcher(context);
    const c = uniformPoly(context.ring, context.indicesAt(LIMBS - 2), new Uint8Array(32).fill(1));
    const switched = (store: KeyStore, g: number) =>
      switcher.switch(c, store.get(largeName(g)) as SwitchingKey).map((poly) => poly.limbs.map((_, j) => poly.read(j)));
    const results = ELEMENTS.map((g) => switched(resident, g));
    for (const order of [ELEMENTS, ELEMENTS.toReversed()]) {
      for (const g of order) expect(switched(parked, g)).toEqual(results[ELEMENTS.indexOf(g)]);
    }
    expect(results[0]).not.toEqual(results[1]);
  });

  it('lends parked keys of one shape in one place, until the next call', () => {
    const store = fill(0);
    const [first, second] = ELEMENTS.slice(0, 2).map((g) => store.get(largeName(g)) as SwitchingKey);
    expect(limbsOf(second)).toEqual(limbsOf(first));
    // What was lent before shows the key that was asked for last.
    expect(residues(first)).toEqual(originals.get(largeName(ELEMENTS[1])));
    expect(first.seed).not.toEqual(second.seed);
  });

  it('has another place for another shape, and none for keys that stay', () => {
    const store = fill(0);
    const large = store.get(largeName(5)) as SwitchingKey;
    const small = store.get(smallName(25)) as SwitchingKey;
    expect(limbsOf(small).some((limb) => limbsOf(large).includes(limb))).toBe(false);
    expect(residues(large)).toEqual(originals.get(largeName(5)));
    expect(residues(small)).toEqual(originals.get(smallName(25)));
    const mixed = fill(LARGE_BYTES);
    const stays = mixed.get(largeName(5)) as SwitchingKey;
    for (const g of ELEMENTS) mixed.get(largeName(g));
    expect(residues(stays)).toEqual(originals.get(largeName(5)));
    expect(limbsOf(mixed.get(largeName(25)) as SwitchingKey)).not.toEqual(limbsOf(stays));
  });

  it('keeps its own copy: what is done to the lent key is gone the next time', () => {
    const store = fill(0);
    const key = store.get(largeName(5)) as SwitchingKey;
    for (const { a, b } of key.digits) {
      for (const poly of [a, b]) for (let j = 0; j < poly.limbCount; j++) poly.write(j, new Uint32Array(N).fill(1));
    }
    expect(residues(store.get(largeName(5)) as SwitchingKey)).toEqual(originals.get(largeName(5)));
  });

  it('knows no other names', () => {
    for (const store of [fill(0), fill(Number.POSITIVE_INFINITY), new KeyStore({ residentBytes: 1 })]) {
      for (const name of ['', 'large', largeName(7), 'constructor']) expect(store.get(name)).toBeUndefined();
    }
    const empty = new KeyStore({ residentBytes: 0 });
    expect([empty.residentBytes, empty.parkedBytes]).toEqual([0, 0]);
  });
});

const limbsOf = ({ digits }: SwitchingKey) => digits.flatMap(({ b, a }) => [...b.limbs, ...a.limbs]);

function copyOf({ digits, seed }: SwitchingKey): SwitchingKey {
  const copy = (poly: Poly<'ntt'>): Poly<'ntt'> => {
    const out = poly.ring.allocate('ntt', poly.indices);
    for (let j = 0; j < poly.limbCount; j++) out.write(j, poly.read(j));
    return out;
  };
  return { digits: digits.map(({ a, b }) => ({ a: copy(a), b: copy(b) })), seed };
}
