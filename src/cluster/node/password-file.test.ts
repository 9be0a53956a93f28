import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withPassword } from './password-file.ts';

let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermetic-pgpass-'));
  env = { PGPASSFILE: join(folder, 'passwords') };
  const lines = [
    '# m1:5432:hermetic:admin:no',
    'm1:5432:hermetic:admin:a\\:b\\\\c@d/e',
    'm1:*:*:worker:w',
    '*:7:x:x:y:z',
  ];
  await writeFile(env.PGPASSFILE, `${lines.join('\n')}\n`, { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a password file', () => {
  it('gives the password of the first line that fits, whatever stands in it', async () => {
    const url = await withPassword('postgres://admin@m1/hermetic?sslmode=verify-full', env);
    expect(decodeURIComponent(new URL(url).password)).toBe('a:b\\c@d/e');
    expect(new URL(url).searchParams.get('sslmode')).toBe('verify-full');
    expect(new URL(await withPassword('postgres://worker@m1:6000/other', env)).password).toBe('w');
    expect(decodeURIComponent(new URL(await withPassword('postgres://x@anywhere:7', env)).password)).toBe('y:z');
  });

  it('is not asked where the address or PGPASSWORD says it, no line fits, or there is none', async () => {
    for (const [address, other] of [
      ['postgres://admin:own@m1/hermetic', env],
      ['postgres://admin@m1/hermetic', { ...env, PGPASSWORD: 'p' }],
      ['postgres://admin@m2/hermetic', env],
      ['postgres://admin@m1/hermetic', { PGPASSFILE: join(folder, 'none') }],
    ] as const) {
      expect(await withPassword(address, other)).toBe(address);
    }
  });

  it.skipIf(process.platform === 'win32')('is refused where others may read it', async () => {
    await chmod(env.PGPASSFILE, 0o640);
    await expect(withPassword('postgres://admin@m1/hermetic', env)).rejects.toThrow(/chmod 600/);
    await chmod(env.PGPASSFILE, 0o600);
  });
});
