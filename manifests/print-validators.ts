// Prints the validators of the kinds as a module, for the build: compiling the schemas anew in every process costs 200 ms,
// loading this costs a few. schema.ts takes it where it finds it.

import { printValidators } from './schema.ts';

process.stdout.write(printValidators());
