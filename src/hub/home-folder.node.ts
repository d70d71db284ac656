/**
 * @file The home folder of the user, for Node, Deno and Bun. A process may have none: a container can run as a user that no table lists.
 */
const { homedir, userInfo } = process.getBuiltinModule('node:os');

/** `undefined` if neither a variable nor the system's table of users names one. */
export function homeFolder(): string | undefined {
  try {
    // For an empty variable, `homedir` is empty.
    return homedir() || userInfo().homedir || undefined;
  } catch {
    return undefined;
  }
}
