// What a worker tells a JavaScript host: one JSON line an attempt. Secrets travel here and nowhere else.

import type { Executor } from '../kernel/task.ts';
import type { Offer } from '../store/store.ts';
import { containerArguments } from './container.ts';
import type { Job } from './job.ts';

/** Absolute paths that connectors are given. */
export interface ConnectorPlaces {
  /** Of the user's own connectors; it need not exist. */
  readonly folder: string;
  readonly stateDir: string;
}

export interface HostMessage {
  readonly boot: string;
  readonly fence: string;
  readonly run: string;
  readonly node: string;
  readonly attempt: number;
  readonly key: string;
  readonly executor: Executor;
  readonly workingDir: string;
  readonly logPath: string;
  readonly inputPath: string;
  readonly outputPath: string;
  readonly outcomePath: string;
  readonly stopPath: string;
  /** Of a task that speaks: its standard output, and the FIFO that is its standard input. */
  readonly messagesPath?: string;
  readonly answersPath?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly connectors: ConnectorPlaces;
}

export function hostMessage(job: Job, boot: string, connectors: ConnectorPlaces): string {
  const { offer, places, env, secrets } = job;
  const message: HostMessage = {
    boot,
    fence: offer.fence,
    run: offer.run,
    node: offer.node,
    attempt: offer.attempt,
    key: offer.key,
    executor: asProgram(offer),
    workingDir: offer.workingDir,
    logPath: offer.logPath,
    inputPath: offer.input === undefined ? offer.inputPath : places.input,
    outputPath: places.output,
    outcomePath: places.outcome,
    stopPath: places.stop,
    ...(offer.messages === true ? { messagesPath: places.messages, answersPath: places.answers } : {}),
    env,
    secrets,
    connectors,
  };
  return `${JSON.stringify(message)}\n`;
}

/** A container is a program, as far as a host is concerned. */
function asProgram(offer: Offer): Executor {
  const { executor } = offer;
  return executor.type === 'container' ? { type: 'exec', argv: containerArguments(executor, offer) } : executor;
}
