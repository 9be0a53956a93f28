/** Training as this page does it: in a worker of its own, loaded when a trainer comes. */
import { TrainingWorker } from '../../training/training-worker.ts';
import type { TrainingApi } from './training-api.ts';

export function createTraining(): TrainingApi {
  return new TrainingWorker();
}
