// What the plain endpoints take and answer: one list, shown as OpenAPI and as a page that needs nothing from the internet.
// The resources themselves are described by api/openapi.ts.

import type Router from 'koa-router';
import type { Json, JsonObject } from '../../kernel/json.ts';
import { noSuchPath } from '../problem.ts';

interface Operation {
  readonly method: 'get' | 'post' | 'put';
  readonly path: string;
  readonly summary: string;
  readonly query?: readonly [name: string, description: string][];
  readonly body?: { readonly schema: JsonObject; readonly example: Json };
  readonly answer: { readonly code: string; readonly example: Json };
  readonly isDebug?: boolean;
  /** Needs no token. */
  readonly isOpen?: boolean;
}

const PAGING: [string, string][] = [
  ['limit', 'how many at most'],
  ['continue', 'token of the page before'],
];
const DEFINITION: JsonObject = {
  type: 'object',
  description:
    'A workflow as it is written in a file: tasks with dependencies, steps, or a state machine; JSON or YAML.',
  properties: {
    id: { type: 'string' },
    tasks: { type: 'array', items: { type: 'object' } },
    steps: { type: 'array', items: { type: 'object' } },
    startAt: { type: 'string' },
    states: { type: 'object' },
  },
};
const STEPS: JsonObject = {
  type: 'object',
  required: ['steps'],
  properties: {
    steps: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          type: { type: 'string', enum: ['parallel', 'sequential'] },
          tasks: { type: 'array', items: { type: 'string' } },
        },
      },
    },
    input: {},
  },
};
const START: JsonObject = {
  type: 'object',
  properties: {
    workflowId: { type: 'string', description: 'name of a registered workflow' },
    workflow: { type: 'object', description: 'or the definition itself' },
    input: { description: 'any JSON' },
    name: { type: 'string', description: 'id of the execution; made when it is absent' },
  },
};
const EXECUTION: Json = {
  id: '6c0f...',
  workflowId: 'example',
  status: 'RUNNING',
  steps: [{ id: 'A', status: 'SUCCESS', attempts: 1 }],
};

const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/workflows',
    summary: 'Register a workflow definition; 200 when it takes the place of an earlier one.',
    query: [['name', 'for a definition without a name']],
    body: { schema: DEFINITION, example: { id: 'example', tasks: [{ id: 'A', command: 'echo A', dependencies: [] }] } },
    answer: { code: '201', example: { id: 'example', version: 1, tasks: [{ id: 'A', command: 'echo A' }] } },
  },
  {
    method: 'get',
    path: '/workflows',
    summary: 'List the registered workflows.',
    query: PAGING,
    answer: { code: '200', example: { workflows: [{ id: 'example', version: 1 }] } },
  },
  {
    method: 'get',
    path: '/workflows/{id}',
    summary: 'One definition.',
    answer: { code: '200', example: { id: 'example', version: 1 } },
  },
  {
    method: 'post',
    path: '/workflow-executions',
    summary: 'Start an execution.',
    body: { schema: START, example: { workflowId: 'example', input: {} } },
    answer: { code: '201', example: { id: '6c0f...', workflowId: 'example', status: 'PENDING' } },
  },
  {
    method: 'get',
    path: '/workflow-executions',
    summary: 'List executions.',
    query: [
      ['workflowId', 'only of this workflow'],
      ['status', 'PENDING, RUNNING, SUCCESS, FAILED, CANCELLED, SUSPENDED'],
      ['startedAfter', 'RFC 3339'],
      ['startedBefore', 'RFC 3339'],
      ...PAGING,
    ],
    answer: { code: '200', example: { executions: [{ id: '6c0f...', status: 'SUCCESS' }] } },
  },
  {
    method: 'get',
    path: '/workflow-executions/{id}',
    summary: 'Status, current state and steps of an execution.',
    answer: { code: '200', example: EXECUTION },
  },
  {
    method: 'get',
    path: '/workflow-executions/{id}/steps/{stepId}',
    summary: 'One step: status, attempts, input, output, and its history.',
    answer: {
      code: '200',
      example: { executionId: '6c0f...', id: 'A', status: 'SUCCESS', attempts: 1, input: {}, output: {}, history: [] },
    },
  },
  {
    method: 'get',
    path: '/workflow-executions/{id}/history',
    summary: 'Every transition of an execution and of its steps.',
    answer: {
      code: '200',
      example: { history: [{ time: '2026-01-01T00:00:00Z', step: 'A', from: 'RUNNING', to: 'SUCCESS' }] },
    },
  },
  {
    method: 'put',
    path: '/workflow-executions/{id}/cancel',
    summary: 'Cancel an execution that runs; 409 when it has ended.',
    answer: { code: '202', example: { id: '6c0f...', status: 'RUNNING' } },
  },
  {
    method: 'post',
    path: '/workflow',
    summary: 'Run steps, in parallel and in sequence; the id comes at once.',
    body: {
      schema: STEPS,
      example: {
        steps: [
          { type: 'parallel', tasks: ['task_a', 'task_b'] },
          { type: 'sequential', tasks: ['task_c'] },
        ],
      },
    },
    answer: { code: '202', example: { run_id: '6c0f...', status: 'PENDING' } },
  },
  {
    method: 'get',
    path: '/workflow_status/{run_id}',
    summary: 'Status of a run and of each of its tasks.',
    answer: {
      code: '200',
      example: { run_id: '6c0f...', status: 'RUNNING', tasks: [{ id: 'task_a', status: 'SUCCESS' }] },
    },
  },
  {
    method: 'get',
    path: '/runs',
    summary: 'All runs; only when the API was started with DEBUG=true.',
    answer: { code: '200', example: { runs: [{ run_id: '6c0f...', status: 'SUCCESS' }] } },
    isDebug: true,
  },
  {
    method: 'post',
    path: '/hooks/{token}',
    summary:
      'Answer a task that waits for its token. The body is its output (any JSON, or nothing), or {"error", "cause"} for a failure.',
    body: { schema: {}, example: { approved: true } },
    answer: { code: '202', example: { accepted: true } },
    isOpen: true,
  },
];

