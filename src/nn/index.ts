/** `hermetic/nn`: networks, losses, optimizers and training in the clear. */

export {
  activation,
  activationNames,
  degree,
  derivative,
  evaluatePolynomial,
  fitActivation,
  parseActivation,
  polynomial,
  shiftedSquare,
} from './activations.ts';
export type {
  Activation,
  ActivationName,
  Architecture,
  DenseLayer,
  LayerWeights,
  Loss,
  Schedule,
  TrainingRecipe,
} from './architecture.ts';
export { type Evaluation, evaluateData, evaluatePredictions, predictFeatures } from './evaluation.ts';
export {
  type Batch,
  type BatchOptions,
  type BatchSource,
  batches,
  DenseRows,
  type FeatureRows,
  type TrainingData,
} from './feature-rows.ts';
export {
  alternatingUniform,
  glorotNormal,
  glorotUniform,
  heNormal,
  type Initializer,
  initialWeights,
  normal,
  scaledNormal,
  uniform,
  zeros,
} from './initializers.ts';
export { parseArchitecture, parseLayers } from './layer-spec.ts';
export { type LearningRateProposal, proposeLearningRate } from './learning-rate.ts';
export { type LossName, lossByName, lossValue } from './losses.ts';
export { accuracy, auc, classes, confusion } from './metrics.ts';
export {
  type CompileOptions,
  type DenseOptions,
  type DenseSpec,
  dense,
  type FitOptions,
  type FittedActivation,
  type History,
  Sequential,
  sequential,
} from './model.ts';
export { type Optimizer, type SgdOptions, sgd } from './optimizers.ts';
export { type Recipe, type RecipeData, type RecipeName, recipe, recipeNames, xorRows, xorTargets } from './recipes.ts';
export { constant, learningRateAt, linearDecay } from './schedules.ts';
export { type LayerRanges, type ShadowOptions, type ShadowReport, shadowRun } from './shadow-run.ts';
export { summarize } from './summary.ts';
export {
  type StepReport,
  type TrainingCurves,
  type TrainingState,
  type TwinNoise,
  type TwinOptions,
  type TwinRun,
  trainInTheClear,
} from './twin.ts';
export { checkArchitecture, checkWeights, copyWeights, parameterCount } from './weights.ts';
