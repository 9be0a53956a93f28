/** A thread that asks a service for its health again and again until it is told to stop: what a cheap request takes. */
import { Agent, get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker, workerData } from 'node:worker_threads';

const PAUSE_MS = 10;

/** @param {string} url @returns {{ stop(): Promise<number[]> }} milliseconds of each request, ascending */
export function probeHealth(url) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: url });
  return {
    stop: () =>
      new Promise((resolve, reject) => {
        worker.once('message', (times) => resolve(Array.from(times).sort((a, b) => a - b)));
        worker.once('error', reject);
        worker.postMessage('stop');
      }),
  };
}

async function probe(url, port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  let stopped = false;
  port.once('message', () => {
    stopped = true;
  });
  while (!stopped) {
    const began = performance.now();
    await new Promise((resolve, reject) => {
      get(`${url}/v1/health`, { agent }, (response) => response.resume().once('end', resolve)).once('error', reject);
    });
    times.push(performance.now() - began);
    await wait(PAUSE_MS);
  }
  agent.destroy();
  port.postMessage(Float64Array.from(times));
}

if (parentPort !== null && typeof workerData === 'string') await probe(workerData, parentPort);
