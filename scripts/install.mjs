// What the scripts share that make sure of a program: they find it, or install the system's package of it.
import { execFileSync, spawnSync } from 'node:child_process';

/**
 * @typedef {object} Wanted
 * @property {string} name what people call it
 * @property {() => string | undefined} find where it is, if it is there
 * @property {string} variable of the environment, that names one
 * @property {string} brew its package
 * @property {(asRoot: (command: string, ...args: string[]) => void) => void} installWithApt
 * @property {string} hint how to install it by hand
 */

/** Ends the process with 1 where there is none, and none can be installed. @param {Wanted} wanted */
export function ensure({ name, find, variable, brew, installWithApt, hint }) {
  if (find() !== undefined) return;
  const stop = (reason) => {
    console.error(`${reason} ${hint}, or set ${variable} to where there is one.`);
    process.exit(1);
  };
  const given = process.env[variable];
  if (given) stop(`${variable} is ${JSON.stringify(given)}, and there is none.`);
  const installers = [
    { tool: 'apt-get', usable: canInstallWithApt, install: () => installWithApt(asRoot) },
    {
      tool: 'brew',
      usable: () => works('brew', ['--version']),
      install: () => run('brew', ['install', '--quiet', brew]),
    },
  ];
  const installer = installers.find(({ usable }) => usable());
  if (installer === undefined) stop(`There is no ${name} on this machine.`);
  try {
    installer.install();
  } catch (error) {
    stop(`${installer.tool} could not install ${name} (${error.message}).`);
  }
  const found = find();
  if (found === undefined) stop(`${installer.tool} installed ${name}, but it is not where it is looked for.`);
  console.log(`Installed ${name} with ${installer.tool}: ${found}`);
}

/** The arguments with which apt-get installs these packages and asks nothing, as one of `env`. */
export function aptInstall(...packages) {
  return ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-qy', '--no-install-recommends', ...packages];
}

const isRoot = process.getuid?.() === 0;

function asRoot(command, ...args) {
  return isRoot ? run(command, args) : run('sudo', ['-n', command, ...args]);
}

function canInstallWithApt() {
  return works('apt-get', ['--version']) && (isRoot || works('sudo', ['-n', 'true']));
}

/** Runs a command; its output is shown only when it fails. */
function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
