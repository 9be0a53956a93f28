/**
 * Server-sent events (WHATWG HTML, section 9.2) over `fetch`, for the browser's own reader sends no token. Only data
 * lines are of use here.
 */

import { within } from '../base/pause.ts';
import { eventSchema } from '../protocol/service/schemas.ts';
import type { ServiceEvent } from '../protocol/service/types.ts';

export interface EventOptions {
  /** Ends the listening. */
  readonly signal?: AbortSignal;
  /** Listening has begun, or begun again: whatever changed before is not told. */
  readonly onOpen?: () => void;
  /** A stream that says nothing for so long, not even that it is there, has broken off. Default one minute. */
  readonly idleMs?: number;
}

/** The service says every quarter of a minute that it is there. */
const IDLE_MS = 60_000;
/** No event is longer. */
const MAX_LINE = 65_536;

/** Calls `onEvent` for each event of the service's until the stream ends or breaks; other events are passed over. */
export async function readEvents(
  stream: ReadableStream<Uint8Array>,
  onEvent: (event: ServiceEvent) => void,
  idleMs: number = IDLE_MS,
): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const parse = eventParser(onEvent);
  for (;;) {
    const read = within(idleMs, reader.read(), () => void reader.cancel().catch(() => {}));
    const { done, value } = await read.catch(() => ({ done: true as const, value: undefined }));
    if (done) return;
    parse(decoder.decode(value, { stream: true }));
  }
}

function eventParser(onEvent: (event: ServiceEvent) => void): (text: string) => void {
  let pending = '';
  let data: string[] = [];
  const line = (text: string) => {
    if (text === '') {
      const event = data.length === 0 ? undefined : asEvent(data.join('\n'));
      data = [];
      if (event !== undefined) onEvent(event);
    } else if (text.startsWith('data:')) data.push(text.slice(5).trimStart());
  };
  return (text) => {
    const lines = (pending + text).split(/\r\n|\n|\r(?!$)/);
    pending = lines.pop() ?? '';
    if (pending.length > MAX_LINE) pending = '';
    for (const one of lines) line(one);
  };
}

function asEvent(text: string): ServiceEvent | undefined {
  try {
    return eventSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
