/** `fetch` that counts the bytes of bodies, both ways: what a page can say of its traffic without guessing. */

export interface ByteCounter {
  sent: number;
  received: number;
}

export function countingFetch(counter: ByteCounter): typeof fetch {
  return async (input, init) => {
    counter.sent += bodyBytes(init?.body);
    const response = await fetch(input, init);
    if (response.body === null || response.type === 'opaqueredirect') return response;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        counter.received += chunk.length;
        controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(count), { status, statusText, headers });
  };
}

function bodyBytes(body: BodyInit | null | undefined): number {
  if (body === null || body === undefined) return 0;
  if (typeof body === 'string') return new TextEncoder().encode(body).length;
  if (body instanceof Blob) return body.size;
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer) return body.byteLength;
  throw new TypeError('fetch: expected a body whose length is known');
}
