/** The link that an owner hands out: the service's address, and behind '#', which no server log sees, the code. */
import { HermeticError } from '../base/errors.ts';

export interface InvitationLink {
  /** Base address of the service. */
  readonly url: string;
  readonly code: string;
}

/**
 * "https://owner.example/#join=CODE", or whatever stands before the code in the last part of the link.
 * @throws HermeticError BAD_ARGUMENT; never shows the code
 */
export function parseInvitationLink(link: string): InvitationLink {
  const url = URL.canParse(link.trim()) ? new URL(link.trim()) : undefined;
  const code = /(?:^#|[/=:])([A-Za-z0-9_-]{20,200})$/.exec(url?.hash ?? '')?.[1];
  if (url === undefined || code === undefined || !/^https?:$/.test(url.protocol)) throw badLink();
  url.hash = '';
  url.search = '';
  return { url: url.href, code };
}

function badLink(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'this is not the link of an invitation', {
    expected: "an address with a code behind '#'",
    mend: 'Copy the whole link that the owner sent, in quotes.',
  });
}
