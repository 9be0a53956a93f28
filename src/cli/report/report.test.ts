import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lineChart, niceTicks } from './charts.ts';
import { escapeHtml } from './escape.ts';
import { writeReport } from './files.ts';
import { levelChart } from './level-chart.ts';
import { renderReport } from './page.ts';
import type { DemoReport } from './report.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

const points = (values: number[]): { step: number; value: number }[] => values.map((value, step) => ({ step, value }));

const report: DemoReport = {
  schema: 1,
  demo: 'imdb',
  title: 'Two <trainers> & "one" network',
  createdAt: '2030-01-02T03:04:05.678Z',
  version: '9.8.7',
  command: 'npm start',
  sealedTestAccuracy: 0.8812,
  clearTestAccuracy: 0.8833,
  testRows: 25000,
  reviewsPerSecond: 431.4,
  rowsTrained: 40960,
  trainingSeconds: 95,
  wallSeconds: 141.2,
  securityBits: 128,
  logQP: 419.7,
  weightErrorBits: 17.25,
  maxWeightError: 6.4e-6,
  rowName: 'review',
  machine: { cpu: 'Fast & Co <1 GHz>', cores: 2, threads: 2, platform: 'linux x64', node: '20.20.2' },
  parameters: { set: 'L14', N: 16384, slots: 8192, levels: 9, logQP: 419.7, securityBits: 128 },
  network: { shape: '4000-8-1', parameters: 32008, layers: [{ inputs: 4000, units: 8, activation: 'linear' }] },
  recipe: {
    batch: 1024,
    steps: 40,
    learningRate: 0.012,
    momentum: 0.9,
    nesterov: true,
    schedule: 'falling',
    features: 'words',
  },
  refresh: {
    mode: 'owner',
    calls: 40,
    ciphertexts: 390,
    bytesToOwner: 153e6,
    bytesToTrainer: 179e6,
    ownerSeconds: 5.5,
  },
  rounds: [
    {
      trainer: 'trainer A',
      rows: 12500,
      steps: 20,
      seconds: 47,
      stepMs: [],
      sealedTestAccuracy: 0.87,
      clearTestAccuracy: 0.87,
    },
    {
      trainer: 'trainer B',
      rows: 12500,
      steps: 20,
      seconds: 48,
      stepMs: [],
      sealedTestAccuracy: 0.88,
      clearTestAccuracy: 0.88,
    },
  ],
  curves: {
    clear: {
      testAccuracy: points([0.5, 0.8, 0.88]),
      testLoss: points([0.12, 0.06, 0.05]),
      trainingLoss: points([0.13, 0.05]),
    },
    sealed: { testAccuracy: points([0.5, 0.8812]), testLoss: points([0.12, 0.051]) },
  },
  phases: [
    { name: 'Make <keys>', actor: 'owner', start: 0, seconds: 1 },
    { name: 'Train', actor: 'trainer A', start: 1, seconds: 50 },
  ],
  levels: [
    { label: 'fresh weights', level: 4 },
    { label: 'forward', level: 2 },
    { label: 'refresh', level: 4 },
  ],
  sizes: [{ name: 'Trainer keys', holder: 'trainer', bytes: 146e6 }],
  wire: [{ from: 'owner', to: 'trainer', what: 'Masked ciphertexts', count: 40, bytes: 153e6 }],
  exposure: [{ what: 'Weights', owner: 'reads them', trainer: 'never' }],
  predictions: [{ text: '<script>alert(1)</script>', truth: 'positive', sealed: 'negative', clear: 'positive' }],
  notes: ['A note with <b>tags</b>'],
};

