import { describe, expect, it } from 'vitest';
import {
  exampleFiles,
  parameters,
  putTogether,
  record,
  refreshRequest,
  refreshResponse,
  takeApart,
} from '../../test/vectors/format-v1/fixture.ts';
import { memorySink, memorySource, streamSource } from './byte-source.ts';
import {
  MAX_REFRESH_RECORDS,
  maxRefreshMessageBytes,
  type RefreshRequestMessage,
  type RefreshResponseMessage,
  readRefreshRequest,
  readRefreshResponse,
  writeRefreshRequest,
  writeRefreshResponse,
} from './refresh-message.ts';

const silent = { onWarning: () => {} };
const files = await exampleFiles();

async function requestBytes(request: RefreshRequestMessage): Promise<Uint8Array> {
  const sink = memorySink();
  await writeRefreshRequest(sink, request, parameters);
  return sink.bytes();
}

async function responseBytes(response: RefreshResponseMessage): Promise<Uint8Array> {
  const sink = memorySink();
  await writeRefreshResponse(sink, response, parameters);
  return sink.bytes();
}

const readRequest = (bytes: Uint8Array, maxRecords: number) =>
  readRefreshRequest(memorySource(bytes), parameters, { ...silent, maxRecords });

describe('a refresh request', () => {
  it('comes back whole, from memory and from a stream of unknown size', async () => {
    const bytes = files['refresh.request'];
    expect(await readRequest(bytes, 2)).toEqual(refreshRequest);
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
    const source = streamSource(stream, { maxBytes: maxRefreshMessageBytes(parameters, 0, 2, 2) });
    expect(await readRefreshRequest(source, parameters, { ...silent, maxRecords: 2 })).toEqual(refreshRequest);
  });

  it('is refused with more ciphertexts than agreed', async () => {
    await expect(readRequest(files['refresh.request'], 1)).rejects.toMatchObject({ code: 'BAD_FILE' });
  });

  it('has only ciphertexts at level 0 with both polynomials', async () => {
    const off = (records: RefreshRequestMessage['records']) => requestBytes({ ...refreshRequest, records });
    await expect(off([record(1, 1, false)])).rejects.toThrow(RangeError);
    await expect(off([record(0, 1, true)])).rejects.toThrow(RangeError);
    await expect(requestBytes({ ...refreshRequest, level: 3 })).rejects.toThrow(RangeError);
  });

  it('is refused where a forger asks for a level that does not exist', async () => {
    const parts = takeApart(files['refresh.request']);
    parts.header.content.level = 3;
    const forged = await putTogether(files['refresh.request'], parts);
    await expect(readRequest(forged, 2)).rejects.toThrow('level is not in 0 … 2');
  });

  it('stays below the size computed from the parameters, names at their longest', async () => {
    for (const count of [1, 2, 50]) {
      const records = Array.from({ length: count }, (_, i) => ({ ...record(0, i, false), scale: 2 ** 28 * 1.1 }));
      const longest = { run: 'r'.repeat(128), call: 'c'.repeat(64), keyId: 'f'.repeat(64), step: 2 ** 32 };
      const bytes = await requestBytes({ ...refreshRequest, ...longest, records });
      const bound = maxRefreshMessageBytes(parameters, 0, count, 2);
      expect(bytes.length).toBeLessThanOrEqual(bound);
      expect(bound - bytes.length).toBeLessThan(1024 + 128 * count);
      expect((await readRequest(bytes, count)).records).toHaveLength(count);
    }
    expect(() => maxRefreshMessageBytes(parameters, 0, MAX_REFRESH_RECORDS + 1, 2)).toThrow(RangeError);
  });
});

describe('a refresh response', () => {
  const read = (bytes: Uint8Array, call = refreshRequest, count = 2) =>
    readRefreshResponse(memorySource(bytes), call, count, parameters, silent);

  it('comes back whole', async () => {
    expect(await read(files['refresh.response'])).toEqual(refreshResponse);
  });

  it.each<[string, Partial<RefreshRequestMessage>]>([
    ['run', { run: 'run-2' }],
    ['step', { step: 18 }],
    ['call', { call: 'call-4' }],
    ['keyId', { keyId: 'c3'.repeat(32) }],
    ['level', { level: 1 }],
  ])('of another %s is refused', async (_, change) => {
    const answer = read(await responseBytes(refreshResponse), { ...refreshRequest, ...change });
    const code = change.level === undefined ? 'REFRESH_FAILED' : /REFRESH_FAILED|BAD_FILE/;
    await expect(answer).rejects.toMatchObject({ code: expect.stringMatching(code) });
  });

  it('with another number of ciphertexts is refused', async () => {
    await expect(read(files['refresh.response'], refreshRequest, 3)).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
  });

  it('is not written at another level than asked for', async () => {
    await expect(responseBytes({ ...refreshResponse, level: 1 })).rejects.toThrow(RangeError);
  });

  it('has one size, whatever the residues and seeds', async () => {
    const sizes = new Set<number>();
    for (let start = 0; start < 20; start++) {
      const records = [0, 1].map((i) => ({ ...record(2, 2 * start + i, true), scale: 2 ** 28 }));
      sizes.add((await responseBytes({ ...refreshResponse, records })).length);
    }
    expect(sizes.size).toBe(1);
  });
});
