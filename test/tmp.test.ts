import { it } from 'vitest';
import { listen } from '../src/server/node/listener.ts';
import { createRefreshServer, hashToken } from '../src/server/refresh-server.ts';
it('x', async () => {
  const app = createRefreshServer({ maxRequestBytes: 1e7, answer: async (_, r) => r }, { parties: [{ name: 'a', tokenHash: await hashToken('t') }] });
  for (const [token, size] of [['t', 100000], ['x', 100000], ['x', 10], ['t', 1e8]] as const) {
    const l = await listen(app, { port: 0 });
    const t0 = performance.now();
    const r = await fetch(l.url + '/v1/refresh', { method: 'POST', body: new Uint8Array(size), headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' } }).catch((e) => e);
    const s = r.status ?? String(r.cause);
    if (r.status) await r.arrayBuffer();
    const t1 = performance.now();
    await l.close();
    console.log(token, size, s, Math.round(t1 - t0), Math.round(performance.now() - t1));
  }
});
