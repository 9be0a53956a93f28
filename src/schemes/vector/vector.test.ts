import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../../base/errors.ts';
import { divideRounded, shiftRounded } from '../../base/integers.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { addVectors, scaleVector, trivialCiphertext } from './ciphertext.ts';
import { digitsOf } from './digits.ts';
import { VectorEvaluator } from './evaluator.ts';
import { checkVectorParameters, switchErrorBound, type VectorParameters, vectorPreset } from './parameters.ts';
import { allProducts, foldedProducts } from './products.ts';
import { encryptOneWay } from './public-encryption.ts';
import {
  elementwiseMatrix,
  linearMatrix,
  oneWayMatrix,
  permutationMatrix,
  productMatrix,
  sumOfProductsMatrix,
  weightedMatrix,
} from './secret/matrices.ts';
import { freshIntegers, type RandomIntegers } from './secret/random-integers.ts';
import { phase, type VectorSecretKey } from './secret/secret-key.ts';
import { makeVectorKeys, publicKeysOf, VectorSecret } from './secret/vector-secret.ts';
import { matrixRow, rowEntries, switchKey } from './switching-matrix.ts';

/** Gives what it is told to, in order. */
function scripted(...values: number[]): RandomIntegers {
  const queue = [...values];
  return { below: () => queue.shift() as number, signed: () => BigInt(queue.shift() as number) };
}

const integers = (n: number, bits: number) =>
  fc.array(fc.bigInt({ min: -(1n << BigInt(bits)), max: 1n << BigInt(bits) }), { minLength: n, maxLength: n });

