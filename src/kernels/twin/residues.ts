/** Coefficient by coefficient: sums, products and orders, of residues modulo one prime. */
import { decodeOperand, inverseMod, modBigint, mulMod } from '../arithmetic.ts';
import { Operation } from '../operations.ts';
import type { TwinMemory, TwinOperation } from './memory.ts';

/** out_i = f(a_i, b_i) modulo the prime of `ctx`. */
export function zip(
  memory: TwinMemory,
  [out, a, b, bytes, ctx]: readonly [number, number, number, number, number],
  f: (x: bigint, y: bigint) => bigint,
): void {
  const p = memory.prime(ctx);
  const [o, x, y] = [out, a, b].map((address) => memory.words(address, bytes / 4));
  for (let i = 0; i < o.length; i++) o[i] = modBigint(f(BigInt(x[i]), BigInt(y[i])), p);
}

/** out_i = f(a_i, w, out_i), w decoded from the kernels' form. */
export function scale(
  memory: TwinMemory,
  [out, a, wh, wl, bytes, ctx]: readonly [number, number, number, number, number, number],
  f: (x: bigint, w: bigint, o: bigint) => bigint,
): void {
  const w = BigInt(decodeOperand({ wh, wl }, memory.prime(ctx)));
  const o = memory.words(out, bytes / 4);
  zip(memory, [out, a, out, o.byteLength, ctx], (x, before) => f(x, w, before));
}

export function subtractMulScalar(
  memory: TwinMemory,
  [out, a, b, wh, wl, bytes, ctx]: readonly [number, number, number, number, number, number, number],
): void {
  const w = BigInt(decodeOperand({ wh, wl }, memory.prime(ctx)));
  zip(memory, [out, a, b, bytes, ctx], (x, y) => (x - y) * w);
}

/** The kernels divide sums of products by 2^32. */
export function montgomeryInverse(p: number): bigint {
  return BigInt(inverseMod(mulMod(65536, 65536, p), p));
}

/** Σ over pairs (a, b) of addresses of a_i·b_i. */
function sumOfProducts(memory: TwinMemory, pairs: readonly (readonly [number, number])[], i: number): bigint {
  return pairs.reduce((sum, [a, b]) => sum + BigInt(memory.word(a, i)) * BigInt(memory.word(b, i)), 0n);
}

/** What stands in a list of addresses, `size` at a time. */
function groups(memory: TwinMemory, list: number, count: number, size: number): number[][] {
  return Array.from({ length: count }, (_, t) => Array.from(memory.words(list + 4 * t * size, size)));
}

function innerProduct(memory: TwinMemory, out: number, pairs: readonly [number, number][], bytes: number, ctx: number) {
  const p = memory.prime(ctx);
  const inverse = montgomeryInverse(p);
  for (let i = 0; i < bytes / 4; i++) memory.setWord(out, i, modBigint(sumOfProducts(memory, pairs, i) * inverse, p));
}

const keyProduct: TwinOperation = (memory, [, out0, out1, list, count, bytes, ctx]) => {
  const triples = groups(memory, list, count, 3);
  innerProduct(
    memory,
    out0,
    triples.map(([x, b]) => [x, b]),
    bytes,
    ctx,
  );
  innerProduct(
    memory,
    out1,
    triples.map(([x, , a]) => [x, a]),
    bytes,
    ctx,
  );
};

const tensorProduct: TwinOperation = (memory, [, d0, d1, d2, list, count, bytes, ctx]) => {
  const p = memory.prime(ctx);
  const quads = groups(memory, list, count, 4);
  const products: [number, [number, number][]][] = [
    [d0, quads.map(([a0, , b0]) => [a0, b0])],
    [
      d1,
      quads.flatMap(
        ([a0, a1, b0, b1]) =>
          [
            [a0, b1],
            [a1, b0],
          ] as [number, number][],
      ),
    ],
    [d2, quads.map(([, a1, , b1]) => [a1, b1])],
  ];
  for (let i = 0; i < bytes / 4; i++) {
    for (const [out, pairs] of products) memory.setWord(out, i, modBigint(sumOfProducts(memory, pairs, i), p));
  }
};

