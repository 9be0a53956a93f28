import { describe, expect, it } from 'vitest';
import { parseInvitationLink } from './invitation.ts';

const CODE = 'abcdefghijklmnopqrstuvwxyz_-0123456789ABCDE';

describe('the link of an invitation', () => {
  it.each([`#${CODE}`, `#join=${CODE}`, `#/join/${CODE}`, `#invitation:${CODE}`])(
    'gives address and code of %s',
    (hash) => {
      expect(parseInvitationLink(` https://owner.example/here/${hash}\n`)).toEqual({
        url: 'https://owner.example/here/',
        code: CODE,
      });
    },
  );

  it.each(['', CODE, 'https://owner.example/', `https://owner.example/${CODE}`, `ftp://x/#${CODE}`, 'http://x/#short'])(
    'refuses %s without showing it',
    (link) => {
      expect(() => parseInvitationLink(link)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
      expect(() => parseInvitationLink(link)).not.toThrow(new RegExp(CODE));
    },
  );
});
