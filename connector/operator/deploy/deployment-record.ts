/** What `edge deploy` remembers of a deployment, beside its CA and admin key. */
import { z } from "zod";
import { parseEdgeOrigin } from "../../../protocol/front/edge-origin.ts";

export const DEPLOYMENT_FILE = "deploy.json";

/** What makes an edge's address as it stands. */
const Hostname = z.string().refine((name) => parseEdgeOrigin(`https://${name}`) === `https://${name}`);

export const DeploymentRecord = z.object({
  version: z.literal(1),
  /** Name of the Worker. */
  worker: z.string(),
  api: Hostname,
  /** The gateway's hostname, stored under its former name. */
  links: Hostname,
  /** Variables of the Worker for identity tokens: kept, as each deployment replaces all variables. */
  oidc: z.record(z.string().regex(/^OIDC_[A-Z]+$/), z.string()).optional(),
  /** SHA-256 of the first admin key, lower-case hex: its file may be taken away. */
  adminKeyHash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type DeploymentRecord = z.infer<typeof DeploymentRecord>;
