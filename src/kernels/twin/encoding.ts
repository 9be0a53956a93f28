/** From complex slots to residues and back, and products with the plaintexts so encoded. */
import { encodeOperand, modBigint, mulMod } from '../arithmetic.ts';
import { Operation } from '../operations.ts';
import type { TwinMemory, TwinOperation } from './memory.ts';
import { gather, montgomeryInverse, scale as multiplyScalar } from './residues.ts';
import { nttForward } from './transforms.ts';

function permute(z: Float64Array, order: readonly number[]): void {
  const copy = z.slice();
  for (let i = 0; i < order.length; i++) {
    z[2 * i] = copy[2 * (order[i] as number)] as number;
    z[2 * i + 1] = copy[2 * (order[i] as number) + 1] as number;
  }
}

function butterfly(z: Float64Array, a: number, b: number, c: number, d: number, forward: boolean): void {
  const [ar, ai, br, bi] = [z[2 * a], z[2 * a + 1], z[2 * b], z[2 * b + 1]] as [number, number, number, number];
  if (forward) {
    const [tr, ti] = [br * c + bi * -d, bi * c + br * d];
    z.set([ar + tr, ai + ti], 2 * a);
    z.set([ar - tr, ai - ti], 2 * b);
  } else {
    const [dr, di] = [ar - br, ai - bi];
    z.set([ar + br, ai + bi], 2 * a);
    z.set([dr * c - di * -d, di * c - dr * d], 2 * b);
  }
}

function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** The same additions and products in the same order as the kernel: doubles agree to the last bit. */
function embed(memory: TwinMemory, [, data, n, roots, order]: readonly number[], forward: boolean): void {
  const z = memory.doubles(data, 2 * n);
  const w = memory.doubles(roots, 2 * n);
  const permutation = Array.from(memory.words(order, n));
  if (forward) permute(z, permutation);
  for (let step = 0; step < Math.log2(n); step++) {
    const h = forward ? 1 << step : n >> (step + 1);
    for (let block = 0; block < n; block += 2 * h) {
      for (let j = block; j < block + h; j++) {
        const root = 2 * (h - 1 + j - block);
        butterfly(z, j, j + h, w[root], w[root + 1], forward);
      }
    }
  }
  if (forward) return;
  permute(z, permutation);
  for (let i = 0; i < 2 * n; i++) z[i] *= 1 / n;
}

const roundReduce: TwinOperation = (memory, [, out, x, stride, count, ctx], scale) => {
  for (let i = 0; i < count; i++) {
    const [value] = memory.doubles(x + i * stride, 1);
    memory.setWord(out, i, modBigint(BigInt(roundHalfEven(value * scale)), memory.prime(ctx)));
  }
};

const splitToFloat32: TwinOperation = (memory, [, out, data, n]) => {
  const o = memory.floats(out, 2 * n);
  const z = memory.doubles(data, 2 * n);
  for (let i = 0; i < n; i++) {
    o[i] = z[2 * i];
    o[n + i] = z[2 * i + 1];
  }
};

const expandPlain: TwinOperation = (memory, task, scale) => {
  const [, out, coefficients, logSmall, table, ctx, , , index, words, temporary] = task;
  const p = memory.prime(ctx);
  memory.floats(coefficients, 1 << logSmall).forEach((x, i) => {
    memory.setWord(temporary, i, modBigint(BigInt(roundHalfEven(x * scale)), p));
  });
  nttForward(memory, [temporary, temporary, logSmall, table, ctx]);
  const { wh, wl } = encodeOperand(mulMod(65536, 65536, p), p);
  multiplyScalar(memory, [temporary, temporary, wh, wl, 4 << logSmall, ctx], (x, w) => x * w);
  gather(memory, out, temporary, index, words * 4);
};

/** Which word of a plaintext in pattern form meets coefficient position i: see assembly/diagonals.ts. */
function patternPosition(i: number, patterns: number): number {
  const block = Math.floor(i / 64);
  const vector = Math.floor((i % 64) / 4);
  const pattern = patterns === 1 ? 0 : patterns === 4 ? vector % 4 : vector;
  return (block * patterns + pattern) * 4 + (i % 4);
}

const multiplyDiagonals: TwinOperation = (memory, task) => {
  const [, ciphers, terms, plains, plainBytes, outs, sums, patterns, from, to, ctx] = task;
  const p = memory.prime(ctx);
  const inverse = montgomeryInverse(p);
  for (let s = 0; s < sums; s++) {
    for (let i = 64 * from; i < 64 * to; i++) {
      let sum = 0n;
      for (let t = 0; t < terms; t++) {
        const w = memory.word(plains + (s * terms + t) * plainBytes, patternPosition(i, patterns));
        sum += BigInt(w) * BigInt(memory.word(memory.word(ciphers, t), i));
      }
      memory.setWord(memory.word(outs, s), i, modBigint(sum * inverse, p));
    }
  }
};

const O = Operation;

export const encodingOperations: readonly (readonly [number, TwinOperation])[] = [
  [O.embedForward, (memory, task) => embed(memory, task, true)],
  [O.embedInverse, (memory, task) => embed(memory, task, false)],
  [O.roundReduce, roundReduce],
  [O.splitToFloat32, splitToFloat32],
  [O.expandPlain, expandPlain],
  [O.multiplyDiagonals, multiplyDiagonals],
];
