import { describe, expect, it } from 'vitest';
import { exampleFiles, parameters, plainModel, sealedModel } from '../../test/vectors/format-v1/fixture.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { memorySink, memorySource, streamSource } from './byte-source.ts';
import { writeContainer } from './container-writer.ts';
import { inspectFile } from './inspect.ts';
import { writeSafetensors } from './safetensors.ts';
import { writeOwnerKey } from './secret/owner-key.ts';
import { encryptWithPassphrase } from './secret/passphrase.ts';

const silent = { onWarning: () => {} };
const files = await exampleFiles();
const quick = { insecureTestWorkFactor: 2 };

describe('inspect', () => {
  it('tells the kind, set and security of every file of ours', async () => {
    for (const [name, bytes] of Object.entries(files)) {
      if (name === 'model.safetensors') continue;
      const description = await inspectFile(memorySource(bytes), silent);
      expect(description).toMatchObject({ bytes: bytes.length, formatVersion: 1, intact: true });
      expect(description.parameters).toEqual(parameters.description);
      expect(JSON.parse(JSON.stringify(description))).toEqual(description);
    }
  });

  it('describes a sealed model', async () => {
    expect(await inspectFile(memorySource(files['model.sealed']), silent)).toMatchObject({
      kind: 'sealed-model',
      keyId: sealedModel.keyId,
      round: 1,
      layers: [
        { inputs: 2, units: 3, activation: 'square', useBias: true },
        { inputs: 3, units: 1, activation: 'lin4', useBias: false },
      ],
      weights: 12,
      features: { kind: 'text', vocabulary: 'list of 3', idf: 'list of 3', scale: 1 / 3 },
      ciphertexts: 2,
      seeded: 1,
      levels: [1, 2],
    });
  });

  it('describes predictions, checkpoints and refreshes', async () => {
    const of = (name: string) => inspectFile(memorySource(files[name]), silent);
    expect(await of('predictions.sealed')).toMatchObject({ kind: 'sealed-predictions', rows: 6, classes: 2 });
    expect(await of('run.checkpoint')).toMatchObject({ kind: 'checkpoint', run: 'run-1', step: 17 });
    expect(await of('refresh.request')).toMatchObject({ kind: 'refresh-request', targetLevel: 2, levels: [0] });
    expect(await of('trainer.keys')).toMatchObject({ kind: 'trainer-keys', keyId: sealedModel.keyId, sections: 3 });
  });

  it('describes bootstrapping keys: whose, for how many slots, how many', async () => {
    const sections = [new Uint8Array(96), new Uint8Array(64), new Uint8Array(64)];
    const seed = new Uint8Array(32).fill(9);
    const written = async (change: object) => {
      const content = {
        keyId: 'a1'.repeat(16),
        logSlots: 10,
        keys: [
          { use: 'toSparse', galois: 1, seed },
          { use: 'main', galois: 5, seed },
        ],
        ...change,
      };
      const sink = memorySink();
      await writeContainer(sink, {
        kind: 'bootstrapping-keys',
        parameterHash: parameters.hash,
        parameters: parameters.description,
        content,
        sectionLengths: sections.map(({ length }) => length),
        sections,
      });
      return sink.bytes();
    };
    const description = await inspectFile(memorySource(await written({})), silent);
    expect(description).toMatchObject({
      kind: 'bootstrapping-keys',
      keyId: 'a1'.repeat(16),
      slots: 1024,
      keys: 2,
      sections: 3,
      parameters: parameters.description,
      intact: true,
    });
    expect(JSON.parse(JSON.stringify(description))).toEqual(description);
    for (const change of [{ logSlots: 40 }, { keys: 2 }, { keyId: 'me' }, { secret: 1 }]) {
      const forged = memorySource(await written(change));
      await expect(inspectFile(forged, silent)).rejects.toMatchObject({ code: 'BAD_FILE' });
    }
  });

  it('describes plain models and other safetensors', async () => {
    expect(await inspectFile(memorySource(files['model.safetensors']))).toMatchObject({
      kind: 'safetensors',
      weights: 12,
    });
    const foreign = writeSafetensors({
      tensors: new Map([['x', { shape: [1], data: Float32Array.of(1) }]]),
      metadata: {},
    });
    const description = await inspectFile(memorySource(foreign));
    expect(description).toMatchObject({ kind: 'safetensors', tensors: [{ name: 'x', dtype: 'F32', shape: [1] }] });
    expect(description).not.toHaveProperty('layers');
  });

  it('never shows a weight, a feature list or a secret', async () => {
    const plain = JSON.stringify(await inspectFile(memorySource(files['model.safetensors'])));
    for (const weight of ['-1.25', '1e-9']) {
      expect(plainModel.weights[0].kernel).toContain(Number(weight));
      expect(plain).not.toContain(weight);
    }
    expect(plain).not.toContain('naïve');
    const sink = memorySink();
    const { hash: parameterHash, description } = parameters;
    const key = { parameters: description, parameterHash, keyId: 'ab'.repeat(16), secret: { seed: 'do not tell' } };
    await writeOwnerKey(sink, key, 'pass', quick);
    const shown = await inspectFile(memorySource(sink.bytes()), silent);
    expect(shown).toMatchObject({ kind: 'owner-key', keyId: 'ab'.repeat(16), encrypted: true });
    expect(JSON.stringify(shown)).not.toContain('do not tell');
  });

  it('tells foreign files', async () => {
    expect(await inspectFile(memorySource(new Uint8Array(0)))).toEqual({ kind: 'unknown', bytes: 0 });
    expect(await inspectFile(memorySource(utf8ToBytes('a,b\n1,2\n')))).toMatchObject({ kind: 'unknown' });
    const age = await encryptWithPassphrase(Uint8Array.of(1), 'pass', quick);
    expect(await inspectFile(memorySource(age))).toMatchObject({ kind: 'age' });
  });

  it('refuses damaged files of ours, and can skip the bodies', async () => {
    const damaged = files['model.sealed'].slice();
    damaged[damaged.length - 100] ^= 1;
    await expect(inspectFile(memorySource(damaged), silent)).rejects.toMatchObject({ code: 'BAD_FILE' });
    const quickly = await inspectFile(memorySource(damaged), { ...silent, verify: false });
    expect(quickly).toMatchObject({ kind: 'sealed-model', intact: 'not checked' });
  });

  it('reads streams of unknown size', async () => {
    const stream = new Blob([files['model.sealed'] as Uint8Array<ArrayBuffer>]).stream();
    const description = await inspectFile(streamSource(stream, { maxBytes: 1e6 }), silent);
    expect(description).toMatchObject({ kind: 'sealed-model', intact: true });
  });
});
