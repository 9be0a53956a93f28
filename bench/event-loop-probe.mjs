/**
 * Loaded with `--import` into a process with an IPC channel: says, when asked, how long its event
 * loop stood still at most, and what processor time its threads took together.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

// The channel keeps nothing alive.
process.channel?.unref();
let before = process.cpuUsage();
process.on('message', (wish) => {
  const { user, system } = process.cpuUsage(before);
  const longestStallMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  if (wish === 'read') process.send?.({ longestStallMs, cpuMs: (user + system) / 1000 });
  delay.reset();
  before = process.cpuUsage();
});
