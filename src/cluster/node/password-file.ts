/**
 * The password of a database out of `~/.pgpass`, as libpq reads it (PostgreSQL's documentation, "The Password File"): lines
 * host:port:database:user:password, `*` for any, `\` before a `:` or `\` that is meant. The first line that fits counts.
 */
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The address with its password, where it has none and a line fits; PGPASSWORD, if set, is left to the driver.
 * @throws HermeticError BAD_ARGUMENT for a file that others may read
 */
export async function withPassword(address: string, env: Environment = process.env): Promise<string> {
  const url = new URL(address);
  if (url.password !== '' || env.PGPASSWORD !== undefined) return address;
  const path = env.PGPASSFILE ?? join(env.HOME ?? homedir(), '.pgpass');
  const there = await stat(path).catch(() => undefined);
  if (!there?.isFile()) return address;
  if (process.platform !== 'win32' && (there.mode & 0o077) !== 0) {
    throw new HermeticError('BAD_ARGUMENT', `others may read the passwords in ${path}`, { mend: `chmod 600 ${path}` });
  }
  const [host, user] = [url.hostname, url.username].map(decodeURIComponent);
  // What libpq takes where the address does not say it.
  const database = decodeURIComponent(url.pathname.slice(1)) || user;
  const wanted = [host, url.port || '5432', database, user];
  const password = passwordFor(await readFile(path, 'utf8'), wanted);
  if (password === undefined) return address;
  url.password = encodeURIComponent(password);
  return url.href;
}

function passwordFor(text: string, wanted: readonly string[]): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = fieldsOf(line);
    const fits = fields.length >= 5 && wanted.every((value, i) => fields[i] === '*' || fields[i] === value);
    if (fits) return fields.slice(4).join(':');
  }
  return undefined;
}

function fieldsOf(line: string): string[] {
  const fields = [''];
  for (let i = 0; i < line.length; i++) {
    if (line[i] === ':') fields.push('');
    else {
      if (line[i] === '\\' && i + 1 < line.length) i++;
      fields[fields.length - 1] += line[i];
    }
  }
  return fields;
}
