// What an attempt in a JavaScript host reads and writes: its input, and the output that counts when the outcome says so.

import type { Json } from '../kernel/json.ts';
import type { Disk } from '../store/file/disk.ts';
import type { HostMessage } from './host-message.ts';
import { TaskFailure } from './task-failure.ts';

export function readInput(message: HostMessage, disk: Disk): Json {
  const bytes = disk.read(message.inputPath);
  return bytes === null ? null : (JSON.parse(bytes.toString()) as Json);
}

export function writeOutput(message: HostMessage, disk: Disk, value: unknown): void {
  const text = toText(value);
  disk.unlink(message.outputPath);
  disk.createNew(message.outputPath, text);
}

function toText(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TaskFailure(
      'OutputInvalid',
      `returned what JSON cannot hold: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (text === undefined) throw new TaskFailure('OutputInvalid', `returned what JSON cannot hold: a ${typeof value}`);
  return text;
}
