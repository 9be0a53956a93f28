/**
 * Tasks and their execution. A task is sixteen words: an operation code and its arguments (addresses and counts).
 * Tasks of one batch are independent; the caller and its workers take them one at a time from a shared counter.
 * Codes and argument order are mirrored in src/kernels/operations.ts.
 */
import { convertBase, encodeEntry } from './base-conversion';
import { multiplyDiagonals } from './diagonals';
import { embedForward, embedInverse } from './embedding';
import { mixedRadixDigits, mixedRadixEvaluate, mixedRadixToDouble } from './mixed-radix';
import { CTX_P, encodeOperand } from './modular';
import { nttForward } from './ntt-forward';
import { nttInverse } from './ntt-inverse';
import { buildInverseScale, buildTables } from './ntt-tables';
import { permute } from './permutation';
import {
  add, addScalar, gather, innerProduct, keyProduct, mulScalar, mulScalarAdd, negate, reduceSigned, rotatedKeyProduct,
  subtract, subtractMulScalar, subtractMulScalarAdd, switchModulus, tensorProduct,
} from './pointwise';
import { centredBinomial, ternary, uniformBelow, uniformResidues } from './random';
import { roundReduce, roundReduceFloat32, splitToFloat32 } from './rounding';

/** Control block, one cache line each: generation, next task, workers done; then batch size, tasks, workers, stop. */
const GENERATION: usize = 0;
const NEXT: usize = 64;
const DONE: usize = 128;
const COUNT: usize = 192;
const TASKS: usize = 196;
const WORKERS: usize = 200;
const STOP: usize = 204;

const TASK_BYTES: usize = 64;

// @ts-ignore: decorator
@inline function arg(task: usize, i: usize): u32 {
  return load<u32>(task + (i << 2));
}
// @ts-ignore: decorator
@inline function real(task: usize, i: usize): f64 {
  return load<f64>(task + (i << 2));
}

/** Runs tasks until none is left. `scratch`: this thread's own 1 MiB. */
export function work(control: usize, scratch: usize): void {
  const count = load<u32>(control + COUNT);
  const tasks = <usize>load<u32>(control + TASKS);
  for (;;) {
    const i = atomic.add<u32>(control + NEXT, 1);
    if (i >= count) return;
    run(tasks + (<usize>i) * TASK_BYTES, scratch);
  }
}

/** A worker's life: sleep until the generation changes, work, report. Returns when told to stop. */
export function serve(control: usize, scratch: usize, seenAtStart: i32): void {
  let seen = seenAtStart;
  for (;;) {
    while (atomic.load<i32>(control + GENERATION) == seen) atomic.wait<i32>(control + GENERATION, seen, -1);
    seen = atomic.load<i32>(control + GENERATION);
    if (atomic.load<u32>(control + STOP)) return;
    work(control, scratch);
    if (atomic.add<u32>(control + DONE, 1) + 1 == load<u32>(control + WORKERS)) atomic.notify(control + DONE, 1);
  }
}

function run(t: usize, scratch: usize): void {
  switch (arg(t, 0)) {
    case 0: return nttForwardTask(t);
    case 1: return nttInverseTask(t);
    case 2: return add(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5));
    case 3: return subtract(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5));
    case 4: return negate(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4));
    case 5: return mulScalar(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6));
    case 6: return mulScalarAdd(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6));
    case 7: return subtractMulScalar(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6), arg(t, 7));
    case 8: return innerProduct(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5));
    case 9: return tensorProduct(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6), arg(t, 7));
    case 10: return gather(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4));
    case 11: return switchModulus(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5));
    case 12: return reduceSigned(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4));
    case 13: return convertBase(
      arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6), arg(t, 7), arg(t, 8), scratch,
    );
    case 14: return multiplyDiagonals(
      arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6), arg(t, 7), arg(t, 8), arg(t, 9), arg(t, 10),
    );
    case 15: return embedForward(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4));
    case 16: return embedInverse(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4));
    case 17: return roundReduce(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), real(t, 6), arg(t, 5));
    case 18: return permute(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4));
    case 19: return splitToFloat32(arg(t, 1), arg(t, 2), arg(t, 3));
    case 20: return mixedRadixDigits(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6));
    case 21: return mixedRadixEvaluate(
      arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6) != 0, arg(t, 7), arg(t, 8), arg(t, 9),
    );
    case 22: return mixedRadixToDouble(
      arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 8), real(t, 6), arg(t, 9), arg(t, 10),
    );
    case 23: return uniformResidues(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), scratch);
    case 24: return ternary(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), scratch);
    case 25: return centredBinomial(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), scratch);
    case 26: return uniformBelow(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), scratch);
    case 27: return buildTables(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5));
    case 28: return buildInverseScale(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5));
    case 29: return addScalar(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5));
    case 30: return encodeMatrix(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4));
    case 31: return divideByLast(t);
    case 32: return expandPlain(t);
    case 33: memory.copy(arg(t, 1), arg(t, 2), arg(t, 3)); return;
    case 34: memory.fill(arg(t, 1), 0, arg(t, 2)); return;
    case 35: return keyProduct(arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6));
    case 36: return subtractTransform(t);
    case 37: return rotatedKeyProduct(
      arg(t, 1), arg(t, 2), arg(t, 3), arg(t, 4), arg(t, 5), arg(t, 6), arg(t, 7), arg(t, 8), scratch,
    );
    default: unreachable();
  }
}

