// The context object (`$$`, `$states.context`): which run this is, which state, which item.

import type { JsonObject } from '../../kernel/json.ts';
import type { Run } from '../../kernel/run.ts';
import type { Registration } from '../../kernel/task.ts';
import type { State } from './machine.ts';
import { inputAround, itemAround, type Visit } from './visit.ts';

/** Ids have the form of an ARN, because documents take them apart as such. */
const ARN = 'arn:aws:states:local:000000000000';

export function contextOf(
  registration: Registration,
  run: Run | null,
  visit: Visit,
  find: (state: string) => State,
  /** Of a state that may be tried again; of another, undefined. */
  retries: number | undefined,
): JsonObject {
  const machine = registration.workflow ?? registration.name;
  const started = new Date(run?.startedAt ?? visit.at).toISOString();
  const item = itemAround(run, visit.place, find);
  return {
    Execution: {
      Id: `${ARN}:execution:${machine}:${registration.name}`,
      Input: inputAround(run, visit.place, find) ?? registration.input,
      Name: registration.name,
      RoleArn: 'arn:aws:iam::000000000000:role/oarlock',
      StartTime: started,
      RedriveCount: run?.rounds ?? 0,
    },
    StateMachine: { Id: `${ARN}:stateMachine:${machine}`, Name: machine },
    State: {
      Name: visit.state,
      EnteredTime: new Date(visit.at).toISOString(),
      ...(retries === undefined ? {} : { RetryCount: retries }),
    },
    ...(visit.token === undefined ? {} : { Task: { Token: visit.token } }),
    ...(item === null ? {} : { Map: item }),
  };
}
