import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { HermeticError } from '../../base/errors.ts';
import { HttpProblem } from '../error-response.ts';
import { alone, Moved, type Port, type Serve, Wire } from './wire.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const port of open.splice(0)) port.close();
});

/** The end of a wire at whose other end `serve` answers. */
function wireTo(serve: Serve): Wire {
  const { port1, port2 } = new MessageChannel();
  open.push(port1);
  new Wire(port2 as unknown as Port, serve);
  return new Wire(port1 as unknown as Port);
}

const throwing = (error: unknown): Wire =>
  wireTo(async () => {
    throw error;
  });

describe('a wire', () => {
  it('answers many calls at once, each with its own result', async () => {
    const wire = wireTo(async (name, argument) => `${name} ${argument}`);
    const answers = await Promise.all([1, 2, 3].map((i) => wire.call('echo', i)));
    expect([answers, wire.pending]).toEqual([['echo 1', 'echo 2', 'echo 3'], 0]);
  });

  it('lets whoever answers ask back, of this call alone', async () => {
    const wire = wireTo(async (_name, argument, ask) => `${await ask('more', argument)}!`);
    const calls = ['a', 'b'].map((own) =>
      wire.call('job', 1, { answers: { more: async (i: number) => `${own}${i + 1}` } }),
    );
    expect(await Promise.all(calls)).toEqual(['a2!', 'b2!']);
    await expect(wire.call('job', 1)).rejects.toThrow('nobody answers more here');
    const refusal = async (): Promise<never> => {
      throw new HermeticError('POLICY_DENIED', 'no');
    };
    await expect(wire.call('job', 1, { answers: { more: refusal } })).rejects.toMatchObject({ code: 'POLICY_DENIED' });
  });

  it('moves buffers both ways', async () => {
    const wire = wireTo(async (_name, bytes) => {
      const result = (bytes as Uint8Array).map((byte) => byte + 1);
      return new Moved(result, result, result);
    });
    const sent = alone(new Uint8Array(8).subarray(2, 5));
    expect(await wire.call('plus', sent, { move: [sent, sent] })).toEqual(Uint8Array.of(1, 1, 1));
    expect(sent.length).toBe(0);
  });

  it('copies what shares its buffer with something else before that is moved', () => {
    const bytes = new Uint8Array(8);
    expect(alone(bytes)).toBe(bytes);
    expect(alone(bytes.subarray(1)).buffer.byteLength).toBe(7);
  });

  it('keeps what an error says', async () => {
    const cause = new Error('/a/path');
    const error = new HermeticError('BAD_FILE', 'broken', { expected: 'a', got: 'b', mend: 'Mend it.', cause });
    const { code, summary, message, stack } = error;
    const details = { code, summary, message, stack, expected: 'a', got: 'b', mend: 'Mend it.' };
    const heard = await throwing(error).call('x', 0).catch(String);
    expect(heard).toContain('broken; expected a; got b. Mend it.');
    await expect(throwing(error).call('x', 0)).rejects.toMatchObject(details);
    await expect(throwing(error).call('x', 0)).rejects.toBeInstanceOf(HermeticError);
    await expect(throwing(error).call('x', 0)).rejects.not.toHaveProperty('cause', cause);
    const problem = throwing(new HttpProblem(409, error)).call('x', 0);
    await expect(problem).rejects.toMatchObject({ status: 409, error: { code, summary, message } });
    await expect(throwing(new RangeError('far')).call('x', 0)).rejects.toThrow(new RangeError('far'));
    await expect(throwing(new SyntaxError('odd')).call('x', 0)).rejects.toMatchObject({ name: 'SyntaxError' });
    await expect(throwing('text').call('x', 0)).rejects.toThrow('text');
  });

  it('fails a call whose argument or result cannot be sent', async () => {
    const wire = wireTo(async () => () => {});
    await expect(wire.call('x', () => {})).rejects.toMatchObject({ name: 'DataCloneError' });
    await expect(wire.call('x', 0)).rejects.toMatchObject({ name: 'DataCloneError' });
    expect(wire.pending).toBe(0);
  });

  it('fails all that nobody will answer', async () => {
    const wire = wireTo(() => new Promise(() => {}));
    const calls = [wire.call('x', 0), wire.call('x', 1)];
    wire.fail(new Error('gone'));
    expect(await Promise.allSettled(calls)).toMatchObject([{ reason: { message: 'gone' } }, { status: 'rejected' }]);
  });
});
