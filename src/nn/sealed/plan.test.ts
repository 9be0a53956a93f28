import { describe, expect, it } from 'vitest';
import { HermeticError } from '../../base/errors.ts';
import { activation } from '../activations.ts';
import type { Architecture, TrainingRecipe } from '../architecture.ts';
import { type RecipeName, recipe, recipeNames } from '../recipes.ts';
import { ciphertextNames, collectCiphertexts, flattenLayers } from './layer-ciphertexts.ts';
import { ciphertextCount, layoutOfFile, parseSealedLayout, planLayout } from './layout.ts';
import { type PlanOptions, planTraining } from './plan.ts';

const L14: PlanOptions = { slots: 8192, maxLevel: 9, refreshMode: 'owner' };

function planOf(name: RecipeName, options: Partial<PlanOptions> = {}, changes: Partial<TrainingRecipe> = {}) {
  const { architecture, training } = recipe(name);
  return planTraining(architecture, { ...training, ...changes }, { ...L14, ...options });
}

function refusal(act: () => unknown): HermeticError {
  try {
    act();
  } catch (error) {
    if (error instanceof HermeticError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('planTraining', () => {
  // Levels a step, ciphertexts of the weights, chunks × groups of the first layer.
  const expected: Record<RecipeName, readonly [number, number, number, number]> = {
    xor: [7, 3, 1, 1],
    imdb: [4, 5, 4, 1],
    'imdb-logistic': [2, 1, 1, 1],
    spam: [4, 3, 2, 1],
    mnist: [6, 28, 4, 2],
    mnist38: [5, 3, 1, 1],
    digits: [6, 11, 1, 1],
  };

  it.each(recipeNames)('fits %s into L14', (name) => {
    const plan = planOf(name);
    const [levels, weights, chunks, groups] = expected[name];
    expect(plan).toMatchObject({ levelsPerStep: levels, freshLevel: levels, stepsPerRefresh: 1, chunks, groups });
    expect(plan.ciphertexts).toEqual({ weights, velocities: weights, refreshed: 2 * weights });
    expect(plan.refreshes).toBe(plan.recipe.steps - 1);
    expect(plan.rotations.every((step) => Number.isInteger(Math.log2(Math.abs(step))))).toBe(true);
  });

  it('counts what the reviews cost', () => {
    const { stepCost, levelsPerPrediction, diagonals } = planOf('imdb');
    const count = (operation: string) =>
      stepCost.operations.filter((entry) => entry.operation === operation).map(({ level, count }) => [level, count]);
    expect(count('diagonalForward')).toEqual([[4, 4096]]);
    expect(count('diagonalTransposed')).toEqual([[1, 4096]]);
    expect(count('relinearize')).toEqual([
      [3, 1],
      [2, 2],
    ]);
    expect(stepCost.trace.map(({ level }) => level)).toEqual([4, 4, 2, 2, 0, 0]);
    expect(levelsPerPrediction).toBe(2);
    expect(diagonals).toEqual({ count: 4096, period: 2048 });
    expect(stepCost.peakCiphertexts).toBeLessThan(60);
  });

  it('goes without a refresh as far as the levels reach, and says what would fit', () => {
    expect(planOf('imdb', { refreshMode: 'none', maxLevel: 20 }, { steps: 5 })).toMatchObject({
      freshLevel: 20,
      refreshes: 0,
    });
    const refused = refusal(() => planOf('imdb', { refreshMode: 'none' }, { steps: 5 }));
    expect(refused.code).toBe('PLAN_REFUSED');
    expect(refused.mend).toBe('Train 2 steps, or refresh the weights (--refresh), or use the set L15 (20 levels).');
    expect(refused.got).toBe('5 steps of 4 levels');
  });

  it('takes the levels that the weights stand at for the budget, and one of them for a smaller batch', () => {
    const { layout } = planOf('imdb');
    const alone = (level: number, changes: Partial<TrainingRecipe>) =>
      planOf('imdb', { refreshMode: 'none', layout, level }, changes);
    expect(alone(9, { batch: 512, steps: 2 }).repackLevels).toBe(1);
    expect(alone(4, { steps: 1 }).freshLevel).toBe(4);
    const rekey = 'ask the owner to rekey the model, which makes its levels fresh.';
    expect(refusal(() => alone(0, { steps: 1 }))).toMatchObject({
      expected: 'at most 0 levels',
      got: '1 step of 4 levels',
      mend: `Refresh the weights (--refresh), or ${rekey}`,
    });
    expect(refusal(() => alone(8, { batch: 512, steps: 2 })).mend).toBe(
      `Train 1 step, or refresh the weights (--refresh), or ${rekey}`,
    );
  });

  it('names the set that has the levels of a step', () => {
    const refused = refusal(() => planOf('mnist38', { slots: 4096, maxLevel: 3 }));
    expect(refused).toMatchObject({ code: 'PLAN_REFUSED', mend: 'Use the set L14 (9 levels).' });
    const { architecture } = recipe('xor');
    const deep: Architecture = {
      layers: architecture.layers.map((layer) => ({ ...layer, activation: activation('sigmoid7') })),
    };
    const training = { ...recipe('xor').training, loss: 'squaredError' as const };
    expect(refusal(() => planTraining(deep, training, L14)).mend).toBe('Use the set L15 (20 levels).');
  });

  it('fits two layers of sigmoids with the true squared error into L14', () => {
    const { architecture, training } = recipe('xor');
    const sigmoids: Architecture = {
      layers: architecture.layers.map((layer) => ({ ...layer, activation: activation('sigmoid3') })),
    };
    const plan = planTraining(sigmoids, { ...training, loss: 'squaredError' }, L14);
    expect(plan.levelsPerStep).toBe(9);
  });

  it('trains logistic regression on the smallest set', () => {
    expect(planOf('imdb-logistic', { slots: 4096, maxLevel: 3 })).toMatchObject({ levelsPerStep: 2, freshLevel: 2 });
  });

  it('takes as many steps a refresh as asked for, or as bootstrapping gives', () => {
    expect(planOf('imdb', { stepsPerRefresh: 2 })).toMatchObject({ freshLevel: 8, refreshes: 19 });
    expect(planOf('imdb', { stepsPerRefresh: 9 })).toMatchObject({ freshLevel: 8 });
    expect(planOf('imdb', { refreshMode: 'bootstrap', maxLevel: 17 })).toMatchObject({ freshLevel: 16, refreshes: 9 });
  });

  it.each<[RecipeName, number, number]>([
    ['xor', 2, 14],
    ['imdb', 4, 16],
    ['imdb-logistic', 8, 16],
    ['spam', 4, 16],
    ['mnist', 2, 12],
    ['mnist38', 3, 15],
    ['digits', 2, 12],
  ])('%s: %i steps a refresh from level %i by bootstrapping to 17', (name, steps, level) => {
    const plan = planOf(name, { refreshMode: 'bootstrap', slots: 32768, maxLevel: 17 });
    expect(plan).toMatchObject({ refreshMode: 'bootstrap', maxLevel: 17, stepsPerRefresh: steps, freshLevel: level });
    expect(plan.refreshes).toBe(Math.ceil(plan.recipe.steps / steps) - 1);
    const { refreshPacking, rotations, ciphertexts } = plan;
    const members = refreshPacking?.groups.flatMap((group) => group.members) ?? [];
    expect(members.length).toBe(ciphertexts.refreshed);
    expect(refreshPacking?.rotations.filter((step) => !rotations.includes(step))).toEqual([]);
    expect(level + (refreshPacking?.levels ?? 0)).toBeLessThanOrEqual(17);
  });

  it('shares ciphertexts where there is bootstrapping only, and then velocities where there is momentum', () => {
    expect(planOf('imdb').refreshPacking).toBeUndefined();
    expect(planOf('imdb', { refreshMode: 'none', maxLevel: 20 }, { steps: 5 }).refreshPacking).toBeUndefined();
    const B16 = { refreshMode: 'bootstrap', slots: 32768, maxLevel: 17 } as const;
    const bootstrappings = (changes: Partial<TrainingRecipe>) => {
      const { ciphertexts, refreshPacking } = planOf('imdb', B16, changes);
      return [ciphertexts.refreshed, refreshPacking?.groups.length];
    };
    expect(bootstrappings({})).toEqual([4, 2]);
    expect(bootstrappings({ momentum: 0, nesterov: false })).toEqual([2, 1]);
    expect(planOf('imdb', { ...B16, stepsPerRefresh: 1 })).toMatchObject({ freshLevel: 4, refreshes: 39 });
    expect(planOf('imdb', B16, { steps: 3 })).toMatchObject({ stepsPerRefresh: 3, freshLevel: 12, refreshes: 0 });
  });

  it('plans for the level that a refresh brings back, where it is not the top one', () => {
    const plan = (refreshedLevel: number, refreshMode: PlanOptions['refreshMode'] = 'bootstrap') =>
      planOf('imdb', { refreshMode, slots: 32768, maxLevel: 17, refreshedLevel });
    expect(plan(17)).toMatchObject({ stepsPerRefresh: 4, freshLevel: 16, maxLevel: 17 });
    expect(plan(16)).toMatchObject({ stepsPerRefresh: 3, freshLevel: 12, maxLevel: 17, refreshes: 13 });
    expect(plan(5)).toMatchObject({ stepsPerRefresh: 1, freshLevel: 4, refreshes: 39 });
    expect(refusal(() => plan(4))).toMatchObject({ expected: 'at most 3 levels', got: '4 levels a step' });
    expect(plan(4, 'owner')).toMatchObject({ stepsPerRefresh: 1, freshLevel: 4 });
  });

  it('refuses a step of more levels than bootstrapping leaves, one of which takes parameters apart', () => {
    const bootstrap = (maxLevel: number) => () => planOf('xor', { refreshMode: 'bootstrap', maxLevel });
    expect(bootstrap(8)()).toMatchObject({ stepsPerRefresh: 1, freshLevel: 7 });
    for (const maxLevel of [7, 6]) {
      expect(refusal(bootstrap(maxLevel))).toMatchObject({
        code: 'PLAN_REFUSED',
        expected: `at most ${maxLevel - 1} levels`,
        got: '7 levels a step',
        mend: 'Use fewer layers or activations of a lower degree.',
      });
    }
    // Nothing shares a ciphertext here, so nothing has to be taken apart.
    const logistic = (maxLevel: number) => () => planOf('imdb-logistic', { refreshMode: 'bootstrap', maxLevel });
    expect(logistic(2)().freshLevel).toBe(2);
    expect(refusal(logistic(1)).got).toBe('2 levels a step');
  });

  it('refuses batches that do not fit, with those that would', () => {
    expect(refusal(() => planOf('imdb', {}, { batch: 1000 })).mend).toBe('Use 512 or 1024.');
    expect(refusal(() => planOf('imdb', { rows: 700 })).mend).toBe('Add rows, or use a batch of 512.');
    const layout = planLayout(recipe('imdb').architecture, { slots: 8192, batch: 256 });
    expect(refusal(() => planOf('imdb', { layout })).mend).toBe('Use 256, or seal the model for a larger batch.');
    expect(refusal(() => planOf('imdb', { layout, slots: 4096 }, { batch: 256 })).code).toBe('PLAN_REFUSED');
  });

  it('narrows the layout of a model that was sealed for more', () => {
    const layout = planLayout(recipe('imdb').architecture, { slots: 8192, batch: 1024 });
    const plan = planOf('imdb', { layout }, { batch: 256 });
    expect(plan).toMatchObject({ batch: 256, pitch: 2048, repackLevels: 1 });
    const none = (steps: number) => () =>
      planOf('imdb', { layout, refreshMode: 'none', maxLevel: 8 }, { batch: 256, steps });
    expect(none(1)().freshLevel).toBe(4);
    expect(refusal(none(2)).mend).toMatch(/^Train 1 step,/);
  });
});

describe('parseSealedLayout', () => {
  const { architecture } = recipe('mnist38');
  const layout = planLayout(architecture, { slots: 8192, batch: 256 });

  it('reads what was written', () => {
    expect(parseSealedLayout(JSON.parse(JSON.stringify(layout)), architecture)).toEqual(layout);
  });

  it('refuses what does not fit the network', () => {
    const bad = [
      null,
      {},
      { ...layout, version: 2 },
      { ...layout, weightScales: [1] },
      { ...layout, weightScales: [1, 0] },
      { ...layout, biasScales: ['1', 1] },
      { ...layout, packing: { ...layout.packing, batch: 3 } },
    ];
    for (const value of bad) expect(refusal(() => parseSealedLayout(value, architecture)).code).toBe('BAD_FILE');
  });

  it('counts the ciphertexts of a network without making their names', () => {
    for (const name of recipeNames) {
      const { architecture } = recipe(name);
      for (const batch of [32, 256]) {
        const layout = planLayout(architecture, { slots: 8192, batch });
        const names = flattenLayers(ciphertextNames(architecture, layout));
        expect(ciphertextCount(architecture, layout), name).toBe(names.length);
      }
    }
  });

  it('refuses more ciphertexts than a file holds, and other than this file holds, however wide the layers claim to be', () => {
    const wide = (...units: readonly number[]): Architecture => {
      const [first, last] = architecture.layers;
      const sizes = [first.inputs, ...units];
      return { layers: units.map((n, i) => ({ ...(i === 0 ? first : last), inputs: sizes[i], units: n })) };
    };
    const held = { slots: 8192, ciphertexts: ciphertextCount(architecture, layout) };
    expect(layoutOfFile(layout, architecture, held)).toEqual(layout);
    for (const other of [
      { ...held, slots: 4096 },
      { ...held, ciphertexts: held.ciphertexts + 1 },
    ]) {
      expect(refusal(() => layoutOfFile(layout, architecture, other)).code).toBe('BAD_FILE');
    }
    for (const claim of [wide(2 ** 24, 2 ** 24), wide(4, 2 ** 24), wide(2 ** 24, 1)]) {
      expect(refusal(() => parseSealedLayout(layout, claim)).expected).toMatch(/at most 65536 ciphertexts/);
      expect(collectCiphertexts(claim, layout, [])).toBeUndefined();
    }
    expect(refusal(() => layoutOfFile(layout, wide(4, 2 ** 15), held)).code).toBe('BAD_FILE');
  });
});
