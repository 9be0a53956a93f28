import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { recipe } from '../../test/fixtures/sealed-round.ts';
import { HermeticError } from '../base/errors.ts';
import { base64UrlToBytes, bytesToBase64Url } from './base64-url.ts';
import { canonicalJson } from './canonical-json.ts';
import { findNonJson, type JsonValue } from './json.ts';
import { createSigningKey, exportSigningKey, importSigningKey, type SigningKey, verifyBytes } from './signing-key.ts';
import {
  commitToData,
  type RecordFields,
  recordDigest,
  SALT_BYTES,
  type SignedRecord,
  signTrainingRecord,
  verifyChain,
  verifyTrainingRecord,
} from './training-record.ts';

let anna: SigningKey;
let boris: SigningKey;
beforeAll(async () => {
  [anna, boris] = [await createSigningKey(), await createSigningKey()];
});

const id = (digit: string) => digit.repeat(64);
const fields: RecordFields = {
  previous: null,
  parentModel: id('a'),
  model: id('b'),
  keyId: id('c'),
  run: 'f00dcafe',
  steps: 40,
  rows: 1000,
  recipe: { ...recipe, learningRate: 0.012 },
  dataCommitment: id('d'),
  privacy: { epsilon: 4, delta: 1e-5, mechanism: 'noise on every row' },
  createdAt: '2026-01-02T03:04:05Z',
};
const badFile = expect.objectContaining({ code: 'BAD_FILE' });
const wrongKey = expect.objectContaining({ code: 'WRONG_KEY' });

describe('a training record', () => {
  it('comes back as it was signed', async () => {
    const signed = await signTrainingRecord(fields, anna);
    expect(signed.signature).toMatch(/^[A-Za-z0-9_-]{86}$/);
    const record = await verifyTrainingRecord(signed, anna.publicKey);
    expect(record).toEqual({ ...fields, version: 1, publicKey: anna.publicKey });
  });

  it('has one text, whatever the order of its fields, and may do without privacy', async () => {
    const turned = Object.fromEntries(Object.entries(fields).toReversed()) as unknown as RecordFields;
    expect((await signTrainingRecord(turned, anna)).record).toBe((await signTrainingRecord(fields, anna)).record);
    const { privacy: _, ...plain } = fields;
    const signed = await signTrainingRecord({ ...plain, privacy: undefined }, anna);
    expect(signed.record).not.toContain('privacy');
    expect(await verifyTrainingRecord(signed, anna.publicKey)).not.toHaveProperty('privacy');
  });

  it('is refused when any of its fields is changed, with the signature left as it was', async () => {
    const signed = await signTrainingRecord(fields, anna);
    const whole = JSON.parse(signed.record) as Record<string, JsonValue>;
    const changes: Record<string, JsonValue> = {
      previous: id('e'),
      parentModel: id('e'),
      model: id('e'),
      keyId: id('e'),
      run: 'f00dcaff',
      steps: 41,
      rows: 999,
      recipe: { ...(whole.recipe as object), seed: 6 },
      dataCommitment: id('e'),
      privacy: { ...(whole.privacy as object), epsilon: 3.9 },
      createdAt: '2026-01-02T03:04:06Z',
    };
    // Every field that is signed is tried, but version and key, which have refusals of their own.
    expect([...Object.keys(changes), 'publicKey', 'version'].sort()).toEqual(Object.keys(whole).sort());
    for (const [field, value] of Object.entries(changes)) {
      const record = canonicalJson({ ...whole, [field]: value });
      expect(record).not.toBe(signed.record);
      await expect(verifyTrainingRecord({ ...signed, record }, anna.publicKey)).rejects.toMatchObject({
        code: 'BAD_FILE',
        message: expect.stringMatching(/changed after it was signed/),
      });
    }
    const older = canonicalJson({ ...whole, version: 2 });
    await expect(verifyTrainingRecord({ ...signed, record: older }, anna.publicKey)).rejects.toEqual(badFile);
    const { privacy: _, ...unstated } = whole;
    const dropped = { ...signed, record: canonicalJson(unstated) };
    await expect(verifyTrainingRecord(dropped, anna.publicKey)).rejects.toEqual(badFile);
  });

  it('is refused when any bit of its signature is changed', async () => {
    const signed = await signTrainingRecord(fields, anna);
    const bytes = base64UrlToBytes(signed.signature);
    for (let bit = 0; bit < 8 * bytes.length; bit += 7) {
      bytes[bit >> 3] ^= 1 << (bit & 7);
      const signature = bytesToBase64Url(bytes);
      await expect(verifyTrainingRecord({ ...signed, signature }, anna.publicKey)).rejects.toEqual(badFile);
      bytes[bit >> 3] ^= 1 << (bit & 7);
    }
    for (const signature of ['', 'A', 'A'.repeat(86), `${signed.signature}A`, '='.repeat(86)]) {
      await expect(verifyTrainingRecord({ ...signed, signature }, anna.publicKey)).rejects.toEqual(badFile);
    }
  });

  it('is refused from another party, whether it names her key or theirs', async () => {
    const signed = await signTrainingRecord(fields, anna);
    await expect(verifyTrainingRecord(signed, boris.publicKey)).rejects.toEqual(wrongKey);
    const renamed = signed.record.replace(anna.publicKey, boris.publicKey);
    await expect(verifyTrainingRecord({ ...signed, record: renamed }, boris.publicKey)).rejects.toEqual(badFile);
  });

  it('is refused in any other spelling of the same JSON', async () => {
    const signed = await signTrainingRecord(fields, anna);
    const spellings = [
      ` ${signed.record}`,
      JSON.stringify(JSON.parse(signed.record), null, 1),
      signed.record.replace('"steps":40', '"steps":40.0'),
      signed.record.replace('"steps":40', '"steps":41,"steps":40'),
      signed.record.replace('f00dcafe', '\\u006600dcafe'),
    ];
    for (const record of spellings) {
      expect(record).not.toBe(signed.record);
      await expect(verifyTrainingRecord({ ...signed, record }, anna.publicKey)).rejects.toEqual(badFile);
    }
  });

  it('is a HermeticError out of anything', async () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constant('null'), fc.constant('1'.repeat(100_001)));
    await fc.assert(
      fc.asyncProperty(text, fc.string(), async (record, signature) => {
        await expect(verifyTrainingRecord({ record, signature }, anna.publicKey)).rejects.toThrow(HermeticError);
      }),
    );
  });

  it('is not signed unless it is one', async () => {
    for (const change of [{ steps: -1 }, { model: 'b' }, { run: '' }, { createdAt: 'yesterday' }, { rows: 0.5 }]) {
      await expect(signTrainingRecord({ ...fields, ...change }, anna)).rejects.toThrow(TypeError);
    }
  });
});