describe('known answers, by hand', () => {
  // w = 16, six signed bits, n = k = 1, S = [1 | 3].
  const parameters: VectorParameters = {
    logScale: 4,
    digitBits: 1,
    digits: 6,
    columns: 1,
    keyBound: 4,
    maskBound: 4,
    errorBound: 2,
    logModulus: 0,
  };
  const key: VectorSecretKey = { parameters, slots: 1, t: [[3]] };
  // A = (1 0 2 3 1 0) is drawn first, then E = (0 1 0 0 1 0).
  const oneWay = oneWayMatrix(key, scripted(1, 0, 2, 3, 1, 0, 0, 1, 0, 0, 1, 0));

  it('makes M = [S* + E − T·A ; A]', () => {
    // 2^j + E − 3·A: 1+0−3, 2+1−0, 4+0−6, 8+0−9, 16+1−3, 32+0−0
    expect(oneWay.rows.map(rowEntries)).toEqual([
      [-2n, 3n, -2n, -1n, 14n, 32n],
      [1n, 0n, 2n, 3n, 1n, 0n],
    ]);
  });

  it('switches, encrypts and decrypts', () => {
    const keys = { parameters, oneWay };
    // 16·3 = 48 = 110000b: columns 4 and 5, so c = (14 + 32, 1 + 0), and S·c = 46 + 3 = 48 + 1.
    expect(encryptOneWay(keys, [3n]).entries).toEqual([46n, 1n]);
    expect(encryptOneWay(keys, [-3n]).entries).toEqual([-46n, -1n]);
    expect(phase(key, [46n, 1n])).toEqual([49n]);
    expect(new VectorSecret(key).decrypt({ entries: [46n, 1n] })).toEqual([3n]);
    // w·x + e − T·r = 16·2 + 1 − 3·3, with r = 3 drawn first, then e = 1.
    expect(new VectorSecret(key, scripted(3, 1)).encrypt([2n]).entries).toEqual([24n, 3n]);
  });

  it('multiplies', () => {
    const c = { entries: [46n, 1n] };
    // 46² / 16 = 132.25, (46 + 46) / 16 = 5.75, 1 / 16: rounded
    const product = foldedProducts([c], [c], parameters);
    expect(product).toEqual([132n, 6n, 0n]);
    // under the key (1, T, T²) = (1, 3, 9): 132 + 18 = 150 ≈ 49² / 16
    const wide: VectorSecretKey = { ...key, parameters: { ...parameters, digits: 10 } };
    const none = Array<number>(30).fill(0);
    const matrix = productMatrix(wide, [new Map([[0, 1n]])], scripted(...none, ...none));
    expect(rowEntries(matrix.rows[0]).filter((_, column) => column % 10 === 0)).toEqual([1n, 3n, 9n]);
    expect(switchKey(matrix, product, wide.parameters)).toEqual([150n, 0n]);
    // all products under vec(SᵀHS) = (1 3 3 9): 132 + 3·3 + 3·3 + 0
    expect(allProducts(c, c, parameters)).toEqual([132n, 3n, 3n, 0n]);
  });

  // The same with two slots, S = [1 0 3 ; 0 1 2], and c = (32, 16, 16): S·c = (80, 48) = 16·(5, 3).
  const two: VectorSecretKey = { parameters: { ...parameters, digits: 10 }, slots: 2, t: [[3], [2]] };
  const c = { entries: [32n, 16n, 16n] };
  const zeros = (count: number): number[] => Array<number>(count).fill(0);

  it('rotates by one switch', () => {
    const short: VectorSecretKey = { ...two, parameters: { ...parameters, digits: 3 } };
    const [a, e0, e1] = [[1, 0, 0, 0, 1, 0, 0, 0, 1], zeros(9), [0, 1, 0, 0, 0, 0, 0, 0, 0]];
    const { rows } = permutationMatrix(short, [1, 0], scripted(...a, ...e0, ...e1));
    // Row 0: (0 1 2) times 1, 2, 4, less 3·A. Row 1: (1 0 3) times 1, 2, 4, and E, less 2·A.
    expect(rows.map(rowEntries)).toEqual([
      [-3n, 0n, 0n, 1n, -1n, 4n, 2n, 4n, 5n],
      [-1n, 3n, 4n, 0n, -2n, 0n, 3n, 6n, 10n],
      [1n, 0n, 0n, 0n, 1n, 0n, 0n, 0n, 1n],
    ]);
    // (5, −2, 1) has the digits (1 0 1, 0 −1 0, 1 0 0), and S·(5, −2, 1) = (8, 0).
    const rotated = switchKey({ inputs: 3, rows }, [5n, -2n, 1n], short.parameters);
    expect(rotated).toEqual([0n, 8n, 0n]);
    expect(phase(short, rotated)).toEqual([0n, 8n]);
  });

  it('multiplies slot by slot by one switch, each row zero outside its own products', () => {
    // 32²/16, 16²/16; crosses with the last entry (32·16 + 16·32)/16, (16·16 + 16·16)/16; its square 16²/16.
    const products = foldedProducts([c], [c], two.parameters);
    expect(products).toEqual([64n, 16n, 64n, 32n, 16n]);
    const matrix = elementwiseMatrix(two, scripted(...zeros(150)));
    const lowest = matrix.rows.map((row) => rowEntries(row).filter((_, column) => column % 10 === 0));
    expect(lowest.slice(0, 2)).toEqual([
      [1n, 0n, 3n, 0n, 9n],
      [0n, 1n, 0n, 2n, 4n],
    ]);
    // 64 + 3·64 + 9·16 = 400 = 80²/16, and 16 + 2·32 + 4·16 = 144 = 48²/16.
    expect(switchKey(matrix, products, two.parameters)).toEqual([400n, 144n, 0n]);
  });

  it('takes xᵀHx under vec(SᵀHS)', () => {
    const form = [
      [1n, 2n],
      [0n, -1n],
    ];
    const matrix = weightedMatrix(two, [form, form], scripted(...zeros(270)));
    const lowest = rowEntries(matrix.rows[0]).filter((_, column) => column % 10 === 0);
    // HS = (1 2 7 ; 0 −1 −2); SᵀHS = (1 2 7 ; 0 −1 −2 ; 3 4 17).
    expect(lowest).toEqual([1n, 2n, 7n, 0n, -1n, -2n, 3n, 4n, 17n]);
    // 5² + 2·5·3 − 3² = 46, times w.
    expect(switchKey(matrix, allProducts(c, c, two.parameters), two.parameters)).toEqual([736n, 736n, 0n]);
  });

  it('writes signed digits, lowest first', () => {
    expect([...digitsOf([5n, -6n], parameters).dense]).toEqual([1, 0, 1, 0, 0, 0, 0, -1, -1, 0, 0, 0]);
    const bytes = { ...parameters, digitBits: 8, digits: 8 };
    // 2^48 + 0x1234: the digits cross a word
    expect([...digitsOf([-(0x1000000000000n + 0x1234n)], bytes).dense]).toEqual([-0x34, -0x12, 0, 0, 0, 0, -1, 0]);
  });

  it('rounds halves upwards', () => {
    expect([7n, 5n, -5n, -6n, -7n].map((v) => divideRounded(v, 4n))).toEqual([2n, 1n, -1n, -1n, -2n]);
    expect([7n, 6n, -6n, -7n, 3n].map((v) => shiftRounded(v, 2))).toEqual([2n, 2n, -1n, -2n, 1n]);
    expect(shiftRounded(5n, 0)).toBe(5n);
  });
});

