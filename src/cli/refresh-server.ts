/** The owner's refresh server as `serve` and the demonstrations run it, with a count of what it did. */

import type { OwnerKeys } from '../owner/owner-keys.ts';
import { createRefreshService } from '../owner/owner-refresh.ts';
import type { RefreshServiceOptions } from '../owner/refresh-service.ts';
import { listen } from '../server/node/listener.ts';
import { createRefreshServer, hashToken } from '../server/refresh-server.ts';

export interface RefreshServerOptions extends Pick<RefreshServiceOptions, 'budget' | 'onCall'> {
  readonly parties: readonly { readonly name: string; readonly token: string }[];
  /** 0 takes any free port. */
  readonly port: number;
  readonly hostname?: string;
}

/** What a server has done so far. */
export interface RefreshTotals {
  readonly calls: number;
  readonly ciphertexts: number;
  /** Requests and answers, in bytes. */
  readonly received: number;
  readonly sent: number;
  /** Time spent answering. */
  readonly ms: number;
}

export interface RunningRefreshServer {
  readonly url: string;
  readonly port: number;
  totals(): RefreshTotals;
  /** Finishes the calls under way and frees the port. */
  close(): Promise<void>;
}

/** HermeticError BAD_ARGUMENT where the port is taken. */
export async function startRefreshServer(
  keys: OwnerKeys,
  options: RefreshServerOptions,
): Promise<RunningRefreshServer> {
  let totals: RefreshTotals = { calls: 0, ciphertexts: 0, received: 0, sent: 0, ms: 0 };
  const { parties, port, hostname, onCall = () => {}, budget } = options;
  const service = createRefreshService(keys, {
    ...(budget !== undefined && { budget }),
    onCall: (event) => {
      totals = { ...totals, calls: totals.calls + 1, ciphertexts: totals.ciphertexts + event.ciphertexts };
      onCall(event);
    },
  });
  const measured = {
    maxRequestBytes: service.maxRequestBytes,
    answer: async (party: string, request: Uint8Array): Promise<Uint8Array> => {
      const began = performance.now();
      const answer = await service.answer(party, request);
      const { received, sent, ms } = totals;
      totals = {
        ...totals,
        received: received + request.length,
        sent: sent + answer.length,
        ms: ms + performance.now() - began,
      };
      return answer;
    },
  };
  const hashed = await Promise.all(
    parties.map(async ({ name, token }) => ({ name, tokenHash: await hashToken(token) })),
  );
  const app = createRefreshServer(measured, { parties: hashed });
  const listener = await listen(app, { port, ...(hostname !== undefined && { hostname }) });
  return { url: listener.url, port: listener.port, totals: () => totals, close: () => listener.close() };
}
