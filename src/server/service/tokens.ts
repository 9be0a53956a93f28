/** Tokens and invitation codes: 256 random bits that the store knows by their SHA-256 alone. */
import { createHash, randomBytes } from 'node:crypto';

/** An invitation's: tokens are made by their trainers (`client/token.ts`). */
export function newCode(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256 in hexadecimal, white space around the token gone. Of 256 random bits a plain hash is enough. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token.trim()).digest('hex');
}
