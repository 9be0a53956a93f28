/**
 * The division attack (security rule 4). A trainer multiplies a ciphertext (c0, c1) of the owner's by data m and returns
 * (m·c0, m·c1): the owner, who knows c1, divides and has m, to the last digit, whatever was encrypted. Fresh randomness before
 * anything leaves takes that away.
 *
 * The owner of these tests seals zeros, so that what it may see, the decryption, is zero for any data.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { inverseMod, mulMod } from '../src/kernels/arithmetic.ts';
import { seal } from '../src/owner/seal.ts';
import { fromRecord, readPoly, toRecord, writePoly } from '../src/protocol/ckks-codec.ts';
import { add, multiplyMontgomery, type Poly, toCoefficients, truncate } from '../src/ring/poly.ts';
import { blind } from '../src/schemes/ckks/blinding.ts';
import type { Ciphertext } from '../src/schemes/ckks/ciphertext.ts';
import { fit as fitSealed } from '../src/trainer/fit.ts';
import { leavingRecord } from '../src/trainer/sealed-weights.ts';
import { mail, makeData, makeModel, makeParty, type Party, recipe } from './fixtures/sealed-round.ts';

let party: Party;
beforeAll(async () => {
  party = await makeParty();
});
afterAll(() => party.dispose());

/** Secret data: as many numbers as there are slots. */
const data = (seed: number): Float64Array => {
  const random = new SeededRandom(seed);
  return Float64Array.from({ length: party.owner.context.slots }, () => random.uniform(-1, 1));
};

/** An owner's sealed zeros, and what a trainer makes of them with these data. */
function product(values: Float64Array): { readonly given: Ciphertext; readonly made: Ciphertext } {
  const { trainer } = party;
  const given = sealedZeros();
  const own = fromRecord(trainer.context, toRecord(given));
  return { given, made: trainer.evaluator.multiplyPlain(own, values) };
}

/** By which one can divide: now and then a residue is 0 by chance, and then it is sealed again. */
function sealedZeros(): Ciphertext {
  const { scheme, context } = party.owner;
  for (;;) {
    const given = scheme.encrypt({ re: new Float64Array(context.slots) }, context.maxLevel);
    if ([given.c0, given.c1].every((poly) => !readPoly(truncate(poly, context.baseLimbs)).includes(0))) return given;
  }
}

/** As it comes to the owner. */
const mailed = (ciphertext: Ciphertext): Ciphertext => fromRecord(party.owner.context, toRecord(ciphertext));

/** The quotient of two polynomials in NTT form, as slots at this scale. */
function quotient(a: Poly<'ntt'>, b: Poly<'ntt'>, scale: number): Float64Array {
  const { context } = party.owner;
  const { ring, baseLimbs } = context;
  const [top, bottom] = [a, b].map((poly) => readPoly(truncate(poly, baseLimbs)));
  const words = top.map((word, i) => {
    const { p } = ring.primes[Math.floor(i / ring.N)];
    return mulMod(word, inverseMod(bottom[i], p), p);
  });
  return slotsOf(writePoly(ring, context.indicesAt(0), words)).re.map((x) => x / scale);
}

function slotsOf(poly: Poly<'ntt'>): { readonly re: Float64Array; readonly im: Float64Array } {
  const { base, encoder } = party.owner.context;
  const digits = base.digits(toCoefficients(poly));
  const coefficients = base.toDoubles(digits, 1);
  digits.release();
  return encoder.decode(coefficients);
}

/** Numbers that were read, to 2^-20. */
function share(read: Float64Array, values: Float64Array): number {
  return values.filter((x, i) => Math.abs(x - read[i]) < 2 ** -20).length / values.length;
}

/** The data by division, from c0 and from c1. */
function divided(given: Ciphertext, returned: Ciphertext): [Float64Array, Float64Array] {
  const scale = returned.scale / given.scale;
  return [quotient(returned.c0, given.c0, scale), quotient(returned.c1, given.c1, scale)];
}

/** c0 + c1·s over the base primes. */
function phase({ c0, c1 }: Ciphertext): Poly<'ntt'> {
  const { context, secret } = party.owner;
  return add(truncate(c0, context.baseLimbs), multiplyMontgomery(c1, secret.montgomery, context.baseLimbs));
}

