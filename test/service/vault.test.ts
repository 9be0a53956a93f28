/** The threads that hold the secret keys, as they are built: real ones, beside the one that answers everybody. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../src/protocol/byte-source.ts';
import { makeFolder } from '../../src/protocol/node/make-folder.ts';
import { readRefreshResponse } from '../../src/protocol/refresh-message.ts';
import { BlobFiles } from '../../src/server/node/blob-files.ts';
import type { MadeNetwork } from '../../src/server/vault/jobs.ts';
import type { Vault as VaultClass } from '../../src/server/vault/vault.ts';
import { readTrainerKeys, type TrainerKeys } from '../../src/trainer/trainer-keys.ts';
import { silent } from '../fixtures/sealed-round.ts';
import { BATCH, csv, PASSPHRASE, refreshRequest, SET } from '../fixtures/service.ts';

const BUILT = fileURLToPath(new URL('../../dist/server/vault/vault.js', import.meta.url));
const WISH = { name: 'net', layers: '1:lin4', sampleCsv: csv(), label: 'y', batch: BATCH };

let Vault: typeof VaultClass;
let folder: string;
let vault: VaultClass;
let made: MadeNetwork;
let keys: TrainerKeys;
const open = (passphrase: string = PASSPHRASE): VaultClass =>
  new Vault({
    folder: join(folder, 'keys'),
    blobs: join(folder, 'blobs'),
    passphrase,
    threads: 2,
    insecureTestWorkFactor: 4,
  });
beforeAll(async () => {
  if (!existsSync(BUILT)) throw new Error('dist/ is missing: run `npm run build` first');
  ({ Vault } = await import(pathToFileURL(BUILT).href));
  folder = await mkdtemp(join(tmpdir(), 'hermetic-test-vault-'));
  await makeFolder(join(folder, 'keys'));
  const blobs = await BlobFiles.open(join(folder, 'blobs'));
  vault = open();
  made = await vault.run('makeNetwork', { wish: WISH, set: SET });
  keys = await readTrainerKeys(memorySource(await blobs.bytes(made.key.trainerKeys.sha256)), { ...silent, threads: 1 });
}, 120_000);
afterAll(async () => {
  keys?.dispose();
  await vault?.close();
  await rm(folder, { recursive: true, force: true });
});

async function refreshed(over: VaultClass, call: string): Promise<number> {
  const body = await refreshRequest(keys, call);
  const { message, digest } = await over.run('readRefresh', { set: SET, body, maxRecords: 4 }, { move: [body] });
  expect([body.length, digest.length]).toEqual([0, 64]);
  const answer = await over.run('reencrypt', { keyId: made.key.keyId, message });
  return (await readRefreshResponse(memorySource(answer), message, 1, keys.parameters, silent)).records.length;
}

describe('the vault', () => {
  it('leaves the thread that calls it free while a key is made', { timeout: 60_000 }, async () => {
    const model = { sha256: made.model.sha256, set: SET };
    // Turns of this thread's loop meanwhile: were the key made here, there would be none.
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    await vault.run('makeNetwork', { wish: WISH, set: 'L13' });
    clearInterval(turning);
    expect(turns).toBeGreaterThan(1);
    const handed = await vault.run('handOut', { model, keyId: made.key.keyId, set: SET });
    expect(handed.key.keyId).not.toBe(made.key.keyId);
    expect(await vault.run('openModel', { model, keyId: made.key.keyId })).toBeInstanceOf(Uint8Array);
  });

  it('answers refreshes in another thread than the one that made the key, which told it the secret', async () => {
    const path = join(folder, 'keys', `${made.key.keyId}.key`);
    await rename(path, `${path}.away`);
    try {
      expect(await refreshed(vault, 'told')).toBe(1);
    } finally {
      await rename(`${path}.away`, path);
    }
  });

  it('tells what went wrong there, and no path of it to a caller', async () => {
    const { keyId } = made.key;
    const wrong = open('another');
    await expect(wrong.run('check', keyId)).rejects.toMatchObject({ code: 'WRONG_PASSPHRASE' });
    await wrong.close();
    const body = new Uint8Array(10);
    await expect(vault.run('readRefresh', { set: SET, body, maxRecords: 4 })).rejects.toMatchObject({
      code: 'BAD_FILE',
    });
    const layers = { ...WISH, layers: undefined };
    await expect(vault.run('makeNetwork', { wish: layers, set: SET })).rejects.toMatchObject({ status: 400 });
    const batch = { ...WISH, batch: 2 ** 20 };
    await expect(vault.run('makeNetwork', { wish: batch, set: SET })).rejects.toMatchObject({ code: 'PLAN_REFUSED' });
    expect((await readdir(join(folder, 'blobs'))).filter((name) => name.endsWith('.unfinished'))).toEqual([]);
  });

  it('waits for work under way when it is closed, and then answers nothing', async () => {
    const other = open();
    await other.run('check', made.key.keyId);
    const body = await refreshRequest(keys, 'late');
    const { message } = await other.run('readRefresh', { set: SET, body, maxRecords: 4 });
    const answer = other.run('reencrypt', { keyId: made.key.keyId, message });
    await Promise.all([other.close(), other.close()]);
    expect((await answer).length).toBeGreaterThan(0);
    await expect(other.run('check', made.key.keyId)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
