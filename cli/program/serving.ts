// The verbs that serve a state directory: up, controller, worker, api. What `up` is told about listening it hands on to the
// API, which is a process of its own.

import { type Command, Option } from 'commander';
import { type Act, number, type Options, text, verb, whole } from './command.ts';

export function addServing(root: Command, act: Act, version: string): void {
  root.commandsGroup('Serving:');
  const up = verb(
    root,
    'up',
    [
      'start controller, workers and API, and keep them running',
      'Start controller, workers and API as processes of their own, and start them again when they die.',
    ],
    ['oarlock up', 'two workers on ./state, the API on http://127.0.0.1:8080'],
    ['oarlock up --port 0', 'the API on any free port; state/endpoint.json says which'],
    ['oarlock up --workers 4 --slots 8 --state /var/lib/oarlock', 'up to 32 tasks at once'],
  )
    .option('--workers <n>', 'worker processes', whole(1, 1_000), 2)
    .option('--slots <n>', 'tasks that each worker runs at once (default: one per CPU, at least 2)', whole(1, 10_000));
  addListening(up);
  act(up, async (session, options) =>
    (await import('../verbs/up.ts')).up(session, {
      workers: Number(options['workers']),
      slots: number(options['slots']),
      apiWords: listeningWords(options),
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

  const api = verb(
    root,
    'api',
    [
      'run the API in this process',
      'Run the API in this process: http and https on one port. Several may run side by side.',
    ],
    ['oarlock api --port 0', 'on any free port of loopback'],
    ['oarlock api --host 0.0.0.0 --port 8443', 'for other machines: https only, with a certificate of its own'],
  );
  addListening(api);
  api.addOption(lifelineOption());
  act(api, async (session, options) =>
    (await import('../verbs/api.ts')).api(session, {
      port: number(options['port']),
      host: text(options['host']),
      isInsecureHttp: options['insecureHttp'] === true,
      jwks: text(options['jwks']),
      issuer: text(options['issuer']),
      audience: text(options['audience']),
      tlsCert: text(options['tlsCert']),
      tlsKey: text(options['tlsKey']),
      hasLifeline: options['lifeline'] === true,
      version,
    }),
  );
}

/** Where the API listens and whose tokens it takes: the same words for `api` and `up`, which hands them on. */
function addListening(command: Command): void {
  command
    .option(
      '--port <n>',
      'port of the API; 0 is any free one (default: 8080, or a free one when that is taken)',
      whole(0, 65_535),
    )
    .option('--host <address>', 'address that the API listens on (default: 127.0.0.1)')
    .option('--insecure-http', 'serve plain http also beyond loopback')
    .option('--tls-cert <file>', 'certificate of your own for https, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--jwks <url|file>', "take another issuer's tokens, too: its keys")
    .option('--issuer <name>', 'what those tokens say as iss')
    .option('--audience <name>', 'what those tokens say as aud');
}

const LISTENING_OPTIONS = ['port', 'host', 'tlsCert', 'tlsKey', 'jwks', 'issuer', 'audience'];

function listeningWords(options: Options): string[] {
  const words = LISTENING_OPTIONS.flatMap((name) => {
    const value = options[name];
    const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return typeof value === 'string' || typeof value === 'number' ? [flag, String(value)] : [];
  });
  return options['insecureHttp'] === true ? [...words, '--insecure-http'] : words;
}

/** Set by `up` for its children: end when standard input ends. */
function lifelineOption(): Option {
  return new Option('--lifeline', 'end when standard input ends').hideHelp();
}
