import { describe, expect, it } from 'vitest';
import { parameters, record, refreshRequest } from '../../test/vectors/format-v1/fixture.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import {
  type RefreshRequestMessage,
  readRefreshResponse,
  writeRefreshRequest,
  writeRefreshResponse,
} from '../protocol/refresh-message.ts';
import { type RefreshEvent, RefreshService, type RefreshServiceOptions } from './refresh-service.ts';

const { keyId } = refreshRequest;
const silent = { onWarning: () => {} };

/** A service over a stand-in that answers every call with other ciphertexts, and counts. */
function toyService(options: RefreshServiceOptions = {}) {
  const calls: number[] = [];
  const events: RefreshEvent[] = [];
  const reencryptor = {
    keyId,
    parameters,
    reencrypt: (records: readonly unknown[], level: number) => {
      calls.push(records.length);
      return records.map((_, i) => record(level, 10 * calls.length + i, true));
    },
  };
  const service = new RefreshService(reencryptor, { onCall: (event) => events.push(event), ...options });
  return { service, calls, events };
}

async function requestBytes(change: Partial<RefreshRequestMessage> = {}): Promise<Uint8Array> {
  const sink = memorySink();
  await writeRefreshRequest(sink, { ...refreshRequest, ...change }, parameters);
  return sink.bytes();
}

describe('the refresh service', () => {
  it('answers with fresh ciphertexts of the level asked for', async () => {
    const { service } = toyService();
    const response = await service.answer('a', await requestBytes());
    const message = await readRefreshResponse(
      memorySource(response),
      refreshRequest,
      refreshRequest.records.length,
      parameters,
      silent,
    );
    expect(message.records).toHaveLength(refreshRequest.records.length);
    expect(message.records.every(({ level, seed }) => level === refreshRequest.level && seed !== undefined)).toBe(true);
  });

  it('gives a doubled request the same bytes and counts it once', async () => {
    const { service, calls, events } = toyService();
    const request = await requestBytes();
    const first = await service.answer('a', request);
    expect(await service.answer('a', request)).toEqual(first);
    expect(calls).toHaveLength(1);
    expect(service.account('a')).toEqual({ calls: 1, callsLeft: 999, runs: 1 });
    expect(events.map(({ repeated, callsLeft }) => [repeated, callsLeft])).toEqual([
      [false, 999],
      [true, 999],
    ]);
  });

  it('computes once when both copies arrive at the same time', async () => {
    const { service, calls } = toyService();
    const request = await requestBytes();
    const [one, two] = await Promise.all([service.answer('a', request), service.answer('a', request)]);
    expect(one).toEqual(two);
    expect(calls).toHaveLength(1);
  });

  it('answers calls in any order', async () => {
    const { service } = toyService();
    for (const step of [7, 3, 5]) await service.answer('a', await requestBytes({ step, call: `c${step}` }));
    expect(service.account('a').calls).toBe(3);
  });

  it('keeps parties apart', async () => {
    const { service, calls } = toyService({ budget: 1 });
    const request = await requestBytes();
    await service.answer('a', request);
    await service.answer('b', request);
    expect(calls).toHaveLength(2);
    expect(service.account('c')).toEqual({ calls: 0, callsLeft: 1, runs: 0 });
  });

  it('refuses more calls than the budget, but still repeats an answer', async () => {
    const { service } = toyService({ budget: 2 });
    const first = await requestBytes({ call: 'one' });
    const answer = await service.answer('a', first);
    await service.answer('a', await requestBytes({ call: 'two' }));
    await expect(service.answer('a', await requestBytes({ call: 'three' }))).rejects.toMatchObject({
      code: 'POLICY_DENIED',
    });
    expect(await service.answer('a', first)).toEqual(answer);
  });

  it('binds a call to its contents and its step', async () => {
    const { service, calls } = toyService();
    await service.answer('a', await requestBytes());
    const others = [{ step: refreshRequest.step + 1 }, { records: [record(0, 40, false), record(0, 50, false)] }];
    for (const change of others) {
      await expect(service.answer('a', await requestBytes(change))).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    }
    expect(calls).toHaveLength(1);
  });

  it('forgets old answers, not old calls', async () => {
    const { service, calls } = toyService({ remembered: 1 });
    const first = await requestBytes({ call: 'one' });
    await service.answer('a', first);
    await service.answer('a', await requestBytes({ call: 'two' }));
    await expect(service.answer('a', first)).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(calls).toHaveLength(2);
  });

  it('counts nothing when the work fails, and does it anew when asked again', async () => {
    let failures = 1;
    const service = new RefreshService({
      keyId,
      parameters,
      reencrypt: (records, level) => {
        if (failures-- > 0) throw new RangeError('a worker died');
        return records.map((_, i) => record(level, i, true));
      },
    });
    const request = await requestBytes();
    await expect(service.answer('a', request)).rejects.toThrow('a worker died');
    expect(service.account('a').calls).toBe(0);
    await service.answer('a', request);
    expect(service.account('a').calls).toBe(1);
  });

  it('refuses foreign keys, other messages and too many ciphertexts before any work', async () => {
    const { service, calls } = toyService({ maxCiphertexts: 1 });
    await expect(service.answer('a', await requestBytes({ keyId: 'b2'.repeat(16) }))).rejects.toMatchObject({
      code: 'BAD_FILE',
    });
    const one = { records: [record(0, 1, false)] };
    await expect(service.answer('a', await requestBytes({ ...one, keyId: 'b2'.repeat(16) }))).rejects.toMatchObject({
      code: 'WRONG_KEY',
    });
    const sink = memorySink();
    await writeRefreshResponse(sink, { ...refreshRequest, level: 0, records: one.records }, parameters);
    await expect(service.answer('a', sink.bytes())).rejects.toMatchObject({ code: 'BAD_FILE' });
    expect(calls).toEqual([]);
  });
});