describe('a chain of records', () => {
  /** Three runs, the first and the last by Anna; models are handed on as they are. */
  async function chain(): Promise<SignedRecord[]> {
    const models = ['1', '2', '3', '4'].map(id);
    const records: SignedRecord[] = [];
    for (const [i, key] of [anna, boris, anna].entries()) {
      const previous = i === 0 ? null : await recordDigest(records[i - 1].record);
      const change = { previous, parentModel: models[i], model: models[i + 1], steps: 10 + i };
      records.push(await signTrainingRecord({ ...fields, ...change }, key));
    }
    return records;
  }

  it('is read, oldest first', async () => {
    const records = await verifyChain(await chain());
    expect(records.map(({ steps }) => steps)).toEqual([10, 11, 12]);
    expect(await verifyChain([])).toEqual([]);
  });

  it('breaks where a record is lacking, doubled, out of order, changed or another', async () => {
    const [a, b, c] = await chain();
    const [otherB] = [
      await signTrainingRecord({ ...fields, previous: await recordDigest(a.record), steps: 99 }, boris),
    ];
    const breaks: [string, SignedRecord[], RegExp][] = [
      ['without the first', [b, c], /record 1/],
      ['without the second', [a, c], /record 2/],
      ['doubled', [a, a, b, c], /record 2/],
      ['turned round', [c, b, a], /record 1/],
      ['two exchanged', [a, c, b], /record 2/],
      ['another in the middle', [a, otherB, c], /record 3/],
      ['changed', [a, { ...b, record: b.record.replace('"steps":11', '"steps":12') }, c], /changed after/],
    ];
    for (const [name, records, where] of breaks) {
      const refused = verifyChain(records);
      await expect(refused, name).rejects.toMatchObject({ code: 'BAD_FILE', message: expect.stringMatching(where) });
    }
  });

  it('takes the records of those who have a part, and no others', async () => {
    const records = await chain();
    const publicKeys = new Set([anna.publicKey, boris.publicKey]);
    expect(await verifyChain(records, { publicKeys })).toHaveLength(3);
    publicKeys.delete(boris.publicKey);
    await expect(verifyChain(records, { publicKeys })).rejects.toMatchObject({
      code: 'WRONG_KEY',
      message: expect.stringMatching(/record 2/),
    });
  });

  it('follows the models, also where they were sealed anew', async () => {
    const records = await chain();
    const asTheyAre = () => undefined;
    expect(await verifyChain(records, { sealedFrom: asTheyAre })).toHaveLength(3);
    const [a] = records;
    const previous = await recordDigest(a.record);
    const resealed = await signTrainingRecord({ ...fields, previous, parentModel: id('9'), model: id('8') }, boris);
    const origins = new Map([[id('9'), id('2')]]);
    expect(await verifyChain([a, resealed], { sealedFrom: (model) => origins.get(model) })).toHaveLength(2);
    await expect(verifyChain([a, resealed], { sealedFrom: asTheyAre })).rejects.toThrow(/its model is not the one/);
    // Without a word about models the records alone are judged.
    expect(await verifyChain([a, resealed])).toHaveLength(2);
  });
});

