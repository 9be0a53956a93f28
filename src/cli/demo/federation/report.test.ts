import { describe, expect, it } from 'vitest';
import { recipe } from '../../../nn/recipes.ts';
import { type FederationReport, renderFederation } from './report.ts';
import { SABOTAGE_STEPS, SABOTEUR, TOTAL_STEPS, TRAINERS } from './spec.ts';

const round = {
  ...{ trainer: 'Ada <b>', status: 'accepted', rows: 1612, steps: 13, accuracy: 0.98, refreshes: 13 },
  ...{ trainingSeconds: 9, rowsPerSecond: 300, keyId: 'a'.repeat(16), modelId: 'b'.repeat(16), gates: [] },
};
const refusal = { gate: 'accuracyDrop', passed: false, detail: '9 % after 98 %' } as const;
const report: FederationReport = {
  ...{ schema: 1, demo: 'federation', createdAt: '2030-01-02T03:04:05.000Z', version: '0.0.0', command: 'x' },
  machine: { cpu: '<cpu>', cores: 2, threads: 2, platform: 'linux', node: '20' },
  network: { shape: '2000-8-1', weights: 16_008, set: 'L14', securityBits: 128 },
  heldOutRows: 1209,
  rounds: [round, { ...round, trainer: SABOTEUR, status: 'refused', accuracy: 0.09, gates: [refusal] }],
  headAccuracy: 0.98,
  clear: {
    accuracy: [
      { step: 0, value: 0.5 },
      { step: 13, value: 0.98 },
    ],
    finalAccuracy: 0.98,
    maxWeightError: 1e-5,
  },
  audit: { entries: 7, intact: true },
  storage: { blobs: 3, bytes: 1e6 },
  lineage: '○ <first>',
  phases: [],
  wallSeconds: 90,
};

describe('the report of the federation', () => {
  it('shows rounds, refusals and the lineage, every text escaped', () => {
    const html = renderFederation(report);
    expect(html).toContain('Ada &lt;b&gt;');
    expect(html).toContain('○ &lt;first&gt;');
    expect(html).toContain(`${SABOTEUR}: accuracy drop: 9 % after 98 %`);
    expect(html).toContain('<h1>One trainer');
    expect(html).not.toMatch(/<script|<b>|<cpu>|undefined|NaN/);
  });

  it('draws accepted rounds alone', () => {
    const dots = (html: string) => html.split('class="dot').length;
    const without = renderFederation({ ...report, rounds: [round] });
    expect(dots(renderFederation(report))).toBe(dots(without));
    expect(dots(without)).toBeGreaterThan(1);
  });

  it('says when the chain is broken', () => {
    expect(renderFederation({ ...report, audit: { entries: 7, intact: false } })).toContain('THE CHAIN IS BROKEN');
  });
});

describe('the federation', () => {
  it('divides no more steps than the recipe has among its trainers', () => {
    expect(TOTAL_STEPS % TRAINERS.length).toBe(0);
    expect(TOTAL_STEPS).toBeLessThanOrEqual(recipe('spam').training.steps);
    expect(SABOTAGE_STEPS).toBeGreaterThan(0);
    expect(TRAINERS).not.toContain(SABOTEUR);
  });
});
