/** A recipe as a form, and as training takes it. */
import type { Recipe } from './training-api.ts';

export interface RecipeText {
  steps: string;
  batch: string;
  learningRate: string;
  momentum: string;
  schedule: 'constant' | 'linear';
  /** ε of differential privacy; empty for none. */
  epsilon: string;
}

export type RecipeWrong = Partial<Record<keyof RecipeText, string>>;

/** What to begin with: what the owner proposes, else momentum .9 and a rate that falls to zero. */
export function recipeText(
  proposed: Readonly<Record<string, unknown>> | undefined,
  batches: readonly number[],
): RecipeText {
  const given = (name: string): string => {
    const value = proposed?.[name];
    return typeof value === 'number' ? String(value) : '';
  };
  const schedule = (proposed?.schedule as { kind?: unknown } | undefined)?.kind === 'constant' ? 'constant' : 'linear';
  const largest = batches.at(-1);
  const batch = batches.includes(Number(given('batch'))) ? given('batch') : String(largest ?? '');
  return {
    steps: given('steps') || '20',
    batch,
    learningRate: given('learningRate'),
    momentum: given('momentum') || '0.9',
    schedule,
    epsilon: '',
  };
}

/** The recipe, undefined where a field cannot be read. An empty learning rate is found by a rehearsal in the clear. */
export function parseRecipe(text: RecipeText): {
  readonly recipe: Recipe | undefined;
  readonly epsilon: number | undefined;
  readonly wrong: RecipeWrong;
} {
  const number = (typed: string): number => (typed.trim() === '' ? Number.NaN : Number(typed.trim().replace(',', '.')));
  const steps = number(text.steps);
  const batch = number(text.batch);
  const learningRate = text.learningRate.trim() === '' ? undefined : number(text.learningRate);
  const momentum = text.momentum.trim() === '' ? 0 : number(text.momentum);
  const epsilon = text.epsilon.trim() === '' ? undefined : number(text.epsilon);
  const wrong: RecipeWrong = {
    ...(!(Number.isInteger(steps) && steps >= 1 && steps <= 1_000_000) && {
      steps: 'Give a whole number of steps from 1.',
    }),
    ...(!(Number.isInteger(batch) && batch >= 1) && { batch: 'Choose how many rows a step takes.' }),
    ...(learningRate !== undefined &&
      !(learningRate > 0 && Number.isFinite(learningRate)) && {
        learningRate: 'Give a number above 0, or leave it empty.',
      }),
    ...(!(momentum >= 0 && momentum < 1) && { momentum: 'Give a number from 0 up to, but not including, 1.' }),
    ...(epsilon !== undefined &&
      !(epsilon > 0 && epsilon <= 100) && { epsilon: 'Give a number above 0, at most 100, or leave it empty.' }),
  };
  if (Object.keys(wrong).length > 0) return { recipe: undefined, epsilon: undefined, wrong };
  const schedule = text.schedule === 'linear' ? { kind: 'linear', decaySteps: steps } : { kind: 'constant' };
  const recipe = {
    steps,
    batch,
    momentum,
    nesterov: momentum > 0,
    schedule,
    ...(learningRate !== undefined && { learningRate }),
  } as Recipe;
  return { recipe, epsilon, wrong };
}
