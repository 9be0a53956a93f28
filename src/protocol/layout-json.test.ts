import { describe, expect, it } from 'vitest';
import { activation } from '../nn/activations.ts';
import type { Architecture } from '../nn/architecture.ts';
import { parseSealedLayout, planLayout } from '../nn/sealed/layout.ts';
import {
  type BatchedPredictionLayout,
  layoutJson,
  parsePredictionLayout,
  predictionLayoutJson,
} from './layout-json.ts';

const architecture: Architecture = {
  layers: [{ kind: 'dense', inputs: 5, units: 3, activation: activation('lin4'), useBias: true }],
};
const predictions: BatchedPredictionLayout = { form: 'blocks', outputs: 3, factor: 2, slots: 64, pitch: 16 };

describe('layouts in files', () => {
  it.each([false, true])('come back as they were, real slots: %s', (real) => {
    const layout = planLayout(architecture, { slots: 64, batch: 8, real });
    expect(parseSealedLayout(layoutJson(layout), architecture)).toEqual(layout);
    const given = real ? { ...predictions, real } : predictions;
    expect(parsePredictionLayout(predictionLayoutJson(given))).toEqual(given);
  });

  it('of predictions are nothing else', () => {
    const json = predictionLayoutJson(predictions) as Record<string, number>;
    for (const wrong of [
      { ...json, real: false },
      { ...json, pitch: 24 },
      { ...json, factor: 0 },
      { ...json, x: 1 },
    ]) {
      expect(() => parsePredictionLayout(wrong)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
    }
  });
});