/** out, in, logN, table, ctx */
function nttForwardTask(t: usize): void {
  const out = <usize>arg(t, 1), from = <usize>arg(t, 2), logN = arg(t, 3);
  if (out != from) memory.copy(out, from, (<usize>4) << logN);
  nttForward(out, logN, arg(t, 4), arg(t, 5));
}

/** out, in, logN, table, ctx, scale */
function nttInverseTask(t: usize): void {
  const out = <usize>arg(t, 1), from = <usize>arg(t, 2), logN = arg(t, 3);
  if (out != from) memory.copy(out, from, (<usize>4) << logN);
  nttInverse(out, logN, arg(t, 4), arg(t, 5), arg(t, 6));
}

/** out, entries (residues modulo this target's prime, one row), sources, ctx */
function encodeMatrix(out: usize, entries: usize, sources: u32, ctx: usize): void {
  const p = load<u32>(ctx + CTX_P);
  for (let j: usize = 0; j < <usize>sources; j++) encodeEntry(load<u32>(entries + (j << 2)), p, out + (j << 3));
}

/**
 * One limb of a rescaling: out = (a − NTT([last]))·w, where `last` are coefficients of the dropped limb; out is not a.
 * out, a, last, last's ctx, logN, table, ctx, wh, wl
 */
function divideByLast(t: usize): void {
  const out = arg(t, 1), logN = arg(t, 5), bytes = (<usize>4) << logN, ctx = arg(t, 7);
  switchModulus(out, arg(t, 3), arg(t, 4), bytes, ctx);
  nttForward(out, logN, arg(t, 6), ctx);
  subtractMulScalar(out, arg(t, 2), out, arg(t, 8), arg(t, 9), bytes, ctx);
}

/**
 * One limb of a division by the special modulus: b = (a − NTT(b))·w, plus c unless its address is 0; then permuted
 * to out if there is an order, else out is b.
 * out, a, b, c, logN, table, ctx, wh, wl, order
 */
function subtractTransform(t: usize): void {
  const a = arg(t, 2), b = arg(t, 3), c = arg(t, 4), logN = arg(t, 5), ctx = arg(t, 7), order = arg(t, 10);
  const bytes = (<usize>4) << logN;
  nttForward(b, logN, arg(t, 6), ctx);
  if (c) subtractMulScalarAdd(b, a, b, c, arg(t, 8), arg(t, 9), bytes, ctx);
  else subtractMulScalar(b, a, b, arg(t, 8), arg(t, 9), bytes, ctx);
  if (order) permute(arg(t, 1), b, order, bytes);
}

/**
 * A subring plaintext from its coefficients to pattern form, Montgomery factor within `scale`'s operand:
 * out, f32 coefficients, logSmall, table of the small ring, ctx, (scale f64 at 6), index, words out, temporary, rh, rl
 */
function expandPlain(t: usize): void {
  const logSmall = arg(t, 3), ctx = arg(t, 5), temporary = arg(t, 10);
  const count: u32 = (<u32>1) << logSmall;
  roundReduceFloat32(temporary, arg(t, 2), count, real(t, 6), ctx);
  nttForward(temporary, logSmall, arg(t, 4), ctx);
  mulScalar(temporary, temporary, load<u32>(<usize>ctx + 32), load<u32>(<usize>ctx + 36), (<usize>count) << 2, ctx);
  gather(arg(t, 1), temporary, arg(t, 8), (<usize>arg(t, 9)) << 2);
}
