// The verbs that serve a state directory: up, controller, worker.

import { type Command, Option } from 'commander';
import { type Act, number, text, verb, whole } from './command.ts';

export function addServing(root: Command, act: Act): void {
  root.commandsGroup('Serving:');
  const up = verb(
    root,
    'up',
    [
      'start controller and workers, and keep them running',
      'Start the controller and workers as processes of their own, and start them again when they die.',
    ],
    ['oarlock up', 'two workers on ./state'],
    ['oarlock up --workers 4 --slots 8 --state /var/lib/oarlock', 'up to 32 tasks at once'],
  )
    .option('--workers <n>', 'worker processes', whole(1, 1_000), 2)
    .option('--slots <n>', 'tasks that each worker runs at once (default: one per CPU, at least 2)', whole(1, 10_000));
  act(up, async (session, options) =>
    (await import('../verbs/up.ts')).up(session, {
      workers: Number(options['workers']),
      slots: number(options['slots']),
    }),
  );

  const controller = verb(
    root,
    'controller',
    [
      'run a controller in this process',
      'Run a controller in this process: it decides what runs, and waits while another one does.',
    ],
    ['oarlock controller', 'decide for ./state'],
  ).addOption(lifelineOption());
  act(controller, async (session, options) =>
    (await import('../verbs/controller.ts')).controller(session, { hasLifeline: options['lifeline'] === true }),
  );

  const worker = verb(
    root,
    'worker',
    [
      'run a worker in this process',
      'Run a worker in this process: it takes tasks and runs them. SIGTERM lets running tasks end first.',
    ],
    ['oarlock worker', 'under the first free name of w1, w2, ...'],
    ['oarlock worker --name big --slots 16', 'under a name of your own'],
  )
    .option('--name <name>', 'name of the worker (default: the first free one of w1, w2, ...)')
    .option('--slots <n>', 'tasks at once (default: one per CPU, at least 2)', whole(1, 10_000))
    .addOption(lifelineOption());
  act(worker, async (session, options) =>
    (await import('../verbs/worker.ts')).worker(session, {
      name: text(options['name']),
      slots: number(options['slots']),
      hasLifeline: options['lifeline'] === true,
    }),
  );
}

/** Set by `up` for its children: end when standard input ends. */
function lifelineOption(): Option {
  return new Option('--lifeline', 'end when standard input ends').hideHelp();
}
