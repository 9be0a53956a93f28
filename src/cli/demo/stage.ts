/** What all chapters of a demonstration share. */

import type { Recipe } from '../../nn/recipes.ts';
import type { Console } from '../console.ts';
import type { DemoRefresh, DemoSpec } from './specs.ts';
import type { Story } from './story.ts';
import type { Timeline } from './timeline.ts';

export interface DemoOptions {
  readonly console: Console;
  /** For the report and the trainers' files. */
  readonly folder: string;
  readonly threads: number | undefined;
  readonly refresh: DemoRefresh;
}

export interface DemoStage extends DemoOptions {
  readonly spec: DemoSpec;
  readonly recipe: Recipe;
  readonly story: Story;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
}

/** Steps of all trainers together. */
export function totalSteps({ spec, recipe }: Pick<DemoStage, 'spec' | 'recipe'>): number {
  return spec.steps ?? recipe.training.steps;
}

/** "trainer", or "trainer A" and "trainer B". */
export function trainerName({ spec }: Pick<DemoStage, 'spec'>, index: number): string {
  return spec.trainers === 1 ? 'trainer' : `trainer ${'AB'[index]}`;
}

/** Words of `--threads`, where it was given. */
export function threadWords({ threads }: Pick<DemoStage, 'threads'>): string[] {
  return threads === undefined ? [] : ['--threads', String(threads)];
}