export function gather(memory: TwinMemory, out: number, a: number, index: number, bytes: number): void {
  const [o, at] = [memory.words(out, bytes / 4), memory.words(index, bytes / 4)];
  for (let i = 0; i < o.length; i++) o[i] = memory.word(a, at[i]);
}

/** `order`: see assembly/permutation.ts. */
export function permute(memory: TwinMemory, out: number, a: number, order: number, bytes: number): void {
  const source = memory.words(a, bytes / 4).slice();
  const moves = memory.words(order, bytes / 256);
  const patterns = memory.words(order + bytes / 64, 1024);
  moves.forEach((move, block) => {
    const target = memory.words(out + 256 * block, 64);
    for (let t = 0; t < 64; t++) {
      const byte = 64 * (move & 63) + t;
      const from = (patterns[byte >>> 2] >>> (8 * (byte & 3))) & 0xff;
      target[t] = source[64 * (move >>> 6) + from / 4];
    }
  });
}

const rotatedKeyProduct: TwinOperation = (memory, [, out0, out1, list, count, plus, order, bytes, ctx]) => {
  keyProduct(memory, [0, out0, out1, list, count, bytes, ctx], 0);
  if (plus !== 0) zip(memory, [out0, out0, plus, bytes, ctx], (x, y) => x + y);
  for (const out of [out0, out1]) permute(memory, out, out, order, bytes);
};

const O = Operation;

export const residueOperations: readonly (readonly [number, TwinOperation])[] = [
  [O.add, (m, [, out, a, b, bytes, ctx]) => zip(m, [out, a, b, bytes, ctx], (x, y) => x + y)],
  [O.addScalar, (m, [, out, a, c, bytes, ctx]) => zip(m, [out, a, a, bytes, ctx], (x) => x + BigInt(c))],
  [O.subtract, (m, [, out, a, b, bytes, ctx]) => zip(m, [out, a, b, bytes, ctx], (x, y) => x - y)],
  [O.negate, (m, [, out, a, bytes, ctx]) => zip(m, [out, a, a, bytes, ctx], (x) => -x)],
  [O.reduceSigned, (m, [, out, a, bytes, ctx]) => zip(m, [out, a, a, bytes, ctx], (x) => BigInt.asIntN(32, x))],
  [O.mulScalar, (m, [, out, a, wh, wl, bytes, ctx]) => scale(m, [out, a, wh, wl, bytes, ctx], (x, w) => x * w)],
  [
    O.mulScalarAdd,
    (m, [, out, a, wh, wl, bytes, ctx]) => scale(m, [out, a, wh, wl, bytes, ctx], (x, w, o) => o + x * w),
  ],
  [
    O.subtractMulScalar,
    (m, [, out, a, b, wh, wl, bytes, ctx]) => subtractMulScalar(m, [out, a, b, wh, wl, bytes, ctx]),
  ],
  [
    O.innerProduct,
    (m, [, out, list, count, bytes, ctx]) =>
      innerProduct(m, out, groups(m, list, count, 2) as [number, number][], bytes, ctx),
  ],
  [O.keyProduct, keyProduct],
  [O.rotatedKeyProduct, rotatedKeyProduct],
  [O.tensorProduct, tensorProduct],
  [O.gather, (m, [, out, a, index, bytes]) => gather(m, out, a, index, bytes)],
  [O.permute, (m, [, out, a, order, bytes]) => permute(m, out, a, order, bytes)],
  [O.copy, (m, [, out, from, bytes]) => m.words(out, bytes / 4).set(m.words(from, bytes / 4))],
  [O.clear, (m, [, out, bytes]) => m.words(out, bytes / 4).fill(0)],
];
