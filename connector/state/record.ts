/** A record: a JSON file of a state directory, with the version of its form. */
import * as z from "zod";
import { parseJsonWith } from "../../protocol/parse.ts";
import { corruptState, newerState, type Role } from "./errors.ts";

const Versioned = z.object({ version: z.int(), software: z.string().max(100).optional() });

export interface RecordOptions {
  /** Path of the file, for messages. */
  readonly file: string;
  /** The highest `version` that this program knows; 0 for a form without one. */
  readonly newest: number;
  /** The program that the file belongs to. */
  readonly role: Role;
}

/** Parses a record. @throws FairleadError state.corrupt, which says so where a newer program wrote it */
export function parseRecord<T>(text: string, schema: z.ZodType<T>, { file, newest, role }: RecordOptions): T {
  const failure = (why: string, cause: unknown) =>
    corruptState(`${file} does not have the expected form: ${why}.`, role, { cause });
  if (newest > 0) {
    const versioned = parseJsonWith(Versioned.partial().catch({}), text, failure);
    const { version = 0, software } = versioned;
    if (version > newest) throw newerState(`${file} (version ${version})`, software);
  }
  return parseJsonWith(schema, text, failure);
}
