/** Files of released formats stay readable: test/vectors/format-v1 was written once and is never written again. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  checkpoint,
  exampleFiles,
  parameters,
  plainModel,
  predictions,
  refreshRequest,
  refreshResponse,
  sealedModel,
} from '../../test/vectors/format-v1/fixture.ts';
import { bytesToHex } from '../base/bytes.ts';
import { memorySource } from './byte-source.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readContainer } from './container-reader.ts';
import { readModelFile } from './model-file.ts';
import { readRefreshRequest, readRefreshResponse } from './refresh-message.ts';
import { readSealedModel } from './sealed-model.ts';
import { readSealedPredictions } from './sealed-predictions.ts';
import { readOwnerKey } from './secret/owner-key.ts';

const silent = { onWarning: () => {} };
const options = { ...silent, parametersFor: () => parameters };

async function golden(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`../../test/vectors/format-v1/${name}`, import.meta.url)));
}

describe('format version 1', () => {
  it('is still read as it was written', async () => {
    const { modelId, ...model } = await readSealedModel(memorySource(await golden('model.sealed')), options);
    expect(model).toEqual({ ...sealedModel, parameters });
    const predicted = await readSealedPredictions(memorySource(await golden('predictions.sealed')), options);
    expect(predicted).toMatchObject({ ...predictions });
    expect(await readCheckpoint(memorySource(await golden('run.checkpoint')), options)).toMatchObject({
      ...checkpoint,
    });
    const request = memorySource(await golden('refresh.request'));
    expect(await readRefreshRequest(request, parameters, { ...silent, maxRecords: 2 })).toEqual(refreshRequest);
    const response = memorySource(await golden('refresh.response'));
    expect(await readRefreshResponse(response, refreshRequest, 2, parameters, silent)).toEqual(refreshResponse);
    expect(readModelFile(await golden('model.safetensors'))).toEqual(plainModel);
  });

  it('is still written bit for bit', async () => {
    for (const [name, bytes] of Object.entries(await exampleFiles())) {
      expect(bytesToHex(bytes), name).toBe(bytesToHex(await golden(name)));
    }
  });

  it('keeps the identity of files', async () => {
    const { modelId } = await readSealedModel(memorySource(await golden('model.sealed')), options);
    expect(modelId).toBe('42d1f83863a4c40683cc32f06b44c8d333d4f9499f06135bb468a0998d59349f');
  });

  it('keeps trainer keys: sections of any length', async () => {
    const reader = await readContainer(memorySource(await golden('trainer.keys')), silent);
    expect(reader.sectionLengths).toEqual([3, 0, 100]);
    expect(await reader.readSection()).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('keeps owner keys', async () => {
    const key = await readOwnerKey(memorySource(await golden('owner.key')), 'golden passphrase', silent);
    expect(key).toEqual({
      parameters: parameters.description,
      parameterHash: parameters.hash,
      keyId: 'a1'.repeat(32),
      secret: { seed: new Uint8Array(32).fill(42) },
    });
  });
});
