import { describe, expect, it } from 'vitest';
import { parameters, record, refreshRequest } from '../../test/vectors/format-v1/fixture.ts';
import { HermeticError } from '../base/errors.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import {
  type RefreshRequestMessage,
  type RefreshResponseMessage,
  readRefreshRequest,
  writeRefreshResponse,
} from '../protocol/refresh-message.ts';
import { type RefreshTransport, RefreshUnavailable } from '../protocol/refresh-transport.ts';
import { type ExchangeOptions, refreshExchange } from './refresh-exchange.ts';

const { keyId } = refreshRequest;
const records = [record(0, 1, false), record(0, 2, false)];

async function read(request: Uint8Array): Promise<RefreshRequestMessage> {
  return readRefreshRequest(memorySource(request), parameters, { maxRecords: 8, onWarning: () => {} });
}

/** An owner who answers honestly, save for what the test changes. */
function owner(change: (honest: RefreshResponseMessage) => Partial<RefreshResponseMessage> = () => ({})) {
  const requests: RefreshRequestMessage[] = [];
  const transport: RefreshTransport = async (request) => {
    const message = await read(request);
    requests.push(message);
    const fresh = message.records.map((_, i) => record(message.level, 20 + i, true));
    const honest = { ...message, records: fresh };
    const sink = memorySink();
    await writeRefreshResponse(sink, { ...honest, ...change(honest) }, parameters);
    return sink.bytes();
  };
  return { transport, requests };
}

function exchange(transport: RefreshTransport, options: Partial<ExchangeOptions> = {}) {
  return refreshExchange({ parameters, keyId, run: 'run-1', transport, retryDelayMs: 1, ...options });
}

/** A transport that fails so many times before it works. */
function failing(times: number, transport: RefreshTransport, error: () => unknown) {
  const sent: Uint8Array[] = [];
  const flaky: RefreshTransport = async (request, options) => {
    sent.push(request);
    if (sent.length <= times) throw error();
    return transport(request, options);
  };
  return { flaky, sent };
}

describe('a refresh exchange', () => {
  it('brings back fresh ciphertexts in order', async () => {
    const { transport, requests } = owner();
    const answer = await exchange(transport)(records, { step: 4, level: 2 });
    expect(answer).toEqual([record(2, 20, true), record(2, 21, true)]);
    expect(requests).toMatchObject([{ run: 'run-1', step: 4, level: 2, keyId, records }]);
  });

  it('names every call anew', async () => {
    const { transport, requests } = owner();
    const send = exchange(transport);
    for (let step = 0; step < 3; step++) await send(records, { step, level: 2 });
    expect(new Set(requests.map(({ call }) => call)).size).toBe(3);
  });

  it('sends the very same bytes again while the failure may pass', async () => {
    const { transport } = owner();
    const retries: number[] = [];
    const { flaky, sent } = failing(3, transport, () => new RefreshUnavailable('away'));
    await exchange(flaky, { onRetry: (attempt) => retries.push(attempt) })(records, { step: 0, level: 1 });
    expect(sent).toHaveLength(4);
    expect(new Set(sent.map((bytes) => bytes.join())).size).toBe(1);
    expect(retries).toEqual([2, 3, 4]);
  });

  it('takes a foreign error for one that may pass, and gives up after so many attempts', async () => {
    const { flaky, sent } = failing(9, owner().transport, () => new TypeError('socket hang up'));
    await expect(exchange(flaky, { attempts: 2 })(records, { step: 0, level: 1 })).rejects.toMatchObject({
      code: 'REFRESH_FAILED',
      mend: expect.stringContaining('checkpoint'),
    });
    expect(sent).toHaveLength(2);
  });

  it.each<[string, HermeticError]>([
    ['a refusal of an owner in the same process', new HermeticError('POLICY_DENIED', 'no more')],
    ['a wrong token', new HermeticError('REFRESH_FAILED', 'no such token')],
  ])('does not repeat %s', async (_, error) => {
    const { flaky, sent } = failing(9, owner().transport, () => error);
    await expect(exchange(flaky)(records, { step: 0, level: 1 })).rejects.toBe(error);
    expect(sent).toHaveLength(1);
  });

  it.each<[string, (honest: RefreshResponseMessage) => Partial<RefreshResponseMessage>]>([
    ['another call', () => ({ call: 'other' })],
    ['another run', () => ({ run: 'other' })],
    ['another step', ({ step }) => ({ step: step + 1 })],
    ['another key', () => ({ keyId: 'b2'.repeat(16) })],
    ['another level', () => ({ level: 1, records: [record(1, 1, true), record(1, 2, true)] })],
    ['fewer ciphertexts', (honest) => ({ records: honest.records.slice(1) })],
    ['more ciphertexts', (honest) => ({ records: [...honest.records, honest.records[0]] })],
  ])('refuses an answer for %s', async (_, change) => {
    const { transport } = owner(change);
    const promise = exchange(transport, { attempts: 2 })(records, { step: 0, level: 2 });
    await expect(promise).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
  });

  it.each<[string, (honest: Uint8Array) => Uint8Array]>([
    ['nothing', () => new Uint8Array(0)],
    ['a page', () => new TextEncoder().encode('<!doctype html><title>Welcome to the hotel</title>')],
    ['a cut answer', (honest) => honest.subarray(0, honest.length - 40)],
    ['a flipped bit', (honest) => honest.map((byte, i) => (i === honest.length - 100 ? byte ^ 4 : byte))],
  ])('tries again after %s, and then says so', async (_, spoil) => {
    const { transport, requests } = owner();
    const spoilt: RefreshTransport = async (request, options) => spoil(await transport(request, options));
    await expect(exchange(spoilt, { attempts: 3 })(records, { step: 0, level: 2 })).rejects.toMatchObject({
      code: 'REFRESH_FAILED',
      message: expect.stringContaining('nonsense'),
    });
    expect(new Set(requests.map(({ call }) => call)).size).toBe(1);
    expect(requests).toHaveLength(3);
  });

  it('stops between attempts when the user does', async () => {
    const controller = new AbortController();
    const { flaky, sent } = failing(9, owner().transport, () => new RefreshUnavailable('away'));
    const promise = exchange(flaky, { retryDelayMs: 2 ** 20, onRetry: () => controller.abort() })(records, {
      step: 6,
      level: 1,
      signal: controller.signal,
    });
    await expect(promise).rejects.toMatchObject({ code: 'ABORTED' });
    expect(sent).toHaveLength(1);
  });

  it('lets the attempt under way finish when the user stops', async () => {
    const controller = new AbortController();
    const { transport } = owner();
    const slow: RefreshTransport = async (request, options) => {
      controller.abort();
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(options.signal.aborted).toBe(false);
      return transport(request, options);
    };
    const answer = await exchange(slow)(records, { step: 0, level: 2, signal: controller.signal });
    expect(answer).toHaveLength(2);
  });
});
