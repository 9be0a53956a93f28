/** node bootstrap-keys.mjs FOLDER SLOTS: an owner's keys of set B16, in a process that ends with their making. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeys, saveBootstrappingKeys, saveTrainerKeys } from '../dist/owner/index.js';

const [folder, slots] = process.argv.slice(2);
const needs = { rotations: [], conjugation: false, relinearization: false };
const owner = await createKeys({ set: 'B16', needs });
await saveTrainerKeys(owner, join(folder, 'trainer.keys'));
await saveBootstrappingKeys(owner, join(folder, 'bootstrapping.keys'), { slots: Number(slots) });
// To look at the result with: a bench has nothing to hide.
await writeFile(join(folder, 'secret'), owner.secret.toBytes(), { mode: 0o600 });
owner.dispose();
