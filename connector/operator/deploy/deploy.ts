/** Deploying the edge to Cloudflare, step by step; each can be done again, so that a deployment goes on where it stopped. */
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { findBundle, packageRoot } from "../../edge/workerd/bundle.ts";
import type { Cloudflare, Zone } from "./cloudflare.ts";
import {
  checkRecord,
  openDeploymentState,
  openSecrets,
  readRecord,
  writeRecord,
} from "./deployment-state.ts";
import { zoneCandidates } from "./hostnames.ts";
import {
  byHand,
  type Deployment,
  type Secrets,
  suspects,
  WORKER_FILES,
  withHostname,
  wranglerWords,
} from "./plan.ts";
import { checkVersion, type Environment, runWrangler, type Wrangler } from "./wrangler.ts";

export interface DeployOptions {
  readonly deployment: Deployment;
  readonly wrangler: Wrangler;
  readonly env: Environment;
  /** ms since 1970 */
  readonly now: number;
  /** Called with each thing that was done. */
  readonly did: (what: string) => void;
  /** Called with each line that wrangler prints. */
  readonly told: (line: string) => void;
}

/**
 * Runs everything that needs no account: wrangler itself with `--dry-run`, on the very Worker and configuration.
 * @throws FairleadError `deploy.missing`, `deploy.failed`
 */
export async function dryRun(options: DeployOptions): Promise<void> {
  const placeholder = "made at the first deployment";
  const secrets = { DEPLOYMENT_CA: placeholder, DEPLOYMENT_CA_KEY: placeholder, ADMIN_KEY_HASH: placeholder };
  await checkWrangler(options);
  await runDeploy(options, secrets, options.env, true);
  options.did("wrangler accepts the Worker and its configuration");
}

/**
 * Deploys.
 * @param account id of the account, when the operator named one
 * @returns what remains to be done by hand
 * @throws FairleadError `deploy.*`, `state.*`, `request.invalid`
 */
export async function deploy(
  options: DeployOptions,
  cloudflare: Cloudflare,
  account: string | undefined,
): Promise<string[]> {
  const { deployment, did, now } = options;
  const { api, gateway } = deployment;
  await checkWrangler(options);
  const zones = { api: await findZone(cloudflare, api), gateway: await findZone(cloudflare, gateway) };
  const accountId = accountOf([zones.api, zones.gateway], account);
  did(`zones found: ${[...new Set([zones.api.name, zones.gateway.name])].join(", ")}`);
  await checkFree(cloudflare, accountId, zones.api, deployment, api);
  await checkFree(cloudflare, accountId, zones.gateway, deployment, gateway);
  const rules = await cloudflare.firewallRules(zones.gateway.id);
  did(`nothing else answers at ${api} and ${gateway}`);

  const state = await openDeploymentState(deployment.state);
  try {
    const record = await readRecord(state);
    checkRecord(record, deployment);
    const secrets = await openSecrets(state, record, now);
    await writeRecord(state, deployment, secrets);
    did(`deployment CA and admin key ${record === null ? "made" : "found"} in ${deployment.state}`);
    await runDeploy(options, secrets, { ...options.env, CLOUDFLARE_ACCOUNT_ID: accountId }, false);
    did(`Worker "${deployment.worker}" deployed with its secrets`);
  } finally {
    await state.close();
  }

  // The API knows only the whole list, which may have hostnames of others.
  const wanted = withHostname(await cloudflare.certificateHostnames(zones.gateway.id), gateway);
  if (wanted !== null) await cloudflare.setCertificateHostnames(zones.gateway.id, wanted);
  did(`client certificates ${wanted === null ? "were" : "switched"} on for ${gateway}`);
  return byHand(deployment, rules === null ? null : suspects(rules));
}

async function checkWrangler({ wrangler, env, did }: DeployOptions): Promise<void> {
  const version = checkVersion(await runWrangler(wrangler, ["--version"], { env, cwd: tmpdir() }));
  did(`wrangler ${version} found`);
}

async function findZone(cloudflare: Cloudflare, hostname: string): Promise<Zone> {
  for (const name of zoneCandidates(hostname)) {
    const zone = await cloudflare.zone(name);
    if (zone === null) continue;
    if (zone.status === "active") return zone;
    throw new FairleadError(
      "deploy.missing",
      `the zone ${zone.name} is not active at Cloudflare but ${zone.status}`,
    );
  }
  const sought = zoneCandidates(hostname).join(", ");
  throw new FairleadError("deploy.missing", `the API token sees no zone for ${hostname} (sought: ${sought})`);
}

/** The one account of all zones. @throws FairleadError `deploy.missing` */
function accountOf(zones: readonly Zone[], wanted: string | undefined): string {
  const ids = new Set(zones.map(({ account }) => account.id));
  const [id, ...others] = ids;
  if (id === undefined || others.length > 0) {
    throw new FairleadError("deploy.missing", "the zones of both hostnames must be in one account");
  }
  if (wanted === undefined || wanted === id) return id;
  throw new FairleadError(
    "deploy.missing",
    `the zones are in account ${id}, not in ${wanted} (--account or CLOUDFLARE_ACCOUNT_ID)`,
  );
}

/** wrangler would take a hostname away from whatever has it, without asking. @throws FairleadError `deploy.missing` */
async function checkFree(
  cloudflare: Cloudflare,
  account: string,
  zone: Zone,
  { worker }: Deployment,
  hostname: string,
): Promise<void> {
  const other = await cloudflare.workerAt(account, hostname);
  if (other === worker) return;
  if (other !== null) {
    throw new FairleadError(
      "deploy.missing",
      `Worker "${other}" answers at ${hostname}: free the hostname, or name another`,
    );
  }
  const [record] = await cloudflare.dnsRecords(zone.id, hostname);
  if (record === undefined) return;
  throw new FairleadError(
    "deploy.missing",
    `${hostname} has a DNS record (${record}): delete it, or name another hostname`,
  );
}

/** Runs `wrangler deploy` in a directory with nothing but the Worker, its configuration and its secrets. */
async function runDeploy(
  options: DeployOptions,
  secrets: Secrets,
  env: Environment,
  dry: boolean,
): Promise<void> {
  const { module } = await findBundle();
  const root = packageRoot(import.meta.dirname);
  if (root === null) throw new FairleadError("deploy.missing", "the package's files are not complete");
  const cwd = await mkdtemp(join(tmpdir(), "fairlead-deploy-"));
  try {
    await copyFile(join(root, WORKER_FILES.config), join(cwd, WORKER_FILES.config));
    await copyFile(module, join(cwd, WORKER_FILES.module));
    await writeFile(join(cwd, WORKER_FILES.secrets), JSON.stringify(secrets), { mode: 0o600 });
    await runWrangler(options.wrangler, wranglerWords(options.deployment, dry), {
      env,
      cwd,
      told: options.told,
    });
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
