/** Parsers of option and argument values. Each throws `request.invalid` with the reason. */
import type * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseWith } from "../../../protocol/parse.ts";
import { parseAddress } from "../../edge/addresses/addresses.ts";

const invalid = (message: string) => new FairleadError("request.invalid", message);

/** A parser for what `schema` accepts, with the schema's own words for what it does not. */
export const accepting =
  <T>(schema: z.ZodType<T>) =>
  (text: string): T =>
    parseWith(schema, text, { code: "request.invalid", what: `"${text}"` });

/** Parses one of a few words. */
export const oneOf =
  <const T extends string>(...words: readonly T[]) =>
  (text: string): T => {
    const word = words.find((each) => each === text);
    if (word !== undefined) return word;
    throw invalid(`"${text}" is none of ${words.join(", ")}.`);
  };

/** Parses a whole number from `least` to `most`, both included. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw invalid(`"${text}" is not a whole number from ${least} to ${most}.`);
  };

/** Parses any text that is not empty. */
export function someText(text: string): string {
  if (text.trim() !== "") return text;
  throw invalid("The value must not be empty.");
}

/** Checks `HOST:PORT` and returns it as written. Port 0 asks for any free port. */
export function hostPort(text: string): string {
  parseAddress(text, "the address");
  return text;
}

/** Checks `HOST:PORT`, or one word in its place. */
export const hostPortOr = (word: string) => (text: string) => (text === word ? text : hostPort(text));
