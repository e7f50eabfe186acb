/** The versions that run at a site. */
import type { Site } from "../../../../../protocol/api/sites.ts";

/** The software of its connectors, each once. */
export const versionsOf = ({ instances }: Pick<Site, "instances">): string[] =>
  [...new Set(instances.map(({ software }) => software))].sort();
