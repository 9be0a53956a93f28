/**
 * `hermetic`: networks as in Keras, and training them sealed. What needs the secret key is behind a door of its own,
 * `hermetic/owner`, which nothing here reaches.
 */
export { activation, activationNames, fitActivation, polynomial, shiftedSquare } from './nn/activations.ts';
export type {
  Activation,
  ActivationName,
  Architecture,
  DenseLayer,
  LayerWeights,
  Loss,
  Schedule,
  TrainingRecipe,
} from './nn/architecture.ts';
export {
  batches,
  DenseRows,
  type FeatureRows,
  type LabelledRows,
  type RowArrays,
  type TrainingData,
} from './nn/feature-rows.ts';
export {
  glorotNormal,
  glorotUniform,
  heNormal,
  type Initializer,
  normal,
  scaledNormal,
  uniform,
  zeros,
} from './nn/initializers.ts';
export { type DenseOptions, dense, type History, Sequential, sequential } from './nn/model.ts';
export { type Optimizer, type SgdOptions, sgd } from './nn/optimizers.ts';
export { constant, linearDecay } from './nn/schedules.ts';
export { trainInTheClear } from './nn/twin.ts';
export { type PlainModel, readModelFile, writeModelFile } from './protocol/model-file.ts';
export * from './trainer/index.ts';
