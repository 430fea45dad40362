import { assertName, isName } from './names.js';

/**
 * Every subject is built and read here, from validated tokens.
 *
 *     <ns>.from.<principal>.<verb>          what agents and clients say
 *     <ns>.from.<client>.submit.<pool>      tasks for a pool, and the same with `assign`
 *     <ns>.ask.<principal>                  questions, which any coordinator answers, leading or not
 *     <ns>.to.<principal>                   what the coordinator says to one of them
 *     <ns>.leader                           that another leads now, or nobody
 *
 * The principal stands in the subject, so that a server that grants each credential only its own
 * `from.<principal>.>` and `to.<principal>` enforces identity: a payload's claim is never believed.
 */
export const VERBS = [
  'register',
  'heartbeat',
  'report',
  'progress',
  'leave',
  'submit',
  'assign',
  'settle',
  'registry',
  'orchestrate',
  'cancel',
  'query',
] as const;
export type Verb = (typeof VERBS)[number];
/** Verbs whose subject ends in a pool. */
export type PoolVerb = 'submit' | 'assign';

export interface Sender {
  readonly principal: string;
  readonly verb: Verb;
  /** Present for `submit` and `assign` alone. */
  readonly pool?: string;
}

export interface Subjects {
  from(principal: string, verb: Exclude<Verb, PoolVerb>): string;
  fromTo(principal: string, verb: PoolVerb, pool: string): string;
  ask(principal: string): string;
  to(principal: string): string;
  /** The subscription of the coordinator that leads. */
  readonly intake: string;
  /** The subscription that all coordinators share. */
  readonly readers: string;
  readonly leader: string;
  /** Prefix of the private subjects that a principal receives replies on. */
  inbox(principal: string): string;
  /** What a subject of the intake says about its sender; undefined when it is none of ours. */
  parse(subject: string): Sender | undefined;
}

/** @throws RotaError INVALID_NAME when a token is not a name. */
export function createSubjects(namespace: string): Subjects {
  const ns = assertName('namespace', namespace);
  return {
    from: (principal, verb) => `${ns}.from.${assertName('id', principal)}.${verb}`,
    fromTo: (principal, verb, pool) => `${ns}.from.${assertName('id', principal)}.${verb}.${assertName('pool', pool)}`,
    ask: (principal) => `${ns}.ask.${assertName('id', principal)}`,
    to: (principal) => `${ns}.to.${assertName('id', principal)}`,
    intake: `${ns}.from.>`,
    readers: `${ns}.ask.*`,
    leader: `${ns}.leader`,
    inbox: (principal) => `_INBOX.${ns}.${assertName('id', principal)}`,
    parse(subject) {
      const [space, from, principal, verb, pool, ...rest] = subject.split('.');
      if (space === ns && from === 'ask' && principal !== undefined && isName(principal) && verb === undefined) {
        return { principal, verb: 'query' };
      }
      if (space !== ns || from !== 'from' || principal === undefined || !isName(principal) || rest.length > 0) {
        return undefined;
      }
      if (verb === 'submit' || verb === 'assign') {
        return pool !== undefined && isName(pool) ? { principal, verb, pool } : undefined;
      }
      return pool === undefined && isVerb(verb) ? { principal, verb } : undefined;
    },
  };
}

/** Whether a reply may go to this subject: only an inbox, so that no sender can aim our replies at others. */
export function isInbox(subject: string): boolean {
  return /^_INBOX(\.[A-Za-z0-9_-]+)+$/.test(subject);
}

function isVerb(token: string | undefined): token is Verb {
  return (VERBS as readonly (string | undefined)[]).includes(token);
}
