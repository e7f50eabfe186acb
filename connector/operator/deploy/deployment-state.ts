/** The state directory of a deployment: its CA, its admin key, and what it was deployed as. */
import { FairleadError } from "../../../protocol/errors.ts";
import { FILES, openDeployment } from "../../edge/credentials/credentials.ts";
import { openStateDirectory, type StateDirectory } from "../../state/directory.ts";
import { DEPLOYMENT_FILE, DeploymentRecord } from "./deployment-record.ts";
import type { Hostnames } from "./hostnames.ts";
import type { Deployment, Secrets } from "./plan.ts";

/** Opens and locks it. @throws FairleadError `state.*`, `request.invalid` when an edge runs from it */
export async function openDeploymentState(path: string): Promise<StateDirectory> {
  const state = openStateDirectory(path, { role: "deployment" });
  try {
    if ((await state.read(FILES.edge)) === null) return state;
    throw new FairleadError(
      "request.invalid",
      `${path} is the state directory of \`fairlead edge start\`: name another with --state`,
    );
  } catch (thrown) {
    await state.close();
    throw thrown;
  }
}

/** What was deployed from it last; null before the first time. @throws FairleadError `state.corrupt` */
export const readRecord = (state: StateDirectory) => state.readJson(DEPLOYMENT_FILE, DeploymentRecord);

/**
 * Sites keep the hostnames: an edge that moves loses them all.
 * @throws FairleadError `request.invalid`
 */
export function checkRecord(record: DeploymentRecord | null, { api, gateway }: Hostnames): void {
  if (record === null || (record.api === api && record.links === gateway)) return;
  throw new FairleadError(
    "request.invalid",
    `this deployment is reached at ${record.api} and ${record.links}, which its sites know: deploy to other hostnames from another --state`,
  );
}

/**
 * The secrets, made on the first deployment and kept from then on.
 * @throws FairleadError `state.*`
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

/** Remembers what is deployed. */
export async function writeRecord(
  state: StateDirectory,
  { worker, api, gateway, oidc }: Deployment,
  { ADMIN_KEY_HASH }: Secrets,
): Promise<void> {
  const record: DeploymentRecord = {
    version: 1,
    worker,
    api,
    links: gateway,
    ...(oidc === undefined ? {} : { oidc: { ...oidc } }),
    adminKeyHash: ADMIN_KEY_HASH,
  };
  await state.writeAtomic(DEPLOYMENT_FILE, `${JSON.stringify(record, null, 2)}\n`);
}
