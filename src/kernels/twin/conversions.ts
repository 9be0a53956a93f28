/** From residues modulo some primes to residues modulo others, and to doubles. */
import { inverseMod, modBigint, mulMod } from '../arithmetic.ts';
import { Operation } from '../operations.ts';
import type { TwinMemory, TwinOperation } from './memory.ts';
import { zip } from './residues.ts';

function centre(x: bigint, q: number): bigint {
  return x > BigInt((q - 1) / 2) ? x - BigInt(q) : x;
}

/** Centred residues modulo the prime of `from`, modulo that of `ctx`. */
export function switchModulus(
  memory: TwinMemory,
  out: number,
  a: number,
  from: number,
  bytes: number,
  ctx: number,
): void {
  const q = memory.prime(from);
  zip(memory, [out, a, a, bytes, ctx], (x) => centre(x, q));
}

/** Limbs that stand in a list with their contexts. */
function limbs(memory: TwinMemory, list: number, count: number): { at: number; p: number }[] {
  return Array.from({ length: count }, (_, j) => ({
    at: memory.word(list, 2 * j),
    p: memory.prime(memory.word(list, 2 * j + 1)),
  }));
}

const convertBase: TwinOperation = (memory, [, from, sources, to, targets, matrix, quotients, begin, end]) => {
  const terms = quotients === 0 ? sources : sources + 1;
  const [source, target] = [limbs(memory, from, sources), limbs(memory, to, targets)];
  for (let c = begin; c < end; c++) {
    const y = source.map(({ at, p }) => centre(BigInt(memory.word(at, c)), p));
    if (quotients !== 0) y.push(multipleIn(y, memory.words(quotients, sources)));
    target.forEach(({ at, p }, i) => {
      const row = memory.words(matrix + i * terms * 8, terms);
      const sum = y.reduce((total, x, j) => total + x * BigInt(row[j]), 0n);
      memory.setWord(at, c, modBigint(sum, p));
    });
  }
};

/** round(Σ y_j/q_j) from the upper halves of y and of the quotients 2^32/q_j. */
function multipleIn(y: readonly bigint[], quotients: Uint32Array): bigint {
  const upper = (x: bigint): bigint => (x - BigInt.asIntN(14, x)) >> 14n;
  const sum = y.reduce((total, x, j) => total + upper(x) * BigInt(quotients[j] >>> 16), 1n << 25n);
  return sum >> 26n;
}

const mixedRadixDigits: TwinOperation = (memory, [, out, list, count, , n, coefficients]) => {
  const source = limbs(memory, list, count);
  for (let c = 0; c < coefficients; c++) {
    const digits: number[] = [];
    source.forEach(({ at, p }, j) => {
      const digit = digits.reduce(
        (x, d, i) => {
          const difference = modBigint(BigInt(x) - BigInt(d), p);
          return mulMod(difference, inverseMod(source[i].p % p, p), p);
        },
        memory.word(at, c),
      );
      digits.push(digit);
      memory.setWord(out, j * n + c, digit);
    });
  }
};

/** The digits of coefficient c, lowest first. */
function digitsOf(memory: TwinMemory, digits: number, count: number, n: number, c: number): number[] {
  return Array.from({ length: count }, (_, j) => memory.word(digits, j * n + c));
}

/** Is the integer beyond floor(Q/2), whose digits are `half`? Compared from the top. */
function exceeds(digits: readonly number[], half: Uint32Array): boolean {
  const top = digits.findLastIndex((d, j) => d !== half[j]);
  return top >= 0 && digits[top] > half[top];
}

const mixedRadixEvaluate: TwinOperation = (memory, task) => {
  const [, out, from, count, weights, halves, always, n, coefficients, ctx] = task;
  const w = memory.words(weights, count + 1);
  const half = memory.words(halves, count);
  for (let c = 0; c < coefficients; c++) {
    const digits = digitsOf(memory, from, count, n, c);
    const value = digits.reduce((sum, d, j) => sum + BigInt(d) * BigInt(w[j]), 0n);
    const centred = always || exceeds(digits, half) ? value - BigInt(w[count]) : value;
    memory.setWord(out, c, modBigint(centred, memory.prime(ctx)));
  }
};

/** The same additions in the same order as the kernel: doubles agree to the last bit. */
const mixedRadixToDouble: TwinOperation = (memory, task, scale) => {
  const [, out, from, count, weights, halves, , , primes, n, coefficients] = task;
  const w = memory.doubles(weights, count);
  const half = memory.words(halves, count);
  for (let c = 0; c < coefficients; c++) {
    const digits = digitsOf(memory, from, count, n, c);
    const negative = exceeds(digits, half);
    const value = digits.reduceRight((sum, d, j) => sum + (negative ? memory.word(primes, j) - 1 - d : d) * w[j], 0);
    memory.doubles(out + 8 * c, 1)[0] = (negative ? -(value + 1) : value) * scale;
  }
};

const O = Operation;

export const conversionOperations: readonly (readonly [number, TwinOperation])[] = [
  [O.switchModulus, (m, [, out, a, from, bytes, ctx]) => switchModulus(m, out, a, from, bytes, ctx)],
  [O.convertBase, convertBase],
  [O.encodeMatrix, (m, [, out, entries, count]) => m.words(out, count).set(m.words(entries, count))],
  [O.mixedRadixDigits, mixedRadixDigits],
  [O.mixedRadixEvaluate, mixedRadixEvaluate],
  [O.mixedRadixToDouble, mixedRadixToDouble],
];
