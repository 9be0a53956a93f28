import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { residues } from '../../test/fixtures/bootstrapping-party.ts';
import { makeParty, type Party } from '../../test/fixtures/sealed-round.ts';
import { HermeticError } from '../base/errors.ts';
import { ciphertextBlobBytes, ciphertextOf, decodeCiphertext, encodeCiphertext } from './ciphertext-blob.ts';

let party: Party;
let blob: Uint8Array;
beforeAll(async () => {
  party = await makeParty();
  const sealed = party.owner.scheme.encrypt({ re: Float64Array.of(1, 2, 3, 4) }, 4);
  blob = encodeCiphertext(party.trainer, sealed);
});
afterAll(() => party.dispose());

describe('a ciphertext as a blob', () => {
  it('comes back bit for bit, at the size of its level', () => {
    const back = ciphertextOf(party.trainer, blob);
    expect(back.level).toBe(4);
    expect(encodeCiphertext(party.trainer, back)).toEqual(blob);
    expect(residues(back).equals(Buffer.from(blob.subarray(40)))).toBe(true);
    expect(blob.length).toBe(ciphertextBlobBytes(party.trainer.parameters, 4));
  });

  it('is refused where its header or a residue is not right', () => {
    const wrong: [string, (bytes: Uint8Array, view: DataView) => void, RegExp][] = [
      ['magic', (bytes) => bytes.fill(0, 0, 8), /no ciphertext/],
      ['key', (bytes) => bytes.fill(7, 8, 24), /another key/],
      ['level', (_, view) => view.setUint16(24, 5, true), /level or scale/],
      ['scale', (_, view) => view.setFloat64(32, Number.NaN, true), /level or scale/],
      ['residue', (bytes, view) => view.setUint32(bytes.length - 4, 0xffff_ffff, true), /not below its prime/],
    ];
    for (const [, spoil, message] of wrong) {
      const bytes = new Uint8Array(blob);
      spoil(bytes, new DataView(bytes.buffer));
      expect(() => decodeCiphertext(party.trainer, bytes)).toThrow(message);
    }
    for (const length of [0, 39, 40, blob.length - 1]) {
      expect(() => decodeCiphertext(party.trainer, blob.subarray(0, length))).toThrow(HermeticError);
    }
  });

  it('is refused with a HermeticError or read, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const bytes = new Uint8Array(blob);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          expect(decodeCiphertext(party.trainer, bytes).polynomials).toHaveLength(2);
        } catch (error) {
          expect(error).toBeInstanceOf(HermeticError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
