/** The Compose file of examples/compose, as far as it concerns the connector. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { ROOT } from "../process/cluster.ts";

/** Strict schemas, because Compose refuses a misspelt field. */
const Connector = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.literal("../.."), dockerfile: z.literal("connector/Dockerfile") }),
  command: z.array(z.string()),
  environment: z.strictObject({ FAIRLEAD_TOKEN: z.string().regex(/^\$\{FAIRLEAD_TOKEN:-\}$/) }),
  volumes: z.tuple([z.literal("state:/state")]),
  restart: z.literal("unless-stopped"),
  stop_grace_period: z.string().regex(/^\d+s$/),
  read_only: z.literal(true),
  tmpfs: z.tuple([z.literal("/tmp")]),
  cap_drop: z.tuple([z.literal("ALL")]),
  security_opt: z.tuple([z.literal("no-new-privileges:true")]),
});

const App = z.strictObject({
  image: z.string(),
  command: z.array(z.string()),
  depends_on: z.strictObject({
    connector: z.strictObject({ condition: z.literal("service_healthy") }),
  }),
});

const Compose = z.strictObject({
  services: z.strictObject({ connector: Connector, app: App }),
  volumes: z.strictObject({ state: z.strictObject({}) }),
});

export type Compose = z.infer<typeof Compose>;

/** Reads the Compose file. @throws Error when it has another form */
export function readCompose(): Compose {
  return Compose.parse(parse(readFileSync(join(ROOT, "examples/compose/compose.yaml"), "utf8")));
}
