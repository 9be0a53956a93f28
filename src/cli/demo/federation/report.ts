/** What the federation found out, as data and as a page. */

import { join } from 'node:path';
import type { AuditPage, GateResult, Lineage } from '../../../protocol/service/types.ts';
import { colorsFor } from '../../colors.ts';
import { formatBytes, formatCount, formatDuration, formatPercent, spacedWords } from '../../format.ts';
import { legend, lineChart } from '../../report/charts.ts';
import { escapeHtml } from '../../report/escape.ts';
import { writeText } from '../../report/files.ts';
import type { Machine, Phase, Point } from '../../report/report.ts';
import { STYLE } from '../../report/style.ts';
import { lineageGraph, shapeOf } from '../../service/lineage-graph.ts';
import { packageVersion } from '../../version.ts';
import { describeMachine } from '../machine.ts';
import type { FederationRound } from './round.ts';
import { ROW_NAME } from './spec.ts';
import type { FederationTwin } from './twin.ts';

export interface FederationReport {
  readonly schema: 1;
  readonly demo: 'federation';
  readonly createdAt: string;
  readonly version: string;
  readonly command: string;
  readonly machine: Machine;
  readonly network: {
    readonly shape: string;
    readonly weights: number;
    readonly set: string;
    readonly securityBits: number;
  };
  readonly heldOutRows: number;
  readonly rounds: readonly ReportedRound[];
  readonly headAccuracy: number | undefined;
  readonly clear: FederationTwin;
  readonly audit: { readonly entries: number; readonly intact: boolean };
  readonly storage: { readonly blobs: number; readonly bytes: number };
  readonly lineage: string;
  readonly phases: readonly Phase[];
  readonly wallSeconds: number;
}

export interface ReportedRound {
  readonly trainer: string;
  readonly status: string;
  readonly rows: number;
  readonly steps: number;
  readonly accuracy: number | undefined;
  readonly refreshes: number;
  readonly trainingSeconds: number;
  readonly rowsPerSecond: number;
  readonly keyId: string;
  readonly modelId: string;
  readonly gates: readonly GateResult[];
}

export interface FederationRecord {
  readonly threads: number | undefined;
  readonly lineage: Lineage;
  readonly rounds: readonly FederationRound[];
  readonly twin: FederationTwin;
  readonly audit: AuditPage;
  readonly storage: FederationReport['storage'];
  readonly phases: readonly Phase[];
  readonly wallSeconds: number;
}

const COMMAND = 'hermetic demo federation';

export function buildFederationReport(record: FederationRecord): FederationReport {
  const { network, models } = record.lineage;
  const { weights, set, securityBits, heldOutRows, headId } = network;
  const plain = colorsFor({ write: () => {} }, { NO_COLOR: '1' });
  return {
    schema: 1,
    demo: 'federation',
    createdAt: new Date().toISOString(),
    version: packageVersion(),
    command: COMMAND,
    machine: describeMachine(record.threads),
    network: { shape: shapeOf(network.layers), weights, set, securityBits },
    heldOutRows,
    rounds: record.rounds.map(reportRound),
    headAccuracy: models.find(({ id }) => id === headId)?.accuracy,
    clear: record.twin,
    audit: { entries: record.audit.end.seq, intact: record.audit.intact },
    storage: record.storage,
    lineage: lineageGraph(record.lineage, plain),
    phases: record.phases,
    wallSeconds: record.wallSeconds,
  };
}

function reportRound({
  trainer,
  rows,
  refreshes,
  trainingSeconds,
  rowsPerSecond,
  keyId,
  model,
}: FederationRound): ReportedRound {
  const { id: modelId, status, accuracy, gates, steps = 0 } = model;
  return {
    trainer,
    status,
    rows: model.rows ?? rows,
    steps,
    accuracy,
    refreshes,
    trainingSeconds,
    rowsPerSecond,
    keyId,
    modelId,
    gates,
  };
}

/** Paths of the page and the data. HermeticError DISK. */
export async function writeFederationReport(
  folder: string,
  report: FederationReport,
): Promise<{ readonly html: string; readonly json: string }> {
  const files = { html: join(folder, 'report.html'), json: join(folder, 'report.json') };
  await writeText(files.html, renderFederation(report));
  await writeText(files.json, `${JSON.stringify(report, null, 2)}\n`);
  return files;
}

