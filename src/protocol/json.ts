import { z } from 'zod';

/** What payloads and results are made of. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Foreign bytes are proven JSON-shaped by the structural scan before they are decoded, so frames
 * need no second walk; values that come from code in the same process get one in the codec.
 */
export const JsonValue = z.custom<Json>((value) => value !== undefined, 'must be a JSON value');