describe('a signing key', () => {
  it('survives its text, and no other text is one', async () => {
    const text = await exportSigningKey(anna);
    const again = await importSigningKey(`${text}\n`);
    expect(again.publicKey).toBe(anna.publicKey);
    const signed = await signTrainingRecord(fields, again);
    expect(await verifyTrainingRecord(signed, anna.publicKey)).toMatchObject({ steps: 40 });
    const [secret] = text.split('.');
    const wrong = ['', '.', secret, `${secret}.${boris.publicKey}`, `${secret.slice(4)}.${anna.publicKey}`, 'no key'];
    for (const other of wrong) await expect(importSigningKey(other)).rejects.toEqual(badFile);
    // What is said of a damaged key says nothing of the key.
    const refusal = await importSigningKey(`${secret}A.${anna.publicKey}`).catch((error: Error) => error.message);
    expect(refusal).not.toContain(secret.slice(-8));
  });

  it('is Ed25519 as others know it: the first test vector of RFC 8032, section 7.1', async () => {
    const hex = (text: string) => Buffer.from(text, 'hex');
    const seed = hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    const publicKey = hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const signature = hex(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
    const pkcs8 = Buffer.concat([hex('302e020100300506032b657004220420'), seed]);
    const key = await importSigningKey(`${pkcs8.toString('base64url')}.${publicKey.toString('base64url')}`);
    expect(await verifyBytes(key.publicKey, signature.toString('base64url'), new Uint8Array(0))).toBe(true);
    expect(await verifyBytes(key.publicKey, signature.toString('base64url'), new Uint8Array(1))).toBe(false);
  });

  it('agrees with another implementation on what a record signs', async () => {
    const { record, signature } = await signTrainingRecord(fields, anna);
    const bytes = Buffer.from(`hermetic training record v1\n${record}`);
    const x = anna.publicKey;
    const theirs = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    expect(verify(null, bytes, theirs, Buffer.from(signature, 'base64url'))).toBe(true);
    const [secret] = (await exportSigningKey(anna)).split('.');
    const own = createPrivateKey({ key: Buffer.from(secret, 'base64url'), format: 'der', type: 'pkcs8' });
    expect(sign(null, bytes, own).toString('base64url')).toBe(signature);
  });
});

describe('a commitment to data', () => {
  const salt = new Uint8Array(SALT_BYTES).fill(7);

  it('fits these rows with this salt alone', async () => {
    const commitment = await commitToData(id('1'), salt);
    expect(commitment).toMatch(/^[0-9a-f]{64}$/);
    expect(await commitToData(id('1'), salt.slice())).toBe(commitment);
    expect(await commitToData(id('2'), salt)).not.toBe(commitment);
    expect(await commitToData(id('1'), new Uint8Array(SALT_BYTES).fill(8))).not.toBe(commitment);
  });

  it('needs a whole salt', async () => {
    await expect(commitToData(id('1'), salt.subarray(1))).rejects.toThrow(RangeError);
  });
});

describe('canonical JSON', () => {
  it('is what RFC 8785 says of its own example of keys, and of numbers', () => {
    const keys = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalJson(keys)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
    expect(canonicalJson([56, 1e21, 1e-7, -0, 0.1 + 0.2])).toBe('[56,1e+21,1e-7,0,0.30000000000000004]');
  });

  it('is JSON of the same value, in one order', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as JsonValue;
        fc.pre(findNonJson(json) === undefined);
        const text = canonicalJson(json);
        expect(JSON.parse(text)).toEqual(json);
        expect(canonicalJson(JSON.parse(text) as JsonValue)).toBe(text);
      }),
    );
  });

  it('refuses what is no plain JSON', () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(TypeError);
    expect(() => canonicalJson({ ['__proto__']: 1 })).toThrow('$.__proto__');
  });
});
