import { z } from 'zod';

/** What payloads and results are made of. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Frames are proven JSON-shaped by the structural scan: foreign bytes before they are decoded, our
 * own after they are encoded. So no schema needs to walk them.
 */
export const JsonValue = z.custom<Json>((value) => value !== undefined, 'must be a JSON value');
