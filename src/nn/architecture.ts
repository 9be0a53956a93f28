/** A network as data: what a model file stores and every trainer agrees on. */

export type ActivationName =
  | 'linear'
  | 'lin4' // 1/2 + z/4
  | 'sigmoid3'
  | 'sigmoid5'
  | 'sigmoid7'
  | 'tanh3'
  | 'square'
  | 'shiftedSquare';

/** A polynomial activation Σ coefficients[k]·z^k. `name` is for people; the coefficients are what is computed. */
export interface Activation {
  readonly name: string;
  /** Ascending powers; degree ≥ 1. */
  readonly coefficients: readonly number[];
}

export interface DenseLayer {
  readonly kind: 'dense';
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly useBias: boolean;
}

export interface Architecture {
  readonly layers: readonly DenseLayer[];
}

/** Plain weights of one layer: `kernel` is inputs × units, row-major, as in Keras; `bias` has `units` entries or none. */
export interface LayerWeights {
  readonly kernel: Float64Array;
  readonly bias: Float64Array | undefined;
}

/**
 * 'delta': the output error is δ = ŷ − y (what cross-entropy gives behind a sigmoid). 'squaredError': the true
 * gradient of ½(ŷ − y)², δ = (ŷ − y)·φ'(z). The two agree up to a constant for affine outputs.
 */
export type Loss = 'delta' | 'squaredError';

export interface Schedule {
  readonly kind: 'constant' | 'linear';
  /** 'linear': the rate of step t is learningRate · (1 − t / decaySteps), t counted from `firstStep`. */
  readonly decaySteps?: number;
}

export interface TrainingRecipe {
  readonly loss: Loss;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly schedule: Schedule;
  /** Rows of a step: a power of two. */
  readonly batch: number;
  readonly steps: number;
  /** Steps of the schedule already taken by earlier trainers. */
  readonly firstStep: number;
  /** Seed of the order of the rows; public. */
  readonly seed: number;
}