describe('the report', () => {
  const page = renderReport(report);

  it.each([
    ['accuracies', /88\.12 %[\s\S]*88\.33 %/],
    ['difference', '0.21 points lower'],
    ['speed', '431'],
    ['security', 'set L14, log QP = 420'],
    ['weight error', /17\.[23]/],
    ['largest difference', '6.4e-6'],
    ['wall time', '2m21s'],
    ['network', '4000-8-1'],
    ['recipe', '0.012, falling'],
    ['momentum', '0.9, Nesterov'],
    ['refreshes', '40 blinded refreshes of 390 ciphertexts'],
    ['phase', 'Make &lt;keys&gt;'],
    ['level', 'fresh weights'],
    ['size', '146 MB'],
    ['wire', '153 MB'],
    ['who reads what', 'reads them'],
    ['machine', 'Fast &amp; Co &lt;1 GHz&gt;, 2 cores, 2 threads, linux x64, Node 20.20.2'],
    ['command', '<pre>npm start</pre>'],
    ['version and date', 'Hermetic 9.8.7 · 2030-01-02 03:04 UTC'],
    ['note', 'A note with &lt;b&gt;tags&lt;/b&gt;'],
    ['title', 'Two &lt;trainers&gt; &amp; &quot;one&quot; network'],
  ])('shows the %s', (_, text) => {
    expect(page).toMatch(text);
  });

  it('lets nothing out and nothing in', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|https?:/);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('is readable in the dark and on a telephone', () => {
    expect(page).toContain('prefers-color-scheme: dark');
    expect(page).toContain('max-width: 560px');
    expect(page).toContain('name="viewport"');
  });

  it('closes every element that it opens', () => {
    for (const tag of ['div', 'section', 'table', 'tr', 'td', 'ul', 'li', 'svg', 'text', 'p', 'span', 'dl', 'dd']) {
      const count = (pattern: string): number => page.match(new RegExp(pattern, 'g'))?.length ?? 0;
      expect(count(`<${tag}[ >]`), tag).toBe(count(`</${tag}>`));
    }
  });

  it('bears a run without refresh, predictions or error', () => {
    const none = { ...report.refresh, mode: 'none' as const };
    const bare = renderReport({
      ...report,
      refresh: none,
      predictions: [],
      levels: [],
      maxWeightError: 0,
      weightErrorBits: Number.POSITIVE_INFINITY,
    });
    expect(bare).toContain('No refresh was needed');
    expect(bare).not.toContain('unlocked one at a time');
    expect(bare).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('goes to the disk as page and data', async () => {
    const files = await writeReport(join(folder, 'out', 'imdb'), report);
    expect(readFileSync(files.html, 'utf8')).toBe(page);
    const data = JSON.parse(readFileSync(files.json, 'utf8')) as Record<string, unknown>;
    expect(data).toMatchObject({
      schema: 1,
      sealedTestAccuracy: 0.8812,
      clearTestAccuracy: 0.8833,
      reviewsPerSecond: 431.4,
      wallSeconds: 141.2,
      securityBits: 128,
      logQP: 419.7,
      weightErrorBits: 17.25,
    });
  });
});

describe('charts', () => {
  it('choose round ticks within the range', () => {
    expect(niceTicks(0, 40, 5)).toEqual([0, 10, 20, 30, 40]);
    expect(niceTicks(0.48, 0.91, 5)).toEqual([0.5, 0.6, 0.7, 0.8, 0.9]);
    expect(niceTicks(3, 3, 4).length).toBeLessThanOrEqual(5);
  });

  it('draw lines for what was measured all along and dots for what was not', () => {
    const chart = (sparse: boolean): string =>
      lineChart({
        series: [{ name: 's', style: 'sealed', points: points([1, 2, Number.NaN]), sparse }],
        xLabel: 'step',
        formatY: String,
        title: 't',
      });
    expect(chart(true).match(/<circle/g)).toHaveLength(2);
    expect(chart(true)).not.toContain('<path');
    expect(chart(false)).toContain('<path class="line sealed" d="M');
    expect(chart(false)).not.toMatch(/NaN/);
  });

  it('put every level at its height', () => {
    const heights = [...levelChart(report.levels).matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights[0]).toBeLessThan(heights[2]);
    expect(heights[0]).toBe(heights[4]);
  });
});

describe('escapeHtml', () => {
  it('leaves nothing that HTML could read', () => {
    expect(escapeHtml(`<a href='x' title="y">&`)).toBe('&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;');
  });
});
