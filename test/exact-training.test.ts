/**
 * A step of training on the exact schemes, integer by integer: what the owner opens, before anybody rounds it, is what the
 * same step leaves on integers in the clear.
 */
import { describe, expect, it } from 'vitest';
import { bfvIntegers } from '../src/cli/schemes/bfv-party.ts';
import { fixedPointParty, type IntegerParty } from '../src/cli/schemes/fixed-point-party.ts';
import { rotationsOf, trainOnScheme, xorTask } from '../src/cli/schemes/train.ts';
import { yasheIntegers } from '../src/cli/schemes/yashe-party.ts';
import { ClearIntegers } from '../src/schemes/clear/clear-integers.ts';

const { signal } = new AbortController();
const task = await xorTask(1, signal);
const options = { slots: task.slots, rotations: rotationsOf(task), insecure: true, threads: 1 };

interface Opened {
  readonly logScale: number;
  readonly integers: readonly bigint[];
}

/** What a step leaves before the owner renews it. */
async function trained<X>(integers: IntegerParty<X>): Promise<Opened[]> {
  const opened: Opened[] = [];
  const party = fixedPointParty(integers);
  const { mode, refresh } = party.refresher;
  const refresher = {
    mode,
    refresh: (ciphertexts: Parameters<typeof refresh>[0], request: Parameters<typeof refresh>[1]) => {
      for (const { re, im, logScale } of ciphertexts) {
        expect(im).toBeUndefined();
        opened.push({ logScale, integers: integers.secret.decrypt(re!.value, integers.options.slots) });
      }
      return refresh(ciphertexts, request);
    },
  };
  await trainOnScheme(task, { ...party, refresher }, signal);
  party.dispose();
  return opened;
}

function inTheClear({ scheme, security, evaluator, options }: IntegerParty<unknown>): IntegerParty<unknown> {
  const modulus = (1n << BigInt(Math.floor(evaluator.plainBits) + 1)) + 1n;
  const integers = new ClearIntegers({ slots: options.slots, modulus, depth: evaluator.depth });
  const sizes = { ciphertextBytes: 0, publicKeyBytes: 0 };
  const party = { scheme, security, evaluator: integers, secret: integers, options, ...sizes, dispose: () => {} };
  return party as IntegerParty<unknown>;
}

describe('exclusive or, one step', () => {
  it.each([
    { name: 'bfv', make: () => bfvIntegers(options), slots: 32 },
    { name: 'yashe', make: () => yasheIntegers(options), slots: 16 },
  ])('leaves the integers of the clear on $name', async ({ make, slots }) => {
    const party = (await make()) as IntegerParty<unknown>;
    expect(party.options.slots).toBe(slots);
    const wanted = await trained(inTheClear(party));
    const got = await trained(party);
    expect(got).toEqual(wanted);
    expect(Math.max(...got.map(({ logScale }) => logScale))).toBeGreaterThan(100);
    expect(got.flatMap(({ integers }) => integers).some((x) => x !== 0n)).toBe(true);
  });
});
