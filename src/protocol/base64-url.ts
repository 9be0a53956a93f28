/** Base64 for addresses and JSON, without padding (RFC 4648, section 5), the same in Node and browsers. */

/** Characters are made of so many bytes at a time: more arguments than a call can take end in a RangeError. */
const PIECE = 8192;

export function bytesToBase64Url(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += PIECE) binary += String.fromCharCode(...bytes.subarray(i, i + PIECE));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Throws TypeError for what `bytesToBase64Url` would not write: other characters, padding, bits left over. */
export function base64UrlToBytes(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw new TypeError('expected base64url');
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  if (bytesToBase64Url(bytes) !== text) throw new TypeError('expected base64url');
  return bytes;
}
