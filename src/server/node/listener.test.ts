import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { listen } from './listener.ts';

describe('the listener', () => {
  const app = new Hono().get('/', (context) => context.text('here'));

  it('serves on a free port until it is closed', async () => {
    const listener = await listen(app, { port: 0 });
    expect(await (await fetch(listener.url)).text()).toBe('here');
    await listener.close();
    await expect(fetch(listener.url)).rejects.toThrow();
  });

  it('says when the port is taken', async () => {
    const listener = await listen(app, { port: 0 });
    await expect(listen(app, { port: listener.port })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await listener.close();
  });
});
