/** Who worked when, and on what. */

import { formatDuration } from '../../format.ts';
import { escapeHtml } from '../escape.ts';
import type { DemoReport, Phase } from '../report.ts';

export function timeline({ phases, wallSeconds, refresh }: DemoReport): string {
  const actors = [...new Set(phases.map(({ actor }) => actor))];
  const end = Math.max(wallSeconds, ...phases.map(({ start, seconds }) => start + seconds), 1e-9);
  const lanes = actors.map((actor, i) => lane(actor, i, phases, end));
  const list = phases.map(({ name, actor, seconds }) => {
    const chip = `<span class="chip actor-${actorColor(actors.indexOf(actor))}"></span>`;
    return `<li>${chip}${escapeHtml(name)}<span class="t">${formatDuration(seconds * 1000)}</span></li>`;
  });
  return `<section class="card">
<h2>Where the time went</h2>
<p class="sub">Each participant works behind a wall of its own; only ${refresh.mode === 'owner' ? 'files and masked ciphertexts' : 'files'} pass.</p>
<div class="lanes">
${lanes.join('\n')}
<span></span><div class="lane-axis"><span>0</span><span>${formatDuration((end / 2) * 1000)}</span><span>${formatDuration(end * 1000)}</span></div>
</div>
<ul class="phases">${list.join('')}</ul>
</section>`;
}

function actorColor(index: number): number {
  return Math.min(index, 3);
}

function lane(actor: string, index: number, phases: readonly Phase[], end: number): string {
  const spans = phases
    .filter((phase) => phase.actor === actor)
    .map(({ name, start, seconds }) => {
      const title = `${name}: ${formatDuration(seconds * 1000)}`;
      const left = ((100 * start) / end).toFixed(3);
      const width = ((100 * seconds) / end).toFixed(3);
      return `<span class="span actor-${actorColor(index)}" style="left:${left}%;width:${width}%" title="${escapeHtml(title)}"></span>`;
    });
  return `<span class="lane-name">${escapeHtml(actor)}</span><div class="lane">${spans.join('')}</div>`;
}
