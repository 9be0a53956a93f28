/**
 * Networks as in Keras: `sequential([dense({ units: 8, inputShape: [4000] }), dense({ units: 1, activation: 'lin4' })])`,
 * then compile, fit, evaluate, predict, all in the clear; `toArchitecture` and `getWeights` are what sealing takes.
 */

import { checkInteger, checkNumber } from '../base/checks.ts';
import { fitActivation, parseActivation } from './activations.ts';
import type { Activation, Architecture, DenseLayer, LayerWeights, Loss, TrainingRecipe } from './architecture.ts';
import { type Evaluation, evaluateData, predictFeatures } from './evaluation.ts';
import {
  type BatchSource,
  batches,
  type FeatureRows,
  featureRows,
  type LabelledRows,
  type RowArrays,
  trainingData,
} from './feature-rows.ts';
import { glorotUniform, type Initializer, initialWeights } from './initializers.ts';
import { proposeLearningRate } from './learning-rate.ts';
import { type LossName, lossByName } from './losses.ts';
import { type Optimizer, sgd } from './optimizers.ts';
import { summarize } from './summary.ts';
import {
  appendReport,
  checkFinite,
  emptyCurves,
  type StepReport,
  startState,
  type TrainingCurves,
  trainingSteps,
} from './twin.ts';
import { checkArchitecture, checkWeights, copyWeights } from './weights.ts';

/** How long `fit` may keep the event loop waiting. */
const YIELD_EVERY_MS = 50;

export interface DenseOptions {
  readonly units: number;
  /** A name ('square', 'shiftedSquare(1.25)'), coefficients, or a function to be fitted. Default: linear. */
  readonly activation?: string | Activation | FittedActivation;
  /** [features]; the first layer needs it, later ones know. */
  readonly inputShape?: readonly [number];
  /** Default true, as in Keras. */
  readonly useBias?: boolean;
  /** Default: Glorot uniform, as in Keras. */
  readonly kernelInitializer?: Initializer;
}

/** Any function, replaced by its least-squares polynomial on an interval. */
export interface FittedActivation {
  readonly fn: (z: number) => number;
  readonly interval: readonly [number, number];
  readonly degree: number;
}

/** A layer before it knows its inputs. */
export interface DenseSpec {
  readonly kind: 'dense';
  readonly units: number;
  readonly activation: Activation;
  readonly inputs: number | undefined;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
}

export function dense(options: DenseOptions): DenseSpec {
  return {
    kind: 'dense',
    units: checkInteger('units', options.units, 1, 2 ** 16),
    activation: toActivation(options.activation ?? 'linear'),
    inputs: options.inputShape && checkInteger('inputShape', options.inputShape[0], 1, 2 ** 24),
    useBias: options.useBias ?? true,
    kernelInitializer: options.kernelInitializer ?? glorotUniform(),
  };
}

export function sequential(layers: readonly DenseSpec[]): Sequential {
  return new Sequential(layers);
}

export interface CompileOptions {
  readonly optimizer?: Optimizer;
  readonly loss?: LossName;
}

export interface FitOptions {
  /** Batches to learn from; either this or `epochs`. */
  readonly steps?: number;
  /** How often every row is learned from. */
  readonly epochs?: number;
  /** Rows of a step, a power of two; ignored where the data come as batches. Default 32. */
  readonly batch?: number;
  /** Seed of the order of the rows. Default 0. */
  readonly seed?: number;
  readonly onStep?: (report: StepReport) => void;
  readonly signal?: AbortSignal;
}

export interface History extends TrainingCurves {
  /** What was run, the learning rate included where it had to be found. */
  readonly recipe: TrainingRecipe;
}

export class Sequential {
  readonly #specs: readonly DenseSpec[];
  #architecture: Architecture | undefined;
  #weights: LayerWeights[] | undefined;
  #optimizer: Optimizer = sgd();
  #loss: Loss = 'squaredError';

  constructor(layers: readonly DenseSpec[]) {
    if (layers.length === 0) throw new RangeError('layers: expected at least one');
    this.#specs = layers;
  }

  /** A model of this architecture with these weights, as read from a file. */
  static from(architecture: Architecture, weights: readonly LayerWeights[]): Sequential {
    const specs = architecture.layers.map((layer) => ({ ...layer, kernelInitializer: glorotUniform() }));
    return new Sequential(specs).setWeights(weights);
  }

  /**
   * Draws the weights: secret ones, from the system's generator. `inputs` is needed only where the first layer has no
   * inputShape.
   *
   * @param options.seed integer in [0, 2^53), for demonstrations and tests that shall repeat. Never for a model that shall be
   *   sealed for others: its weights are known to whoever knows the seed or tries all of them.
   */
  build(options: { readonly inputs?: number; readonly seed?: number } = {}): this {
    const architecture = this.#resolve(options.inputs);
    const initializers = this.#specs.map((spec) => spec.kernelInitializer);
    this.#weights = initialWeights(architecture, initializers, options.seed);
    return this;
  }

  compile({ optimizer = sgd(), loss = 'squaredError' }: CompileOptions): this {
    this.#optimizer = optimizer;
    this.#loss = lossByName(loss);
    return this;
  }

