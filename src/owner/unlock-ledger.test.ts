import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { MAX_LOG_QP } from '../rlwe/security-table.ts';
import { insecureParameters, PARAMETER_SETS, parameterSet } from '../schemes/ckks/parameters.ts';
import { type CountedKey, type UnlockAnswer, UnlockLedger, unlockLimit } from './unlock-ledger.ts';

/** N/128 = 8 bits. */
const small = { N: 1024, logN: 10, logQP: 140, insecure: true };
const keyOf = (keyId: string): CountedKey => ({ keyId, context: { parameters: small } });
const key = keyOf('0123456789abcdef');

const answer = (row: number, bits: number = 1, release: string = 'label'): UnlockAnswer => ({
  predictions: 'ab'.repeat(32),
  row,
  release,
  bits,
});
const denied = expect.objectContaining({ code: 'POLICY_DENIED' });

describe('the limit of a key', () => {
  it('leaves 127 bits of security by the rule that the table obeys, and not a dimension more', async () => {
    for (const set of PARAMETER_SETS) {
      const parameters = await parameterSet(set);
      const { N, logN, logQP } = parameters;
      const perDimension = (128 * MAX_LOG_QP.get(logN)!) / (N * logQP);
      const limit = unlockLimit(parameters);
      expect(perDimension * (N - limit)).toBeGreaterThanOrEqual(127);
      expect(perDimension * (N - limit - 1)).toBeLessThan(127);
    }
  });

  it('is what SECURITY.md says', async () => {
    const text = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
    const [, sets, , limits] = /^(\| set \|.*)\n(.*)\n(\| bits that a key answers \|.*)$/m.exec(text)!.slice(0, 4) as [
      string,
      string,
      string,
      string,
    ];
    const cells = (line: string): string[] =>
      line
        .split('|')
        .slice(2, -1)
        .map((cell) => cell.trim());
    expect(cells(sets)).toEqual([...PARAMETER_SETS]);
    const computed = await Promise.all(PARAMETER_SETS.map(async (set) => unlockLimit(await parameterSet(set))));
    expect(cells(limits).map(Number)).toEqual(computed);
  });

  it('is zero where the table has no room left, and a few bits on insecure rings', async () => {
    expect(unlockLimit({ N: 8192, logN: 13, logQP: 10 * 214, insecure: false })).toBe(0);
    expect(unlockLimit({ N: 8192, logN: 13, logQP: 214, insecure: false })).toBe(64);
    expect(unlockLimit(await insecureParameters({ logN: 7, levels: 1 }))).toBe(2);
    expect(unlockLimit(await insecureParameters({ logN: 10, levels: 9 }))).toBe(8);
    // As large as a real one, and insecure all the same.
    expect(unlockLimit(await insecureParameters({ logN: 13, levels: 3 }))).toBe(64);
  });
});

describe('a ledger', () => {
  it('charges what is new, up to the limit and no further', async () => {
    const ledger = new UnlockLedger();
    await ledger.charge(key, [answer(0, 5), answer(1, 2)]);
    expect(await ledger.account(key)).toEqual({ used: 7, left: 1, limit: 8 });
    await ledger.charge(key, [answer(0, 5), answer(2, 1), answer(1, 2)]);
    expect(await ledger.account(key)).toEqual({ used: 8, left: 0, limit: 8 });
    await expect(ledger.charge(key, [answer(3)])).rejects.toEqual(denied);
    await ledger.charge(key, [answer(0, 5)]);
    expect((await ledger.answers(key)).map(({ row }) => row)).toEqual([0, 1, 2]);
  });

  it('charges all or nothing, and says where the key stands and what to do', async () => {
    const ledger = new UnlockLedger();
    await ledger.charge(key, [answer(0, 3)]);
    const refusal = ledger.charge(key, [answer(1, 3), answer(2, 3)]);
    await expect(refusal).rejects.toMatchObject({
      code: 'POLICY_DENIED',
      expected: 'at most 5 bits: 3 of 8 are used up',
      got: '6',
      mend: expect.stringMatching(/new key/),
    });
    expect(await ledger.answers(key)).toEqual([answer(0, 3)]);
  });

  it('counts an answer once a call', async () => {
    const ledger = new UnlockLedger();
    await ledger.charge(key, [answer(4), answer(4), answer(4, 1, '1 bits in 0 … 1'), answer(5)]);
    expect(await ledger.account(key)).toMatchObject({ used: 3 });
  });

  it('counts each key by itself', async () => {
    const ledger = new UnlockLedger();
    await ledger.charge(key, [answer(0, 8)]);
    await ledger.charge(keyOf('fedcba9876543210'), [answer(0, 8)]);
    await expect(ledger.charge(key, [answer(1)])).rejects.toEqual(denied);
    expect(await ledger.account(keyOf('0000000000000000'))).toMatchObject({ used: 0 });
  });

  it('takes no answers for free, less than free, or of no number', async () => {
    const ledger = new UnlockLedger();
    for (const bits of [0, -1, 0.5, Number.NaN, 65]) {
      await expect(ledger.charge(key, [answer(0, bits)])).rejects.toThrow(RangeError);
    }
    expect(await ledger.answers(key)).toEqual([]);
  });

  it('is not outrun by calls at the same time', async () => {
    const ledger = new UnlockLedger();
    const calls = Array.from({ length: 20 }, (_, row) => ledger.charge(key, [answer(row)]));
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
  });

  it('releases no more bits than the limit in any sequence of calls', async () => {
    const anyAnswer = fc.record({
      predictions: fc.constantFrom('aa'.repeat(32), 'bb'.repeat(32)),
      row: fc.integer({ min: 0, max: 9 }),
      release: fc.constantFrom('label', '2 bits in 0 … 1', '12 bits in 0 … 1'),
      bits: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anyAnswer, { maxLength: 4 }), { maxLength: 30 }), async (calls) => {
        const ledger = new UnlockLedger();
        const released = new Map<string, number>();
        for (const answers of calls) {
          const granted = await ledger.charge(key, answers).then(
            () => true,
            (error) => {
              expect(error).toBeInstanceOf(HermeticError);
              return false;
            },
          );
          for (const { predictions, row, release, bits } of granted ? answers : []) {
            const name = `${predictions} ${row} ${release}`;
            if (!released.has(name)) released.set(name, bits);
          }
          const sum = [...released.values()].reduce((a, b) => a + b, 0);
          expect(sum).toBeLessThanOrEqual(8);
          expect((await ledger.account(key)).used).toBe(sum);
        }
      }),
    );
  });
});