describe('matrices of entries of any size', () => {
  it('give back their entries, and multiply exactly', () => {
    const parameters = { ...vectorPreset('training'), digits: 5 };
    const wide = fc.bigInt({ min: -(1n << 130n), max: 1n << 130n });
    const small = fc.integer({ min: -(2 ** 25), max: 2 ** 25 }).map(BigInt);
    const entries = fc.array(fc.oneof(wide, small), { minLength: 15, maxLength: 15 });
    fc.assert(
      fc.property(entries, integers(3, 39), (row, vector) => {
        const matrix = { inputs: 3, rows: [matrixRow(row)] };
        expect(rowEntries(matrix.rows[0])).toEqual(row);
        const { dense } = digitsOf(vector, parameters);
        const expected = row.reduce((sum, entry, i) => sum + entry * BigInt(dense[i]), 0n);
        expect(switchKey(matrix, vector, parameters)).toEqual([expected]);
      }),
    );
  });

  it('digits add up to what they are digits of', () => {
    for (const digitBits of [1, 3, 5, 8]) {
      const parameters = { ...vectorPreset('seed'), digitBits, digits: Math.ceil(101 / digitBits) };
      fc.assert(
        fc.property(integers(2, 100), (vector) => {
          const { dense } = digitsOf(vector, parameters);
          const back = vector.map((_, i) =>
            Array.from(dense.subarray(i * parameters.digits, (i + 1) * parameters.digits)).reduceRight(
              (sum, digit) => (sum << BigInt(digitBits)) + BigInt(digit),
              0n,
            ),
          );
          expect(back).toEqual(vector);
        }),
      );
    }
  });
});

