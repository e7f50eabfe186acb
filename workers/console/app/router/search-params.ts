/** Search parameters in URLs: each is a text, and those with their default value are left out. */
import * as z from "zod";

/** Parses the part of a URL after the path. */
export const parseSearch = (text: string): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(text));

/** Writes search parameters. Empty ones are left out. */
export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value === undefined || value === null || value === "") continue;
    parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** The parameters of a list: what is searched, and the order. */
export const ListSearch = z.object({
  q: z.string().optional().catch(undefined),
  sort: z.string().optional().catch(undefined),
});
export type ListSearch = z.infer<typeof ListSearch>;
