/** Writes docs/connector-config.schema.json from the schema of the configuration file: `npm run docs`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { ConfigFile } from "../connector/config/config-file.ts";

/** Makes the whole schema as text. Draft 7 is the version that yaml-language-server 1.19 reads. */
export function configSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(ConfigFile, { io: "input", target: "draft-7" }), null, 2)}\n`;
}

if (import.meta.main) {
  await writeFile(join(import.meta.dirname, "../docs/connector-config.schema.json"), configSchema());
}