describe.each([
  ['seed', 1],
  ['vhe', 1],
  ['training', 1],
  ['seed', 3],
  ['training', 2],
] as const)('the scheme, preset %s with %i columns of T', (name, columns) => {
  const parameters = { ...vectorPreset(name), columns };
  const n = 4;
  const { secret, keys } = makeVectorKeys({ parameters, slots: n });
  const evaluator = new VectorEvaluator(keys);
  const messages = integers(n, 9);
  const scalar = fc.bigInt({ min: -500n, max: 500n });

  it('decrypts what it encrypts, with the secret and one way', () => {
    fc.assert(
      fc.property(integers(n, 30), (x) => {
        expect(secret.decrypt(secret.encrypt(x))).toEqual(x);
        expect(secret.decrypt(encryptOneWay(keys, x))).toEqual(x);
        expect(secret.decrypt(trivialCiphertext(x, parameters))).toEqual(x);
      }),
    );
    expect(secret.decrypt(secret.encrypt([1n, -2n]))).toEqual([1n, -2n, 1n, -2n]);
  });

  it('adds, subtracts and multiplies slot by slot', () => {
    fc.assert(
      fc.property(messages, messages, scalar, (x, y, s) => {
        const [a, b] = [secret.encrypt(x), encryptOneWay(keys, y)];
        expect(secret.decrypt(evaluator.add(a, b))).toEqual(x.map((v, i) => v + y[i]));
        expect(secret.decrypt(evaluator.subtract(a, b))).toEqual(x.map((v, i) => v - y[i]));
        expect(secret.decrypt(evaluator.negate(a))).toEqual(x.map((v) => -v));
        expect(secret.decrypt(evaluator.addPlain(a, [s]))).toEqual(x.map((v) => v + s));
        expect(secret.decrypt(evaluator.multiplyInteger(a, s))).toEqual(x.map((v) => v * s));
        expect(secret.decrypt(evaluator.multiplyPlain(a, y))).toEqual(x.map((v, i) => v * y[i]));
        expect(secret.decrypt(evaluator.multiplyPlain(a, [s, -s]))).toEqual(x.map((v, i) => (i % 2 ? -v : v) * s));
        expect(secret.decrypt(evaluator.innerProduct([a, a], [b, a]))).toEqual(x.map((v, i) => v * y[i] + v * v));
      }),
    );
  });

  it('rotates, both ways and any number of steps', () => {
    const x = [10n, -20n, 30n, 40n];
    for (const steps of [0, 1, 2, 3, 4, -1, -6, 7]) {
      const rotated = x.map((_, i) => x[(((i + steps) % n) + n) % n]);
      expect(secret.decrypt(evaluator.rotate(secret.encrypt(x), steps))).toEqual(rotated);
    }
  });

  it('transforms linearly and takes weighted inner products', () => {
    const random = freshIntegers();
    const g = [0, 1, 2, 3].map((r) => new Map([0, 1, 2, 3].map((i) => [i, BigInt(3 * r - i)])));
    const linear = linearMatrix(secret.key, g, random);
    const form = [0, 1, 2, 3].map((r) => [0, 1, 2, 3].map((c) => BigInt(r * r - 2 * c)));
    const weighted = weightedMatrix(secret.key, [form, form, form, form], random);
    const sums = sumOfProductsMatrix(secret.key, random);
    fc.assert(
      fc.property(messages, messages, (x, y) => {
        const [a, b] = [secret.encrypt(x), secret.encrypt(y)];
        const expected = g.map((row) => x.reduce((sum, v, i) => sum + (row.get(i) as bigint) * v, 0n));
        expect(secret.decrypt(evaluator.transform(linear, a))).toEqual(expected);
        const xHy = x.reduce((sum, v, r) => sum + v * y.reduce((inner, u, c) => inner + form[r][c] * u, 0n), 0n);
        const c = { entries: switchKey(weighted, allProducts(a, b, parameters), parameters) };
        expect(secret.decrypt(c)).toEqual([xHy, xHy, xHy, xHy]);
        const dot = x.reduce((sum, v, i) => sum + v * y[i], 0n);
        expect(secret.decrypt(evaluator.multiplyWith(sums, [a], [b]))).toEqual([dot, dot, dot, dot]);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps each switch within its stated error', () => {
    fc.assert(
      fc.property(integers(n, 40), (x) => {
        const scaled = x.map((v) => v << BigInt(parameters.logScale));
        phase(secret.key, encryptOneWay(keys, x).entries).forEach((value, i) => {
          const error = value - scaled[i];
          expect(Math.abs(Number(error))).toBeLessThanOrEqual(switchErrorBound(parameters, n));
        });
      }),
    );
  });

  it('never overflows silently', () => {
    const large = secret.encrypt([1n << BigInt(parameters.digits * parameters.digitBits)]);
    expect(secret.decrypt(evaluator.add(large, large))[0]).toBe(2n << BigInt(parameters.digits * parameters.digitBits));
    expect(() => evaluator.innerProduct([large], [large])).toThrow(HermeticError);
    expect(() => evaluator.rotate(large, 1)).toThrow(/beyond the digits of its key.*more digits/);
  });
});

describe('fixed point', () => {
  const parameters = vectorPreset('training');
  const { secret, keys } = makeVectorKeys({ parameters, slots: 8 });
  const evaluator = new VectorEvaluator(keys);
  const fixed = (values: readonly number[], bits: number) => values.map((v) => BigInt(Math.round(v * 2 ** bits)));

  it.each([8, 20, 24])('with %i fractional bits holds through twenty products, each divided', (bits) => {
    const random = new SeededRandom(1);
    const draw = () => Array.from({ length: 8 }, () => random.uniform(-1, 1));
    let clear = draw();
    let sealed = secret.encrypt(fixed(clear, bits));
    for (let step = 0; step < 20; step++) {
      const factor = draw();
      const other = secret.encrypt(fixed(factor, bits));
      sealed = evaluator.divide!(evaluator.innerProduct([sealed], [other]), bits);
      sealed = evaluator.addPlain(sealed, fixed([0.5], bits));
      clear = clear.map((v, i) => v * factor[i] + 0.5);
    }
    const errors = secret.decrypt(sealed).map((v, i) => Math.abs(Number(v) / 2 ** bits - clear[i]) * 2 ** bits);
    // In units of the last place: roundings of the inputs, hardly more.
    expect(Math.max(...errors)).toBeLessThan(4);
  });

  it('keeps more than the unit: what division leaves below it is not lost', () => {
    const a = evaluator.divide!(secret.encrypt([5n]), 3);
    expect(secret.decryptReal(a)[0]).toBeCloseTo(5 / 8, 4);
    expect(secret.decryptReal(scaleVector(secret.encrypt([-7n]), 3n, 10n))[0]).toBeCloseTo(-2.1, 4);
  });

  it('values of 2^6 at 24 bits fit the digits', () => {
    const a = secret.encrypt(fixed([64], 24));
    const product = evaluator.divide!(evaluator.innerProduct([a, a], [a, a]), 24);
    expect(Number(secret.decrypt(product)[0]) / 2 ** 24).toBeCloseTo(8192, 4);
  });
});

describe('with a modulus', () => {
  const parameters = vectorPreset('modular');
  const { secret, keys } = makeVectorKeys({ parameters, slots: 4 });
  const evaluator = new VectorEvaluator(keys);

  it('computes modulo q/w', () => {
    const messages = integers(4, 8);
    fc.assert(
      fc.property(messages, messages, (x, y) => {
        const [a, b] = [secret.encrypt(x), encryptOneWay(keys, y)];
        expect(secret.decrypt(a)).toEqual(x);
        expect(secret.decrypt(b)).toEqual(y);
        expect(secret.decrypt(evaluator.innerProduct([a], [b]))).toEqual(x.map((v, i) => v * y[i]));
        expect(secret.decrypt(evaluator.rotate(b, 1))).toEqual([...y.slice(1), y[0]]);
      }),
    );
    const half = secret.encrypt([1n << BigInt(evaluator.plainBits)]);
    expect(secret.decrypt(evaluator.add(half, half))[0]).toBe(0n);
  });

  it('says what it can: a product, and no division', () => {
    expect(evaluator.depth).toBe(1);
    expect(evaluator.plainBits).toBe(19);
    expect(evaluator.divide).toBeUndefined();
    expect(new VectorEvaluator(makeVectorKeys({ parameters: vectorPreset('seed'), slots: 2 }).keys).plainBits).toBe(
      Number.POSITIVE_INFINITY,
    );
  });
});

describe('misuse', () => {
  const parameters = vectorPreset('seed');
  const { secret, keys } = makeVectorKeys({ parameters, slots: 4, rotations: [] });
  const evaluator = new VectorEvaluator(keys);
  const a = secret.encrypt([1n]);

  it('is refused', () => {
    expect(() => evaluator.innerProduct([], [])).toThrow(RangeError);
    expect(() => evaluator.innerProduct([a], [a, a])).toThrow(RangeError);
    expect(() => evaluator.addPlain(a, [1n, 2n, 3n])).toThrow(RangeError);
    expect(() => evaluator.add(a, { entries: [1n] })).toThrow(RangeError);
    expect(() => addVectors({ entries: [] }, a, parameters)).toThrow(RangeError);
    expect(() => evaluator.divide!(a, -1)).toThrow(RangeError);
    expect(() => scaleVector(a, 1n, 0n)).toThrow(RangeError);
    expect(() => evaluator.rotate(a, 0.5)).toThrow(RangeError);
    expect(() => evaluator.rotate(a, 1)).toThrow(/do not hold this rotation/);
    expect(() => secret.encrypt([])).toThrow(RangeError);
    expect(() => secret.decrypt({ entries: [1n] })).toThrow(RangeError);
    expect(() => checkVectorParameters({ ...parameters, digitBits: 9 })).toThrow(/digitBits/);
    expect(() => checkVectorParameters({ ...vectorPreset('modular'), logModulus: 61 })).toThrow(/logModulus/);
    expect(() => makeVectorKeys({ parameters, slots: 3 })).toThrow(/power of two/);
  });

  it('rotations with a key of their own are used as they are', () => {
    const only = new VectorEvaluator(publicKeysOf(secret.key, [3, -1, 0]));
    expect(secret.decrypt(only.rotate(secret.encrypt([1n, 2n, 3n, 4n]), -1))).toEqual([4n, 1n, 2n, 3n]);
  });
});
