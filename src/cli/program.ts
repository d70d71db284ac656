/**
 * @file The program: finds the command, reads its options, runs it; errors are one line and exit code 1.
 */
import { nearest } from '../nearest.ts';
import { exitCodeOf, StoppedBySignal } from './abort-on-signal.ts';
import { collectBeforeExit } from './before-exit.ts';
import { runners } from './commands/runners.ts';
import { log, logLines } from './log.ts';
import { type CommandName, commandNames } from './options/option-types.ts';
import { inFlags } from './options/option-words.ts';
import { parseWithConfiguration } from './options/parse-options.ts';
import { write } from './output/write.ts';
import { UsageError } from './usage-error.ts';
import { packageVersion } from './version.ts';

/** Commands that compute in JavaScript, which V8 then compiles to the end. Elsewhere, the module that this needs takes 4 ms to load. */
const computing: ReadonlySet<CommandName> = new Set<CommandName>(['trace', 'parity']);

async function main([first, ...args]: readonly string[]): Promise<void> {
  if (first === undefined || first === 'help' || first === '-h' || first === '--help') {
    const { commandHelp, programHelp } = await import('./help/help.ts');
    const [about] = args;
    return write(about === undefined ? programHelp() : commandHelp(readCommand(about)));
  }
  if (first === '--version') return printVersion();
  const command = readCommand(first);
  const parsed = await parseWithConfiguration(command, args, process.env);
  if (parsed.values.version) return printVersion();
  if (parsed.values.help) {
    const { commandHelp } = await import('./help/help.ts');
    return write(commandHelp(command));
  }
  if (parsed.values.listDevices) {
    const { listDevices } = await import('./commands/devices.ts');
    return listDevices();
  }
  if (parsed.values.cacheList) {
    const { cacheList } = await import('./commands/models.ts');
    return cacheList();
  }
  for (const note of parsed.notes) log(note);
  await runners[command](parsed);
  if (computing.has(command)) collectBeforeExit();
}

/** @throws UsageError if no command has the name */
function readCommand(name: string): CommandName {
  if (isCommand(name)) return name;
  const known = `(commands: ${commandNames.join(', ')})`;
  if (name.startsWith('-')) {
    throw new UsageError(`${name} comes before the command: gguf-embed COMMAND [OPTIONS] ${known}`);
  }
  const near = nearest(name.toLowerCase(), commandNames);
  throw new UsageError(`unknown command ${name}${near ? `: did you mean ${near}?` : ''} ${known}`);
}

function isCommand(name: string): name is CommandName {
  return (commandNames as readonly string[]).includes(name);
}

async function printVersion(): Promise<void> {
  return write(`gguf-embed ${await packageVersion()}\n`);
}

/** The error, or for one that says nothing to a user another in its place. */
function explained(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if ((error as NodeJS.ErrnoException).syscall !== 'uv_cwd') return error;
  return new UsageError('the folder that the program was started in is gone: change to another one', { cause: error });
}

/** Runs the command that `args` name. Ends the process with code 1 after an error. */
export async function runProgram(args: readonly string[]): Promise<void> {
  try {
    await main(args);
  } catch (error) {
    const { message, stack } = explained(error);
    const verbose = args.some((arg) => ['-v', '--verbose', '--log-verbose'].includes(arg));
    const shown = error instanceof UsageError ? message : inFlags(message, args[0]);
    logLines(`error: ${verbose ? (stack ?? message) : shown.replaceAll(/\s*\n\s*/g, ' ')}`);
    if (!(error instanceof StoppedBySignal)) process.exit(1);
    if (error.signal !== 'SIGHUP') process.exit(exitCodeOf(error.signal));
    // The terminal has gone, and Node 20 would abort in `process.exit`.
    process.kill(process.pid, error.signal);
  }
}
