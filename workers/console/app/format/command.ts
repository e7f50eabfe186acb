/** Commands that do what a page does. */

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The text of a command: `fairlead` and its words. */
export function fairlead(...words: readonly string[]): string {
  return ["fairlead", ...words].map(shellWord).join(" ");
}

/** Commands that take the network with `--network`. Commands about keys take it for keys of doors alone. */
export const NETWORK_COMMANDS: readonly string[] = [
  ...["status", "check", "events", "flows", "top", "version", "revoke-access", "debug dump"],
  ...["hostname add", "hostname list", "hostname remove"],
  ...["token create", "token list", "token revoke"],
  ...["service list", "service balance"],
  ...["site create", "site list", "site status", "site update", "site revoke", "site delete"],
  ...["link list", "link delete"],
];

/** A command with the name of the network, if the command takes it: a login may be good for several networks. */
export function forNetwork(command: string, network: string): string {
  const [, noun = "", verb = ""] = command.split(" ");
  const takesIt = [noun, `${noun} ${verb}`].some((path) => NETWORK_COMMANDS.includes(path));
  return network === "" || !takesIt ? command : `${command} --network ${shellWord(network)}`;
}
