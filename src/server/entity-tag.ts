/** Whether a caller has this version already (RFC 9110, section 13.1.2): a list of tags, weak ones too, or any. */
export function namesTag(header: string | null, etag: string): boolean {
  return (header ?? '').split(',').some((part) => [etag, `W/${etag}`, '*'].includes(part.trim()));
}
