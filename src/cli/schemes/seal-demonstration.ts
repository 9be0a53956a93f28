/** `hermetic seal --scheme vector | yashe`: a demonstration's network under a key that hides nothing. */

import { join } from 'node:path';
import type { LayerWeights } from '../../nn/architecture.ts';
import { planLayout } from '../../nn/sealed/layout.ts';
import type { PlainModel } from '../../protocol/model-file.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { requireDemonstration } from '../../protocol/teaching-files.ts';
import { SCHEMES, type TeachingSchemeName } from '../../schemes/traits.ts';
import type { Console } from '../console.ts';
import { formatBytes } from '../format.ts';
import { requireOutput } from '../output-file.ts';
import { fileSize } from '../sealed-files.ts';
import { createParty } from './parties.ts';
import { PUBLIC_KEYS, SEALED_MODEL, writeTeachingFiles } from './teaching-files.ts';
import { sealOn } from './train.ts';

export interface DemonstrationSeal {
  readonly scheme: TeachingSchemeName;
  readonly demonstration: boolean;
  readonly batch: number | undefined;
  readonly folder: string;
  /** Files that are read, and whether others are replaced. */
  readonly inputs: readonly (string | undefined)[];
  readonly force: boolean;
}

const SLOTS = 16;
const BATCH = 4;

/** POLICY_DENIED unless it is called a demonstration; PLAN_REFUSED for a batch that does not fit. */
export async function sealDemonstration(
  console: Console,
  model: PlainModel,
  options: DemonstrationSeal,
): Promise<void> {
  const { scheme, demonstration, batch = BATCH, folder } = options;
  requireDemonstration(scheme, demonstration);
  await makeFolder(folder);
  await requireOutput({ ...options, out: join(folder, SEALED_MODEL), kind: 'teaching-model' });
  await requireOutput({ ...options, out: join(folder, PUBLIC_KEYS), kind: 'teaching-keys' });
  const { warning, attack } = SCHEMES[scheme];
  if (warning !== undefined) console.warn(warning);
  const rotations = () => Array.from({ length: SLOTS - 1 }, (_, step) => step + 1);
  const party = await createParty(scheme, { slots: SLOTS, rotations });
  try {
    const { architecture } = model;
    const layout = planLayout(architecture, { slots: SLOTS, batch, real: party.capabilities.slots === 'real' });
    const freshLevel = Math.min(party.evaluator.maxLevel, LEAST_LEVEL);
    const plan = { architecture, layout, slots: SLOTS, freshLevel };
    const weights = sealOn(party, plan, model.weights as readonly LayerWeights[]);
    if (party.files === undefined) throw new RangeError(`${scheme} has no files`);
    await writeTeachingFiles(folder, party.files, { model, plan, weights, demonstration });
    const names = [PUBLIC_KEYS, SEALED_MODEL].map((name) => `${folder}/${name}`);
    const [keyBytes, bytes] = await Promise.all(names.map(fileSize));
    const result = { scheme, keys: names[0], out: names[1], keyBytes, bytes, attack };
    console.result(
      result,
      ({ bold }) =>
        `${bold(names[1])}  ${formatBytes(bytes)}, and ${names[0]}, ${formatBytes(keyBytes)}. The secret key was not kept: ` +
        `${attack} ${folder} finds it.`,
    );
  } finally {
    party.dispose();
  }
}

const LEAST_LEVEL = 7;
