import { describe, expect, it } from 'vitest';
import type { VectorCiphertext } from '../schemes/vector/ciphertext.ts';
import { VectorEvaluator } from '../schemes/vector/evaluator.ts';
import { type VectorParameters, vectorPreset } from '../schemes/vector/parameters.ts';
import { encryptOneWay } from '../schemes/vector/public-encryption.ts';
import { makeOneWayKeys, makeVectorKeys } from '../schemes/vector/secret/vector-secret.ts';
import { matrixRow, rowEntries } from '../schemes/vector/switching-matrix.ts';
import {
  countRecovered,
  openVectorCiphertext,
  recoverVectorKey,
  recoverVectorKeyFromOracle,
  roundWithoutKey,
} from './vector-key.ts';

function drawer(parameters: VectorParameters, slots = 4) {
  return () => {
    const { secret, keys } = makeOneWayKeys({ parameters, slots });
    const isSecret = (t: readonly (readonly bigint[])[]): boolean =>
      JSON.stringify(t.map((row) => row.map(Number))) === JSON.stringify(secret.key.t);
    return { keys, isSecret };
  };
}

describe('attack 1, from the public key alone', () => {
  it.each([
    ['seed', 1, 200],
    ['seed', 50, 8],
    ['vhe', 1, 40],
    ['training', 1, 40],
    ['modular', 1, 40],
  ] as const)('recovers the secret of %s with %i columns of T, %i draws', (name, columns, draws) => {
    const slots = name === 'training' ? 16 : 4;
    expect(countRecovered(draws, drawer({ ...vectorPreset(name), columns }, slots))).toBe(draws);
  });

  it('opens ciphertexts, and products of them', () => {
    for (const name of ['seed', 'training', 'modular'] as const) {
      const parameters = vectorPreset(name);
      const { secret, keys } = makeVectorKeys({ parameters, slots: 8 });
      const { key } = recoverVectorKey(keys);
      const evaluator = new VectorEvaluator(keys);
      const a = secret.encrypt([123n, -77n]);
      const product = evaluator.innerProduct([a], [encryptOneWay(keys, [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n])]);
      for (const c of [a, product]) expect(openVectorCiphertext(key, c, parameters)).toEqual(secret.decrypt(c));
    }
  });

  it('knows when it fails', () => {
    const parameters = vectorPreset('seed');
    const { keys } = makeOneWayKeys({ parameters, slots: 4 });
    const rows = keys.oneWay.rows.map(rowEntries);
    const spoilt = rows.map((row, i) => matrixRow(i === 2 ? row.map((entry, j) => entry + BigInt(20 * (j % 2))) : row));
    expect(recoverVectorKey(keys).verified).toBe(true);
    expect(recoverVectorKey({ ...keys, oneWay: { ...keys.oneWay, rows: spoilt } }).verified).toBe(false);
    const several = makeOneWayKeys({ parameters: { ...vectorPreset('modular'), columns: 2 }, slots: 2 }).keys;
    expect(() => recoverVectorKey(several)).toThrow(/columns/);
  });
});

describe('attack 2, with a decryption oracle', () => {
  it.each([
    ['seed', 1],
    ['seed', 5],
    ['vhe', 1],
    ['modular', 1],
  ] as const)('reads the key of %s with %i columns in as many queries', (name, columns) => {
    const parameters = { ...vectorPreset(name), columns };
    const { secret, keys } = makeVectorKeys({ parameters, slots: 4 });
    const asked: VectorCiphertext[] = [];
    const { key, queries } = recoverVectorKeyFromOracle((c) => {
      asked.push(c);
      return secret.decrypt(c);
    }, keys);
    expect(key.t.map((row) => row.map(Number))).toEqual(secret.key.t);
    expect(queries).toBe(columns);
    expect(asked).toHaveLength(columns);
  });
});

describe('no key', () => {
  it.each(['seed', 'vhe', 'training'] as const)('reads every value of 8 keys of %s', (name) => {
    for (let draw = 0; draw < 8; draw++) {
      const { secret, keys } = makeVectorKeys({ parameters: vectorPreset(name), slots: 4, rotations: [] });
      const x = [1n, -2000n, 765_432n, BigInt(draw)];
      expect(roundWithoutKey(encryptOneWay(keys, x), keys)).toEqual(x);
      expect(roundWithoutKey(secret.encrypt(x), keys)).toEqual(x);
    }
  });

  it('reads nothing where masks are uniform', () => {
    const { secret, keys } = makeVectorKeys({ parameters: vectorPreset('modular'), slots: 4, rotations: [] });
    expect(roundWithoutKey(secret.encrypt([1n, 2n, 3n, 4n]), keys)).not.toEqual([1n, 2n, 3n, 4n]);
  });
});
