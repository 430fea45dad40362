// Makes sure that tests and benches have the programs of PostgreSQL: finds them, or installs the system's package.
import { findPostgres } from './find-postgres.mjs';
import { aptInstall, ensure } from './install.mjs';

/** The package makes a cluster of its own and starts it, unless this file says that it should not. */
const CONFIG = '/etc/postgresql-common/createcluster.conf';
const NO_CLUSTER = `mkdir -p "$(dirname ${CONFIG})" && grep -qs '^create_main_cluster' ${CONFIG} ||
  echo 'create_main_cluster = false' >> ${CONFIG}`;

ensure({
  name: 'PostgreSQL',
  find: () => findPostgres({ bin: process.env.POSTGRES_BIN, path: process.env.PATH }),
  variable: 'POSTGRES_BIN',
  brew: 'postgresql@17',
  installWithApt(asRoot) {
    asRoot('apt-get', 'update', '-q');
    // It brings that file, which keeps what stands in it.
    asRoot(...aptInstall('postgresql-common', '-o', 'Dpkg::Options::=--force-confold'));
    asRoot('sh', '-c', NO_CLUSTER);
    asRoot(...aptInstall('postgresql', '-o', 'Dpkg::Options::=--force-confold'));
  },
  hint: 'Install it with "sudo apt-get install postgresql" or "brew install postgresql@17"',
});
