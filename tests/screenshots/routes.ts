/** The pages of the console, below its path. */
export const ROUTES: readonly string[] = [
  "",
  "topology",
  "services",
  "sites",
  "links",
  "flows",
  "check",
  "tokens",
  "events",
  "keys",
  "settings",
];
