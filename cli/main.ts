#!/usr/bin/env node
// The entry: gives the command line the real outside world, and the process its exit code.

import { processIo } from './io.ts';
import { runProgram } from './program/program.ts';
import { crashHooks } from '../runtime/crash-point.ts';

const io = processIo();
const hooks = crashHooks(io.env);
const exitCode = await runProgram(
  {
    io,
    version: '0.1.0',
    doors: {
      openStore: async (url, stateDir) => (await import('../store/open.ts')).openStore(url, { stateDir, hooks }),
      random: async () => (await import('../runtime/random.ts')).createRandom(),
    },
  },
  process.argv.slice(2),
);
await io.flushed();
// Leaves at once: nothing that a verb forgot may keep a finished command alive.
process.exit(exitCode);
