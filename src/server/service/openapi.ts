/** The OpenAPI 3.1 description of the service, from the table of routes and the schemas that check them. */
import * as z from 'zod';
import { errorSchema } from '../../protocol/service/schemas.ts';
import type { AnswerKind, Route } from './route.ts';

type Json = Record<string, unknown>;

export function describeApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path][route.method.toLowerCase()] = describeRoute(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: "Hermetic: the owner's service",
      version,
      description: 'Encrypted training: the owner keeps the secret keys, trainers never see a weight.',
    },
    paths,
    components: {
      securitySchemes: {
        owner: { type: 'http', scheme: 'bearer', description: 'The token of the owner' },
        trainer: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token that a trainer made, whose hash came with the accepted invitation',
        },
      },
      responses: { Problem: { description: 'Why not', content: content(errorSchema, 'output') } },
    },
  };
}

function describeRoute(route: Route): Json {
  const { access, summary, body, answer } = route;
  return {
    summary,
    operationId: operationId(route),
    security: access === 'public' ? [] : [{ [access]: [] }],
    ...parameters(route),
    ...(body !== undefined && {
      requestBody: { required: true, content: body.kind === 'json' ? content(body.schema, 'input') : BINARY_CONTENT },
    }),
    responses: { ...answers(answer), default: { $ref: '#/components/responses/Problem' } },
  };
}

/** "GET /v1/networks/{id}/lineage" → "get_networks_id_lineage" */
function operationId({ method, path }: Route): string {
  return [method.toLowerCase(), ...(path.match(/\w[\w-]*/g) ?? []).slice(1)].join('_').replaceAll('-', '_');
}

function parameters({ path, query }: Route): Json {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const { properties = {}, required = [] } = query === undefined ? {} : (schemaOf(query, 'input') as QuerySchema);
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
  const all = [...inPath, ...inQuery];
  return all.length === 0 ? {} : { parameters: all };
}

interface QuerySchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

const BINARY_CONTENT = { 'application/octet-stream': {} };

function answers(answer: AnswerKind): Json {
  if (answer.kind === 'json') return { 200: { description: 'Done', content: content(answer.schema, 'output') } };
  if (answer.kind === 'events') return { 200: { description: 'Events', content: { 'text/event-stream': {} } } };
  const whole = { 200: { description: 'The bytes', content: BINARY_CONTENT } };
  if (!answer.ranges) return whole;
  return {
    ...whole,
    206: { description: 'A part of them', content: BINARY_CONTENT },
    304: { description: 'The caller has them already' },
  };
}

function content(schema: z.ZodType, io: 'input' | 'output'): Json {
  return { 'application/json': { schema: schemaOf(schema, io) } };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest;
}
