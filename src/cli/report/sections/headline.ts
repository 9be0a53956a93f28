/** The figures that matter, before anything else. */

import { formatCount, formatDuration, formatPercent, formatRate } from '../../format.ts';
import { escapeHtml } from '../escape.ts';
import type { DemoReport } from '../report.ts';

export function headline(report: DemoReport): string {
  const { reviewsPerSecond, rowName, rowsTrained, trainingSeconds, weightErrorBits, maxWeightError } = report;
  const { parameters, wallSeconds, machine, refresh } = report;
  const difference = Number.isFinite(weightErrorBits) ? weightErrorBits.toFixed(1) : '–';
  return `<div class="figures">
${accuracy(report)}
${figure('Speed', formatRate(reviewsPerSecond), `${rowName}s/s`, `${formatCount(rowsTrained)} in ${formatDuration(trainingSeconds * 1000)} on ${cores(machine.cores)}, ${refresh.mode === 'none' ? 'without refresh' : 'refreshes included'}`)}
${figure('Security', `${parameters.securityBits}`, 'bits', `RNS-CKKS, set ${parameters.set}, log QP = ${formatCount(parameters.logQP)}`)}
${figure('Weight error', difference, 'bits', `No weight differs from its twin by more than ${maxWeightError.toExponential(1)}`)}
${figure('Whole story', formatDuration(wallSeconds * 1000), '', 'From fresh keys to this report')}
</div>`;
}

function accuracy({ sealedTestAccuracy: sealed, clearTestAccuracy: clear, testRows, rowName }: DemoReport): string {
  const points = 100 * (sealed - clear);
  const same = Math.abs(points) < 0.005;
  const difference = same
    ? 'Sealed training lost nothing.'
    : `Sealed training came out ${Math.abs(points).toFixed(2)} points ${points < 0 ? 'lower' : 'higher'}.`;
  return `<section class="card wide figure">
<div class="label">Accuracy on ${formatCount(testRows)} test ${escapeHtml(rowName)}s</div>
${bar('sealed', 'sealed', sealed)}
${bar('clear', 'in the clear', clear)}
<p class="verdict">${difference} Same recipe, order and initial weights.</p>
</section>`;
}

function bar(style: string, name: string, share: number): string {
  const width = Math.min(100, Math.max(0, 100 * share)).toFixed(2);
  return (
    `<div class="versus"><span class="who">${name}</span><span class="what">${formatPercent(share)}</span></div>` +
    `<div class="track"><div class="fill ${style}" style="width:${width}%"></div></div>`
  );
}

function figure(label: string, number: string, unit: string, more: string): string {
  const suffix = unit === '' ? '' : ` <span class="unit">${escapeHtml(unit)}</span>`;
  return `<section class="card figure">
<div class="label">${escapeHtml(label)}</div>
<div class="number">${escapeHtml(number)}${suffix}</div>
<div class="more">${escapeHtml(more)}</div>
</section>`;
}

function cores(count: number): string {
  return count === 1 ? 'one core' : count === 2 ? 'two cores' : `${count} cores`;
}
