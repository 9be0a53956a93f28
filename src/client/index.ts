/**
 * `hermetic/client`: the owner's service, called from Node or a page, by its owner or by a trainer. `ServiceClient` makes
 * the calls; `hermetic/trainer` trains with what it brings.
 */
export type { HermeticErrorCode } from '../base/errors.ts';
export { HermeticError } from '../base/errors.ts';
export type { RefreshTransport, SendOptions } from '../protocol/refresh-transport.ts';
export { RefreshUnavailable } from '../protocol/refresh-transport.ts';
export type * from '../protocol/service/types.ts';
export type { Health } from './answers.ts';
export type { ConnectionOptions } from './connection.ts';
export type { DownloadOptions, FileDigest } from './download.ts';
export { collectVerified } from './download.ts';
export type { EventOptions } from './events.ts';
export type { InvitationLink } from './invitation.ts';
export { parseInvitationLink } from './invitation.ts';
export type { Acceptance, AcceptedInvitation, CallOptions, PartyChange, TrainerFile } from './service-client.ts';
export { downloadVerified, ServiceClient } from './service-client.ts';
export { ServiceRefusal, ServiceUnavailable } from './service-error.ts';
export { newToken } from './token.ts';
export type { UploadOptions } from './upload.ts';
