/** Tells listeners that something changed: what, never how. Told after the change is kept. */
import type { ServiceEvent } from '../../protocol/service/types.ts';
import { problem } from '../problems.ts';

export type Listener = (event: ServiceEvent) => void;

const MOST_LISTENERS = 64;
const HEARTBEAT_MS = 15_000;
/** A listener that does not read is cut off: it asks anew when it is back. */
const MOST_UNREAD = 1000;

export class Events {
  readonly #listeners = new Set<Listener>();
  readonly #open = new Set<() => void>();

  emit(kind: ServiceEvent['kind'], subject: string, at: Date): void {
    const event = { kind, subject, at: at.toISOString() };
    for (const listener of [...this.#listeners]) listener(event);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Server-sent events (WHATWG HTML, section 9.2) until the reader leaves or the service closes. */
  stream(): ReadableStream<Uint8Array> {
    if (this.#open.size >= MOST_LISTENERS) throw problem(503, 'REFRESH_FAILED', 'too many listen already');
    const encoder = new TextEncoder();
    let leave = (): void => {};
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const send = (text: string): void => {
            if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(text));
            else close();
          };
          const stopListening = this.listen((event) => send(`data: ${JSON.stringify(event)}\n\n`));
          const heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS);
          heartbeat.unref();
          leave = () => {
            clearInterval(heartbeat);
            stopListening();
            this.#open.delete(close);
          };
          const close = (): void => {
            leave();
            controller.close();
          };
          this.#open.add(close);
          send(': listening\n\n');
        },
        cancel: () => leave(),
      },
      { highWaterMark: MOST_UNREAD },
    );
  }

  close(): void {
    for (const close of [...this.#open]) close();
  }
}
