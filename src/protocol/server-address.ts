/** Where a server is and what opens it: an address, a token that may stand in a header, and words of its that may be shown. */
import { HermeticError } from '../base/errors.ts';

/** @throws HermeticError BAD_ARGUMENT with `mend` for what is no address of a web server */
export function parseServerAddress(text: string, mend: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  throw new HermeticError('BAD_ARGUMENT', 'the address of the owner cannot be used', {
    expected: 'http://HOST:PORT or https://HOST:PORT',
    mend,
  });
}

/** A path below a base address, which may have a path of its own. */
export function addressBelow(base: URL, path: string): URL {
  return new URL(path, base.href.endsWith('/') ? base : `${base.href}/`);
}

/** A token without the white space around it; never shown. @throws HermeticError BAD_ARGUMENT */
export function parseBearerToken(token: string): string {
  const trimmed = token.trim();
  if (/^[\x21-\x7e]{1,4096}$/.test(trimmed)) return trimmed;
  throw new HermeticError('BAD_ARGUMENT', 'the token cannot be used', {
    expected: 'one line of 1 to 4096 printable characters without spaces',
    mend: 'Copy the token file anew from the owner.',
  });
}

/** A sentence where a token that is sent to this address can be read by others. */
export function exposureOf({ protocol, hostname, host }: URL): string | undefined {
  if (protocol !== 'http:' || isLoopback(hostname)) return undefined;
  return `the token travels unencrypted to ${host}: use https where others can listen`;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

const MAX_SHOWN = 300;

/** A server's own words, fit for a terminal: it may lie, and must not paint the screen. */
export function printable(text: string): string {
  const clean = text.replaceAll(/[^\x20-\x7e\u00a0-\u024f\u2010-\u2026]+/g, ' ').trim();
  return clean.length <= MAX_SHOWN ? clean : `${clean.slice(0, MAX_SHOWN - 1)}…`;
}
