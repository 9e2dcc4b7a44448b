// `connector`: finds the action, checks what goes in and what comes out, and makes an outcome of how it ended.

import { format } from 'node:util';
import type { Json, JsonObject } from '../kernel/json.ts';
import type { Executor } from '../kernel/task.ts';
import { compileDataSchema } from '../manifests/schema.ts';
import type { Disk } from '../store/file/disk.ts';
import { type Action, ConnectorError } from './connectors/connector.ts';
import { findAction } from './connectors/registry.ts';
import { readInput, writeOutput } from './host-data.ts';
import type { HostLog } from './host-log.ts';
import type { HostMessage } from './host-message.ts';
import { TaskFailure } from './task-failure.ts';

type ConnectorCall = Extract<Executor, { type: 'connector' }>;

export async function runConnector(
  message: HostMessage,
  call: ConnectorCall,
  disk: Disk,
  log: HostLog,
  signal: AbortSignal,
): Promise<number> {
  try {
    const action = await findAction(call.action, message.connectors.folder);
    const input = readInput(message, disk);
    check(action.input, input, (problem) => {
      throw new ConnectorError('InvalidInput', `${call.action}: input: ${problem}`, 'permanent');
    });
    const output = await perform(action, input, message, log, signal);
    check(action.output, output, (problem) => {
      throw new ConnectorError('OutputInvalid', `${call.action}: output: ${problem}`, 'permanent');
    });
    writeOutput(message, disk, output);
    return 0;
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    throw new TaskFailure(error.type, error.message, { cause: error, isPermanent: error.lasting === 'permanent' });
  }
}

function perform(action: Action, input: Json, message: HostMessage, log: HostLog, signal: AbortSignal): Promise<Json> {
  const { run, node, attempt, key, workingDir, env, connectors } = message;
  const context = { run, node, attempt, key, signal, workingDir, stateDir: connectors.stateDir, env };
  return action.run(input, { ...context, log: (...values) => log.write(`${format(...values)}\n`) });
}

function check(schema: JsonObject, data: Json, refuse: (problem: string) => never): void {
  const problem = compileDataSchema(schema)(data);
  if (problem !== undefined) refuse(problem);
}
