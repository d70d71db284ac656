// Options of a benchmark, checked before anything is measured, and its failures, printed without a stack where the message says it all.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const isCount = (text) => /^[1-9]\d*$/.test(text);
const numbers = (text) => text.split(',').map(Number);

/** The names that --precision takes. */
export const precisions = ['high', 'fast', 'exact'];

/** What an option takes (`is`), as its error names it (`wants`), and the value that it stands for (`read`, else the text). */
const kinds = {
  count: { wants: 'a whole number from 1 on', is: isCount, read: Number },
  counts: {
    wants: 'whole numbers from 1 on, separated by commas',
    is: (text) => text.split(',').every(isCount),
    read: numbers,
  },
  /** Of texts, in tokens. */
  lengths: {
    wants: 'whole numbers from 2 on or mixed, separated by commas',
    is: (text) => text.split(',').every((length) => length === 'mixed' || (isCount(length) && length !== '1')),
    read: (text) => text.split(',').map((length) => (length === 'mixed' ? length : Number(length))),
  },
  number: { wants: 'a number above 0', is: (text) => Number(text) > 0 && Number(text) < Infinity, read: Number },
  file: { wants: 'a file that exists', is: existsSync },
  /** A program without a slash is looked for in the path by the system. */
  program: { wants: 'a program that exists', is: (text) => !/[/\\]/.test(text) || existsSync(text) },
};

/** @param spec an option of `parseArgs` that may have a `kind`, or the names that it takes: `of` for one, `listOf` for a list of them */
function kindOf({ kind, of, listOf }) {
  if (of !== undefined) return { wants: `one of ${of.join(', ')}`, is: (text) => of.includes(text) };
  if (listOf === undefined) return kinds[kind];
  return {
    wants: `${listOf.join(', ')}, or several of them separated by commas`,
    is: (text) => text.split(',').every((name) => listOf.includes(name)),
    read: (text) => text.split(','),
  };
}

/** Says what is wrong with the command line and ends the process. */
export function refuse(message) {
  console.error(`${message}\n--help lists what the benchmark takes.`);
  process.exit(2);
}

/** @throws an error of `parseArgs`, or an end of the process */
function parsed(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!String(error.code).startsWith('ERR_PARSE_ARGS')) throw error;
    // Node goes on about words that begin with a dash.
    return refuse(/^Unknown option '[^']*'/.exec(error.message)?.[0] ?? error.message);
  }
}

/** The value that each text stands for; `what` names the option. */
function checked(what, kind, given) {
  if (given === undefined || kind === undefined) return given;
  const one = (text) => (kind.is(text) ? (kind.read?.(text) ?? text) : refuse(`${what} ${text}: give ${kind.wants}`));
  return Array.isArray(given) ? given.map(one) : one(given);
}

/**
 * The options and other words of the command line, as `parseArgs` gives them, with their values checked and read. `--help` prints `help` and ends
 * the process, and so does a mistake. From then on, what fails is printed by `explained`.
 * @param config of `parseArgs`; an option may have a `kind`, `of` or `listOf`
 */
export function readOptions(help, { options = {}, ...config } = {}) {
  process.once('uncaughtException', (error) => {
    console.error(explained(error));
    process.exit(1);
  });
  const all = { ...options, help: { type: 'boolean', short: 'h' } };
  const { values, positionals } = parsed({ ...config, options: all });
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  const read = Object.entries(values).map(([name, given]) => {
    return [name, checked(`--${name}`, kindOf(options[name]), given)];
  });
  return { values: Object.fromEntries(read), positionals };
}

/** The message of an error, with the stack if it is a mistake of the program rather than of what it was given. */
export function explained(error) {
  if (!(error instanceof Error)) return String(error);
  const mistakes = [TypeError, RangeError, ReferenceError, SyntaxError, URIError];
  return mistakes.includes(error.constructor) ? (error.stack ?? error.message) : error.message;
}

/** The version of a program of Node, as in v24.1.0. */
export function nodeVersion(program) {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
}
