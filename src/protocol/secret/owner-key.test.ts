import { describe, expect, it } from 'vitest';
import { parameters, putTogether, takeApart } from '../../../test/vectors/format-v1/fixture.ts';
import { bytesToUtf8, utf8ToBytes } from '../../base/bytes.ts';
import { memorySink, memorySource } from '../byte-source.ts';
import { readOwnerKey, writeOwnerKey } from './owner-key.ts';
import { decryptWithPassphrase, encryptWithPassphrase } from './passphrase.ts';

const quick = { insecureTestWorkFactor: 4 };
/** For scrypt at its full work factor, in JavaScript, on a machine that others share. */
const SLOW = 240_000;
const silent = { onWarning: () => {} };
const key = {
  parameters: parameters.description,
  parameterHash: parameters.hash,
  keyId: '0123456789abcdef',
  secret: { seed: Uint8Array.from({ length: 32 }, (_, i) => 255 - i), created: '2025-01-01' },
};

async function keyFile(keyId: string = key.keyId): Promise<Uint8Array> {
  const sink = memorySink();
  await writeOwnerKey(sink, { ...key, keyId }, 'correct horse', quick);
  return sink.bytes();
}

describe('passphrase envelopes', () => {
  it('open what the age program 1.1.1 wrote (`age -p`, scrypt work factor 18)', { timeout: SLOW }, async () => {
    const written = `YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBaQUJTTWI1a0tkRmJCRndNeEkyeHdBIDE4CmdBYU5ZVFUrTkJONjdnc05H
      UDMwbEo4NGNQZDhUTG91bVlxcGxyVEdhUDgKLS0tIGJzTlkzSEphYjRKd21abEVscjQ4ZFNLaU5hcElhUG1iY005ZFk5eWtDaEEKE3qkHesqjIHb
      IYLWtBgC+32nCKbGcz3u1qwpr+gGj2g4awiCR63LXsQyflJPbZq5HCBCwPf0C+WQf6c=`;
    const bytes = Uint8Array.from(atob(written.replaceAll(/\s/g, '')), (character) => character.charCodeAt(0));
    expect(bytesToUtf8(await decryptWithPassphrase(bytes, 'correct horse battery'))).toBe(
      'sealed with the age program',
    );
  });

  it('tell a wrong passphrase from a damaged file', async () => {
    const locked = await encryptWithPassphrase(utf8ToBytes('secret'), 'right', quick);
    expect(bytesToUtf8(await decryptWithPassphrase(locked, 'right'))).toBe('secret');
    await expect(decryptWithPassphrase(locked, 'wrong')).rejects.toMatchObject({ code: 'WRONG_PASSPHRASE' });
    const damaged = locked.with(locked.length - 1, locked[locked.length - 1] ^ 1);
    await expect(decryptWithPassphrase(damaged, 'right')).rejects.toMatchObject({ code: 'BAD_FILE' });
    await expect(decryptWithPassphrase(utf8ToBytes('no age'), 'right')).rejects.toMatchObject({ code: 'BAD_FILE' });
  });

  it('refuse a work factor that would take gigabytes, before scrypt runs', async () => {
    const locked = await encryptWithPassphrase(utf8ToBytes('secret'), 'right', { insecureTestWorkFactor: 10 });
    const text = new TextDecoder('latin1').decode(locked);
    const digits = text.indexOf(' 10\n') + 1;
    expect(digits).toBeGreaterThan(0);
    const greedy = locked.slice();
    greedy.set(utf8ToBytes('30'), digits);
    await expect(decryptWithPassphrase(greedy, 'right')).rejects.toThrow('work factor of at most 18; got 30');
  });

  it('refuse an empty passphrase', async () => {
    const nothing = new Uint8Array(0);
    await expect(encryptWithPassphrase(nothing, '', quick)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });
});

describe('owner.key', () => {
  it('comes back whole', async () => {
    expect(await readOwnerKey(memorySource(await keyFile()), 'correct horse', silent)).toEqual(key);
  });

  it('holds nothing of the secret in the open, and never the same bytes twice', async () => {
    const [one, other] = [await keyFile(), await keyFile()];
    expect(Buffer.from(one).indexOf(key.secret.seed)).toBe(-1);
    expect(Buffer.from(one).includes('2025-01-01')).toBe(false);
    expect(one).not.toEqual(other);
  });

  it('refuses another passphrase', async () => {
    const reading = readOwnerKey(memorySource(await keyFile()), 'Correct horse', silent);
    await expect(reading).rejects.toMatchObject({ code: 'WRONG_PASSPHRASE' });
  });

  it('refuses a secret behind the header of another key', async () => {
    const bytes = await keyFile();
    const parts = takeApart(bytes);
    parts.header.content.keyId = 'fedcba9876543210';
    const forged = await putTogether(bytes, parts);
    const reading = readOwnerKey(memorySource(forged), 'correct horse', silent);
    await expect(reading).rejects.toThrow('another key than the header says');
  });

  it('refuses any single changed bit', async () => {
    const bytes = await keyFile();
    for (let i = 0; i < bytes.length; i += 7) {
      const flipped = bytes.with(i, bytes[i] ^ (1 << (i & 7)));
      await expect(readOwnerKey(memorySource(flipped), 'correct horse', silent)).rejects.toMatchObject({
        name: 'HermeticError',
      });
    }
  });
});
