/** The record of a deployment in `deploy.json`, beside its CA and its admin key. */
import * as z from "zod";
import { ConsoleMode } from "../../../protocol/api/console.ts";
import { parseEdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import { HostnamePattern } from "../../../protocol/hostnames.ts";

export const DEPLOYMENT_FILE = "deploy.json";

/** A hostname in its canonical form. */
const Hostname = z.string().refine((name) => parseEdgeOrigin(`https://${name}`) === `https://${name}`);

/** The version of `deploy.json` that this program writes. */
export const NEWEST_DEPLOYMENT_RECORD = 1;

export const DeploymentRecord = z.object({
  version: z.literal(NEWEST_DEPLOYMENT_RECORD),
  /** Name of the Worker. */
  worker: z.string(),
  api: Hostname,
  /** The gateway's hostname, stored under its former name. */
  links: Hostname,
  /**
   * Variables of the Worker for identity tokens. They are kept, since each deployment replaces all variables.
   */
  oidc: z.record(z.string().regex(/^OIDC_[A-Z]+$/), z.string()).optional(),
  /** Hostnames and patterns of the public door, which are kept as the variables are. */
  doors: z.array(HostnamePattern).optional(),
  /** How people sign in at the console; absent where none is served. */
  console: ConsoleMode.exclude(["unsecured"]).optional(),
  /** SHA-256 of the first admin key, lower-case hex. The operator may remove the key's file. */
  adminKeyHash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type DeploymentRecord = z.infer<typeof DeploymentRecord>;
