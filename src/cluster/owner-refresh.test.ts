import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeParty, type Party } from '../../test/fixtures/sealed-round.ts';
import { createRefreshService } from '../owner/owner-refresh.ts';
import { fromRecord } from '../protocol/ckks-codec.ts';
import type { RefreshTransport } from '../protocol/refresh-transport.ts';
import { blind } from '../schemes/ckks/blinding.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { refreshByOwner } from '../trainer/owner-refresher.ts';
import { refreshExchange } from '../trainer/refresh-exchange.ts';
import { blobName } from './blob-store.ts';
import { ciphertextOf, decodeCiphertext, encodeCiphertext } from './ciphertext-blob.ts';
import { callSecrets, cutText, parseCut } from './owner-refresh.ts';

const SECRET = new Uint8Array(32).fill(7);
const HASH = 'ab'.repeat(32);
let party: Party;
beforeAll(async () => {
  party = await makeParty();
});
afterAll(() => party.dispose());

/** From the owner's memory to the trainer's. */
const sealed = (...values: number[]): Ciphertext => {
  const made = party.owner.scheme.encrypt({ re: Float64Array.from(values) }, 1);
  return ciphertextOf(party.trainer, encodeCiphertext(party.owner, made));
};

/** An owner that answers so many calls, and what was sent to him. */
function owner(budget: number): { transport: RefreshTransport; sent: Uint8Array[]; again: boolean[] } {
  const [sent, again]: [Uint8Array[], boolean[]] = [[], []];
  const service = createRefreshService(party.owner, { budget, onCall: ({ repeated }) => again.push(repeated) });
  const transport: RefreshTransport = (request) => {
    sent.push(request);
    return service.answer('trainer', request);
  };
  return { transport, sent, again };
}

async function secretsOf(ciphertexts: readonly Ciphertext[], secret: Uint8Array = SECRET) {
  const members = await Promise.all(ciphertexts.map((c) => blobName(encodeCiphertext(party.trainer, c))));
  return callSecrets(secret, { kind: 'owner-refresh', run: HASH, step: 3, secret: HASH, members });
}

/** The unit, by a worker of its own. */
async function ask(transport: RefreshTransport, ciphertexts: readonly Ciphertext[]): Promise<Uint8Array[]> {
  const { trainer } = party;
  const { parameters, keyId } = trainer;
  const { name, seeds } = await secretsOf(ciphertexts);
  const exchange = refreshExchange({ parameters, keyId, run: 'r', transport, attempts: 1 });
  const fresh = await refreshByOwner(trainer, exchange, ciphertexts, { step: 3, level: 4, name }, seeds);
  return fresh.map((ciphertext) => encodeCiphertext(trainer, ciphertext));
}

describe('a refresh by the owner that is handed out twice', () => {
  it('is the same call: counted once, with the same bytes each way, and the same values come back', async () => {
    const weights = [sealed(0.5, -0.25), sealed(0.125)];
    const { transport, sent, again } = owner(1);
    const [first, second] = [await ask(transport, weights), await ask(transport, weights)];
    expect(second).toEqual(first);
    expect(sent[1]).toEqual(sent[0]);
    expect(again).toEqual([false, true]);
    const { context, scheme } = party.owner;
    const back = fromRecord(context, decodeCiphertext(party.owner, first[0]));
    expect(scheme.decrypt(back).re[1]).toBeCloseTo(-0.25, 3);
  });

  it('meets other masks and another name where the ciphertexts or the secret are others', async () => {
    const { context, publicKey } = party.trainer;
    const one = sealed(0.5);
    const other = new Uint8Array(32).fill(8);
    const drawn = async (ciphertext: Ciphertext, secret?: Uint8Array): Promise<string> => {
      const { name, seeds } = await secretsOf([ciphertext], secret);
      const { masks, discard } = blind(context, publicKey, [ciphertext], seeds);
      const digits = context.engine.heap.u32(masks[0].item(0), context.ring.N);
      const found = `${name} ${Buffer.from(digits.slice().buffer).toString('hex')}`;
      discard();
      return found;
    };
    const same = await drawn(one);
    expect(await drawn(one)).toBe(same);
    const all = (await Promise.all([same, drawn(sealed(0.5)), drawn(one, other)])).flatMap((text) => text.split(' '));
    expect(new Set(all).size).toBe(6);
  });

  it('has a seed for every use, and none twice', async () => {
    const job = { kind: 'owner-refresh', run: HASH, step: 0, secret: HASH, members: [HASH, HASH] } as const;
    const { name, seeds } = await callSecrets(SECRET, job);
    const drawn = Array.from({ length: 6 }, () => Buffer.from(seeds()).toString('hex'));
    expect(new Set([...drawn, name]).size).toBe(7);
    expect(seeds).toThrow(RangeError);
  });
});

describe('the cut of a refresh', () => {
  it('is kept as a line of text', () => {
    const cut = { step: 12, parts: 3, secret: HASH };
    expect(parseCut(cutText(cut))).toEqual(cut);
    for (const text of [undefined, '', '1 2', `1 2 ${HASH} `, `x 2 ${HASH}`]) expect(parseCut(text)).toBeUndefined();
  });
});
