/**
 * The page's files. They are listed once, at the start: an address is a key of that list, never a path, so that nothing
 * outside the folder can be named, and links in it are not followed.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import { namesTag } from '../entity-tag.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Files below /assets/ have a hash of their content in their name. */
const FOREVER = 'public, max-age=31536000, immutable';
const CHECK_AGAIN = 'no-cache';
const MOST_FILES = 2000;

interface WebFile {
  readonly path: string;
  readonly type: string;
  content?: Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly etag: string }>;
}

export class WebFiles {
  readonly #files: ReadonlyMap<string, WebFile>;

  private constructor(files: ReadonlyMap<string, WebFile>) {
    this.#files = files;
  }

  /** @throws HermeticError DISK; BAD_ARGUMENT for a folder without index.html */
  static async open(folder: string): Promise<WebFiles> {
    const files = new Map<string, WebFile>();
    await list(folder, '/', files);
    const index = files.get('/index.html');
    if (index === undefined) {
      throw new HermeticError('BAD_ARGUMENT', `${folder} does not hold the page`, {
        expected: 'a folder with index.html',
        mend: 'Build the page, or serve without it.',
      });
    }
    files.set('/', index);
    return new WebFiles(files);
  }

  /** The file at an address; undefined where there is none. */
  async answer(address: string, request: Request): Promise<Response | undefined> {
    const file = this.#files.get(address);
    if (file === undefined) return undefined;
    file.content ??= load(file.path);
    const { bytes, etag } = await file.content;
    const headers = {
      'content-type': file.type,
      'cache-control': address.startsWith('/assets/') ? FOREVER : CHECK_AGAIN,
      etag,
    };
    if (namesTag(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers });
    return new Response(bytes, { headers: { ...headers, 'content-length': `${bytes.length}` } });
  }
}

async function list(folder: string, address: string, files: Map<string, WebFile>): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw diskError(error, 'read', folder);
  });
  for (const entry of entries) {
    if (entry.name.startsWith('.') || files.size >= MOST_FILES) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await list(path, `${address}${entry.name}/`, files);
    const type = TYPES[extname(entry.name).toLowerCase()];
    if (entry.isFile() && type !== undefined) files.set(`${address}${entry.name}`, { path, type });
  }
}

async function load(path: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; etag: string }> {
  const bytes = new Uint8Array(await readFile(path));
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"` };
}
