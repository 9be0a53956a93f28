import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OwnerKeys } from '../../owner/owner-keys.ts';
import { KeyRing, type KeyRingOptions } from './key-ring.ts';

const SET = 'insecure-7-2-1';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermetic-test-keys-'));
});
afterAll(() => rm(folder, { recursive: true }));

const ring = (change: Partial<KeyRingOptions> = {}): KeyRing =>
  new KeyRing({ folder, passphrase: 'a phrase', threads: 1, capacity: 2, insecureTestWorkFactor: 4, ...change });
const secretOf = (keys: OwnerKeys): string => Buffer.from(keys.secret.toBytes()).toString('hex');

describe('the key ring', () => {
  it('gives the same secret from the making, from memory and from the disk', async () => {
    const first = ring();
    const made = await first.create(SET, async (keys) => ({ id: keys.keyId, secret: secretOf(keys) }));
    expect(await first.use(made.id, secretOf)).toBe(made.secret);
    expect((await stat(join(folder, `${made.id}.key`))).mode & 0o777).toBe(0o600);
    await first.close();
    const second = ring();
    expect(await second.use(made.id, secretOf)).toBe(made.secret);
    await second.close();
    await expect(ring({ passphrase: 'another' }).use(made.id, secretOf)).rejects.toMatchObject({
      code: 'WRONG_PASSPHRASE',
    });
  });

  it('keeps few engines, and none of a key that is in use is taken away', async () => {
    const keys = ring();
    const ids = [1, 2, 3, 4].map(() => keys.create(SET, async ({ keyId }) => keyId));
    const [a, b, c, d] = await Promise.all(ids);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let held: Promise<string> | undefined;
    const lent = await new Promise<OwnerKeys>((resolve, reject) => {
      held = keys.use(a, async (own) => {
        resolve(own);
        await released;
        return secretOf(own);
      });
      held.catch(reject);
    });
    for (const id of [b, c, d, b, c, d]) await keys.use(id, secretOf);
    expect(await keys.use(a, (own) => own === lent)).toBe(true);
    release();
    expect(await held).toHaveLength(2 * 128);
    // Now that nobody needs it, it goes when others come.
    for (const id of [b, c, d]) await keys.use(id, secretOf);
    expect(await keys.use(a, (own) => own === lent)).toBe(false);
    await keys.close();
  });

  it('loads a key once for all who ask at a time, and recovers from a failure', async () => {
    const keys = ring();
    const id = await keys.create(SET, async ({ keyId }) => keyId);
    const lent = await Promise.all([1, 2, 3].map(() => keys.use(id, (own) => own)));
    expect(new Set(lent).size).toBe(1);
    await keys.close();
    const later = ring();
    const path = join(folder, `${id}.key`);
    await rename(path, `${path}.away`);
    await expect(later.use(id, secretOf)).rejects.toMatchObject({ code: 'DISK' });
    await rename(`${path}.away`, path);
    expect(await later.use(id, secretOf)).toHaveLength(2 * 128);
    await later.close();
    await expect(() => later.use('../x', secretOf)).rejects.toThrow(RangeError);
  });

  it('refuses a file that holds another key than its name says', async () => {
    const keys = ring();
    const [one, two] = [
      await keys.create(SET, async ({ keyId }) => keyId),
      await keys.create(SET, async ({ keyId }) => keyId),
    ];
    await keys.close();
    await rename(join(folder, `${one}.key`), join(folder, `${two}.key`));
    await expect(ring().use(two, secretOf)).rejects.toMatchObject({ code: 'DISK' });
    expect((await readdir(folder)).every((name) => name.endsWith('.key'))).toBe(true);
  });
});
