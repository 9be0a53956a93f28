/**
 * The homomorphic transform between slots and coefficients as products of few sparse matrices (Chen, Chillotti and Song
 * 2018/1043; Cheon, Han and Hhan 2018/1073): the radix-2 layers of the canonical embedding (assembly/embedding.ts) without
 * their bit reversal, some composed at a time. Coefficients stand bit-reversed on both sides, so no permutation is
 * needed: SlotsToCoeffs takes slots z to the coefficients u = bitrev(z), CoeffsToSlots takes them back.
 *
 * A layer on blocks of `len` slots, h = len/2, ω_j = e^(2πi·5^j / 4len):
 *   SlotsToCoeffs:  x_j + ω_j·x_(j+h),  x_j − ω_j·x_(j+h);   CoeffsToSlots:  x_j + x_(j+h),  (x_j − x_(j+h))·ω̄_j
 * Neither is normalised: both together multiply by the number of slots.
 */
import type { SlotValues } from '../schemes/ckks/encoder.ts';
import type { DiagonalMatrix } from '../schemes/ckks/slot-transform.ts';

interface ComplexVector {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Offset → diagonal; all of one length. */
type Diagonals = Map<number, ComplexVector>;

/** Matrices of SlotsToCoeffs on 2^logSlots slots, in order of application; `stages[i]` layers are composed in the i-th. */
export function slotsToCoeffsMatrices(logSlots: number, stages: readonly number[]): DiagonalMatrix[] {
  let from = 0;
  return stages.map((layers) => {
    const logs = Array.from({ length: layers }, (_, i) => from + i + 1);
    from += layers;
    return composed(logSlots, logs, forwardLayer);
  });
}

/** Matrices of CoeffsToSlots, the inverses times 2^layers, in order of application. */
export function coeffsToSlotsMatrices(logSlots: number, stages: readonly number[]): DiagonalMatrix[] {
  let from = logSlots;
  return stages.map((layers) => {
    const logs = Array.from({ length: layers }, (_, i) => from - i);
    from -= layers;
    return composed(logSlots, logs, inverseLayer);
  });
}

/**
 * A matrix whose result repeats after n slots, as (y | −i·y) over 2n: the real parts then hold y's real and imaginary
 * parts side by side.
 */
export function besideItsImaginaryPart({ stride, diagonals }: DiagonalMatrix, n: number): DiagonalMatrix {
  const both = ([k, { re, im }]: readonly [number, SlotValues]): [number, SlotValues] => {
    const imaginary = im ?? new Float64Array(re.length);
    const at = (x: Float64Array, i: number): number => x[i % re.length] as number;
    const out = zeros(2 * n);
    for (let i = 0; i < n; i++) {
      [out.re[i], out.im[i]] = [at(re, i), at(imaginary, i)];
      [out.re[n + i], out.im[n + i]] = [at(imaginary, i), -at(re, i)];
    }
    return [k, out];
  };
  return { stride, diagonals: new Map([...diagonals].map(both)) };
}

/** (a | b) → a + i·b, twice: slots of period 2n to slots of period n. */
export function joinParts(n: number): DiagonalMatrix {
  const half = (first: boolean): Float64Array => new Float64Array(2 * n).fill(1, first ? 0 : n, first ? n : 2 * n);
  return {
    stride: n,
    diagonals: new Map([
      [0, { re: half(true), im: half(false) }],
      [1, { re: half(false), im: half(true) }],
    ]),
  };
}

/** Layers of a transform in `stages` stages, the larger ones where they cost least: first or last. */
export function splitLayers(logSlots: number, stages: number): number[] {
  const least = Math.floor(logSlots / stages);
  return Array.from({ length: stages }, (_, i) => least + (i < logSlots % stages ? 1 : 0));
}

function composed(logSlots: number, logs: readonly number[], layer: (len: number) => Diagonals): DiagonalMatrix {
  const period = 2 ** Math.max(...logs);
  const stride = 2 ** (Math.min(...logs) - 1);
  const [first, ...rest] = logs.map((log) => layer(2 ** log));
  const product = rest.reduce((a, b) => compose(b, a, period), repeat(first as Diagonals, period));
  const wrap = 2 ** logSlots;
  const diagonals: Diagonals = new Map();
  for (const [offset, vector] of product) {
    // In the stage that spans all slots, offsets of both signs coincide.
    const k = period === wrap ? ((offset % wrap) + wrap) % wrap : offset;
    const there = diagonals.get(k / stride);
    diagonals.set(k / stride, there ? sum(there, vector) : vector);
  }
  return { stride, diagonals };
}

function roots(len: number): ComplexVector {
  const h = len / 2;
  const re = new Float64Array(h);
  const im = new Float64Array(h);
  for (let j = 0, e = 1; j < h; j++, e = (e * 5) % (4 * len)) {
    const angle = (2 * Math.PI * e) / (4 * len);
    re[j] = Math.cos(angle);
    im[j] = Math.sin(angle);
  }
  return { re, im };
}

function forwardLayer(len: number): Diagonals {
  const h = len / 2;
  const w = roots(len);
  const [diagonal, upper, lower] = [zeros(len), zeros(len), zeros(len)];
  for (let j = 0; j < h; j++) {
    diagonal.re[j] = 1;
    upper.re[j] = w.re[j] as number;
    upper.im[j] = w.im[j] as number;
    diagonal.re[j + h] = -(w.re[j] as number);
    diagonal.im[j + h] = -(w.im[j] as number);
    lower.re[j + h] = 1;
  }
  return new Map([
    [0, diagonal],
    [h, upper],
    [-h, lower],
  ]);
}

function inverseLayer(len: number): Diagonals {
  const h = len / 2;
  const w = roots(len);
  const [diagonal, upper, lower] = [zeros(len), zeros(len), zeros(len)];
  for (let j = 0; j < h; j++) {
    diagonal.re[j] = 1;
    upper.re[j] = 1;
    diagonal.re[j + h] = -(w.re[j] as number);
    diagonal.im[j + h] = w.im[j] as number;
    lower.re[j + h] = w.re[j] as number;
    lower.im[j + h] = -(w.im[j] as number);
  }
  return new Map([
    [0, diagonal],
    [h, upper],
    [-h, lower],
  ]);
}

/** A·B: (A·B)_(a+b) += A_a ⊙ rot_a(B_b). */
function compose(A: Diagonals, B: Diagonals, period: number): Diagonals {
  const product: Diagonals = new Map();
  for (const [a, left] of A) {
    for (const [b, right] of B) {
      const out = product.get(a + b) ?? zeros(period);
      product.set(a + b, out);
      addProduct(out, left, right, a);
    }
  }
  return product;
}

/** out += left ⊙ rot_shift(right); left and right repeat. */
function addProduct(out: ComplexVector, left: ComplexVector, right: ComplexVector, shift: number): void {
  const period = out.re.length;
  const [n, m] = [left.re.length, right.re.length];
  for (let i = 0; i < period; i++) {
    const j = i % n;
    const k = (((i + shift) % m) + m) % m;
    const [x, y, u, v] = [left.re[j], left.im[j], right.re[k], right.im[k]] as [number, number, number, number];
    (out.re[i] as number) += x * u - y * v;
    (out.im[i] as number) += x * v + y * u;
  }
}

function repeat(diagonals: Diagonals, period: number): Diagonals {
  const repeated = (x: Float64Array): Float64Array => Float64Array.from({ length: period }, (_, i) => x[i % x.length]);
  return new Map([...diagonals].map(([k, { re, im }]) => [k, { re: repeated(re), im: repeated(im) }]));
}

function sum(a: ComplexVector, b: ComplexVector): ComplexVector {
  const plus = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value + (y[i] as number));
  return { re: plus(a.re, b.re), im: plus(a.im, b.im) };
}

function zeros(length: number): ComplexVector {
  return { re: new Float64Array(length), im: new Float64Array(length) };
}
