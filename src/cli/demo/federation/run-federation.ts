/**
 * A federation on one machine: the owner's service over loopback HTTP, three trainers in processes of their own with
 * different mails, one after the other under keys of their own, and one who wants to do harm. This process is the
 * service and the owner, who calls it as any client does; it reads the trainers' mails only for the twin, when all is over.
 */

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../../protocol/node/make-folder.ts';
import type { CreateNetwork } from '../../../protocol/service/types.ts';
import { loadSplit, selectPart } from '../../data-source.ts';
import { errorBits, formatCount, formatDuration, formatPercent } from '../../format.ts';
import { examplesToCsv } from '../../service/csv-rows.ts';
import { shapeOf } from '../../service/lineage-graph.ts';
import { type RunningService, startService } from '../../service/running-service.ts';
import { serviceAt } from '../../service/service-flags.ts';
import { Story } from '../story.ts';
import { Timeline } from '../timeline.ts';
import { buildFederationReport, type FederationReport, writeFederationReport } from './report.ts';
import { type FederationRound, honestRound, sabotage } from './round.ts';
import {
  DATA_SET,
  GATES,
  NETWORK_NAME,
  PART_SEED,
  RECIPE,
  ROW_NAME,
  SABOTEUR,
  SAMPLE_PARTS,
  TRAINERS,
} from './spec.ts';
import type { FederationOptions, FederationService, FederationStage } from './stage.ts';
import { runFederationTwin } from './twin.ts';

/** Tells the story, writes the report and returns it. HermeticError as whatever fails. */
export async function runFederation(options: FederationOptions): Promise<FederationReport> {
  const { console, folder } = options;
  const story = new Story(console);
  story.title('Hermetic', `${TRAINERS.length} trainers, one spam filter, and nobody shows a ${ROW_NAME}`);
  const stage = await prepare(options, story);
  const running = await openService(stage);
  try {
    const report = await perform(stage, running);
    const files = await writeFederationReport(folder, report);
    conclude(stage, report, running, files.html);
    if (console.json) console.result({ ...report }, () => '');
    if (options.stay) await untilStopped(stage.signal);
    return report;
  } finally {
    await running.close();
    await clearAway(folder);
  }
}

async function prepare(options: FederationOptions, story: Story): Promise<FederationStage> {
  const { console, folder } = options;
  const split = await loadSplit(DATA_SET);
  if (split === undefined) throw new RangeError(`there is no data set ${DATA_SET}`);
  await makeFolder(folder);
  await clearAway(folder);
  const sample = selectPart(split.train, { index: 1, parts: SAMPLE_PARTS }, PART_SEED);
  return { ...options, story, timeline: new Timeline(), signal: console.io.signal, split, sample };
}

/** The store of a demonstration that is over, and what its trainers had: of no use without the passphrase. */
async function clearAway(folder: string): Promise<void> {
  const parties = [...TRAINERS, SABOTEUR].map((name) => name.toLowerCase());
  for (const name of ['store', ...parties]) await rm(join(folder, name), { force: true, recursive: true });
}

async function openService(stage: FederationStage): Promise<RunningService> {
  const { story, timeline, console, folder, threads, port } = stage;
  story.chapter('owner', 'Starts the service');
  const running = await timeline.phase('owner', 'Start the service', () =>
    startService(console, {
      folder: join(folder, 'store'),
      // Known to nobody, and gone with this process.
      passphrase: randomBytes(32).toString('base64url'),
      port,
      threads,
    }),
  );
  story.tell(`${running.url}, with a database, an audit log and a page.`, timeline.lastSeconds);
  return running;
}

async function perform(stage: FederationStage, running: RunningService): Promise<FederationReport> {
  const { timeline, signal, threads } = stage;
  const service = await makeNetwork(stage, running);
  const { client, network } = service;
  const rounds: FederationRound[] = [];
  for (let index = 0; index < TRAINERS.length; index++) rounds.push(await honestRound(stage, service, index));
  const honest = [...rounds];
  rounds.push(await sabotage(stage, service));
  const lineage = await client.lineage(network.id, { signal });
  const twin = await runFederationTwin(stage, service, lineage, honest);
  const [audit, { storage }] = [await client.audit({ limit: 1 }, { signal }), await client.overview({ signal })];
  const { phases, seconds: wallSeconds } = timeline;
  return buildFederationReport({ threads, lineage, rounds, twin, audit, storage, phases, wallSeconds });
}

async function makeNetwork(stage: FederationStage, running: RunningService): Promise<FederationService> {
  const { story, timeline, console, signal, split, sample } = stage;
  const client = await serviceAt(console, running.url, running.ownerToken);
  const { csv: sampleCsv, label = '', text = '' } = examplesToCsv(sample);
  const { csv: heldOutCsv } = examplesToCsv(split.test);
  const wish: CreateNetwork = { name: NETWORK_NAME, recipe: RECIPE, sampleCsv, label, text, heldOutCsv, gates: GATES };
  story.chapter('owner', `A network for ${ROW_NAME}s`);
  const network = await timeline.phase('owner', 'Make a key and the network', () =>
    client.createNetwork(wish, { signal }),
  );
  story.tell(
    `${shapeOf(network.layers)}, ${formatCount(network.weights)} random weights, sealed: set ${network.set}, ` +
      `${network.securityBits}-bit security. Words from ${formatCount(sample.labels.length)} ${ROW_NAME}s of the owner’s; ` +
      `${formatCount(network.heldOutRows)} others are held out to test what comes back.`,
    timeline.lastSeconds,
  );
  return { url: running.url, client, network };
}

function conclude(
  { story, stay }: FederationStage,
  report: FederationReport,
  running: RunningService,
  path: string,
): void {
  const { bold, dim, cyan } = story.colors;
  const { headAccuracy = Number.NaN, clear, network, wallSeconds, audit } = report;
  const bits = errorBits(clear.maxWeightError);
  story.line();
  story.line(dim('─'.repeat(78)));
  story.line(report.lineage);
  story.line(dim('─'.repeat(78)));
  story.row('sealed', bold(formatPercent(headAccuracy)), `of ${formatCount(report.heldOutRows)} held-out ${ROW_NAME}s`);
  story.row('in the clear', bold(formatPercent(clear.finalAccuracy)), `weights equal to 2^-${bits.toFixed(1)}`);
  story.row('security', bold(`${network.securityBits} bits`), `set ${network.set}`);
  story.row(
    'audit log',
    bold(`${audit.entries} entries`),
    audit.intact ? 'the chain is intact' : 'THE CHAIN IS BROKEN',
  );
  story.row('in all', bold(formatDuration(1000 * wallSeconds)), 'from an empty folder to this line');
  story.line();
  story.line(`${'report'.padEnd(13)}${cyan(path)}`);
  if (stay) {
    story.line(`${'page'.padEnd(13)}${cyan(running.url)}`);
    story.line(`${'token'.padEnd(13)}${running.ownerToken ?? ''}`);
    story.line(`${''.padEnd(13)}${dim('Ctrl-C ends the service and clears its store away')}`);
  } else {
    story.line(`${'page'.padEnd(13)}${cyan('hermetic demo federation --stay')} ${dim('keeps service and page')}`);
  }
  story.line();
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
