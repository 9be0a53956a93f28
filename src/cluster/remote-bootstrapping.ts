/** What a coordinator must know of bootstrapping keys that only its workers load: whose they are, and what they give back. */
import { planBootstrapping } from '../circuits/bootstrapping-plan.ts';
import { bootstrappingKeysHeader } from '../protocol/bootstrapping-keys.ts';
import type { ByteSource } from '../protocol/byte-source.ts';
import { type ReadOptions, readContainer } from '../protocol/container-reader.ts';
import { parseHeader } from '../protocol/schema.ts';
import { type Bootstrapping, requireBootstrapping } from '../trainer/bootstrapping.ts';
import { requireTrainerKey, type TrainerKeys } from '../trainer/trainer-keys.ts';

/** Reads the header alone. @throws HermeticError BAD_FILE; WRONG_KEY; BAD_ARGUMENT for a set without bootstrapping */
export async function remoteBootstrapping(
  source: ByteSource,
  keys: TrainerKeys,
  options: ReadOptions = {},
): Promise<Bootstrapping> {
  requireBootstrapping(keys);
  const { parameters } = keys.context;
  const container = await readContainer(source, {
    ...options,
    kind: 'bootstrapping-keys',
    parameterHash: parameters.hash,
  });
  const { keyId, logSlots } = parseHeader(bootstrappingKeysHeader, container.content, 'the bootstrapping keys');
  requireTrainerKey(keys, keyId, 'the file of bootstrapping keys');
  return {
    mode: 'bootstrap',
    keyId,
    slots: 2 ** logSlots,
    level: planBootstrapping(parameters, logSlots).level,
    keyBytes: { resident: 0, parked: 0 },
    count: 0,
    bootstrap: () => {
      throw new RangeError('only workers bootstrap here');
    },
    dispose: () => {},
  };
}
