/** What is encrypted and how, who can read what, and what went over the wire. */

import { formatBytes, formatCount, formatDuration } from '../../format.ts';
import { escapeHtml } from '../escape.ts';
import type { DemoReport } from '../report.ts';

export function exposure({ exposure: items }: DemoReport): string {
  const rows = items.map(
    ({ what, owner, trainer }) =>
      `<tr><td class="full"><strong>${escapeHtml(what)}</strong></td><td data-label="Owner">${escapeHtml(owner)}</td><td data-label="Trainer">${escapeHtml(trainer)}</td></tr>`,
  );
  return `<section class="card">
<h2>Who can read what</h2>
<p class="sub">Encryption hides the network from its trainers; where the data stay hides them from the owner.</p>
<table class="stack"><thead><tr><th></th><th>Owner</th><th>Trainer</th></tr></thead><tbody>${rows.join('')}</tbody></table>
</section>`;
}

export function parameters({ parameters: p, network, recipe, refresh }: DemoReport): string {
  const layers = network.layers
    .map(({ inputs, units, activation }) => `${formatCount(inputs)} → ${units} ${activation}`)
    .join(', ');
  const momentum = recipe.momentum === 0 ? 'none' : `${recipe.momentum}${recipe.nesterov ? ', Nesterov' : ''}`;
  const sparse =
    refresh.mode === 'bootstrap'
      ? ', but for the one that bootstrapping raises the modulus under (weight 32, 111 bits)'
      : '';
  return `<section class="card">
<h2>Parameters</h2>
<p class="sub">Security by the 2024 table of homomorphic encryption parameters, secrets uniform ternary${sparse}.</p>
${list([
  ['Scheme', 'RNS-CKKS on 28-bit primes'],
  ['Set', `${p.set}: N = ${formatCount(p.N)}, ${formatCount(p.slots)} slots, ${p.levels} levels`],
  ['log QP', `${formatCount(p.logQP)} bits`],
  ['Security', `${p.securityBits} bits`],
  ['Network', `${layers}; ${formatCount(network.parameters)} weights, all encrypted`],
  ['Features', recipe.features],
  ['Steps', `${recipe.steps} of ${formatCount(recipe.batch)}`],
  ['Learning rate', `${recipe.learningRate}, ${recipe.schedule}`],
  ['Momentum', momentum],
])}
</section>`;
}

export function wire({ wire: items, refresh, rowName }: DemoReport): string {
  const rows = items.map(
    ({ from, to, what, count, bytes }) =>
      `<tr><td class="full">${escapeHtml(what)}</td><td data-label="From, to">${escapeHtml(from)} → ${escapeHtml(to)}</td><td class="n" data-label="Number">${formatCount(count)}</td><td class="n" data-label="Bytes">${formatBytes(bytes)}</td></tr>`,
  );
  const refreshes = {
    owner: `${formatCount(refresh.calls)} blinded refreshes of ${formatCount(refresh.ciphertexts)} ciphertexts in all; the owner needed ${formatDuration(refresh.ownerSeconds * 1000)} for them and saw uniformly random numbers.`,
    bootstrap: `${formatCount(refresh.calls)} refreshes by ${formatCount(refresh.ciphertexts)} bootstrappings, without a message. No ${escapeHtml(rowName)} left its trainer.`,
    none: `No refresh was needed. No ${escapeHtml(rowName)} left its trainer.`,
  }[refresh.mode];
  return `<section class="card">
<h2>What went over the wire</h2>
<p class="sub">${refreshes}</p>
<table class="stack"><thead><tr><th></th><th>From, to</th><th class="n">Number</th><th class="n">Bytes</th></tr></thead><tbody>${rows.join('')}</tbody></table>
</section>`;
}

export function sizes({ sizes: items }: DemoReport): string {
  const rows = items.map(
    ({ name, holder, bytes }) =>
      `<tr><td class="full">${escapeHtml(name)}</td><td data-label="Held by">${escapeHtml(holder)}</td><td class="n" data-label="Size">${formatBytes(bytes)}</td></tr>`,
  );
  return `<section class="card">
<h2>Sizes</h2>
<p class="sub">Seeds stand in for the random half of every fresh ciphertext and key.</p>
<table class="stack"><thead><tr><th></th><th>Held by</th><th class="n">Size</th></tr></thead><tbody>${rows.join('')}</tbody></table>
</section>`;
}

function list(entries: readonly (readonly [string, string])[]): string {
  const items = entries.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<dl>${items.join('')}</dl>`;
}
