/** Whether a port can be listened at: asked before keys are loaded, files made, or minutes spent. */

import { createServer } from 'node:net';
import { HermeticError } from '../base/errors.ts';

/** Listens and leaves off at once; any port (0) is free. HermeticError BAD_ARGUMENT where it is taken or not allowed. */
export function requireFreePort(port: number, host: string = '127.0.0.1'): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const summary = `cannot listen on ${host}:${port} (${cause.code ?? cause.message})`;
      reject(new HermeticError('BAD_ARGUMENT', summary, { mend: 'Choose another port with --port.', cause }));
    });
    server.listen({ port, host }, () => server.close(() => resolve()));
  });
}
