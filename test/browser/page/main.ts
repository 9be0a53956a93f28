/** A page with nothing but the training worker and the storage, for tests that drive them from outside. */
import { TrainingWorker } from '../../../web/training/training-worker.ts';

declare global {
  var TrainingWorkerOfPage: typeof TrainingWorker;
  var training: TrainingWorker;
  var tryStorage: (kind: 'disk' | 'memory') => Promise<unknown>;
}

globalThis.TrainingWorkerOfPage = TrainingWorker;
globalThis.training = new TrainingWorker();
globalThis.tryStorage = (kind) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./storage-worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<unknown>) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(kind);
  });