export function addDocs(router: Router, options: { version: string; isDebug: boolean }): void {
  const operations = OPERATIONS.filter(({ isDebug }) => isDebug !== true || options.isDebug);
  const document = facesOpenApi(operations, options.version);
  const page = docsPage(operations);
  router.get('/openapi.json', (ctx) => {
    ctx.body = document;
  });
  router.get('/docs', (ctx) => {
    if (ctx.accepts('text/html') === false) throw noSuchPath();
    ctx.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'");
    ctx.type = 'text/html';
    ctx.body = page;
  });
}

function facesOpenApi(operations: readonly Operation[], version: string): JsonObject {
  const paths: { [path: string]: JsonObject } = {};
  for (const { method, path, summary, query = [], body, answer, isOpen } of operations) {
    const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name);
    paths[path] = {
      ...paths[path],
      [method]: {
        summary,
        ...(isOpen === true ? { security: [] } : {}),
        parameters: [
          ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
          ...query.map(([name, description]) => ({ name, in: 'query', description, schema: { type: 'string' } })),
        ],
        ...(body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': body } } }),
        responses: {
          [answer.code]: { description: summary, content: { 'application/json': { example: answer.example } } },
          default: { description: 'A Status that says what is wrong.' },
        },
      },
    };
  }
  return {
    openapi: '3.0.3',
    info: { title: 'Oarlock', version },
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    paths,
  };
}

function docsPage(operations: readonly Operation[]): string {
  const sections = operations.map(({ method, path, summary, query = [], body, answer, isOpen }) => {
    const parameters = query
      .map(([name, description]) => `<li><code>${name}</code> ${escaped(description)}</li>`)
      .join('');
    const sent = body === undefined ? '' : `<p>Body</p><pre>${escaped(JSON.stringify(body.example, null, 2))}</pre>`;
    const data = body === undefined ? '' : ` \\\n  --json '${JSON.stringify(body.example)}'`;
    const verb = method === 'get' || method === 'post' ? '' : `-X ${method.toUpperCase()} `;
    const header = isOpen === true ? '' : '-H "Authorization: Bearer $(oarlock token create)" ';
    const curl = `curl ${verb}${header}$URL${path}${data}`;
    return `<section><h2><b>${method.toUpperCase()}</b> ${escaped(path)}</h2><p>${escaped(summary)}</p>${
      parameters === '' ? '' : `<ul>${parameters}</ul>`
    }${sent}<p>Answer ${answer.code}</p><pre>${escaped(JSON.stringify(answer.example, null, 2))}</pre><pre>${escaped(curl)}</pre></section>`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Oarlock API</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
h2{font-size:1rem;font-family:ui-monospace,monospace}h2 b{background:#eaf2ff;padding:.1rem .4rem;border-radius:.3rem}
section{border-top:1px solid #d0d7de}pre{background:#f6f8fa;padding:.7rem;border-radius:.4rem;overflow:auto}
</style></head><body><h1>Oarlock API</h1>
<p>Every request but callbacks needs <code>Authorization: Bearer TOKEN</code>; <code>oarlock token create</code> prints one. The same as
<a href="/openapi.json">OpenAPI</a>. Objects themselves, with watch and patch, are under <code>/apis/oarlock.dev/v1</code>, as kubectl uses them.</p>
${sections.join('\n')}</body></html>\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
