/**
 * What the owner's service and its clients say to each other in JSON: one schema a thing. Times are ISO 8601 in UTC, sizes
 * bytes, identifiers of files SHA-256 in hexadecimal. Both ends check: the service its requests, the client its answers.
 */

export { auditPageSchema, errorSchema, eventSchema, meSchema, overviewSchema } from './schemas/books.ts';
export {
  createNetworkSchema,
  lineageSchema,
  modelSchema,
  networkSchema,
  progressSchema,
  runHistorySchema,
  runSchema,
} from './schemas/networks.ts';
export {
  acceptedSchema,
  acceptRequestSchema,
  invitationRequestSchema,
  invitationSchema,
  keySchema,
  partySchema,
} from './schemas/parties.ts';
export { gatesSchema, unlockPolicySchema } from './schemas/policies.ts';
export {
  decisionSchema,
  MOST_UNLOCK_ROWS,
  submissionRequestSchema,
  unlockRequestSchema,
  unlockSchema,
  uploadRequestSchema,
  uploadSchema,
} from './schemas/returns.ts';
