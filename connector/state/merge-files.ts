/**
 * Merges files that two connectors of a site changed at the same time. What only one of them changed is taken; where both
 * changed the same thing, the stored one wins, so that all connectors come to the same result.
 */
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { Files } from "./store.ts";

/** An item of a list that is known by itself or by its id or name. */
const Keyed = z.union([
  z.string(),
  z.looseObject({ id: z.string() }).transform(({ id }) => id),
  z.looseObject({ name: z.string() }).transform(({ name }) => name),
]);

/**
 * A file that only one side has is kept: no connector removes files.
 * @param base the files that both sides began with
 * @param mine changed here
 * @param theirs as they are stored
 */
export function mergeFiles(base: Files, mine: Files, theirs: Files): Files {
  const names = new Set([...Object.keys(theirs), ...Object.keys(mine)]);
  const merged: Record<string, string> = {};
  for (const name of names) {
    const content = mergeTexts(base[name], mine[name], theirs[name]);
    if (content !== undefined) merged[name] = content;
  }
  return merged;
}

function mergeTexts(base: string | undefined, mine: string | undefined, theirs: string | undefined) {
  if (theirs === undefined) return mine;
  if (mine === undefined || mine === base || mine === theirs) return theirs;
  if (theirs === base) return mine;
  const [changed, stored] = [parsed(mine), parsed(theirs)];
  // A text that is no JSON is one thing: a certificate.
  if (changed === undefined || stored === undefined) return theirs;
  return `${JSON.stringify(merge(parsed(base), changed, stored), null, 2)}\n`;
}

/** Undefined stands for what is not there. */
function merge(base: unknown, mine: unknown, theirs: unknown): unknown {
  if (isDeepStrictEqual(mine, base) || isDeepStrictEqual(mine, theirs)) return theirs;
  if (isDeepStrictEqual(theirs, base)) return mine;
  if (Array.isArray(mine) && Array.isArray(theirs)) return mergeLists(base, mine, theirs);
  if (isRecord(mine) && isRecord(theirs)) {
    return Object.fromEntries(mergeMaps(entries(base), entries(mine), entries(theirs)));
  }
  return theirs;
}

function mergeLists(base: unknown, mine: readonly unknown[], theirs: readonly unknown[]): readonly unknown[] {
  const [before, changed, stored] = [byKey(Array.isArray(base) ? base : []), byKey(mine), byKey(theirs)];
  if (before === null || changed === null || stored === null) return theirs;
  return [...mergeMaps(before, changed, stored).values()];
}

function mergeMaps(
  base: ReadonlyMap<string, unknown>,
  mine: ReadonlyMap<string, unknown>,
  theirs: ReadonlyMap<string, unknown>,
): Map<string, unknown> {
  const merged = new Map<string, unknown>();
  for (const key of new Set([...theirs.keys(), ...mine.keys()])) {
    const value = merge(base.get(key), mine.get(key), theirs.get(key));
    if (value !== undefined) merged.set(key, value);
  }
  return merged;
}

/** The items of a list by their keys; null where one has none. */
function byKey(list: readonly unknown[]): Map<string, unknown> | null {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const { data: key } = Keyed.safeParse(item);
    if (key === undefined) return null;
    items.set(key, item);
  }
  return items;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const entries = (value: unknown): Map<string, unknown> =>
  new Map(isRecord(value) ? Object.entries(value) : []);

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
