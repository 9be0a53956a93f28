/** A report as one HTML file: no script, no network, every text escaped. */

import { formatDuration } from '../format.ts';
import { escapeHtml } from './escape.ts';
import type { DemoReport } from './report.ts';
import { headline } from './sections/headline.ts';
import { curves, levels } from './sections/learning.ts';
import { predictions } from './sections/predictions.ts';
import { exposure, parameters, sizes, wire } from './sections/protection.ts';
import { timeline } from './sections/timeline.ts';
import { STYLE } from './style.ts';

// Forbids the page to load anything at all; its own style sheet is inline.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** The whole document. */
export function renderReport(report: DemoReport): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(report.title)}: a sealed network</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${header(report)}
${headline(report)}
${curves(report)}
${timeline(report)}
${predictions(report)}
<div class="two">
${levels(report)}
${exposure(report)}
</div>
<div class="two">
${parameters(report)}
${wire(report)}
</div>
<div class="two">
${sizes(report)}
${conditions(report)}
</div>
${footer(report)}
</main>
</body>
</html>
`;
}

function header(report: DemoReport): string {
  return `<header>
<p class="eyebrow">Hermetic</p>
<h1>${escapeHtml(report.title)}</h1>
<p class="lead">${escapeHtml(lead(report))}</p>
</header>`;
}

function lead({ network, rounds, rowName, rowsTrained, refresh }: DemoReport): string {
  const who = rounds.length === 1 ? 'A trainer' : `${rounds.length === 2 ? 'Two' : rounds.length} trainers`;
  const shown = `${rowsTrained.toLocaleString('en-US')} ${rowName}s`;
  const help = {
    owner: ', with an owner who renewed masked ciphertexts without seeing a weight',
    bootstrap: ', and nobody was asked for anything: the trainer renewed the ciphertexts by bootstrapping',
    none: '',
  }[refresh.mode];
  return `${who} taught a ${network.shape} network with ${shown} while every one of its weights stayed encrypted${help}.`;
}

function conditions({ machine, notes, command }: DemoReport): string {
  const items = notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('');
  return `<section class="card">
<h2>How it was measured</h2>
<p class="sub">${escapeHtml(machine.cpu)}, ${machine.cores} core${machine.cores === 1 ? '' : 's'}, ${machine.threads} thread${machine.threads === 1 ? '' : 's'}, ${escapeHtml(machine.platform)}, Node ${escapeHtml(machine.node)}. The same command measures it on yours:</p>
<pre>${escapeHtml(command)}</pre>
<ul class="notes">${items}</ul>
</section>`;
}

function footer({ createdAt, version, wallSeconds }: DemoReport): string {
  const when = createdAt.replace('T', ' ').replace(/(:\d\d)?(\.\d+)?Z$/, ' UTC');
  return `<footer>Hermetic ${escapeHtml(version)} · ${escapeHtml(when)} · ${formatDuration(wallSeconds * 1000)} in all · the same figures as data: report.json</footer>`;
}
