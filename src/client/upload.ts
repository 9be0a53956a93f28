/** Files to the owner's service: a part at a time, going on from the byte that the service has reached. */
import { bytesToHex, sha256 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import type { Upload, UploadRequest } from '../protocol/service/types.ts';
import { ServiceRefusal, ServiceUnavailable } from './service-error.ts';

export interface UploadOptions {
  /** Bytes that the service has, and in all. */
  readonly onProgress?: (sent: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Of an upload of the same bytes that broke off. Without it the service finds such a one by its SHA-256, or begins anew. */
  readonly uploadId?: string;
  /** Bytes of a call, 32 MiB at most. Default 8 MiB. */
  readonly partBytes?: number;
}

/** The calls that an upload consists of. */
export interface UploadCalls {
  begin(request: UploadRequest, signal?: AbortSignal): Promise<Upload>;
  state(id: string, signal?: AbortSignal): Promise<Upload>;
  /** One attempt: never repeated blindly, for some of it may have arrived. */
  send(id: string, offset: number, part: Uint8Array | Blob, signal?: AbortSignal): Promise<Upload>;
  /** Makes attempts, with pauses, until one succeeds or hope is gone. */
  persist<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

const PART_BYTES = 2 ** 23;
export const MAX_PART_BYTES: number = 2 ** 25;

/**
 * Uploads the whole of `content`. The service compares the SHA-256 before it says 'complete'.
 * @throws HermeticError as the calls do; BAD_FILE where `uploadId` is of other bytes
 */
export async function uploadWhole(
  calls: UploadCalls,
  kind: UploadRequest['kind'],
  content: Uint8Array | Blob,
  options: UploadOptions = {},
): Promise<Upload> {
  const { onProgress, signal, uploadId, partBytes = PART_BYTES } = options;
  const total = content instanceof Blob ? content.size : content.length;
  const begin = async () => calls.begin({ kind, bytes: total, sha256: await digest(content) }, signal);
  let upload = await (uploadId === undefined ? begin() : calls.state(uploadId, signal));
  if (upload.bytes !== total) throw otherFile();
  onProgress?.(upload.received, total);
  while (upload.state === 'open') {
    upload = await sendPart(calls, upload, content, partBytes, signal);
    onProgress?.(upload.received, total);
  }
  return upload;
}

/** Sends the next part; where that fails, asks how far the service came and sends from there. */
function sendPart(
  calls: UploadCalls,
  upload: Upload,
  content: Uint8Array | Blob,
  partBytes: number,
  signal: AbortSignal | undefined,
): Promise<Upload> {
  let { received } = upload;
  let unsure = false;
  return calls.persist(async () => {
    if (unsure) {
      const now = await calls.state(upload.id, signal);
      unsure = false;
      if (now.state === 'complete' || now.received > received) return now;
      received = now.received;
    }
    const end = Math.min(received + partBytes, upload.bytes);
    const part = content instanceof Blob ? content.slice(received, end) : content.subarray(received, end);
    try {
      return await calls.send(upload.id, received, part, signal);
    } catch (error) {
      unsure = error instanceof ServiceUnavailable;
      if (!(error instanceof ServiceRefusal && error.status === 409)) throw error;
      const now = await calls.state(upload.id, signal);
      if (now.state === 'open' && now.received === received) throw error;
      return now;
    }
  }, signal);
}

async function digest(content: Uint8Array | Blob): Promise<string> {
  const bytes = content instanceof Blob ? new Uint8Array(await content.arrayBuffer()) : content;
  return bytesToHex(await sha256(bytes));
}

function otherFile(): HermeticError {
  return new HermeticError('BAD_FILE', 'the upload that broke off was of another file', {
    mend: 'Begin a new upload.',
  });
}
