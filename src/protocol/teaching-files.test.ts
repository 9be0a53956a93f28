import { describe, expect, it } from 'vitest';
import { sealedModel } from '../../test/vectors/format-v1/fixture.ts';
import { SCHEMES } from '../schemes/traits.ts';
import { memorySink, memorySource } from './byte-source.ts';
import { inspectFile } from './inspect.ts';
import {
  readTeachingKeys,
  readTeachingModel,
  requireDemonstration,
  type TeachingModel,
  writeTeachingKeys,
  writeTeachingModel,
} from './teaching-files.ts';

const { architecture, features, packing, provenance } = sealedModel;
const model: TeachingModel = {
  ...{ scheme: 'yashe', slots: 16, keyId: 'ab'.repeat(32), architecture, features, packing, provenance },
  demonstration: true,
  ciphertexts: [
    { name: '0/kernel/0/0', level: 7, logScale: 8, re: { limbs: Uint8Array.of(1, 2) }, im: [3, 4] },
    { name: '1/bias/0', level: 7, logScale: 8, re: [5], im: undefined },
  ],
};

async function written(write: (sink: ReturnType<typeof memorySink>) => Promise<unknown>): Promise<Uint8Array> {
  const sink = memorySink();
  await write(sink);
  return sink.bytes();
}

describe('files of teaching schemes', () => {
  it('come back as they were written, and are named by their keys', async () => {
    const keys = { scheme: 'vector', slots: 16, keys: { matrix: Uint8Array.of(9, 8, 7) } } as const;
    let keyId = '';
    const bytes = await written(async (sink) => {
      keyId = await writeTeachingKeys(sink, keys);
    });
    const silent = { onWarning: () => {} };
    expect(await readTeachingKeys(memorySource(bytes), silent)).toEqual({ ...keys, keyId });
    const file = await written((sink) => writeTeachingModel(sink, model));
    expect(await readTeachingModel(memorySource(file), silent)).toEqual(model);
  });

  it('warn at each load, and carry their warning', async () => {
    const bytes = await written((sink) => writeTeachingModel(sink, model));
    const warnings: string[] = [];
    const options = { onWarning: (message: string) => warnings.push(message) };
    await readTeachingModel(memorySource(bytes), options);
    expect(warnings.join()).toMatch(/insecure-yashe/);
    const description = await inspectFile(memorySource(bytes), options);
    expect(description).toMatchObject({ kind: 'teaching-model', warning: SCHEMES.yashe.warning, demonstration: true });
  });

  it('refuse a real model, when they are written and when they are read', async () => {
    const real = { ...model, demonstration: false };
    await expect(written((sink) => writeTeachingModel(sink, real))).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(() => requireDemonstration('vector', false)).toThrow(/protects nothing/);
    expect(() => requireDemonstration('vector', true)).not.toThrow();
  });
});
