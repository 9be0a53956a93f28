/** Messages between the page and its training worker: calls with an answer each, progress on the way, and a stop. */
import { RefreshUnavailable, ServiceUnavailable } from 'hermetic/client';
import { HermeticError, type HermeticErrorCode } from 'hermetic/trainer';
import type {
  DataReport,
  DataRequest,
  Environment,
  Estimate,
  KeptRun,
  LoadedNetwork,
  LoadProgress,
  LoadRequest,
  Predictions,
  PredictProgress,
  PredictRequest,
  TrainedModel,
  TrainProgress,
  TrainRequest,
} from './api.ts';

interface Call<Argument, Result, Progress = never> {
  readonly argument: Argument;
  readonly result: Result;
  readonly progress: Progress;
}

export interface Calls {
  readonly environment: Call<undefined, Environment>;
  readonly load: Call<LoadRequest, LoadedNetwork, LoadProgress>;
  readonly data: Call<DataRequest, DataReport>;
  readonly features: Call<readonly number[], number[][]>;
  readonly estimate: Call<TrainRequest['recipe'], Estimate>;
  readonly train: Call<TrainRequest, TrainedModel, TrainProgress>;
  readonly resume: Call<string, TrainedModel, TrainProgress>;
  readonly pause: Call<undefined, boolean>;
  readonly continue: Call<undefined, boolean>;
  readonly runs: Call<undefined, readonly KeptRun[]>;
  readonly trained: Call<string, TrainedModel | undefined>;
  readonly discard: Call<string, undefined>;
  readonly forget: Call<undefined, undefined>;
  readonly predict: Call<PredictRequest, Predictions, PredictProgress>;
}

export type Method = keyof Calls;

export type ToWorker =
  | { readonly id: number; readonly method: Method; readonly argument: unknown }
  | { readonly stop: number };

export type FromWorker =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly progress: unknown }
  | { readonly id: number; readonly error: WireError };

/** What of an error may cross: of ours everything a user reads, of others their words. */
export interface WireError {
  readonly code: HermeticErrorCode | undefined;
  readonly summary: string;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly mend: string | undefined;
  /** Nobody answered: it may pass. */
  readonly passing: boolean;
}

export function toWire(error: unknown): WireError {
  if (error instanceof HermeticError) {
    const { code, headline: summary, expected, got, mend } = error;
    const passing = error instanceof RefreshUnavailable || error instanceof ServiceUnavailable;
    return { code, summary, expected, got, mend, passing };
  }
  const summary = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: undefined, summary, expected: undefined, got: undefined, mend: undefined, passing: false };
}

export function fromWire({ code, summary, expected, got, mend, passing }: WireError): Error {
  if (passing) return new RefreshUnavailable(summary);
  if (code === undefined) return new Error(summary);
  return new HermeticError(code, summary, {
    ...(expected !== undefined && { expected }),
    ...(got !== undefined && { got }),
    ...(mend !== undefined && { mend }),
  });
}
