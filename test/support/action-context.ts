// What an action of a connector is given, for tests that call it without a worker.

import type { Json } from '../../kernel/json.ts';
import type { ActionContext, Connector } from '../../worker/connectors/connector.ts';

export function contextFor(directory: string, more: Partial<ActionContext> = {}): ActionContext & { said: string[] } {
  const said: string[] = [];
  return {
    run: 'etl',
    node: 'a',
    attempt: 1,
    key: 'key-1',
    signal: new AbortController().signal,
    workingDir: directory,
    stateDir: directory,
    env: {},
    log: (...values) => void said.push(values.join(' ')),
    said,
    ...more,
  };
}

export function act(connector: Connector, name: string, input: Json, context: ActionContext): Promise<Json> {
  const action = connector.actions[name];
  if (action === undefined) throw new Error(`expected an action ${name}`);
  return action.run(input, context);
}
