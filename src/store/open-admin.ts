import { RotaError } from '../protocol/errors.js';
import type { StoreAdmin } from './admin.js';
import { kindOf } from './open.js';
import { openPostgresAdmin } from './postgres-admin.js';
import { openSqliteAdmin } from './sqlite-admin.js';

/** The place as `openStore` has it. @throws RotaError INVALID_VALUE, also for `none`; STORE_FAILED */
export async function openAdmin(place: string): Promise<StoreAdmin> {
  switch (kindOf(place)) {
    case 'memory':
      throw new RotaError('INVALID_VALUE', 'The store is "none", which keeps nothing to look after.', {
        field: 'store',
      });
    case 'postgres':
      return openPostgresAdmin({ url: place });
    case 'sqlite':
      return openSqliteAdmin({ path: place });
  }
}
