/** Number-theoretic transforms by their textbook form, and what the kernels do on the way of one. */
import { inverseMod, mulMod, powMod, reverseBits } from '../arithmetic.ts';
import { Operation } from '../operations.ts';
import { storagePosition } from '../storage-order.ts';
import { switchModulus } from './conversions.ts';
import type { TwinMemory, TwinOperation } from './memory.ts';
import { permute, subtractMulScalar, zip } from './residues.ts';

/** Σ c_k·ψ^(k(2·brv(i)+1)) for all i: even and odd halves, decimated in the output. */
function evaluate(coefficients: number[], psi: number, p: number): number[] {
  const n = coefficients.length;
  const values = coefficients.slice();
  const bits = Math.log2(n);
  for (let m = 1, run = n / 2; m < n; m *= 2, run /= 2) {
    for (let i = 0; i < m; i++) {
      const w = powMod(psi, reverseBits(m + i, bits), p);
      for (let j = 2 * i * run; j < (2 * i + 1) * run; j++) {
        const t = mulMod(values[j + run] as number, w, p);
        const x = values[j] as number;
        values[j] = (x + t) % p;
        values[j + run] = (x - t + p) % p;
      }
    }
  }
  return values;
}

/** N times the coefficients; psi is the inverse root. */
function interpolate(points: number[], psi: number, p: number): number[] {
  const n = points.length;
  const values = points.slice();
  const bits = Math.log2(n);
  for (let m = n / 2, run = 1; m >= 1; m /= 2, run *= 2) {
    for (let i = 0; i < m; i++) {
      const w = powMod(psi, reverseBits(m + i, bits), p);
      for (let j = 2 * i * run; j < (2 * i + 1) * run; j++) {
        const [x, y] = [values[j] as number, values[j + run] as number];
        values[j] = (x + y) % p;
        values[j + run] = mulMod((x - y + p) % p, w, p);
      }
    }
  }
  return values;
}

/** Values at ψ^(2·brv(i)+1), in the order in which the kernels store them. */
export function nttForward(
  memory: TwinMemory,
  [out, from, logN, table, ctx]: readonly [number, number, number, number, number],
): void {
  const { psi } = memory.root(table);
  const values = evaluate(Array.from(memory.words(from, 1 << logN)), psi, memory.prime(ctx));
  const target = memory.words(out, 1 << logN);
  values.forEach((value, i) => {
    target[storagePosition(i)] = value;
  });
}

/** `scale` holds N^-1 times a factor; the table's root is the inverse one. */
const nttInverse: TwinOperation = (memory, [, out, from, logN, table, ctx, scale]) => {
  const p = memory.prime(ctx);
  const source = memory.words(from, 1 << logN);
  const values = Array.from(source, (_, i) => source[storagePosition(i)]);
  const coefficients = interpolate(values, memory.root(table).psi, p);
  memory.words(out, 1 << logN).set(coefficients.map((x) => mulMod(x, memory.word(scale), p)));
};

const buildInverseScale: TwinOperation = (memory, [, out, p, , logSize, factor]) =>
  memory.setWord(out, 0, mulMod(inverseMod((1 << logSize) % p, p), factor, p));

const divideByLast: TwinOperation = (memory, [, out, from, last, lastCtx, logN, table, ctx, wh, wl]) => {
  switchModulus(memory, out, last, lastCtx, 4 << logN, ctx);
  nttForward(memory, [out, out, logN, table, ctx]);
  subtractMulScalar(memory, [out, from, out, wh, wl, 4 << logN, ctx]);
};

const subtractTransform: TwinOperation = (memory, [, out, a, b, plus, logN, table, ctx, wh, wl, order]) => {
  const bytes = 4 << logN;
  nttForward(memory, [b, b, logN, table, ctx]);
  subtractMulScalar(memory, [b, a, b, wh, wl, bytes, ctx]);
  if (plus !== 0) zip(memory, [b, b, plus, bytes, ctx], (x, y) => x + y);
  if (order !== 0) permute(memory, out, b, order, bytes);
};

const O = Operation;

export const transformOperations: readonly (readonly [number, TwinOperation])[] = [
  [O.nttForward, (m, [, out, from, logN, table, ctx]) => nttForward(m, [out, from, logN, table, ctx])],
  [O.nttInverse, nttInverse],
  [O.buildTables, (m, [, out, , , psi, logSize]) => m.setRoot(out, { psi, logSize })],
  [O.buildInverseScale, buildInverseScale],
  [O.divideByLast, divideByLast],
  [O.subtractTransform, subtractTransform],
];
