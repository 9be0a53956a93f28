/** What a route is: a line of the table from which the application and its OpenAPI description are both made. */
import type * as z from 'zod';
import type { PartyRow } from '../store/tables.ts';
import { type BodyLimits, JSON_LIMITS } from './bodies.ts';
import type { ServiceContext } from './context.ts';

/** Who may call. */
export type Access = 'public' | 'owner' | 'trainer';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Those of every caller, or found for this one before its body is read; what they throw is the answer. */
export type LimitsOf = BodyLimits | ((service: ServiceContext, party: PartyRow) => Promise<BodyLimits>);

/** What comes with a call. Binary bodies are read by whoever answers. */
export type BodyKind<B> =
  | { readonly kind: 'json'; readonly schema: z.ZodType<B>; readonly limits: LimitsOf }
  | { readonly kind: 'binary' };

export type AnswerKind =
  | { readonly kind: 'json'; readonly schema: z.ZodType }
  /** `ranges`: parts of it can be asked for. */
  | { readonly kind: 'binary'; readonly ranges: boolean }
  | { readonly kind: 'events' };

export interface Call<B, Q> {
  /** Who calls; of public routes nobody. */
  readonly party: PartyRow;
  readonly params: Readonly<Record<string, string>>;
  readonly body: B;
  readonly query: Q;
  readonly request: Request;
}

export interface RouteOptions<B, Q> {
  readonly access: Access;
  /** One sentence, for the description. */
  readonly summary: string;
  readonly body?: BodyKind<B>;
  readonly query?: z.ZodType<Q>;
  readonly answer: AnswerKind;
  /** A value that the answer's schema takes, or a response as it is. */
  readonly handle: (service: ServiceContext, call: Call<B, Q>) => Promise<unknown>;
}

export interface Route extends RouteOptions<unknown, unknown> {
  readonly method: Method;
  /** "/v1/networks/{id}" */
  readonly path: string;
}

export function route<B = undefined, Q = undefined>(method: Method, path: string, options: RouteOptions<B, Q>): Route {
  // The dispatcher gives a handler what its own schemas let through, and nothing else.
  return { method, path, ...(options as unknown as RouteOptions<unknown, unknown>) };
}

export function json<T>(schema: z.ZodType<T>): AnswerKind {
  return { kind: 'json', schema };
}

export function jsonBody<B>(schema: z.ZodType<B>, limits: LimitsOf = JSON_LIMITS): BodyKind<B> {
  return { kind: 'json', schema, limits };
}

export const binaryBody: BodyKind<undefined> = { kind: 'binary' };

/** A stored file. */
export const file: AnswerKind = { kind: 'binary', ranges: true };
export const bytes: AnswerKind = { kind: 'binary', ranges: false };
export const events: AnswerKind = { kind: 'events' };
