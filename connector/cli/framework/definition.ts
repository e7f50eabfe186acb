/**
 * A command as data: its place, words, arguments, options and examples, and the handler. The commander
 * program, the help texts and docs/cli.md are all made from these definitions.
 */
import type { Context } from "./context.ts";

/** An option. `T` is what the handler gets. */
export interface OptionDefinition<T> {
  /** As commander writes them: `-o, --output <FILE>`. */
  readonly flags: string;
  readonly description: string;
  readonly kind: "switch" | "one" | "many";
  readonly required: boolean;
  /** What the handler gets when it is not given. */
  readonly fallback: T;
  /** The default as help shows it. */
  readonly shown?: string;
  parse(text: string): unknown;
}

/** A positional argument. */
export interface ArgumentDefinition<T> {
  /** In capitals, as help shows it. */
  readonly label: string;
  readonly description: string;
  /** Whether it can be left out; the handler then gets undefined. */
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
  /** A command that parses as it stands (a test runs through all). */
  readonly command: string;
  /** What it is for. */
  readonly says: string;
}

interface Description {
  /** Words after `fairlead`. */
  readonly path: readonly [string, ...string[]];
  /** One line. */
  readonly summary: string;
  /** What else a user must know. */
  readonly details?: string;
  readonly examples: readonly [Example, ...Example[]];
}

/** A command whatever its options are. */
export interface CommandDefinition extends Description {
  readonly arguments: Arguments;
  readonly options: Options;
  /** `input` holds the values by the keys of `arguments` and `options`, parsed by their definitions. */
  run(context: Context, input: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Defines a command; the handler's input is typed by the definitions. */
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
    // The one cast: `input` was made from these very definitions.
    run: (context, input) => definition.run(context, input as ArgumentValues<A> & OptionValues<O>),
  };
}

/** An argument that must be given. */
export const argument = <T>(
  label: string,
  description: string,
  parse: (text: string) => T,
): ArgumentDefinition<T> => ({ label, description, parse });

/** An argument that can be left out; the last one only. */
export const optionalArgument = <T>(
  label: string,
  description: string,
  parse: (text: string) => T,
): ArgumentDefinition<T | undefined> => ({ label, description, parse, optional: true });

const never = (text: string) => text;

/** An option that is there or not. `--no-…` is true unless given. */
export const flag = (flags: string, description: string): OptionDefinition<boolean> => ({
  flags,
  description,
  kind: "switch",
  required: false,
  fallback: flags.includes("--no-"),
  parse: never,
});

/** An option with a value; undefined when it is not given. */
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

/** An option that must be given. Its `fallback` is never used. */
export const needed = <T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
): OptionDefinition<T> => ({ ...value(flags, description, parse), required: true }) as OptionDefinition<T>;

/** An option with a value and a default; `shown` is the default as a user would write it. */
export const valueOr = <T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
  fallback: T,
  shown: string,
): OptionDefinition<T> => ({ flags, description, kind: "one", required: false, fallback, shown, parse });

/** An option that may be given several times. */
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
