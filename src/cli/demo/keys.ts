/** Chapter: the owner makes a key pair, and puts the public half where a trainer will find it. */

import { join } from 'node:path';
import { type BootstrappingPlan, planBootstrapping } from '../../circuits/bootstrapping-plan.ts';
import { planTraining, type TrainingPlan } from '../../nn/sealed/plan.ts';
import { writeBootstrappingKeys } from '../../owner/bootstrapping-keys.ts';
import { writeTrainerKeys } from '../../owner/key-file.ts';
import { createKeys, type OwnerKeys } from '../../owner/owner-keys.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import type { EvaluationKeyNeeds } from '../../rlwe/keys.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import { formatBytes, formatCount } from '../format.ts';
import { bootstrappingKeysBeside } from '../key-files.ts';
import type { Progress } from '../progress.ts';
import { fileSize } from '../sealed-files.ts';
import { interruptedKeys } from './resume.ts';
import type { DemoRefresh } from './specs.ts';
import type { DemoStage } from './stage.ts';

const SETS: Readonly<Record<DemoRefresh, string>> = { owner: 'L14', bootstrap: 'B16' };
/** Baby steps of products with the data reach at most this far. */
const MOST_BABY_STEPS = 15;
/** Fewer slots make bootstrapping no faster. */
const LEAST_LOG_SLOTS = 10;

export interface MadeKeys {
  /** In this process's memory, and nowhere else. */
  readonly keys: OwnerKeys;
  readonly trainerKeysBytes: number;
  /** 0 where the owner refreshes. */
  readonly bootstrappingKeysBytes: number;
  /** From an interrupted demonstration, whose network lies sealed already. */
  readonly resumed: boolean;
}

/** Writes trainer.keys, and bootstrapping.keys, into the trainer's folder, or takes up those there. HermeticError DISK. */
export async function makeKeys(stage: DemoStage, folder: string): Promise<MadeKeys> {
  const { story, timeline, refresh } = stage;
  const path = join(folder, 'trainer.keys');
  const alone = refresh === 'bootstrap';
  await makeFolder(folder);
  const interrupted = alone ? await interruptedKeys(stage) : undefined;
  const keys = interrupted ?? (await timeline.phase('owner', 'Make keys', () => create(stage, path)));
  const trainerKeysBytes = await fileSize(path);
  const bootstrappingKeysBytes = alone ? await fileSize(bootstrappingKeysBeside(path)) : 0;
  const { set, N, logQP, securityBits } = keys.parameters.description;
  const files =
    `trainer.keys has ${formatBytes(trainerKeysBytes)}` +
    (alone ? `, bootstrapping.keys ${formatBytes(bootstrappingKeysBytes)}` : '');
  story.tell(
    `set ${set}: N = ${formatCount(N)}, log QP = ${formatCount(logQP)}, ${securityBits}-bit security. The secret key ` +
      `stays ${alone ? 'with the owner' : 'in this process'}; ${files}.`,
    interrupted === undefined ? timeline.lastSeconds : undefined,
  );
  if (interrupted !== undefined) story.tell('Taken up from a demonstration that was interrupted.');
  return { keys, trainerKeysBytes, bootstrappingKeysBytes, resumed: interrupted !== undefined };
}

async function create(stage: DemoStage, path: string): Promise<OwnerKeys> {
  const { refresh } = stage;
  const threads = stage.threads === undefined ? {} : { threads: stage.threads };
  const { plan, bootstrapping } = await planOf(stage);
  const created = await watched(stage, (onProgress) =>
    createKeys({ set: SETS[refresh], needs: neededKeys(plan), ...threads, onProgress }),
  );
  await writeFileAtomically(path, (sink) => writeTrainerKeys(sink, created));
  if (bootstrapping) {
    const slots = 2 ** bootstrapping.logSlots;
    await watched(stage, (onProgress) =>
      writeFileAtomically(bootstrappingKeysBeside(path), (sink) =>
        writeBootstrappingKeys(sink, created, { slots, ...threads, onProgress }),
      ),
    );
  }
  return created;
}

/** Shows the progress of making keys. */
async function watched<T>(
  { story }: DemoStage,
  make: (onProgress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  let progress: Progress | undefined;
  return await make((done, total) => {
    progress ??= story.progress({ unit: 'key', total, every: total });
    progress.update(done);
  }).finally(() => progress?.stop());
}

interface DemoPlan {
  readonly plan: TrainingPlan;
  /** Where the trainer works alone: for no more slots than its network fills. */
  readonly bootstrapping?: BootstrappingPlan;
}

async function planOf({ recipe, refresh: refreshMode }: DemoStage): Promise<DemoPlan> {
  const parameters = await parameterSet(SETS[refreshMode]);
  const { slots, maxLevel } = parameters;
  const { architecture, training } = recipe;
  const plan = planTraining(architecture, training, { slots, maxLevel, refreshMode });
  if (plan.refreshPacking === undefined) return { plan };
  const logSlots = Math.max(LEAST_LOG_SLOTS, Math.log2(plan.refreshPacking.period));
  return { plan, bootstrapping: planBootstrapping(parameters, logSlots) };
}

/** The evaluation keys that the plan uses: for small batches far fewer than every plan would need. */
export function neededKeys(plan: Pick<TrainingPlan, 'batch' | 'rotations'>): EvaluationKeyNeeds {
  const babies = Array.from({ length: Math.min(MOST_BABY_STEPS, plan.batch - 1) }, (_, i) => i + 1);
  const rotations = new Set([...plan.rotations, ...babies]);
  for (let step = 1; step < plan.batch; step *= 2) rotations.add(step).add(-step);
  return { rotations: [...rotations], conjugation: true, relinearization: true };
}