  /**
   * Trains in the clear, letting the event loop breathe. HermeticError DIVERGED or ABORTED; weights as before then.
   * TypeError or RangeError for data and options of another form.
   */
  async fit(data: LabelledRows | BatchSource, options: FitOptions): Promise<History> {
    const known = isBatches(data) ? undefined : trainingData(data);
    checkFitOptions(options);
    const source = known
      ? batches(known, { batch: options.batch ?? 32, seed: options.seed ?? 0 })
      : (data as BatchSource);
    if (this.#weights === undefined) this.build({ inputs: source.columns });
    const recipe = this.recipe(source, { ...options, steps: stepsOf(options, source, known?.features.rows) });
    const architecture = this.toArchitecture();
    const state = startState(architecture, this.#weights!);
    const curves = emptyCurves();
    let lastYield = performance.now();
    for (const report of trainingSteps(architecture, state, recipe, source, options)) {
      checkFinite(report);
      appendReport(curves, report);
      options.onStep?.(report);
      if (performance.now() - lastYield < YIELD_EVERY_MS) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
      lastYield = performance.now();
    }
    this.#weights = state.weights;
    return { ...curves, recipe };
  }

  /** The recipe that `fit` would run on these batches; finds a learning rate if the optimizer has none. */
  recipe(source: BatchSource, options: { readonly steps: number; readonly seed?: number }): TrainingRecipe {
    const { learningRate, ...optimizer } = this.#optimizer;
    const steps = checkInteger('steps', options.steps, 0, 2 ** 31);
    const recipe = {
      ...optimizer,
      loss: this.#loss,
      batch: source.batch,
      steps,
      firstStep: 0,
      seed: options.seed ?? 0,
    };
    if (learningRate !== undefined) return { ...recipe, learningRate };
    const initializers = this.#specs.map((spec) => spec.kernelInitializer);
    const proposal = proposeLearningRate(this.#resolve(source.columns), recipe, source, { initializers });
    return { ...recipe, learningRate: proposal.learningRate };
  }

  /** ŷ, rows × outputs. */
  predict(rows: FeatureRows | RowArrays): Float64Array {
    return predictFeatures(this.toArchitecture(), this.#built(), featureRows(rows));
  }

  evaluate(data: LabelledRows): Evaluation {
    return evaluateData(this.toArchitecture(), this.#built(), trainingData(data));
  }

  /** A text table of layers, shapes and parameters. */
  summary(): string {
    return summarize(this.toArchitecture());
  }

  toArchitecture(): Architecture {
    return this.#resolve();
  }

  /** The initial distribution, public: what a trainer's shadow run draws from. */
  get initializers(): readonly Initializer[] {
    return this.#specs.map((spec) => spec.kernelInitializer);
  }

  /** Copies. */
  getWeights(): LayerWeights[] {
    return copyWeights(this.#built());
  }

  setWeights(weights: readonly LayerWeights[]): this {
    checkWeights(this.toArchitecture(), weights);
    this.#weights = copyWeights(weights);
    return this;
  }

  #built(): LayerWeights[] {
    if (this.#weights === undefined) this.build();
    return this.#weights!;
  }

  #resolve(inputs?: number): Architecture {
    if (this.#architecture !== undefined) return this.#architecture;
    const first = this.#specs[0].inputs ?? inputs;
    if (first === undefined) throw new RangeError('the first layer needs inputShape: [features]');
    const layers: DenseLayer[] = [];
    for (const { kind, units, activation, useBias } of this.#specs) {
      layers.push({ kind, inputs: layers.at(-1)?.units ?? first, units, activation, useBias });
    }
    this.#architecture = { layers };
    checkArchitecture(this.#architecture);
    return this.#architecture;
  }
}

function isBatches(data: LabelledRows | BatchSource): data is BatchSource {
  return typeof data === 'object' && data !== null && 'next' in data;
}

/** What other libraries call things, and what they are called here. */
const FOREIGN: Readonly<Record<string, string>> = {
  batchSize: 'batch',
  batch_size: 'batch',
  validationData: 'evaluate(data) after it',
  validation_data: 'evaluate(data) after it',
  validationSplit: 'evaluate(data) after it',
  verbose: 'onStep',
  callbacks: 'onStep',
};

function checkFitOptions(options: FitOptions): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || ArrayBuffer.isView(options)) {
    throw new TypeError(
      'options: expected { epochs } or { steps } after the data: fit({ features, targets }, { epochs: 10 })',
    );
  }
  const foreign = Object.keys(options).find((name) => Object.hasOwn(FOREIGN, name));
  if (foreign !== undefined) throw new TypeError(`options: there is no ${foreign}; here it is ${FOREIGN[foreign]}`);
}

/** So many batches that every row is learned from `epochs` times. */
function stepsOf({ steps, epochs }: FitOptions, { batch }: BatchSource, rows: number | undefined): number {
  if ((steps === undefined) === (epochs === undefined))
    throw new RangeError('options: expected either epochs or steps');
  if (steps !== undefined) return steps;
  if (rows === undefined) throw new RangeError('epochs: expected rows, not batches, which have no end; give steps');
  return Math.ceil((checkNumber('epochs', epochs, 0) * rows) / batch);
}

function toActivation(activation: string | Activation | FittedActivation): Activation {
  if (typeof activation === 'string') return parseActivation(activation);
  if ('fn' in activation) return fitActivation(activation.fn, activation.interval, activation.degree);
  return activation;
}
