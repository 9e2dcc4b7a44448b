// A change of the graph as a running task asks for it: the same rules as for manifests, and the kernel's form.
//
// Does not own: whether the graph as it stands takes the change (kernel/change.ts), who said it and when (controller/messages.ts).
//
// G1  ids that are left out are made up of creator, round and position: a later attempt that says the same gets the same.

import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import { parseMessage } from '../kernel/message.ts';
import type { Problem } from '../kernel/errors.ts';
import { type EdgeSpec, type GraphChange, type NodeSpec, OWN_FIELDS, type TaskSpec } from '../kernel/task.ts';
import { compileTask } from './compile.ts';
import { nodeIdProblem } from './names.ts';
import { runInThread } from './off-thread.ts';
import { checkPlain } from './plain.ts';
import { checkGrowth, promisesOf } from './promises.ts';
import { didYouMean, Findings, type Path, quote, show, toProblems } from './problems.ts';
import { checkShape } from './schema.ts';
import { checkTaskBody, dependenciesOf } from './tasks.ts';

/** Who asks, and what it may name. */
export interface Asker {
  readonly node: string;
  readonly round: number;
  /** Ids that were made up for it before. */
  readonly named: number;
  readonly templates: { readonly [name: string]: TaskSpec };
}

export type Admitted =
  /** `named`: how many ids are made up by now. */
  { readonly change: GraphChange; readonly named: number } | { readonly problems: readonly Problem[] };

/** A message as it was understood. */
export interface Heard {
  /** Without the params of a change, which are in `admitted`. */
  readonly message: JsonObject;
  readonly admitted: Admitted | null;
}

/** Null for a line that is no message. */
export function hearNow(line: Uint8Array, asker: () => Asker): Heard | null {
  const message = parseMessage(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString());
  if (message === null || message['method'] !== 'graph.change')
    return message === null ? null : { message, admitted: null };
  const { params, ...rest } = message;
  return { message: rest, admitted: admitChange(params ?? {}, asker()) };
}

/** The same for a line that takes its time. One that takes too long is a change that is refused. */
export async function hearInThread(line: Uint8Array, asker: Asker): Promise<Heard | null> {
  return (await runInThread({ line, asker }, 'message', line.length)) as Heard | null;
}

export function admitChange(params: Json, asker: Asker): Admitted {
  const findings = new Findings();
  checkPlain(params, findings);
  if (!isObject(params)) findings.add(['params'], 'TypeInvalid', `expected a mapping, found ${show(params)}`);
  if (findings.isEmpty) checkShape('graphChange', params, findings);
  if (findings.isEmpty) checkMeaning(params as JsonObject, findings);
  if (!findings.isEmpty) return { problems: toProblems(findings.list(), undefined) };
  const compiled = compileChange(params as JsonObject, asker, findings);
  return findings.isEmpty ? compiled : { problems: toProblems(findings.list(), undefined) };
}

function listOf(params: JsonObject, field: string): readonly JsonObject[] {
  return (params[field] ?? []) as JsonObject[];
}

function checkMeaning(params: JsonObject, findings: Findings): void {
  for (const [index, node] of listOf(params, 'nodes').entries()) {
    if (findings.isFull) return;
    const path = ['nodes', index];
    const problem = typeof node['id'] === 'string' ? nodeIdProblem(node['id']) : undefined;
    if (problem !== undefined) findings.add([...path, 'id'], 'Invalid', problem);
    if (node['input'] !== undefined && node['with'] !== undefined)
      findings.add([...path, 'with'], 'Invalid', 'expected input or with, found both', { atKey: true });
    checkTaskBody(node, path, null, findings);
  }
  if (params['promises'] != null) checkGrowth({ promises: params['promises'] }, [], null, findings, new Findings());
}

function compileChange(params: JsonObject, asker: Asker, findings: Findings): Admitted {
  let { named } = asker;
  const edges = [...listOf(params, 'edges')] as unknown as EdgeSpec[];
  const nodes = listOf(params, 'nodes').map((node, index): NodeSpec => {
    if (node['id'] === undefined) named += 1;
    const id = typeof node['id'] === 'string' ? node['id'] : `${asker.node}/${asker.round}.${named}`;
    const before = (node['before'] ?? []) as string[];
    edges.push(...before.map((to) => ({ from: id, to })));
    const dependencies = [...new Set(dependenciesOf(node))];
    const words = compileNode(node, ['nodes', index], asker, findings);
    return { id, ...words, ...(dependencies.length === 0 ? {} : { dependencies }) };
  });
  const promises = params['promises'] == null ? [] : promisesOf({ promises: params['promises'] });
  const display = listOf(params, 'display') as unknown as NonNullable<GraphChange['display']>;
  const change: GraphChange = {
    ...(nodes.length === 0 ? {} : { nodes }),
    ...(edges.length === 0 ? {} : { edges }),
    ...(promises.length === 0 ? {} : { promises }),
    ...(display.length === 0 ? {} : { display }),
  };
  return { change, named };
}

/** Of a template its name, so that 10,000 copies do not hold it 10,000 times, and what the copy says otherwise. */
function compileNode(node: JsonObject, path: Path, asker: Asker, findings: Findings): Pick<NodeSpec, 'task' | 'own'> {
  const { task: name, id: _id, dependencies: _dependencies, before: _before, input, ...own } = node;
  const given = input === undefined ? {} : { input };
  if (typeof name !== 'string') return { task: { ...compileTask(own, path, noTasks, findings), ...given } };
  const words = Object.keys(own);
  checkTemplate(name, words, path, asker, findings);
  if (words.length === 0) return { task: name, ...(input === undefined ? {} : { own: given }) };
  // It does nothing of its own: what stands in place of an executor is left out again.
  const { executor: _executor, ...settings } = compileTask({ ...own, command: ':' }, path, noTasks, findings);
  return { task: name, own: { ...settings, ...given } };
}

const MAY_DIFFER: ReadonlySet<string> = new Set([...OWN_FIELDS, 'maxRetries', 'max_retries']);

function checkTemplate(name: string, words: readonly string[], path: Path, asker: Asker, findings: Findings): void {
  if (!Object.hasOwn(asker.templates, name)) {
    const hint = didYouMean(name, Object.keys(asker.templates));
    const message = `expected the name of a template, found ${quote(name)}, which is none${hint}`;
    findings.add([...path, 'task'], 'NotFound', message);
  }
  for (const field of words)
    if (!MAY_DIFFER.has(field))
      findings.add([...path, field], 'Forbidden', `expected only without task: template ${quote(name)} says it`);
}

/** Tasks of the store are pinned at the start of a run; templates are how a workflow names those that may come. */
function noTasks(): undefined {
  return undefined;
}

/** The problems in one text, for a message of one line. */
export function describeChangeProblems(problems: readonly Problem[]): string {
  const shown = problems.slice(0, 3).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return problems.length > 3 ? `${shown.join('; ')}; and ${problems.length - 3} more` : shown.join('; ');
}
