// The verbs that make a run and look into it: run, logs, why, history, graph.
// Owns: their words on the command line. Does not own: what they do (verbs/).

import { type Command, Option } from 'commander';
import { type Act, number, text, verb, whole } from './command.ts';

export function addRuns(root: Command, act: Act): void {
  root.commandsGroup('Runs:');
  const run = verb(
    root,
    'run',
    [
      'run a workflow and follow it to its end',
      'Run a workflow and follow it to its end. Starts what is needed for that long when nothing serves the state directory.',
    ],
    ['oarlock run hello.yaml', 'a file: applied first'],
    ['oarlock run hello --input \'{"day": "2026-11-20"}\'', 'a workflow that was applied'],
    ['oarlock run hello --input @input.json -o json', 'prints the finished run and nothing else'],
  )
    .argument('<file|workflow>', 'a manifest, or the name of a workflow')
    .option('--input <json|@file>', "the run's input")
    .option('--name <name>', 'name of the run (default: the name of the workflow and five random characters)')
    .option('--slots <n>', 'tasks at once when this command serves the directory itself', whole(1, 10_000))
    .addOption(
      new Option('-o, --output <format>', 'json: print the finished run').choices(['text', 'json']).default('text'),
    );
  act(run, async (session, options, [target = '']) =>
    (await import('../verbs/run.ts')).run(session, {
      target,
      input: text(options['input']),
      name: text(options['name']),
      slots: number(options['slots']),
      isJson: options['output'] === 'json',
    }),
  );

  const logs = verb(
    root,
    'logs',
    ['print what tasks wrote', 'Print what tasks wrote.'],
    ['oarlock logs hello-x7k2p', 'all tasks, each line with the name of its task'],
    ['oarlock logs hello-x7k2p B -f', 'one task, and go on until it ends'],
    ['oarlock logs hello-x7k2p B --attempt 1', 'an earlier attempt'],
  )
    .argument('<run>', 'name of the run')
    .argument('[node]', 'id of a node')
    .option('-f, --follow', 'go on until the task (or the run) has ended')
    .option('--attempt <n>', 'which attempt (default: the newest)', whole(1, 1_000_000_000));
  act(logs, async (session, options, [name = '', node]) =>
    (await import('../verbs/logs.ts')).logs(session, {
      run: name,
      node: node ?? null,
      isFollow: options['follow'] === true,
      attempt: number(options['attempt']),
    }),
  );

  const why = verb(
    root,
    'why',
    ['say what a node waits for, or how it ended', 'Say in order what a node waits for, or how it ended.'],
    ['oarlock why hello-x7k2p D', 'why D does not run'],
  )
    .argument('<run>', 'name of the run')
    .argument('<node>', 'id of a node');
  act(why, async (session, _options, [name = '', node = '']) =>
    (await import('../verbs/why.ts')).whyNode(session, { run: name, node }),
  );

  const history = verb(
    root,
    'history',
    ['print every transition of a run', 'Print every transition of a run, in order.'],
    ['oarlock history hello-x7k2p', 'a line each'],
    ['oarlock history hello-x7k2p -o json', 'for programs'],
  )
    .argument('<run>', 'name of the run')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'));
  act(history, async (session, options, [name = '']) =>
    (await import('../verbs/history.ts')).history(session, { run: name, isJson: options['output'] === 'json' }),
  );

  const graph = verb(
    root,
    'graph',
    [
      'draw what was done, is done and may still come',
      'Draw what was done, is done and may still come in a run; of a workflow, what a run of it could become.',
    ],
    ['oarlock graph hello', 'before it runs'],
    ['oarlock graph hello-x7k2p --at 12', 'as it was after the twelfth event'],
    ['oarlock graph hello-x7k2p -o svg > run.svg', 'a picture'],
  )
    .argument('<run|workflow>', 'name of a run, else of a workflow; also KIND/NAME')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'dot', 'svg', 'json']).default('text'),
    )
    .option('--at <seq|time>', 'as it was after that event (`history` shows their numbers), or at that instant')
    .option('--expand', 'a box for every node (default for json; else what is alike is folded into one)')
    .option('--no-expand', 'fold what is alike, also for json');
  act(graph, async (session, options, [target = '']) =>
    (await import('../verbs/graph.ts')).graph(session, {
      target,
      output: formatOf(options['output']),
      at: text(options['at']),
      isExpanded: typeof options['expand'] === 'boolean' ? options['expand'] : undefined,
    }),
  );
}

function formatOf(value: unknown): 'text' | 'dot' | 'svg' | 'json' {
  return value === 'dot' || value === 'svg' || value === 'json' ? value : 'text';
}
