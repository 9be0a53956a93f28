/** What a caller of `fit` says and hears, and how a recipe that is given in part becomes whole. */
import { HermeticError } from '../base/errors.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { constant } from '../nn/schedules.ts';
import type { RefreshMode, TrainingPlan } from '../nn/sealed/plan.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import type { PhaseReport, SealedStepReport } from '../nn/sealed/training-loop.ts';
import type { RefreshTransport } from '../protocol/refresh-transport.ts';
import type { Bootstrapping } from './bootstrapping.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { ExecutorProvider } from './executor-provider.ts';
import type { PrivacyReport, PrivacyWish } from './privacy.ts';
import type { ExchangeOptions } from './refresh-exchange.ts';
import type { OpenRecipe } from './run-settings.ts';
import type { ShadowCheck } from './shadow-check.ts';

/**
 * What is not given: δ = ŷ − y, plain descent, a constant rate that the shadow run finds, the model's batch, seed 1. The
 * command line differs: momentum 0.9 with Nesterov, 20 steps, and a rate that falls to zero where it is found.
 */
export type FitRecipe = Partial<TrainingRecipe> & Pick<TrainingRecipe, 'steps'>;

export interface FitOptions {
  readonly recipe: FitRecipe;
  /** How levels come back: 'none', the way to the owner (`httpTransport`, or any function), or keys to do it alone. */
  readonly refresh: 'none' | RefreshTransport | Bootstrapping;
  /** Where the run is kept after each step, and resumed from. */
  readonly checkpoint?: CheckpointStore;
  /** Stops after the step under way: its checkpoint is written, then ABORTED is thrown. */
  readonly signal?: AbortSignal;
  /** Passes over the run in the clear; a learning rate must be given then. */
  readonly skipShadowRun?: boolean;
  /** Noise on every row before training, so that neither the model nor its owner tells much of one: see `privacy.ts`. */
  readonly privacy?: PrivacyWish;
  /** Equal parts that the rows and each batch are dealt into; default 1. */
  readonly shards?: number;
  /** Has the work done elsewhere. Default: the threads of this process. */
  readonly executor?: ExecutorProvider;
  readonly retry?: Pick<ExchangeOptions, 'attempts' | 'retryDelayMs'>;
  readonly observer?: FitObserver;
}

/** Everything that a terminal or a page may want to show. All optional. */
export interface FitObserver {
  readonly warning?: (message: string) => void;
  readonly shadow?: (check: ShadowCheck) => void;
  /** What noise the rows got. */
  readonly privacy?: (report: PrivacyReport) => void;
  readonly plan?: (plan: TrainingPlan) => void;
  /** The run's name, by which the owner's books know it: the same after a resume. */
  readonly begun?: (run: string) => void;
  /** Steps that an earlier process has taken. */
  readonly resumed?: (step: number) => void;
  /** Phases within a step, counted from 0. */
  readonly phase?: (step: number, report: PhaseReport) => void;
  readonly step?: (report: SealedStepReport) => void;
  /** Before a refresh is sent again. */
  readonly retry?: (attempt: number, error: HermeticError) => void;
}

export function refreshModeOf(refresh: FitOptions['refresh']): RefreshMode {
  if (refresh === 'none') return 'none';
  return typeof refresh === 'function' ? 'owner' : 'bootstrap';
}

/** The recipe with its defaults; the learning rate may still be open. */
export function completeRecipe(recipe: FitRecipe, { layout }: SealedNetwork): OpenRecipe {
  return {
    loss: 'delta',
    momentum: 0,
    nesterov: false,
    weightDecay: 0,
    schedule: constant(),
    batch: layout.packing.batch,
    firstStep: 0,
    seed: 1,
    ...recipe,
    learningRate: recipe.learningRate,
  };
}

export function requireLearningRate({ learningRate, ...recipe }: OpenRecipe): TrainingRecipe {
  if (learningRate !== undefined) return { ...recipe, learningRate };
  throw new HermeticError('BAD_ARGUMENT', 'no learning rate is given, and the shadow run that would find one is off', {
    mend: 'Give a learning rate, or let the shadow run happen.',
  });
}
