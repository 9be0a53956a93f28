/** Routes of a trainer's token. */
import * as schemas from '../../protocol/service/schemas.ts';
import { JSON_LIMITS } from './bodies.ts';
import { sendBootstrappingKeys, sendKeys, sendOwnModel, showMe } from './overview.ts';
import { refresh } from './refreshes.ts';
import { offsetQuerySchema } from './requests.ts';
import { binaryBody, bytes, file, json, jsonBody, type Route, route } from './route.ts';
import { reportRun } from './runs.ts';
import { submit } from './submissions.ts';
import { unlockBodyLimits } from './unlock-body.ts';
import { requestUnlock, showUnlock } from './unlocks.ts';
import { beginUpload, sendPart, showUpload } from './uploads.ts';

/** A record as JSON text inside JSON. */
const RECORD_LIMITS = { ...JSON_LIMITS, maxBytes: 2 ** 20 };
const access = 'trainer';

export function trainerRoutes(): Route[] {
  return [...trainingRoutes(), ...uploadRoutes(), ...resultRoutes()];
}

/** While it trains. */
function trainingRoutes(): Route[] {
  return [
    route('GET', '/v1/me', {
      access,
      summary: 'Who calls, and what to train',
      answer: json(schemas.meSchema),
      handle: showMe,
    }),
    route('GET', '/v1/me/keys', { access, summary: 'trainer.keys', answer: file, handle: sendKeys }),
    route('GET', '/v1/me/model', { access, summary: 'model.sealed', answer: file, handle: sendOwnModel }),
    route('GET', '/v1/me/bootstrapping-keys', {
      access,
      summary: 'bootstrapping.keys, where the set bootstraps',
      answer: file,
      handle: sendBootstrappingKeys,
    }),
    route('POST', '/v1/refresh', {
      access,
      summary: 'A blinded refresh: masked ciphertexts for fresh ones, exactly once',
      body: binaryBody,
      answer: bytes,
      handle: refresh,
    }),
    route('PUT', '/v1/runs/{run}', {
      access,
      summary: 'Reports how far a run is',
      body: jsonBody(schemas.progressSchema),
      answer: json(schemas.runSchema),
      handle: reportRun,
    }),
  ];
}

function uploadRoutes(): Route[] {
  return [
    route('POST', '/v1/uploads', {
      access,
      summary: 'Announces a file',
      body: jsonBody(schemas.uploadRequestSchema),
      answer: json(schemas.uploadSchema),
      handle: beginUpload,
    }),
    route('GET', '/v1/uploads/{id}', {
      access,
      summary: 'How much of a file arrived',
      answer: json(schemas.uploadSchema),
      handle: showUpload,
    }),
    route('PATCH', '/v1/uploads/{id}', {
      access,
      summary: 'Sends the next part of a file, at most 32 MiB',
      query: offsetQuerySchema,
      body: binaryBody,
      answer: json(schemas.uploadSchema),
      handle: sendPart,
    }),
  ];
}

/** When it has trained. */
function resultRoutes(): Route[] {
  return [
    route('POST', '/v1/submissions', {
      access,
      summary: 'Hands in a trained model; the gates decide',
      body: jsonBody(schemas.submissionRequestSchema, RECORD_LIMITS),
      answer: json(schemas.modelSchema),
      handle: submit,
    }),
    route('POST', '/v1/unlocks', {
      access,
      summary: 'Asks for predictions to be unlocked',
      body: jsonBody(schemas.unlockRequestSchema, unlockBodyLimits),
      answer: json(schemas.unlockSchema),
      handle: requestUnlock,
    }),
    route('GET', '/v1/unlocks/{id}', {
      access,
      summary: 'What became of a request of its own',
      answer: json(schemas.unlockSchema),
      handle: showUnlock,
    }),
  ];
}
