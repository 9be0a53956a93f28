import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeModel, SET, silent } from '../../test/fixtures/sealed-round.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import { inspectFile } from '../protocol/inspect.ts';
import { writeOwnerKey } from '../protocol/secret/owner-key.ts';
import { type SigningKey, signBytes, verifyBytes } from '../protocol/signing-key.ts';
import { readOwnerKeys, writeOwnerKeys, writeTrainerKeys } from './key-file.ts';
import { loadOwnerKeys, saveOwnerKeys, saveTrainerKeys } from './node/owner-files.ts';
import { type CreatedKeys, createKeys } from './owner-keys.ts';
import { open, seal } from './seal.ts';

const passphrase = 'correct horse battery staple';
const quick = { insecureTestWorkFactor: 2 };
let keys: CreatedKeys;
let folder: string;
beforeAll(async () => {
  keys = await createKeys({ set: SET, threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'hermetic-keys-'));
});
afterAll(async () => {
  keys.dispose();
  await rm(folder, { recursive: true });
});

async function ownerKeyBytes(): Promise<Uint8Array> {
  const sink = memorySink();
  await writeOwnerKeys(sink, keys, passphrase, quick);
  return sink.bytes();
}

const read = (bytes: Uint8Array, phrase: string = passphrase) =>
  readOwnerKeys(memorySource(bytes), phrase, { ...silent, threads: 1 });

describe('an owner key', () => {
  it('comes back from its file and opens what it sealed', async () => {
    const model = makeModel();
    const sealed = seal(model, keys, { batch: 16 });
    const restored = await read(await ownerKeyBytes());
    expect(restored.keyId).toBe(keys.keyId);
    const opened = open(sealed, restored);
    opened.weights.forEach(({ kernel }, i) => {
      kernel.forEach((w, j) => {
        expect(w).toBeCloseTo(model.weights[i].kernel[j], 4);
      });
    });
    restored.dispose();
  });

  it('signs as it did before, unless it is older than signatures', async () => {
    const restored = await read(await ownerKeyBytes());
    const bytes = Uint8Array.of(1, 2, 3);
    const signature = await signBytes(restored.signing as SigningKey, bytes);
    expect(await verifyBytes(keys.signing.publicKey, signature, bytes)).toBe(true);
    restored.dispose();
    // As keys were written before they signed.
    const { parameters, keyId } = keys;
    const secret = { version: 1, coefficients: keys.secret.toBytes() };
    const sink = memorySink();
    const file = { parameters: parameters.description, parameterHash: parameters.hash, keyId, secret };
    await writeOwnerKey(sink, file, passphrase, quick);
    const older = await read(sink.bytes());
    expect([older.keyId, older.signing]).toEqual([keyId, undefined]);
    older.dispose();
  });

  it('does not open to another passphrase', async () => {
    await expect(read(await ownerKeyBytes(), 'incorrect')).rejects.toMatchObject({ code: 'WRONG_PASSPHRASE' });
  });

  it('is refused when its contents are not a key of its set', async () => {
    const { parameters, keyId } = keys;
    const wrong: unknown[] = [
      null,
      { version: 2, coefficients: new Uint8Array(512) },
      { version: 1, coefficients: 'ternary' },
      { version: 1, coefficients: new Uint8Array(511) },
      { version: 1, coefficients: new Uint8Array(512).fill(2) },
      { version: 2, coefficients: keys.secret.toBytes(), signing: 'AAAA.AAAA' },
    ];
    for (const secret of wrong) {
      const sink = memorySink();
      const file = { parameters: parameters.description, parameterHash: parameters.hash, keyId, secret };
      await writeOwnerKey(sink, file, passphrase, quick);
      await expect(read(sink.bytes())).rejects.toMatchObject({ code: 'BAD_FILE' });
    }
  });

  it('is refused when its set is not the one known here', async () => {
    const { parameters, keyId } = keys;
    const secret = { version: 1, coefficients: new Uint8Array(512) };
    const foreign = [
      { parameterHash: new Uint8Array(32), parameters: parameters.description },
      ...['L99', 'toString', 'insecure-99-1-1'].map((set) => ({
        parameterHash: parameters.hash,
        parameters: { ...parameters.description, set },
      })),
    ];
    for (const file of foreign) {
      const sink = memorySink();
      await writeOwnerKey(sink, { ...file, keyId, secret }, passphrase, quick);
      await expect(read(sink.bytes())).rejects.toMatchObject({ code: 'BAD_FILE' });
    }
  });

  it('lies on the disk for its owner alone', async () => {
    const path = join(folder, 'owner.key');
    await saveOwnerKeys(keys, path, { passphrase, ...quick });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const options = { passphrase, ...silent, threads: 1 };
    (await loadOwnerKeys(path, options)).dispose();
    await chmod(path, 0o640);
    await expect(loadOwnerKeys(path, options)).rejects.toMatchObject({ code: 'BAD_FILE', mend: `chmod 600 ${path}` });
    await expect(loadOwnerKeys(join(folder, 'none'), options)).rejects.toMatchObject({ code: 'DISK' });
  });

  it('shows no secret to whoever inspects the file', async () => {
    const description = JSON.stringify(await inspectFile(memorySource(await ownerKeyBytes()), silent));
    expect(description).toContain(keys.keyId);
    expect(description).not.toContain('coefficients');
  });
});

describe('keys for trainers', () => {
  it('are told by their identifier', async () => {
    const sink = memorySink();
    await writeTrainerKeys(sink, keys);
    expect(await inspectFile(memorySource(sink.bytes()), silent)).toMatchObject({
      kind: 'trainer-keys',
      keyId: keys.keyId,
      intact: true,
    });
    await saveTrainerKeys(keys, join(folder, 'trainer.keys'));
    expect((await stat(join(folder, 'trainer.keys'))).size).toBe(sink.bytes().length);
  });

  it('are made with progress, and differ from owner to owner', async () => {
    const progress: [number, number][] = [];
    const needs = { rotations: [1, 2, -1], conjugation: true, relinearization: true };
    const others = await createKeys({
      set: SET,
      threads: 1,
      needs,
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(progress).toEqual([1, 2, 3, 4, 5].map((done) => [done, 5]));
    expect(others.keyId).not.toBe(keys.keyId);
    others.dispose();
  });

  it('of an unknown set cannot be made', async () => {
    await expect(createKeys({ set: 'L99' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
