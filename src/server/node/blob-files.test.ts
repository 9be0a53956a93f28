import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobFiles } from './blob-files.ts';
import { UploadFiles } from './upload-files.ts';

let folder: string;
let blobs: BlobFiles;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermetic-test-blobs-'));
  blobs = await BlobFiles.open(join(folder, 'blobs'));
});
afterAll(() => rm(folder, { recursive: true }));

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const all = async (stream: ReadableStream<Uint8Array>): Promise<Buffer> =>
  Buffer.from(await new Response(stream).arrayBuffer());

describe('files by their hash', () => {
  it('hold what was written in any pieces, and give any part of it', async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(), fc.nat(), async (parts, a, b) => {
        const whole = Buffer.concat(parts);
        const { sha256, bytes, result } = await blobs.put(async (sink) => {
          for (const part of parts) await sink.write(part);
          return 'done';
        });
        expect([sha256, bytes, result]).toEqual([sha(whole), whole.length, 'done']);
        const [start, end] = [a % (whole.length + 1), b % (whole.length + 1)].toSorted((x, y) => x - y);
        expect((await all(blobs.stream(sha256, start, end))).equals(whole.subarray(start, end))).toBe(true);
        expect(Buffer.from(await blobs.bytes(sha256)).equals(whole)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('are private, and leave nothing of what failed', async () => {
    const { sha256 } = await blobs.putBytes(new Uint8Array(10));
    expect((await stat(blobs.pathOf(sha256))).mode & 0o777).toBe(0o600);
    const failing = blobs.put(async (sink) => {
      await sink.write(new Uint8Array(10));
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect((await readdir(join(folder, 'blobs'))).filter((name) => name.endsWith('.unfinished'))).toEqual([]);
  });

  it('end a stream in an error where the file is shorter than it was', async () => {
    const { sha256 } = await blobs.putBytes(new Uint8Array(100).fill(7));
    await writeFile(blobs.pathOf(sha256), new Uint8Array(50));
    await expect(all(blobs.stream(sha256, 0, 100))).rejects.toThrow('shorter');
    await blobs.remove(sha256);
    await blobs.remove(sha256);
    await expect(blobs.bytes(sha256)).rejects.toMatchObject({ code: 'DISK' });
  });

  it('have no other names than hashes', () => {
    for (const name of ['../../etc/passwd', '', 'A'.repeat(64), `${'a'.repeat(63)}/`]) {
      expect(() => blobs.pathOf(name)).toThrow(RangeError);
    }
  });
});

describe('files that arrive in parts', () => {
  const tooLong = (): Error => new Error('too long');
  async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    yield* parts;
  }

  it('are as long as what arrived, and are given over whole', async () => {
    const uploads = await UploadFiles.open(join(folder, 'uploads'));
    const id = 'ab'.repeat(16);
    expect(await uploads.received(id)).toBe(0);
    await uploads.append(id, chunks(Uint8Array.of(1, 2), Uint8Array.of(3)), 5, tooLong);
    await expect(uploads.append(id, chunks(Uint8Array.of(4), Uint8Array.of(5, 6)), 2, tooLong)).rejects.toThrow(
      'too long',
    );
    expect([await uploads.received(id), await uploads.digest(id)]).toEqual([4, sha(Uint8Array.of(1, 2, 3, 4))]);
    const hash = await uploads.digest(id);
    await blobs.adopt(uploads.pathOf(id), hash);
    await blobs.adopt(uploads.pathOf(id), hash);
    await uploads.remove(id);
    expect([...(await blobs.bytes(hash))]).toEqual([1, 2, 3, 4]);
    expect(() => uploads.pathOf('../x')).toThrow(RangeError);
  });

  it('keep what came before a connection broke', async () => {
    const uploads = await UploadFiles.open(join(folder, 'uploads'));
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1, 2, 3);
      throw new Error('gone');
    }
    const id = 'cd'.repeat(16);
    await expect(uploads.append(id, breaking(), 10, tooLong)).rejects.toThrow('gone');
    expect(await uploads.received(id)).toBe(3);
    await uploads.empty(id);
    expect(await uploads.received(id)).toBe(0);
    await uploads.sweep(new Set());
    expect(await readdir(join(folder, 'uploads'))).toEqual([]);
  });
});
