// The verbs for objects: apply, validate, delete, get, describe.
// Words and help only; what they do stands in verbs/, loaded when one of them runs.

import { type Command, Option } from 'commander';
import { type Act, collect, text, texts, verb } from './command.ts';

export function addResources(root: Command, act: Act): void {
  root.commandsGroup('Objects:');
  const apply = verb(
    root,
    'apply',
    [
      'create or change objects from manifests',
      'Create objects from manifests, or change them to what the manifests say.',
    ],
    ['oarlock apply -f hello.yaml', 'one file, with one or more documents'],
    ['oarlock apply -f manifests/ -R', 'all .yaml, .yml and .json files below a directory'],
    ['generate | oarlock apply -f - --name nightly', 'from a pipe; a name for a document without one'],
  )
    .requiredOption('-f, --filename <file>', 'file, directory or - for standard input', collect)
    .option('-R, --recursive', 'also directories inside a directory')
    .option('--name <name>', 'name for a document that has none (default: the base name of its file)');
  act(apply, async (session, options) =>
    (await import('../verbs/apply.ts')).apply(session, {
      files: texts(options['filename']),
      isRecursive: options['recursive'] === true,
      name: text(options['name']),
    }),
  );

  const validate = verb(
    root,
    'validate',
    ['say what is wrong with manifests', 'Say what is wrong with manifests, with line and column. Changes nothing.'],
    ['oarlock validate -f hello.yaml', 'exit code 2 when it is not valid'],
  )
    .requiredOption('-f, --filename <file>', 'file, directory or - for standard input', collect)
    .option('-R, --recursive', 'also directories inside a directory')
    .option('--name <name>', 'name for a document that has none (default: the base name of its file)');
  act(validate, async (session, options) =>
    (await import('../verbs/validate.ts')).validate(session, {
      files: texts(options['filename']),
      isRecursive: options['recursive'] === true,
      name: text(options['name']),
    }),
  );

  const remove = verb(
    root,
    'delete',
    ['delete objects', 'Delete objects. A run that is active is stopped first.'],
    ['oarlock delete workflow hello', 'one object'],
    ['oarlock delete run/hello-x7k2p run/hello-9d1fm', 'several'],
    ['oarlock delete -f hello.yaml', 'what a manifest names'],
  )
    .argument('[kind]', 'kind, or KIND/NAME')
    .argument('[name...]', 'names')
    .option('-f, --filename <file>', 'delete the objects that these manifests name', collect)
    .option('-R, --recursive', 'also directories inside a directory')
    .option('--ignore-not-found', 'what is not there is fine');
  act(remove, async (session, options, words) =>
    (await import('../verbs/delete.ts')).deleteObjects(session, {
      targets: words,
      files: texts(options['filename']),
      isRecursive: options['recursive'] === true,
      ignoreMissing: options['ignoreNotFound'] === true,
    }),
  );

  const get = verb(
    root,
    'get',
    ['list objects, or print some of them', 'List objects, or print some of them.'],
    ['oarlock get runs', 'a table'],
    ['oarlock get run hello-x7k2p -o json', 'one object with the state of every node'],
    ['oarlock get all', 'workflows, runs, tasks and signals'],
    ['oarlock get runs -w', 'go on printing what changes'],
    ['oarlock get runs -l team=data', 'only those with a label'],
  )
    .argument('<kind>', 'workflows, runs, tasks, signals, workers, taskleases, or all; also KIND/NAME')
    .argument('[name...]', 'names')
    .addOption(
      new Option('-o, --output <format>', 'how to print')
        .choices(['table', 'wide', 'json', 'yaml', 'name'])
        .default('table'),
    )
    .option('-w, --watch', 'after listing, print every change until Ctrl-C')
    .option('-l, --selector <labels>', 'only objects with these labels: key=value, key!=value, key, !key');
  act(get, async (session, options, words) =>
    (await import('../verbs/get.ts')).get(session, {
      words,
      output: text(options['output']) ?? 'table',
      isWatch: options['watch'] === true,
      selector: text(options['selector']),
    }),
  );

  const describe = verb(
    root,
    'describe',
    ['tell the story of an object', 'Tell the story of an object: what was asked, what happened, what is wrong.'],
    ['oarlock describe run hello-x7k2p', 'conditions, nodes, last transitions, errors'],
    ['oarlock describe workflow hello', 'its tasks and its runs'],
  )
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names');
  act(describe, async (session, _options, words) =>
    (await import('../verbs/describe.ts')).describe(session, { words }),
  );
}
