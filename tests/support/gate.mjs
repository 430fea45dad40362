// A command that waits: it says its key to the gate at PORT, and does its work, SCRIPT, once the gate lets it.
import { connect } from 'node:net';
import { pathToFileURL } from 'node:url';

const [port, script] = process.argv.slice(2);
const gate = connect(Number(port), '127.0.0.1');
gate.write(`${process.env.ROTA_KEY}\n`);
gate.resume();
// A gate that is gone holds nobody: a test that failed leaves no process behind.
gate.on('error', () => {});
await new Promise((resolve) => gate.once('close', resolve));
await import(pathToFileURL(script).href);
