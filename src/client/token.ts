/**
 * The token that a trainer makes for itself: 256 random bits. The service is told its hash alone, so that an acceptance whose
 * answer is lost can be made again, and nobody on the way ever sees the token given.
 */
import { bytesToHex, sha256, utf8ToBytes } from '../base/bytes.ts';
import { bytesToBase64Url } from '../protocol/base64-url.ts';

export function newToken(): string {
  return bytesToBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** SHA-256 of the token's characters, hexadecimal: what the service keeps of it. */
export async function hashOfToken(token: string): Promise<string> {
  return bytesToHex(await sha256(utf8ToBytes(token)));
}
