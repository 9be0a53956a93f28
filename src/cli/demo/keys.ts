/** Chapter: the owner makes a key pair, and puts the public half where a trainer will find it. */

import { join } from 'node:path';
import { planTraining } from '../../nn/sealed/plan.ts';
import { writeTrainerKeys } from '../../owner/key-file.ts';
import { createKeys, type OwnerKeys } from '../../owner/owner-keys.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import type { EvaluationKeyNeeds } from '../../rlwe/keys.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import { formatBytes, formatCount } from '../format.ts';
import type { Progress } from '../progress.ts';
import { fileSize } from '../sealed-files.ts';
import type { DemoStage } from './stage.ts';

const SET = 'L14';
/** Baby steps of products with the data reach at most this far. */
const MOST_BABY_STEPS = 15;

export interface MadeKeys {
  /** In this process's memory, and nowhere else. */
  readonly keys: OwnerKeys;
  readonly trainerKeysBytes: number;
}

/** Writes trainer.keys into the trainer's folder. HermeticError DISK. */
export async function makeKeys(stage: DemoStage, folder: string): Promise<MadeKeys> {
  const { story, timeline, threads } = stage;
  const path = join(folder, 'trainer.keys');
  await makeFolder(folder);
  const keys = await timeline.phase('owner', 'Make keys', () => create(stage, path, threads));
  const trainerKeysBytes = await fileSize(path);
  const { set, N, logQP, securityBits } = keys.parameters.description;
  story.tell(
    `set ${set}: N = ${formatCount(N)}, log QP = ${formatCount(logQP)}, ${securityBits}-bit security. The secret key ` +
      `stays in this process; trainer.keys has ${formatBytes(trainerKeysBytes)}.`,
    timeline.lastSeconds,
  );
  return { keys, trainerKeysBytes };
}

async function create(stage: DemoStage, path: string, threads: number | undefined): Promise<OwnerKeys> {
  let progress: Progress | undefined;
  const created = await createKeys({
    set: SET,
    needs: await neededKeys(stage),
    ...(threads !== undefined && { threads }),
    onProgress: (done, total) => {
      progress ??= stage.story.progress({ unit: 'key', total, every: total });
      progress.update(done);
    },
  }).finally(() => progress?.stop());
  await writeFileAtomically(path, (sink) => writeTrainerKeys(sink, created));
  return created;
}

/** The evaluation keys that the plan uses: for small batches far fewer than every plan would need. */
async function neededKeys({ recipe }: DemoStage): Promise<EvaluationKeyNeeds> {
  const { slots, maxLevel } = await parameterSet(SET);
  const { architecture, training } = recipe;
  const plan = planTraining(architecture, training, { slots, maxLevel, refreshMode: 'owner' });
  const babies = Array.from({ length: Math.min(MOST_BABY_STEPS, plan.batch - 1) }, (_, i) => i + 1);
  const rotations = new Set([...plan.rotations, ...babies]);
  for (let step = 1; step < plan.batch; step *= 2) rotations.add(step).add(-step);
  return { rotations: [...rotations], conjugation: true, relinearization: true };
}
