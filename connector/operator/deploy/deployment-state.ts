/** The state directory of a deployment: its CA, its admin key and its record. */
import { FairleadError } from "../../../protocol/errors.ts";
import { FILES, openDeployment } from "../../edge/credentials/credentials.ts";
import { openStateDirectory, type StateDirectory } from "../../state/directory.ts";
import { DEPLOYMENT_FILE, DeploymentRecord, NEWEST_DEPLOYMENT_RECORD } from "./deployment-record.ts";
import type { Hostnames } from "./hostnames.ts";
import type { Deployment, Secrets } from "./plan.ts";

/**
 * Opens and locks the directory.
 * @throws FairleadError state.*; request.invalid when it is of an embedded edge
 */
export async function openDeploymentState(path: string): Promise<StateDirectory> {
  const state = openStateDirectory(path, { role: "deployment" });
  try {
    if ((await state.read(FILES.edge)) === null) return state;
    throw new FairleadError("request.invalid", `${path} is the state directory of \`fairlead edge start\`.`, {
      action: "Give a directory for the deployment alone with --state.",
    });
  } catch (thrown) {
    await state.close();
    throw thrown;
  }
}

/** The record of the last deployment; null before the first. @throws FairleadError state.corrupt */
export const readRecord = (state: StateDirectory) =>
  state.readJson(DEPLOYMENT_FILE, DeploymentRecord, NEWEST_DEPLOYMENT_RECORD);

/**
 * Checks that the hostnames stay the same: sites hold them, and could not reach an edge at other hostnames.
 * @throws FairleadError request.invalid
 */
export function checkRecord(record: DeploymentRecord | null, { api, gateway }: Hostnames): void {
  if (record === null || (record.api === api && record.links === gateway)) return;
  throw new FairleadError(
    "request.invalid",
    `Sites reach this deployment at ${record.api} and ${record.links}.`,
    {
      action:
        "Leave --api and --gateway out, or deploy another edge to these hostnames with another directory in --state.",
    },
  );
}

/**
 * Opens the secrets, which are created on the first deployment and kept from then on.
 * @throws FairleadError state.*
 */
export async function openSecrets(
  state: StateDirectory,
  record: DeploymentRecord | null,
  now: number,
): Promise<Secrets> {
  const { authority, adminKeyHash } = await openDeployment(state, record, now);
  return {
    DEPLOYMENT_CA: authority.certificate,
    DEPLOYMENT_CA_KEY: authority.privateKey,
    ADMIN_KEY_HASH: adminKeyHash,
  };
}

/** Writes the record of a deployment. */
export async function writeRecord(
  state: StateDirectory,
  { worker, api, gateway, oidc, doors, console }: Deployment,
  { ADMIN_KEY_HASH }: Secrets,
): Promise<void> {
  const record: DeploymentRecord = {
    version: NEWEST_DEPLOYMENT_RECORD,
    worker,
    api,
    links: gateway,
    oidc: oidc && { ...oidc },
    doors: doors && [...doors],
    console,
    adminKeyHash: ADMIN_KEY_HASH,
  };
  await state.writeAtomic(DEPLOYMENT_FILE, `${JSON.stringify(record, null, 2)}\n`);
}
