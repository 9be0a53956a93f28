/** The bench's page: hands calls to the worker, one at a time. */
const worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });

globalThis.ask = (call, argument) =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => ('error' in data ? reject(new Error(data.error)) : resolve(data.result));
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ call, argument });
  });
