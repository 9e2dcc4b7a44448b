// The verbs that ask something of a run: suspend, resume, cancel, restart, signal.

import type { Command } from 'commander';
import { type Act, text, verb } from './command.ts';

export function addSteering(root: Command, act: Act): void {
  root.commandsGroup('Steering runs:');
  const simple: readonly ['suspend' | 'resume' | 'cancel', [string, string], string][] = [
    [
      'suspend',
      ['let nothing new start in a run', 'Let nothing new start in a run. What runs goes on.'],
      'running tasks end, nothing new starts',
    ],
    ['resume', ['go on with a suspended run', 'Go on with a suspended run.'], 'go on'],
    ['cancel', ['stop a run for good', 'Stop what runs and end the run as Cancelled.'], 'stop it for good'],
  ];
  for (const [name, texts, comment] of simple) {
    const command = verb(root, name, texts, [`oarlock ${name} hello-x7k2p`, comment]).argument(
      '<run...>',
      'names of runs',
    );
    act(command, async (session, _options, names) => (await import('../verbs/steer.ts')).steer(session, name, names));
  }

  const restart = verb(
    root,
    'restart',
    [
      'run a node again, with all that follows it',
      'Run a node again, with all that follows it, also after the run has ended.',
    ],
    ['oarlock restart hello-x7k2p B', 'B and what depends on it'],
  )
    .argument('<run>', 'name of the run')
    .argument('<node>', 'id of a node');
  act(restart, async (session, _options, [name = '', node = '']) =>
    (await import('../verbs/steer.ts')).restart(session, { run: name, node }),
  );

  const signal = verb(
    root,
    'signal',
    [
      'send a run what one of its nodes waits for',
      'Send a run what one of its nodes waits for: an event, an approval, an answer.',
    ],
    ['oarlock signal hello-x7k2p approved', 'without data'],
    ['oarlock signal hello-x7k2p approved --data \'{"by": "ann"}\'', 'the data become the output of the node'],
  )
    .argument('<run>', 'name of the run')
    .argument('<name>', 'name that the node waits for')
    .option('--data <json|@file>', 'any JSON');
  act(signal, async (session, options, [name = '', signalName = '']) =>
    (await import('../verbs/signal.ts')).signal(session, { run: name, name: signalName, data: text(options['data']) }),
  );
}
