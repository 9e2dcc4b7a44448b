// The steps of an execution: where it stands, what each was given and gave, and how it came to that.
//
// Owns: the form of a step. Does not own: executions themselves (executions.ts). Nothing here changes anything.

import { transitions } from '../../kernel/history.ts';
import { inputOf } from '../../kernel/input.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import { timeText } from '../../kernel/time.ts';
import type { Resource } from '../../manifests/model.ts';
import { visitOf } from '../../manifests/states/visit.ts';
import { foldedRun } from '../core/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../problem.ts';
import { present } from './names.ts';

const UNDER_WAY = ['RUNNING', 'RETRYING', 'WAITING'];

/** The current state of an execution, and all its steps so far. */
export function stepsOf(run: Run | null, isOver: boolean): JsonObject {
  const nodes = run === null ? [] : [...run.nodes.values()];
  const active = nodes.filter((node) => UNDER_WAY.includes(node.state) && stateOf(node) !== null);
  const current = active[0] ?? (isOver ? lastOf(run) : null);
  return {
    currentState: current === null ? null : stateOf(current),
    currentSteps: active.map(({ id }) => id),
    steps: nodes.map(faceOf),
  };
}

/** Of a state machine the state that a node is a visit of; null for what is none, such as the time that the run may take. */
function stateOf(node: Node): string | null {
  const visit = visitOf(node);
  return visit === null ? node.id : ((visit.state as string | undefined) ?? null);
}

/** A state machine that has ended stays in the state in which it ended. */
function lastOf(run: Run | null): Node | null {
  return run === null || run.end === null ? null : (run.result ?? run.firstFailure);
}

function faceOf(node: Node): JsonObject {
  const { id, state, attempts, startedAt, finishedAt, worker, output, error, task } = node;
  const time = (ms: number | null): string | null => (ms === null ? null : timeText(ms));
  return {
    id,
    status: state,
    attempts,
    ...present({
      task: task.task ?? null,
      startedAt: time(startedAt),
      finishedAt: time(finishedAt),
      worker,
      output,
      error: error === null ? null : { type: error.type, message: error.message },
    }),
    dependencies: Array.from(node.predecessors, (before) => before.id),
  };
}

export async function stepOf(deps: ApiDeps, object: Resource, id: string): Promise<JsonObject> {
  const run = await foldedRun(deps.store, object);
  const node = run?.nodes.get(id);
  if (run === null || node === undefined) throw notFound(`workflowruns/${object.metadata.name}/steps`, '', id);
  return {
    executionId: object.metadata.name,
    ...faceOf(node),
    input: inputOf(run, node) ?? run.registration.input,
    history: await historyOf(deps, object, id),
  };
}

/** Transitions of the execution, or of one step of it. */
export async function historyOf(deps: ApiDeps, object: Resource, step: string | null): Promise<JsonObject[]> {
  const { name, uid } = object.metadata;
  const loaded = await deps.store.runs.load({ name, uid }, { ignoreSnapshot: true });
  const changes = loaded === null ? [] : [...transitions(loaded.events)];
  return changes
    .filter(({ node }) => step === null || node === step)
    .map(({ at, node, from, to, note }) => ({
      time: timeText(at),
      ...(step === null ? { step: node } : {}),
      from,
      to,
      ...(note === '' ? {} : { note }),
    }));
}
