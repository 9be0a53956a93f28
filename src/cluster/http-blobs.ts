/** Blobs over HTTP: PUT, GET and DELETE /blobs/{sha256} with a bearer token, as `node/blob-server.ts` answers them. */
import { HermeticError } from '../base/errors.ts';
import { readAll, streamSource } from '../protocol/byte-source.ts';
import { type BlobStore, blobName, missingBlob, requireBlob } from './blob-store.ts';

export interface HttpBlobsOptions {
  readonly url: string;
  readonly token: string;
  /** Tries of a request before the store counts as away. */
  readonly attempts?: number;
  readonly retryDelayMs?: number;
}

/** @throws HermeticError CLUSTER where the server is away or refuses */
export function httpBlobs({ url, token, attempts = 6, retryDelayMs = 250 }: HttpBlobsOptions): BlobStore {
  const base = url.endsWith('/') ? url : `${url}/`;
  const address = (name: string) => new URL(`blobs/${name}`, base);
  const headers = { authorization: `Bearer ${token}` };

  /** What `read` makes of the answer; again where none comes, or breaks off. */
  async function send<T>(
    method: string,
    name: string,
    read: (response: Response) => Promise<T>,
    body?: Uint8Array,
  ): Promise<T> {
    const ask = async (): Promise<{ readonly value: T } | Response> => {
      const sent = body && { body: body as Uint8Array<ArrayBuffer> };
      const response = await fetch(address(name), { method, headers, ...sent });
      if (response.status < 500) return { value: await read(response) };
      await response.body?.cancel();
      return response;
    };
    for (let attempt = 1; ; attempt++) {
      const outcome = await ask().catch((error: unknown) => error);
      if (outcome instanceof HermeticError) throw outcome;
      if (isValue<T>(outcome)) return outcome.value;
      if (attempt >= attempts) throw away(base, outcome);
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs * 2 ** (attempt - 1)));
    }
  }

  async function refusal(response: Response): Promise<HermeticError> {
    await response.body?.cancel();
    return away(base, response);
  }

  async function expectOk(response: Response): Promise<void> {
    if (!response.ok) throw await refusal(response);
    await response.body?.cancel();
  }

  return {
    put: async (bytes) => {
      const name = await blobName(bytes);
      await send('PUT', name, expectOk, bytes);
      return name;
    },
    get: async (name, maxBytes) =>
      send('GET', name, async (response) => {
        if (response.status === 404) {
          await response.body?.cancel();
          throw missingBlob(name);
        }
        if (!response.ok) throw await refusal(response);
        const body = response.body ?? new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
        return requireBlob(name, await readAll(streamSource(body, { maxBytes }), maxBytes));
      }),
    remove: (name) =>
      send('DELETE', name, async (response) => {
        if (response.status === 404) await response.body?.cancel();
        else await expectOk(response);
      }),
  };
}

function isValue<T>(outcome: unknown): outcome is { readonly value: T } {
  return typeof outcome === 'object' && outcome !== null && 'value' in outcome;
}

function away(url: string, outcome: unknown): HermeticError {
  const denied = outcome instanceof Response && (outcome.status === 401 || outcome.status === 403);
  if (denied) {
    return new HermeticError('POLICY_DENIED', `the store of blobs at ${url} does not know the token`, {
      mend: 'Give the token file of the store with --blobs-token-file.',
    });
  }
  return new HermeticError('CLUSTER', `the store of blobs at ${url} cannot be reached`, {
    got: outcome instanceof Response ? `status ${outcome.status}` : reasonOf(outcome),
    mend: 'Check that `hermetic blobs` runs there; what was under way goes on when it does.',
    ...(outcome instanceof Error && { cause: outcome }),
  });
}

/** `fetch` says no more than that it failed; why is its cause: a name that is not known, a certificate that is not trusted. */
function reasonOf(outcome: unknown): string {
  const cause = outcome instanceof Error ? outcome.cause : undefined;
  const { message = '', code = '' } = (cause ?? {}) as { message?: string; code?: string };
  return `no answer${message || code ? ` (${message || code})` : ''}`;
}
