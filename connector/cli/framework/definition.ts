/**
 * A command as data: its words, arguments, options, examples and handler. The commander program, the help texts and
 * docs/cli.md are made from these definitions.
 */
import type { Context } from "./context.ts";

/** An option. `T` is the type of the handler's value. */
export interface OptionDefinition<T> {
  /** In the form of commander: `-o, --output <FILE>`. */
  readonly flags: string;
  readonly description: string;
  readonly kind: "switch" | "one" | "many";
  readonly required: boolean;
  /** The handler's value if the option is not given. */
  readonly fallback: T;
  /** The default as help shows it. Not set if the description says it. */
  readonly shown?: string;
  parse(text: string): unknown;
}

/** A positional argument. */
export interface ArgumentDefinition<T> {
  /** Name in capitals, as help shows it. */
  readonly label: string;
  readonly description: string;
  /** Whether the argument can be left out; the handler's value is then undefined. */
  readonly optional?: boolean;
  parse(text: string): T;
}

type Options = Readonly<Record<string, OptionDefinition<unknown>>>;
type Arguments = Readonly<Record<string, ArgumentDefinition<unknown>>>;
type OptionValues<O extends Options> = {
  [K in keyof O]: O[K] extends OptionDefinition<infer T> ? T : never;
};
type ArgumentValues<A extends Arguments> = {
  [K in keyof A]: A[K] extends ArgumentDefinition<infer T> ? T : never;
};

export interface Example {
  /** A complete command. A test parses every example. */
  readonly command: string;
  /** What the command does, in a sentence. */
  readonly says: string;
}

interface Description {
  /** The words after `fairlead`. */
  readonly path: readonly [string, ...string[]];
  /** What the command does, in a sentence. */
  readonly summary: string;
  /** What else a user must know, in sentences. */
  readonly details?: string;
  readonly examples: readonly [Example, ...Example[]];
}

/** A command with any arguments and options. */
export interface CommandDefinition extends Description {
  readonly arguments: Arguments;
  readonly options: Options;
  /** @param input the parsed values, by the keys of `arguments` and `options` */
  run(context: Context, input: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Defines a command. The definitions give the type of the handler's input. */
export function command<const A extends Arguments, const O extends Options>(
  definition: Description & {
    readonly arguments?: A;
    readonly options?: O;
    run(context: Context, input: ArgumentValues<A> & OptionValues<O>): Promise<void>;
  },
): CommandDefinition {
  return {
    ...definition,
    arguments: definition.arguments ?? {},
    options: definition.options ?? {},
    // The only cast: the program builds `input` from these definitions.
    run: (context, input) => definition.run(context, input as ArgumentValues<A> & OptionValues<O>),
  };
}

/** A required argument. */
export const argument = <T>(
  label: string,
  description: string,
  parse: (text: string) => T,
): ArgumentDefinition<T> => ({ label, description, parse });

/** An optional argument; the last argument alone may be optional. */
export const optionalArgument = <T>(
  label: string,
  description: string,
  parse: (text: string) => T,
): ArgumentDefinition<T | undefined> => ({ label, description, parse, optional: true });

const never = (text: string) => text;

/** An option without a value: true if given. `--no-…` is true unless given. */
export const flag = (flags: string, description: string): OptionDefinition<boolean> => ({
  flags,
  description,
  kind: "switch",
  required: false,
  fallback: flags.includes("--no-"),
  parse: never,
});

/** An option with a value; undefined if it is not given. */
export const value = <T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
): OptionDefinition<T | undefined> => ({
  flags,
  description,
  kind: "one",
  required: false,
  fallback: undefined,
  parse,
});

/** A required option. Its `fallback` is never used. */
export const needed = <T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
): OptionDefinition<T> => ({ ...value(flags, description, parse), required: true }) as OptionDefinition<T>;

/** An option with a value and a default. @param shown the default as a user writes it */
export const valueOr = <T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
  fallback: T,
  shown: string,
): OptionDefinition<T> => ({ flags, description, kind: "one", required: false, fallback, shown, parse });

/** An option that can be repeated. */
export const values = <T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
): OptionDefinition<readonly T[]> => ({
  flags,
  description,
  kind: "many",
  required: false,
  fallback: [],
  parse,
});
