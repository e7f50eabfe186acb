/** Checks a command as a page or a message shows it. */
import { COMMANDS, commandOf } from "../../../connector/cli/commands.ts";

/** What every command takes. */
const COMMON = new Set(["--json", "--help", "--version"]);

/** What is wrong with a command, or null. */
export function problemOf(words: readonly string[]): string | null {
  const [first = ""] = words;
  if (first === "help") return problemOfHelp(words.slice(1));
  if (COMMON.has(first) || /^[A-Z…]/.test(first)) return null;
  const command = commandOf(words);
  if (command === undefined) return `there is no command "fairlead ${words.join(" ")}"`;
  const known = new Set(
    Object.values(command.options).flatMap(({ flags }) => flags.match(/(?<![\w-])--?[a-z][a-z-]*/g) ?? []),
  );
  const unknown = words
    .map((word) => /^[[(]*(--?[a-z][a-z-]*)/.exec(word)?.[1])
    .filter((flag) => flag !== undefined && !known.has(flag) && !COMMON.has(flag));
  return unknown.length === 0 ? null : `"fairlead ${command.path.join(" ")}" has no ${unknown.join(", ")}`;
}

/** What is wrong with the words after `fairlead help`, or null. */
function problemOfHelp(words: readonly string[]): string | null {
  const named = words.filter((word) => !/^[A-Z…[]/.test(word));
  const known = COMMANDS.some(({ path }) => named.every((word, at) => path[at] === word));
  return known ? null : `there is no command "${named.join(" ")}" to help with`;
}

/** A command with more words than it has arguments, as a problem; null otherwise. */
export function surplusOf(words: readonly string[]): string | null {
  const command = commandOf(words);
  if (command === undefined) return null;
  const flags = Object.values(command.options).map((option) => option.flags);
  const takesValue = (word: string) =>
    flags.some((each) => each.includes("<") && each.split(/[ ,]+/).includes(word));
  const rest = words.slice(command.path.length);
  const free = rest.filter((word, at) => !word.startsWith("-") && !takesValue(rest[at - 1] ?? ""));
  const most = Object.keys(command.arguments).length;
  return free.length > most ? `gives "${command.path.join(" ")}" ${free.length} arguments of ${most}` : null;
}
