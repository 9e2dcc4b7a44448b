// The verbs for access through the API: token, kubeconfig.

import { type Command, Option } from 'commander';
import { type Act, text, verb } from './command.ts';

export function addAccess(root: Command, act: Act): void {
  root.commandsGroup('Access:');
  const token = verb(
    root,
    'token',
    ['make tokens for the API, and take them back', 'Make tokens for the API, take them back, change the key.'],
    ['oarlock token create', 'print a token that is good for an hour'],
    ['oarlock token create --subject ci --expires 7d', 'for a machine'],
  );
  token.usage('create|revoke|rotate [options]');
  const create = token
    .command('create')
    .summary('print a new token and nothing else')
    .option('--subject <name>', 'who it is for (default: your user name)')
    .option('--expires <time>', 'how long it is good: 15m, 1h, 7d, at most 30d', '1h')
    .addOption(
      new Option('-o, --output <format>', 'the token, or as a plugin of kubectl prints it')
        .choices(['token', 'exec'])
        .default('token'),
    );
  act(create, async (session, options) =>
    (await import('../verbs/token.ts')).createToken(session, {
      subject: text(options['subject']),
      expires: text(options['expires']) ?? '1h',
      output: text(options['output']) ?? 'token',
    }),
  );
  const revoke = token.command('revoke').summary('make a token worthless').argument('<token>', 'the token itself');
  act(revoke, async (session, _options, words) =>
    (await import('../verbs/token.ts')).revokeToken(session, words[0] ?? ''),
  );
  const rotate = token.command('rotate').summary('sign with a new key; tokens of the one before go on counting');
  act(rotate, async (session) => (await import('../verbs/token.ts')).rotateKey(session));

  const kubeconfig = verb(
    root,
    'kubeconfig',
    ['print a configuration for kubectl', 'Print a configuration with which kubectl works as it is.'],
    ['oarlock kubeconfig > oarlock.kubeconfig', 'then: export KUBECONFIG=oarlock.kubeconfig'],
  )
    .option('--subject <name>', 'who it is for (default: your user name)')
    .option('--expires <time>', 'how long each token is good: 15m, 1h, 7d, at most 30d', '1h')
    .option('--embed-token', 'put a token inside instead of a command that makes one whenever it is needed');
  act(kubeconfig, async (session, options) =>
    (await import('../verbs/kubeconfig.ts')).kubeconfig(session, {
      subject: text(options['subject']),
      expires: text(options['expires']) ?? '1h',
      isEmbedded: options['embedToken'] === true,
    }),
  );
}
