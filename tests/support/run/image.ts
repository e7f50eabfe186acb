/** The image of the connector, as far as it concerns what runs it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { ROOT } from "../process/cluster.ts";

/** Reads the properties of the image from connector/Dockerfile. */
export function readImage() {
  const text = readFileSync(join(ROOT, "connector/Dockerfile"), "utf8");
  const find = (pattern: RegExp) => {
    const [, value] = pattern.exec(text) ?? [];
    if (value === undefined) throw new Error(`connector/Dockerfile has no ${pattern}`);
    return value;
  };
  return {
    entrypoint: z.array(z.string()).parse(JSON.parse(find(/^ENTRYPOINT (\[.*\])$/m))),
    healthCheck: z.array(z.string()).parse(JSON.parse(find(/^HEALTHCHECK .* CMD (\[.*\])$/m))),
    user: find(/^USER (\S+)$/m),
    volume: find(/^VOLUME (\S+)$/m),
    stateVariable: find(/FAIRLEAD_STATE=(\S+)/),
  };
}
