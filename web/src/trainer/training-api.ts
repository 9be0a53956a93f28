/** What the trainer's views ask of whoever trains: the worker in a browser, something quick in tests. */
import type {
  CallOptions,
  DataReport,
  DataRequest,
  Environment,
  Estimate,
  KeptRun,
  LoadedNetwork,
  LoadProgress,
  LoadRequest,
  Predictions,
  PredictRequest,
  TrainedModel,
  TrainProgress,
  TrainRequest,
} from '../../training/api.ts';

export type {
  DataReport,
  Environment,
  Estimate,
  KeptRun,
  LoadedNetwork,
  LoadProgress,
  Predictions,
  TrainedModel,
  TrainProgress,
  TrainRequest,
} from '../../training/api.ts';

export type Recipe = TrainRequest['recipe'];

export interface TrainingApi {
  environment(): Promise<Environment>;
  load(request: LoadRequest, options?: CallOptions<LoadProgress>): Promise<LoadedNetwork>;
  data(request: DataRequest): Promise<DataReport>;
  features(rows: readonly number[]): Promise<number[][]>;
  estimate(recipe: Recipe): Promise<Estimate>;
  train(request: TrainRequest, options?: CallOptions<TrainProgress>): Promise<TrainedModel>;
  resume(run: string, options?: CallOptions<TrainProgress>): Promise<TrainedModel>;
  pause(): Promise<boolean>;
  continue(): Promise<boolean>;
  runs(): Promise<readonly KeptRun[]>;
  trained(run: string): Promise<TrainedModel | undefined>;
  discard(run: string): Promise<undefined>;
  forget(): Promise<undefined>;
  predict(
    request?: PredictRequest,
    options?: CallOptions<{ readonly done: number; readonly rows: number }>,
  ): Promise<Predictions>;
  close(): void;
}
