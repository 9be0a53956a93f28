import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeOperand, inverseMod, mulMod, powMod } from './arithmetic.ts';
import type { Engine } from './engine.ts';
import type { Address } from './heap.ts';
import { PrimeContext } from './prime-context.ts';
import { storagePosition } from './storage-order.ts';
import { chachaBlock } from './twin/chacha.ts';
import { createTwinEngine } from './twin/executor.ts';
import { createEngine } from './wasm-executor.ts';

/** 28-bit primes ≡ 1 mod 2^16: good for every size up to 2^15. */
const PRIMES = [268369921, 268238849, 257949697, 206307329, 135135233, 134348801];
let engines: Record<'wasm' | 'twin', Engine>;

beforeAll(async () => {
  engines = { wasm: await createEngine({ threads: 2 }), twin: createTwinEngine() };
});
afterAll(() => engines.wasm.dispose());

/** Deterministic words, so that a failure repeats. */
function* words(seed: number): Generator<number> {
  for (let x = seed | 1; ; ) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

const inputs: Record<string, (p: number, i: number, random: number) => number> = {
  random: (p, _i, r) => r % p,
  'all p − 1': (p) => p - 1,
  'random {0, p − 1}': (p, _i, r) => (r & 1 ? p - 1 : 0),
  '(p ± 1)/2': (p, _i, r) => (p - 1) / 2 + (r & 1),
};

function put(engine: Engine, values: ArrayLike<number>): Address {
  const at = engine.allocate(values.length * 4);
  engine.heap.u32(at, values.length).set(values);
  return at;
}

function fill(n: number, p: number, kind: keyof typeof inputs, seed: number): number[] {
  const random = words(seed);
  return Array.from({ length: n }, (_, i) => inputs[kind]!(p, i, random.next().value as number));
}

/** A permutation of n = 2^k indices. */
function shuffled(n: number): number[] {
  return Array.from({ length: n }, (_, i) => (i * 37) % n);
}

/** An order of `permute`: blocks and patterns are permutations, but no automorphism's. */
function shuffledBlocks(n: number): number[] {
  const blocks = n / 64;
  const moves = Array.from({ length: blocks }, (_, b) => (((b * 5 + 1) % blocks) << 6) | ((b * 11 + 3) % 64));
  const bytes = Array.from({ length: 64 * 64 }, (_, i) => 4 * (((i % 64) * 37 + Math.floor(i / 64)) % 64));
  const patterns = Array.from({ length: 1024 }, (_, w) => bytes.slice(4 * w, 4 * w + 4));
  return [...moves, ...patterns.map((b) => b.reduceRight((word, byte) => word * 256 + byte, 0))];
}

/** Runs the same queueing on both engines and compares `count` words of the block it returns. */
function sameOnBoth(count: number, queue: (engine: Engine) => Address): void {
  const results = [engines.wasm, engines.twin].map((engine) => {
    const out = queue(engine);
    engine.flush();
    return Array.from(engine.heap.u32(out, count));
  });
  expectSame(results[0]!, results[1]!);
}

/** Names the first difference; the differ of the test runner takes minutes on long arrays. */
function expectSame(got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  let at = 0;
  while (at < wanted.length && got[at] === wanted[at]) at++;
  expect({ at, got: got[at] }).toEqual({ at: wanted.length, got: undefined });
}

describe('number-theoretic transform', () => {
  for (const logN of [6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
    for (const kind of Object.keys(inputs)) {
      it(`N = 2^${logN}, ${kind}: forward evaluates at odd powers of ψ, inverse returns`, () => {
        const n = 1 << logN;
        for (const p of PRIMES.slice(0, logN > 12 ? 1 : 6)) {
          const engine = engines.wasm;
          const prime = new PrimeContext(engine, p, logN);
          const values = fill(n, p, kind, p + logN);
          const a = put(engine, values);
          const b = engine.allocate(4 * n);
          engine.nttForward(b, a, prime);
          engine.flush();
          const transformed = engine.heap.u32(b, n);
          for (const i of [0, 1, 2, 5, n / 2, n - 1]) {
            const point = powMod(prime.psi, 2 * reverse(i, logN) + 1, p);
            expect(transformed[storagePosition(i)]).toBe(horner(values, point, p));
          }
          engine.nttInverse(b, b, prime);
          engine.flush();
          expectSame(engine.heap.u32(b, n), values);
        }
      });
    }
  }

  it('equals the bigint twin bit for bit, inverse factors included', () => {
    for (const logN of [6, 9, 12]) {
      for (const p of PRIMES) {
        const n = 1 << logN;
        const values = fill(n, p, 'random', p);
        sameOnBoth(n, (engine) => {
          const out = put(engine, values);
          engine.nttForward(out, out, new PrimeContext(engine, p, logN));
          return out;
        });
        sameOnBoth(n, (engine) => {
          const prime = new PrimeContext(engine, p, logN);
          const out = put(engine, values);
          engine.nttInverse(out, out, prime, prime.inverseScale(12345));
          return out;
        });
      }
    }
  });
});

const reverse = (x: number, bits: number): number => {
  let r = 0;
  for (let i = 0; i < bits; i++) r = (r << 1) | ((x >>> i) & 1);
  return r;
};

function horner(values: readonly number[], x: number, p: number): number {
  let sum = 0;
  for (let i = values.length - 1; i >= 0; i--) sum = (mulMod(sum, x, p) + values[i]!) % p;
  return sum;
}

describe('every other kernel equals its bigint twin, bit for bit', () => {
  const n = 256;
  for (const kind of Object.keys(inputs)) {
    for (const p of [PRIMES[0]!, PRIMES[5]!]) {
      const a = fill(n, p, kind, 1);
      const b = fill(n, p, 'random', 2);
      const queue = (
        name: string,
        run: (e: Engine, out: Address, x: Address, y: Address, c: PrimeContext) => void,
      ): void =>
        it(`${name}, p = ${p}, ${kind}`, () => {
          sameOnBoth(n, (engine) => {
            const [out, x, y] = [put(engine, b), put(engine, a), put(engine, b)];
            run(engine, out, x, y, new PrimeContext(engine, p, 8));
            return out;
          });
        });
      const w = encodeOperand(p - 2, p);
      queue('add', (e, out, x, y, c) => e.add(out, x, y, n, c));
      queue('subtract', (e, out, x, y, c) => e.subtract(out, x, y, n, c));
      queue('negate', (e, out, x, _y, c) => e.negate(out, x, n, c));
      queue('mulScalar', (e, out, x, _y, c) => e.mulScalar(out, x, w, n, c));
      queue('mulScalarAdd', (e, out, x, _y, c) => e.mulScalarAdd(out, x, w, n, c));
      queue('subtractMulScalar', (e, out, x, y, c) => e.subtractMulScalar(out, x, y, w, n, c));
      for (const terms of [1, 8, 9]) {
        queue(`innerProduct of ${terms}`, (e, out, x, _y, c) =>
          e.innerProduct(out, Array(terms).fill([x, x]).flat(), n, c),
        );
      }
      queue('innerProduct of 64', (e, out, x, y, c) => e.innerProduct(out, Array(64).fill([x, y]).flat(), n, c));
      queue('innerProduct of the largest', (e, out, x, _y, c) =>
        e.innerProduct(out, Array(64).fill([x, x]).flat(), n, c),
      );
      for (const part of [0, 1]) {
        queue(`keyProduct of 64, half ${part}`, (e, out, x, y, c) => {
          const outs = [out, e.allocate(4 * n)] as const;
          e.keyProduct(outs[part]!, outs[1 - part]!, Array(64).fill([x, x, y]).flat(), n, c);
        });
      }
      for (const [part, plus] of [0, 1].flatMap((part) => [false, true].map((plus) => [part, plus] as const))) {
        queue(`rotatedKeyProduct, half ${part}${plus ? ', plus' : ''}`, (e, out, x, y, c) => {
          const outs = [out, e.allocate(4 * n)] as const;
          const order = put(e, shuffledBlocks(n));
          const added = plus ? x : undefined;
          e.rotatedKeyProduct(outs[part]!, outs[1 - part]!, [x, x, y, y, y, x], added, order, n, c);
        });
      }
      for (const constant of [0, 1, p - 1]) {
        queue(`addScalar ${constant}`, (e, out, x, _y, c) => e.addScalar(out, x, constant, n, c));
      }
      for (const part of [0, 1, 2]) {
        queue(`tensorProduct d${part}`, (e, out, x, y, c) => {
          const d = [0, 1, 2].map((i) => (i === part ? out : e.allocate(4 * n))) as [Address, Address, Address];
          e.tensorProduct(...d, Array(32).fill([x, y, y, x]).flat(), n, c);
        });
      }
      queue('gather', (e, out, x) => e.gather(out, x, put(e, shuffled(n)), n));
      queue('permute', (e, out, x) => e.permute(out, x, put(e, shuffledBlocks(n)), n));
      queue('switchModulus', (e, out, x, _y, c) => {
        const other = new PrimeContext(e, PRIMES[2]!, 8);
        e.switchModulus(out, x, c, n, other);
      });
      queue('subtractTransform', (e, out, x, _y, c) => e.subtractTransform(out, x, out, w, c));
      queue('subtractTransform with addend and permutation', (e, out, x, y, c) => {
        e.subtractTransform(out, x, put(e, b), w, c, y, put(e, shuffledBlocks(n)));
      });
      queue('divideByLast', (e, out, x, y, c) => {
        e.divideByLast(out, x, y, new PrimeContext(e, PRIMES[1]!, 8), w, c);
      });
    }
  }

  it('reduceSigned', () => {
    const values = fill(n, 2 ** 32 - 1, 'random', 9);
    for (const p of PRIMES) {
      sameOnBoth(n, (e) => {
        const out = put(
          e,
          values.map((x) => x & ~0x80000000 || 5),
        );
        e.reduceSigned(out, out, n, new PrimeContext(e, p, 8));
        return out;
      });
    }
  });

  for (const sources of [1, 3, 8, 14, 15, 22, 30, 60]) {
    for (const [kind, exact] of Object.keys(inputs).flatMap((kind) => [false, true].map((e) => [kind, e] as const))) {
      it(`convertBase from ${sources} limbs, ${kind}${exact ? ', exact' : ''}`, () => {
        const terms = sources + (exact ? 1 : 0);
        const from = Array.from({ length: sources }, (_, j) => PRIMES[j % 3]!);
        const to = PRIMES.slice(3);
        sameOnBoth(n * to.length, (e) => {
          const sourcePrimes = from.map((p) => new PrimeContext(e, p, 8));
          const targetPrimes = to.map((p) => new PrimeContext(e, p, 8));
          const matrix = e.allocate(to.length * terms * 8);
          to.forEach((p, i) =>
            e.encodeMatrixRow((matrix + i * terms * 8) as Address, fill(terms, p, kind, i), targetPrimes[i]!),
          );
          const quotients = from.map((p) => Math.round(2 ** 40 / p) * 65_536);
          const out = e.allocate(4 * n * to.length);
          e.convertBase(
            from.map((p, j) => put(e, fill(n, p, kind, 7 * j))),
            sourcePrimes,
            to.map((_, i) => (out + 4 * n * i) as Address),
            targetPrimes,
            matrix,
            n,
            exact ? put(e, quotients) : undefined,
          );
          return out;
        });
      });
    }
  }

  for (const [patterns, terms, sums] of [1, 4, 16].flatMap(
    (v) => [[v, 70, 2] as const, [v, 8, 3], [v, 9, 1]] as const,
  )) {
    it(`multiplyDiagonals with ${patterns} patterns a block, ${terms} terms, ${sums} sums`, () => {
      const n = 1024;
      const p = PRIMES[0]!;
      sameOnBoth(sums * n, (e) => {
        const ciphers = Array.from({ length: terms }, (_, t) => put(e, fill(n, p, t & 1 ? 'random' : 'all p − 1', t)));
        const plainWords = (n / 16) * patterns;
        const plains = put(e, fill(plainWords * terms * sums, p, terms === 8 ? 'all p − 1' : 'random', 99));
        const out = e.allocate(4 * n * sums);
        const outs = Array.from({ length: sums }, (_, s) => (out + 4 * n * s) as Address);
        e.multiplyDiagonals(ciphers, plains, 4 * plainWords, outs, patterns, n, new PrimeContext(e, p, 8), 2);
        return out;
      });
    });
  }

  it('samplers and ChaCha20', () => {
    const key = fill(8, 2 ** 32 - 1, 'random', 5);
    const nonce = [1, 2, 3];
    const sample = (run: (e: Engine, out: Address, key: Address, nonce: Address) => void): void =>
      sameOnBoth(n, (e) => {
        const out = e.allocate(4 * n);
        run(e, out, put(e, key), put(e, nonce));
        return out;
      });
    sample((e, out, k, v) => e.uniformResidues(out, n, k, v, new PrimeContext(e, PRIMES[5]!, 8)));
    sample((e, out, k, v) => e.uniformBelow(out, n, k, v, 2 ** 27 + 5));
    sample((e, out, k, v) => e.ternary(out, n, k, v));
    sample((e, out, k, v) => e.centredBinomial(out, n, k, v));
  });

  it('the twin of ChaCha20 gives the test vector of RFC 8439, section 2.3.2', () => {
    const key = new Uint32Array(Uint8Array.from({ length: 32 }, (_, i) => i).buffer);
    const nonce = new Uint32Array(Uint8Array.of(0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0).buffer);
    expect(Array.from(chachaBlock(key, nonce, 1)).map((x) => x.toString(16))).toEqual(
      'e4e7f110 15593bd1 1fdd0f50 c47120a3 c7f4d1c7 368c033 9aaa2204 4e6cd4c3 466482d2 9aa9f07 5d7c214 a2028bd9 d19c12b5 b94e16de e883d0cb 4e3c50a2'.split(
        ' ',
      ),
    );
  });

  it('mixed radix: digits, evaluation, doubles', () => {
    const primes = [PRIMES[0]!, PRIMES[1]!, PRIMES[2]!];
    const residues = primes.map((p, j) => fill(n, p, 'random', j + 20));
    const prepare = (e: Engine) => {
      const contexts = primes.map((p) => new PrimeContext(e, p, 8));
      const inverses = put(
        e,
        primes.flatMap((q) => primes.map((p) => (p === q ? 0 : inverseMod(q % p, p)))),
      );
      const digits = e.allocate(4 * n * 3);
      e.mixedRadixDigits(
        digits,
        residues.map((r) => put(e, r)),
        contexts,
        inverses,
        n,
      );
      e.flush();
      return { contexts, digits };
    };
    const product = primes.reduce((a, p) => a * BigInt(p), 1n);
    let half = product / 2n;
    const halves = primes.map((p) => {
      const digit = Number(half % BigInt(p));
      half /= BigInt(p);
      return digit;
    });
    sameOnBoth(3 * n, (e) => prepare(e).digits);
    for (const always of [false, true]) {
      sameOnBoth(n, (e) => {
        const { digits } = prepare(e);
        const target = new PrimeContext(e, PRIMES[3]!, 8);
        const out = e.allocate(4 * n);
        const weights = put(e, [
          1,
          primes[0]! % target.p,
          mulMod(primes[0]! % target.p, primes[1]! % target.p, target.p),
          77,
        ]);
        e.mixedRadixEvaluate(out, digits, 3, weights, put(e, halves), always, n, target);
        return out;
      });
    }
    sameOnBoth(2 * n, (e) => {
      const { digits } = prepare(e);
      const weights = e.allocate(24);
      e.heap.f64(weights, 3).set([1, primes[0]!, primes[0]! * primes[1]!]);
      const out = e.allocate(8 * n);
      e.mixedRadixToDouble(out, digits, 3, weights, put(e, halves), put(e, primes), 2 ** -60, n);
      return out;
    });
  });
});

describe('the canonical embedding', () => {
  it('forward and inverse agree with the twin bit for bit, and with each other', () => {
    const n = 128;
    const bits = 7;
    const roots: number[] = [];
    for (let h = 1; h < n; h *= 2) {
      for (let j = 0, e = 1; j < h; j++, e = (e * 5) % (8 * h)) {
        roots.push(Math.cos((2 * Math.PI * e) / (8 * h)), Math.sin((2 * Math.PI * e) / (8 * h)));
      }
    }
    const run = (engine: Engine) => {
      const data = engine.allocate(16 * n);
      const values = fill(2 * n, 1000, 'random', 3).map((x) => x - 500);
      engine.heap.f64(data, 2 * n).set(values);
      const table = engine.allocate(16 * n);
      engine.heap.f64(table, roots.length).set(roots);
      const order = put(
        engine,
        Array.from({ length: n }, (_, i) => reverse(i, bits)),
      );
      engine.embedInverse(data, n, table, order);
      engine.flush();
      const inverse = Array.from(engine.heap.f64(data, 2 * n));
      engine.embedForward(data, n, table, order);
      engine.flush();
      return { values, inverse, forward: Array.from(engine.heap.f64(data, 2 * n)) };
    };
    const [wasm, twin] = [run(engines.wasm), run(engines.twin)];
    expect(wasm.inverse).toEqual(twin.inverse);
    expect(wasm.forward).toEqual(twin.forward);
    wasm.forward.forEach((x, i) => expect(x).toBeCloseTo(wasm.values[i]!, 9));
  });
});
