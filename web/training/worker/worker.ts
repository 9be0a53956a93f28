/** Entry of the training worker: calls come in, answers and progress go out, one session for all of them. */
import '../no-eval.ts';

import { type FromWorker, type Method, type ToWorker, toWire } from '../wire.ts';
import { Session } from './session.ts';

type Handler = (
  argument: unknown,
  line: { readonly tell: (progress: unknown) => void; readonly signal: AbortSignal },
) => Promise<unknown>;

const session = new Session();
const stops = new Map<number, AbortController>();
const send = (message: FromWorker): void => self.postMessage(message);

async function answer(id: number, method: Method, argument: unknown): Promise<void> {
  const stop = new AbortController();
  stops.set(id, stop);
  const tell = (progress: unknown): void => send({ id, progress });
  try {
    const handler = session[method] as Handler;
    send({ id, result: await handler.call(session, argument, { tell, signal: stop.signal }) });
  } catch (error) {
    send({ id, error: toWire(error) });
  } finally {
    stops.delete(id);
  }
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  if ('stop' in data) stops.get(data.stop)?.abort();
  else void answer(data.id, data.method, data.argument);
};