const NUMBERS = ['No', 'One', 'Two', 'Three', 'Four'];
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** One HTML file: no script, no network, every text escaped. */
export function renderFederation(report: FederationReport): string {
  const { network, rounds, wallSeconds, createdAt, version, machine, command } = report;
  const accepted = rounds.filter(({ status }) => status === 'accepted').length;
  const title = `${accepted === 1 ? 'One trainer' : `${NUMBERS[accepted] ?? accepted} trainers`}, one network that none of them could read`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">Hermetic</p>
<h1>${escapeHtml(title)}</h1>
<p class="lead">A ${escapeHtml(network.shape)} spam filter went from hand to hand, each time under another key. Nobody showed a ${ROW_NAME} to anybody, and after each round the owner tested it on ${formatCount(report.heldOutRows)} held-out ${ROW_NAME}s.</p>
</header>
<div class="two">
${accuracyCard(report)}
${roundsCard(report)}
</div>
<section class="card"><h2>Lineage</h2><p class="sub">○ handed out, ● accepted, ✗ refused. Each record is signed by its trainer and names the one before.</p><pre>${escapeHtml(report.lineage)}</pre></section>
<div class="two">
${booksCard(report)}
<section class="card"><h2>How it was measured</h2>
<p class="sub">${escapeHtml(machine.cpu)}, ${machine.cores} cores, ${machine.threads} threads, ${escapeHtml(machine.platform)}, Node ${escapeHtml(machine.node)}; owner and trainers are processes of their own on this machine and speak HTTP. The same command measures it on yours:</p>
<pre>${escapeHtml(command)}</pre></section>
</div>
<footer>Hermetic ${escapeHtml(version)} · ${escapeHtml(createdAt.slice(0, 16).replace('T', ' '))} UTC · ${formatDuration(1000 * wallSeconds)} in all · the same figures as data: report.json</footer>
</main>
</body>
</html>
`;
}

/** The accepted rounds where they ended, beside the twin. */
function accuracyCard({ rounds, clear }: FederationReport): string {
  let step = 0;
  const sealed: Point[] = [];
  const marks: { step: number; label: string }[] = [];
  for (const { trainer, steps, accuracy, status } of rounds) {
    if (status !== 'accepted') continue;
    marks.push({ step, label: trainer });
    step += steps;
    if (accuracy !== undefined) sealed.push({ step, value: accuracy });
  }
  const series = [
    { name: 'in the clear', style: 'clear', points: clear.accuracy },
    { name: 'sealed, where the owner tested it', style: 'sealed', points: sealed, sparse: true },
  ];
  const chart = lineChart({
    series,
    marks,
    xLabel: 'step',
    title: 'Accuracy on the held-out rows by training step',
    formatY: (value) => formatPercent(value, 0),
    formatPoint: (value) => formatPercent(value),
  });
  return `<section class="card"><h2>Accuracy</h2><p class="sub">Share of the held-out ${ROW_NAME}s; the twin was trained from the same first weights, in the clear. No weight differs by more than ${clear.maxWeightError.toExponential(1)}.</p>
${chart}
${legend(series)}</section>`;
}

function roundsCard({ rounds }: FederationReport): string {
  const rows = rounds.map(({ trainer, rows: count, steps, accuracy, status, refreshes, trainingSeconds }) => {
    const measured = accuracy === undefined ? '–' : formatPercent(accuracy);
    const cells = [formatCount(count), `${steps}`, `${refreshes}`, formatDuration(1000 * trainingSeconds), measured];
    const good = status === 'accepted' ? 'right' : 'wrong';
    return `<tr><td>${escapeHtml(trainer)}</td>${cells.map((cell) => `<td class="n">${cell}</td>`).join('')}<td class="verdict-cell ${good}">${escapeHtml(status)}</td></tr>`;
  });
  const failed = rounds.flatMap(({ trainer, gates }) =>
    gates
      .filter(({ passed }) => !passed)
      .map(({ gate, detail }) => `<li>${escapeHtml(`${trainer}: ${spacedWords(gate)}: ${detail}`)}</li>`),
  );
  return `<section class="card"><h2>Rounds</h2><p class="sub">What the owner’s gates said of each model that came back.</p>
<table><thead><tr><th>trainer</th><th class="n">${ROW_NAME}s</th><th class="n">steps</th><th class="n">refreshes</th><th class="n">training</th><th class="n">accuracy</th><th>gates</th></tr></thead><tbody>${rows.join('')}</tbody></table>
${failed.length === 0 ? '' : `<ul class="notes">${failed.join('')}</ul>`}</section>`;
}

function booksCard({ audit, storage, network }: FederationReport): string {
  const entries = [
    [
      'audit log',
      `${formatCount(audit.entries)} entries, ${audit.intact ? 'the chain is intact' : 'THE CHAIN IS BROKEN'}`,
    ],
    ['store', `${formatCount(storage.blobs)} files, ${formatBytes(storage.bytes)}`],
    ['security', `${network.securityBits} bits, set ${network.set}`],
    ['weights', formatCount(network.weights)],
  ];
  return `<section class="card"><h2>The owner’s books</h2><dl>${entries.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl></section>`;
}
