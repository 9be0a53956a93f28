/** Does the work off the page's thread, where it may wait for its helpers. */
import { prepare } from './work.mjs';

let work;
const calls = {
  prepare: async ({ threads, batch }) => {
    work?.dispose();
    const [keys, model] = await Promise.all(['keys', 'model'].map(bytesAt));
    work = await prepare({ keys, model, threads, batch });
    return work.threads;
  },
  measure: ({ name, times }) => work.measure(name, times),
};

async function bytesAt(name) {
  return new Uint8Array(await (await fetch(`/${name}`)).arrayBuffer());
}

self.onmessage = async ({ data: { call, argument } }) => {
  try {
    self.postMessage({ result: await calls[call](argument) });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
