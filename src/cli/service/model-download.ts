/** Any model of a network, from the service into a file: sealed, or opened by it. */

import { HermeticError } from '../../base/errors.ts';
import type { ServiceClient } from '../../client/service-client.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import type { Lineage, ServedModel } from '../../protocol/service/types.ts';
import type { Console } from '../console.ts';
import { HashingSink } from './hashing-sink.ts';
import { shortId } from './service-flags.ts';

/** The model of that identifier, of which four digits are enough; without one, the head. HermeticError BAD_ARGUMENT. */
export function findModel({ network, models }: Lineage, named: string | undefined): ServedModel {
  const wanted = named ?? network.headId;
  const found = wanted.length < 4 ? [] : models.filter(({ id }) => id.startsWith(wanted.toLowerCase()));
  if (found.length === 1) return found[0];
  throw new HermeticError('BAD_ARGUMENT', `there is no one model '${wanted.slice(0, 64)}' of ${network.name}`, {
    expected: `one of ${models
      .slice(-10)
      .map(({ id }) => shortId(id))
      .join(', ')}`,
    mend: 'hermetic service lineage lists all.',
  });
}

/** Bytes written. HermeticError DISK, BAD_FILE where what arrived is not the model. */
export async function writeModel(
  console: Console,
  client: ServiceClient,
  model: ServedModel,
  { out, sealed }: { readonly out: string; readonly sealed: boolean },
): Promise<number> {
  const { signal } = console.io;
  if (!sealed) {
    const bytes = await client.openModel(model.id, { signal });
    await writeFileAtomically(out, (sink) => sink.write(bytes), { mode: 0o600 });
    return bytes.length;
  }
  const progress = console.progress({ unit: 'MB', total: Math.ceil(model.bytes / 1e6) });
  const onProgress = (received: number) => progress.update(Math.floor(received / 1e6));
  try {
    const stream = client.modelFile(model.id, { signal, onProgress });
    await writeFileAtomically(out, async (sink) => {
      const hashing = new HashingSink(sink);
      await hashing.takeAll(stream);
      hashing.requireDigest(model);
    });
    return model.bytes;
  } finally {
    progress.stop();
  }
}