describe('x·ct, returned as it is', () => {
  it('is divided by ct, and all of x is read', () => {
    const values = data(1);
    const { given, made } = product(values);
    const returned = mailed(made);
    for (const read of divided(given, returned)) expect(share(read, values)).toBe(1);
    // Although nothing but zeros was encrypted.
    expect(Math.max(...party.owner.scheme.decrypt(returned).re.map(Math.abs))).toBeLessThan(2 ** -10);
  });
});

describe('x·ct, as it leaves a trainer', () => {
  it('is divided in vain: none of x is read', () => {
    const values = data(2);
    const { given, made } = product(values);
    const { trainer, owner } = party;
    const leaving = fromRecord(owner.context, leavingRecord(trainer, made));
    const rescaled = fromRecord(owner.context, leavingRecord(trainer, trainer.evaluator.rescale(made)));
    const blinding = blind(trainer.context, trainer.publicKey, [made]);
    const request = mailed(blinding.masked[0]);
    for (const returned of [leaving, rescaled, request]) {
      for (const read of divided(given, returned)) expect(share(read, values)).toBe(0);
    }
    blinding.discard();
  });

  it('has been rescaled: a trained model is returned at the scale of its weights', async () => {
    const sealed = await mail(seal(makeModel(), party.owner, { batch: 16 }), party);
    const options = { recipe: { ...recipe, steps: 1 }, refresh: 'none', skipShadowRun: true } as const;
    const { model } = await fitSealed(sealed, party.trainer, makeData(), options);
    const given = Math.max(...sealed.records.map(({ scale }) => scale));
    for (const { scale } of model.records) expect(Math.abs(Math.log2(scale / given))).toBeLessThan(2);
  });
});

/**
 * What fresh randomness does not take away, and nobody promises (SECURITY.md, circuit privacy). The owner made the noise e of
 * its ciphertext, and a product holds m·e: noises can be divided too.
 */
describe('the noise of x·ct', () => {
  /** m·e + r over e, slot by slot; the weights are |e|², for where e is small, nothing is read. */
  function noiseQuotient(
    given: Ciphertext,
    returned: Ciphertext,
  ): { readonly read: Float64Array; readonly weight: Float64Array } {
    const [product, own] = [returned, given].map((ciphertext) => slotsOf(phase(ciphertext)));
    const weight = own.re.map((re, i) => re * re + own.im[i] ** 2);
    const read = weight.map((square, i) => (product.re[i] * own.re[i] + product.im[i] * own.im[i]) / square);
    return { read, weight };
  }

  function correlation(values: Float64Array, { read, weight }: ReturnType<typeof noiseQuotient>): number {
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + weight[i] * x * b[i], 0);
    return dot(values, read) / Math.sqrt(dot(values, values) * dot(read, read));
  }

  it('tells x where a product leaves unrescaled, fresh randomness or not: it must not', () => {
    const values = data(3);
    const { given, made } = product(values);
    const leaving = fromRecord(party.owner.context, leavingRecord(party.trainer, made));
    expect(correlation(values, noiseQuotient(given, leaving))).toBeGreaterThan(0.9999);
  });

  it('is mostly the roundings’ after rescaling, and far from exact', () => {
    const values = data(4);
    const { trainer, owner } = party;
    const correlations = Array.from({ length: 8 }, () => {
      const { given, made } = product(values);
      const rescaled = trainer.evaluator.rescale(made);
      const quotients = noiseQuotient(given, fromRecord(owner.context, leavingRecord(trainer, rescaled)));
      const factor = rescaled.scale / given.scale;
      // Quotients this rough lie within 2^-20 of a number by chance alone: hardly ever two of them.
      const read = quotients.read.map((x) => x / factor);
      expect(share(read, values)).toBeLessThan(0.02);
      return correlation(values, quotients);
    });
    // Some of it is left on so small a ring; the roundings grow with √N, e does not. One correlation strays by 1/√slots.
    expect(Math.abs(correlations.reduce((sum, x) => sum + x / 8, 0))).toBeLessThan(0.6);
  });
});
