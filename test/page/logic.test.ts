/** What the page computes without a browser: addresses, forms, layouts, curves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditEntry, AuditQuery, Gates, ServedKey, ServedModel } from '../../src/protocol/service/types.ts';
import { formatAgo, formatBytes, formatDuration, formatLayers, formatRate } from '../../web/src/lib/format.ts';
import { keeper } from '../../web/src/lib/kept-text.ts';
import { href, invitationCode, parseRoute } from '../../web/src/lib/router.ts';
import { AuditReader, detailsText, PAGE, shortName } from '../../web/src/owner/audit-reader.ts';
import { gatesSummary, gatesText, parseGates } from '../../web/src/owner/gates-form.ts';
import { bitsAdvice, bitsAfter, bitsState, bitsText } from '../../web/src/owner/key-bits.ts';
import { layoutLineage, neighbour } from '../../web/src/owner/lineage-layout.ts';
import { lossesToHead } from '../../web/src/owner/loss-history.ts';
import { fileName, modelSentence } from '../../web/src/owner/model-words.ts';
import { partyState, rowsLeft } from '../../web/src/owner/party-state.ts';
import { parsePolicy, policyText, wholeNumber } from '../../web/src/owner/policy-form.ts';
import { alignSamples, drawnRuns, RunHistory, remainingMs } from '../../web/src/owner/run-history.ts';
import { answersCsv } from '../../web/src/trainer/answers-csv.ts';
import { parseRecipe, recipeText } from '../../web/src/trainer/recipe-form.ts';
import { formatRows, parseRows } from '../../web/src/trainer/rows.ts';
import { announcement } from '../../web/src/trainer/run-words.ts';
import { appendAudit, busyWorld, hex } from './scenario.ts';

describe('addresses', () => {
  it('come back as they went', () => {
    const code = fc.stringMatching(/^[A-Za-z0-9_-]{20,200}$/);
    const id = fc.stringMatching(/^[0-9a-f]{16,64}$/);
    const route = fc.oneof(
      fc
        .constantFrom('home', 'sign-in', 'overview', 'new-network', 'audit', 'train', 'predict')
        .map((name) => ({ name })),
      code.map((text) => ({ name: 'join' as const, code: text })),
      id.map((text) => ({ name: 'network' as const, id: text })),
      id.map((text) => ({ name: 'audit' as const, network: text })),
    );
    fc.assert(
      fc.property(route, (one) => {
        expect(parseRoute(href(one as Parameters<typeof href>[0]))).toEqual(one);
      }),
    );
  });

  it('never throw, and lead to nothing where nobody knows them', () => {
    fc.assert(fc.property(fc.string(), (hash) => void parseRoute(hash)));
    expect(parseRoute('#/networks/../..').name).toBe('missing');
    for (const name of ['constructor', '__proto__', 'toString']) expect(parseRoute(`#/${name}`).name).toBe('missing');
    expect(parseRoute('#/join/<script>').name).toBe('missing');
  });

  it.each([
    ['https://owner.example/#/join/abcdefghijklmnopqrstuvwx', 'abcdefghijklmnopqrstuvwx'],
    ['https://owner.example/below/#join=abcdefghijklmnopqrstuvwx ', 'abcdefghijklmnopqrstuvwx'],
    ['abcdefghijklmnopqrstuvwx', 'abcdefghijklmnopqrstuvwx'],
    ['https://owner.example/', undefined],
    ['too-short', undefined],
  ])('find the code in %j', (text, code) => expect(invitationCode(text)).toBe(code));
});

describe('formats', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [149_800_000, '150 MB'],
    [999_600, '1.0 MB'],
    [1_204_000_000, '1.2 GB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [Number.NaN, '–'],
    [950, '950 ms'],
    [6800, '6.8 s'],
    [156_000, '2m36s'],
    [3_900_000, '1h05m'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms are %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('write rates in two or three figures', () => {
    expect([1234, 99.7, 12.4, 0.532, 0].map(formatRate)).toEqual(['1,234', '100', '12', '0.53', '0']);
  });

  it('say when, coarsely', () => {
    const now = Date.parse('2025-06-01T12:00:00Z');
    const said = ['11:59:50', '11:56:00', '09:00:00', '12:00:30', '14:00:00'].map((time) =>
      formatAgo(`2025-06-01T${time}Z`, now),
    );
    expect(said).toEqual(['just now', '4 min ago', '3 h ago', 'in a moment', 'in 2 h']);
    expect(formatAgo('2025-05-29T12:00:00Z', now)).toBe('3 days ago');
  });

  it('write a network in a line', () => {
    expect(formatLayers(busyWorld().networks[0].layers)).toBe('4,000 → 8 shiftedSquare(1.25) → 1 lin4');
  });
});

describe('the lineage', () => {
  const { models, parties, networks } = busyWorld();
  const layout = layoutLineage(
    models.filter(({ networkId }) => networkId === networks[0].id),
    parties,
  );
  const of = (name: string) => layout.nodes.find(({ model }) => model.id === hex(name));

  it('gives each party a lane, in the order of their first models, and each generation a column', () => {
    expect(layout.lanes.map(({ name }) => name)).toEqual([
      'Owner',
      'Hospital North',
      'Lab Œdegaard & Sons',
      'South Clinic',
      'Registry Team',
    ]);
    expect(['m0', 'm1', 'm2', 'm5', 'm6', 'm7'].map((name) => [of(name)?.lane, of(name)?.column])).toEqual([
      [0, 0],
      [1, 1],
      [1, 2],
      [3, 4],
      [2, 4],
      [1, 5],
    ]);
  });

  it('never draws two models on each other, nor a line backwards', () => {
    const forest = fc.array(fc.tuple(fc.nat(40), fc.nat(3)), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(forest, (shape) => {
        const made = shape.map(
          ([parent, party], i): ServedModel => ({
            ...models[0],
            id: hex(`${i}`),
            createdAt: new Date(i * 1000).toISOString(),
            ...(i > 0 && parent < i && { parentId: hex(`${parent}`) }),
            ...(party > 0 && { partyId: parties[party].id }),
          }),
        );
        const { nodes, edges, columns } = layoutLineage(made, parties);
        expect(new Set(nodes.map(({ lane, column }) => `${lane}/${column}`)).size).toBe(made.length);
        expect(edges.every(({ from, to }) => from.column < to.column && to.column < columns)).toBe(true);
      }),
    );
  });

  it('is walked by arrow keys without a way out or a trap', () => {
    const keys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'];
    for (const node of layout.nodes)
      for (const key of keys) expect(layout.nodes).toContain(neighbour(layout, node, key));
    const reached = new Set([layout.nodes[0]]);
    for (const node of reached) for (const key of keys) reached.add(neighbour(layout, node, key));
    expect(reached.size).toBe(layout.nodes.length);
  });

  it('has a sentence for each model, and a file name without strange characters', () => {
    expect(modelSentence(models[5], 'South Clinic', false)).toBe('South Clinic, round 2, refused, accuracy 61.8 %');
    expect(fileName('Réadmission / 30 days!', models[2], 'sealed')).toBe('re-admission-30-days-round-1.sealed');
    expect(fileName('心電図', models[5], 'sealed')).toBe('network-round-2-refused.sealed');
  });
});

describe('losses by round', () => {
  const world = busyWorld();
  const reviews = world.networks[0];
  const models = world.models.filter(({ networkId }) => networkId === reviews.id);

  it('are those of the models that lead to the head, each once', () => {
    // Sealed anew for the next trainer, a model has its parent's weights.
    const withCopies = models.map((model) => (model.id === hex('m3') ? { ...model, loss: 0.0742 } : model));
    const points = lossesToHead({ network: reviews, models: withCopies });
    expect(points.map(({ round, loss }) => [round, loss])).toEqual([
      [0, 0.2688],
      [1, 0.0742],
      [2, 0.0571],
    ]);
    expect(points.map(({ at }) => at)).toEqual(points.map(({ at }) => at).toSorted((a, b) => a - b));
  });

  it('are none where no rows are held out', () => {
    const unmeasured = models.map(({ loss: _, ...model }) => model);
    expect(lossesToHead({ network: reviews, models: unmeasured })).toEqual([]);
    expect(lossesToHead({ network: reviews, models: [] })).toEqual([]);
  });
});

describe('gates', () => {
  it('come back as they are shown', () => {
    const share = fc.integer({ min: 0, max: 1000 }).map((value) => value / 1000);
    const positive = fc.double({ min: 1e-6, max: 1e6, noNaN: true }).map((value) => Number(value.toPrecision(6)));
    const gates = fc.record(
      { accuracyDrop: share, accuracyFloor: share, lossRise: share, normChange: positive, weightRange: positive },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(gates, (one) => {
        expect(parseGates(gatesText(one as Gates))).toEqual({ gates: { ...one }, wrong: {} });
      }),
    );
  });

  it.each([
    ['accuracyFloor', '101'],
    ['accuracyDrop', '-1'],
    ['lossRise', '-5'],
    ['normChange', '0'],
    ['weightRange', 'much'],
  ] as const)('refuse %s of %s', (gate, text) => {
    const { gates, wrong } = parseGates({ ...gatesText({}), [gate]: text });
    expect(Object.keys(wrong)).toEqual([gate]);
    expect(gates).toEqual({});
  });

  it('take a decimal comma, and say themselves in words', () => {
    expect(parseGates({ ...gatesText({}), accuracyDrop: '2,5' }).gates).toEqual({ accuracyDrop: 0.025 });
    expect(gatesSummary({ accuracyDrop: 0.01, accuracyFloor: 0.8, lossRise: 1.5 })).toEqual([
      'Accuracy falls by at most 1 point',
      'Accuracy of at least 80 %',
      'Loss rises by at most 150 %',
    ]);
  });
});

describe('policies', () => {
  it('come back as they are shown, a range included', () => {
    const policies = busyWorld().parties.flatMap(({ unlocks }) => (unlocks === undefined ? [] : [unlocks.policy]));
    expect(policies).toHaveLength(2);
    for (const policy of policies) expect(parsePolicy(policyText(policy), policy)).toEqual({ policy, wrong: {} });
    expect(parsePolicy(policyText(undefined))).toEqual({ policy: undefined, wrong: {} });
  });

  it('refuse what the service would', () => {
    const text = { mode: 'quota', rows: '1.5', kind: 'rounded', bits: '13' } as const;
    expect(Object.keys(parsePolicy(text).wrong)).toEqual(['rows', 'bits']);
  });

  it('read whole numbers alone', () => {
    expect(['2,000', '12', ' 7 '].map((text) => wholeNumber(text, 1, 5000))).toEqual([2000, 12, 7]);
    expect(['', '1e9', '-3', '2.5', '0'].map((text) => wholeNumber(text, 1, 5000))).toEqual(Array(5).fill(undefined));
  });

  it('tell a party that is active from others', () => {
    const [north, , south, fresh] = busyWorld().parties;
    expect([north, south, fresh].map((party) => partyState(party).text)).toEqual(['active', 'revoked', 'invited']);
    expect(partyState({ ...north, expiresAt: '2001-01-01T00:00:00Z' })).toMatchObject({
      active: false,
      text: 'expired',
    });
    expect([rowsLeft(north), rowsLeft(south)]).toEqual([166, 0]);
  });
});

describe('curves of runs', () => {
  const [run] = busyWorld().runs;
  const at = (seconds: number) => new Date(Date.parse(run.startedAt) + seconds * 1000).toISOString();

  it('hold what was new, once, and forget runs that are gone', () => {
    const history = new RunHistory();
    const now = Date.parse(at(1000));
    for (const [step, seen] of [
      [1, 10],
      [1, 10],
      [2, 20],
    ])
      history.add([{ ...run, step, lastSeenAt: at(seen) }], now);
    expect(history.samples(run).map(({ step }) => step)).toEqual([1, 2]);
    history.add([], now);
    expect(history.samples(run)).toEqual([]);
  });

  it('begin where the service says that the run began, and go on with what is heard', () => {
    const history = new RunHistory();
    history.add([{ ...run, step: 7, lastSeenAt: at(75) }], Date.parse(at(1000)));
    const served = [1, 2, 7].map((step) => ({ at: at(step * 10), step, rowsPerSecond: run.rowsPerSecond }));
    history.fill(run, served);
    history.add([{ ...run, step: 8, lastSeenAt: at(80) }], Date.parse(at(1000)));
    // A refresh was a sign of life, and no new step.
    history.add([{ ...run, step: 8, lastSeenAt: at(85) }], Date.parse(at(1000)));
    expect(history.samples(run).map(({ step, at: time }) => [step, time])).toEqual(
      [1, 2, 7, 8].map((step) => [step, Date.parse(at(step * 10))]),
    );
    history.fill(run, []);
    expect(history.samples(run)).toHaveLength(4);
    expect(history.samples({ ...run, partyId: 'another' })).toEqual([]);
  });

  it('are drawn of the live ones, or else of the last', () => {
    const { runs } = busyWorld();
    expect(drawnRuns(runs).map(({ id }) => id)).toEqual(['run-a', 'run-b']);
    const old = runs.map((one) => ({ ...one, state: 'finished' as const }));
    expect(drawnRuns(old).map(({ id }) => id)).toEqual(['run-a']);
  });

  it('stay small, in order, with their ends', () => {
    const history = new RunHistory();
    for (let step = 1; step <= 5000; step++)
      history.add([{ ...run, step, lastSeenAt: at(step) }], Date.parse(at(9000)));
    const samples = history.samples(run);
    expect(samples.length).toBeLessThanOrEqual(1200);
    expect(samples.at(-1)?.step).toBe(5000);
    expect(samples.every(({ at: time }, i) => i === 0 || time > samples[i - 1].at)).toBe(true);
  });

  it('share one axis of time, without what is not known', () => {
    const a = [
      { at: 1, step: 0, rowsPerSecond: Number.NaN },
      { at: 2, step: 1, rowsPerSecond: 10 },
    ];
    const b = [{ at: 3, step: 1, rowsPerSecond: 20 }];
    expect(alignSamples([a, b], (sample) => sample.rowsPerSecond)).toEqual({
      times: [2, 3],
      values: [
        [10, null],
        [null, 20],
      ],
    });
  });

  it('say how long it will take', () => {
    const sample = (step: number, seconds: number) => ({ at: seconds * 1000, step, rowsPerSecond: 1 });
    // At the pace of the last steps: what was slow, or stood still, long before does not count.
    const samples = [
      sample(1, 0),
      sample(2, 5000),
      ...Array.from({ length: 18 }, (_, i) => sample(i + 3, 5010 + i * 10)),
    ];
    expect(remainingMs({ ...run, step: 20, steps: 50 }, samples)).toBe(300_000);
    expect(remainingMs({ ...run, step: 20, steps: 50 }, [sample(20, 5)])).toBeNaN();
    expect(remainingMs({ ...run, step: 0 }, [])).toBeNaN();
  });
});

describe('the log', () => {
  const many = (count: number): AuditEntry[] => {
    const entries: AuditEntry[] = [];
    for (let i = 0; i < count; i++) appendAudit(entries, 'owner', 'refresh', `run-${i}`, { step: i });
    return entries;
  };
  const end = { seq: 0, hash: '' };
  const served =
    (entries: readonly AuditEntry[], intact: boolean = true) =>
    async ({ order, after = 0, before = 1e9, limit = 0, actor }: AuditQuery) => {
      const matching = entries.filter((entry) => actor === undefined || entry.actor === actor);
      const rest = matching.filter(({ seq }) => seq > after && seq < before);
      if (order === 'newest') rest.reverse();
      const page = rest.slice(0, limit);
      const next = rest.length > limit ? page[page.length - 1].seq : undefined;
      return { entries: page, matching: matching.length, intact, end, actors: [], actions: [], next };
    };

  it('is read back from its newest entry, page by page, and what is new appears on the first', async () => {
    const entries = many(2 * PAGE + 10);
    const reader = new AuditReader(served(entries));
    const first = await reader.again();
    expect(first).toMatchObject({ before: 0, matching: 2 * PAGE + 10, back: false, on: true, intact: true });
    expect([first.entries[0].seq, first.entries.length]).toEqual([2 * PAGE + 10, PAGE]);
    expect((await reader.on()).entries[0].seq).toBe(PAGE + 10);
    const last = await reader.on();
    expect(last).toMatchObject({ before: 2 * PAGE, back: true, on: false });
    expect(last.entries.map(({ seq }) => seq).at(-1)).toBe(1);
    expect((await reader.on()).entries).toEqual(last.entries);
    expect([(await reader.back()).before, (await reader.back()).before, reader.atStart]).toEqual([PAGE, 0, true]);
    appendAudit(entries, 'owner', 'open', 'model');
    expect(await reader.again()).toMatchObject({
      entries: [{ action: 'open' }, ...first.entries.slice(0, -1)],
      intact: true,
    });
  });

  it('begins anew where the filter is another', async () => {
    const entries = many(PAGE + 5);
    appendAudit(entries, 'Ada', 'unlock', 'x');
    const reader = new AuditReader(served(entries));
    await reader.again();
    await reader.on();
    expect(await reader.filter({ order: 'oldest', actor: 'Ada' })).toMatchObject({ before: 0, matching: 1, on: false });
    const oldest = await reader.filter({ order: 'oldest' });
    expect(oldest.entries[0].seq).toBe(1);
    expect((await reader.on()).entries[0].seq).toBe(PAGE + 1);
  });

  it('is not intact where the service says so, an entry is missing, or one is not what it was', async () => {
    expect((await new AuditReader(served(many(3), false)).again()).intact).toBe(false);
    expect((await new AuditReader(served(many(9).filter(({ seq }) => seq !== 4))).again()).intact).toBe(false);
    const entries = many(9);
    const reader = new AuditReader(async (query) => served(entries)(query));
    expect((await reader.again()).intact).toBe(true);
    entries[8] = { ...entries[8], hash: hex('rewritten', 64) };
    expect((await reader.again()).intact).toBe(false);
    expect((await reader.filter({ actor: 'owner' })).intact).toBe(false);
  });

  it('says details in a line, with names where there are any', () => {
    expect(detailsText({ rows: 12, passed: true })).toBe('rows 12, passed true');
    // Names of the code become words, instants the reader's; what is empty is left out.
    expect(detailsText({ refreshBudget: 9, failed: 'accuracyDrop, lossRise', reason: '' })).toBe(
      'refresh budget 9, failed accuracy drop, loss rise',
    );
    expect(detailsText({ until: '2030-01-02T12:04:05.000Z' })).toMatch(/^until \d Jan 2030, \d\d:04$/);
    const nameOf = (id: string) => (id === hex('a') ? 'Ada' : undefined);
    expect(detailsText({ party: hex('a'), key: hex('b') }, nameOf)).toBe(`party Ada, key ${hex('b').slice(0, 8)}`);
    expect(['run-a', hex('a'), hex('c')].map((id) => shortName(id, nameOf))).toEqual([
      'run-a',
      'Ada',
      `${hex('c').slice(0, 8)}`,
    ]);
  });
});

describe('short texts', () => {
  it('are kept while the page is open, where the browser keeps none or is full', () => {
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
      removeItem: () => {},
    };
    for (const storage of [
      () => full,
      () => {
        throw new DOMException('no', 'SecurityError');
      },
    ]) {
      const kept = keeper(storage);
      kept.setItem('a', 'b');
      expect(kept.getItem('a')).toBe('b');
      kept.removeItem('a');
      expect(kept.getItem('a')).toBeNull();
    }
  });
});

describe('bits of a key', () => {
  const key = (used: number): ServedKey => ({ ...busyWorld().keys[1], bits: { used, left: 517 - used, limit: 517 } });
  const [unlock] = busyWorld().unlocks;

  it('are plenty, few or none, and say what to do', () => {
    expect([0, 413, 414, 517].map((used) => bitsState(key(used).bits))).toEqual(['plenty', 'plenty', 'low', 'spent']);
    expect(bitsText(key(34))).toBe('34 of 517 bits used, 483 left');
    const held = { ...key(34), bits: { used: 34, left: 5, limit: 517 }, heldBy: 'ab' };
    expect(bitsText(held)).toBe('34 of 517 bits used, 5 left: an earlier trainer’s key has no more');
    expect(bitsAdvice(held, 'Ada')).toContain('a fresh key does not help');
    expect(bitsAdvice(key(34), 'Ada')).toBeUndefined();
    expect(bitsAdvice(key(517), 'Ada')).toContain('Give Ada a fresh one');
  });

  it('are told of an approval before it is made', () => {
    expect(bitsAfter({ ...unlock, bits: 40 }, key(0))).toMatchObject({
      fits: true,
      text: '0 of 517 bits of the key are used. This releases 40 bits; 477 remain after.',
    });
    expect(bitsAfter({ ...unlock, bits: 40 }, key(500))).toMatchObject({ fits: false, current: true });
    expect(bitsAfter({ ...unlock, bits: 1 }, key(516))).toMatchObject({ fits: true });
    expect(bitsAfter(unlock, undefined)).toEqual({ current: false, fits: false, text: undefined });
  });
});

describe('recipes', () => {
  it('begin with what the owner proposes, as far as the rows allow', () => {
    const proposed = { steps: 12, batch: 512, learningRate: 0.012, momentum: 0.5, schedule: { kind: 'constant' } };
    expect(recipeText(proposed, [32, 64])).toMatchObject({
      steps: '12',
      batch: '64',
      learningRate: '0.012',
      momentum: '0.5',
      schedule: 'constant',
    });
    expect(parseRecipe(recipeText(undefined, [256])).recipe).toEqual({
      steps: 20,
      batch: 256,
      momentum: 0.9,
      nesterov: true,
      schedule: { kind: 'linear', decaySteps: 20 },
    });
  });

  it.each([
    ['steps', '0'],
    ['steps', '2.5'],
    ['batch', ''],
    ['learningRate', '-1'],
    ['momentum', '1'],
    ['epsilon', '0'],
    ['epsilon', '101'],
  ] as const)('refuse %s of %j', (field, text) => {
    const { recipe, wrong } = parseRecipe({ ...recipeText(undefined, [32]), [field]: text });
    expect(recipe).toBeUndefined();
    expect(Object.keys(wrong)).toEqual([field]);
  });
});

describe('rows and answers', () => {
  it('are written as short as possible, and come back', () => {
    expect(formatRows([0, 1, 2, 5, 7, 8])).toBe('0-2, 5, 7-8');
    const rows = fc.uniqueArray(fc.nat(200), { minLength: 1 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(rows, (list) => {
        expect(parseRows(formatRows(list), 201)).toEqual(list);
      }),
    );
  });

  it.each(['', '5-3', '10', 'all', '1-', '-1', '1-99999999999'])('refuse %j of ten', (text) =>
    expect(parseRows(text, 10)).toBeUndefined(),
  );

  it('are a CSV that a spreadsheet does not run', () => {
    const csv = answersCsv(
      [
        { row: 1, label: 0, outputs: [0.25] },
        { row: 2, label: 1, outputs: [-1] },
        { row: 3, label: 2, outputs: [-1e-7] },
      ],
      ['=1+1', 'a,"b"', '-1+cmd'],
    );
    expect(csv).toBe(`row,class,output 0\n1,'=1+1,0.25\n2,"a,""b""",-1\n3,'-1+cmd,-1e-7\n`);
  });

  it('are announced at every tenth part, and at changes of state', () => {
    const keys = Array.from({ length: 200 }, (_, step) => announcement('Training', step, 200, 9).key);
    expect(new Set(keys).size).toBe(10);
    expect(announcement('Paused', 7, 200, undefined)).toEqual({ key: 'Paused/0', text: 'Paused: step 7 of 200' });
  });
});
