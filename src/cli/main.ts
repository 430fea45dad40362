#!/usr/bin/env node
import { systemClock } from '../clock.js';
import { createOutput } from './output.js';
import { runProgram } from './program.js';

const output = createOutput(process.stdout, process.stderr);
// Everything is closed by now; a handle that somebody forgot must not keep the shell waiting.
process.exit(await runProgram(process.argv.slice(2), { output, clock: systemClock }));
