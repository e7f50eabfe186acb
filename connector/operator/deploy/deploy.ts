/**
 * Deploys the edge to Cloudflare in steps. Each step can be repeated, so a deployment continues where it
 * stopped.
 */
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
  doorRoutes,
  nameOf,
  type Secrets,
  suspects,
  WORKER_FILES,
  withHostname,
  wranglerWords,
} from "./plan.ts";
import { checkVersion, type Environment, runWrangler, type Wrangler } from "./wrangler.ts";

export interface DeployOptions {
  readonly deployment: Deployment;
  /** Secrets beside those of the state directory. The Worker keeps those that are not given. */
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly wrangler: Wrangler;
  readonly env: Environment;
  /** ms since 1970 */
  readonly now: number;
  /** Called with a sentence for each completed step. */
  readonly onStep: (what: string) => void;
  /** Called with each line that wrangler prints. */
  readonly onLine: (line: string) => void;
}

/**
 * Runs the part of a deployment that needs no account: wrangler with `--dry-run` on the Worker and its
 * configuration.
 * @throws FairleadError deploy.missing, deploy.failed
 */
export async function dryRun(options: DeployOptions): Promise<void> {
  const placeholder = "made at the first deployment";
  const secrets = { DEPLOYMENT_CA: placeholder, DEPLOYMENT_CA_KEY: placeholder, ADMIN_KEY_HASH: placeholder };
  await checkWrangler(options);
  // The zones are not known without an account.
  const routes = doorRoutes(options.deployment, nameOf);
  await runDeploy(options, { secrets, routes, isDry: true, env: options.env });
  options.onStep("wrangler accepts the Worker and its configuration.");
}

/**
 * Deploys the edge.
 * @param account id of the account, when the operator names one
 * @returns the steps that remain for the operator
 * @throws FairleadError deploy.*, state.*, request.invalid
 */
export async function deploy(
  options: DeployOptions,
  cloudflare: Cloudflare,
  account: string | undefined,
): Promise<string[]> {
  const { deployment, onStep, now } = options;
  const { api, gateway, doors = [] } = deployment;
  await checkWrangler(options);
  const zones = { api: await findZone(cloudflare, api), gateway: await findZone(cloudflare, gateway) };
  const doorZones = new Map<string, Zone>();
  for (const hostname of doors) doorZones.set(hostname, await findZone(cloudflare, nameOf(hostname)));
  const all = [zones.api, zones.gateway, ...doorZones.values()];
  const accountId = accountOf(all, account);
  onStep(`Zones found: ${[...new Set(all.map(({ name }) => name))].join(", ")}.`);
  const own = "--api or --gateway";
  await checkFree(cloudflare, accountId, zones.api, { deployment, hostname: api, option: own });
  await checkFree(cloudflare, accountId, zones.gateway, { deployment, hostname: gateway, option: own });
  for (const [hostname, zone] of doorZones) {
    // The record of a pattern's hostnames leads to its route.
    if (nameOf(hostname) !== hostname) continue;
    await checkFree(cloudflare, accountId, zone, { deployment, hostname, option: "--door-hostname" });
  }
  const rules = await cloudflare.firewallRules(zones.gateway.id);
  onStep(`Nothing else is served at ${api} and ${gateway}.`);

  const state = await openDeploymentState(deployment.state);
  try {
    const record = await readRecord(state);
    checkRecord(record, deployment);
    const secrets = await openSecrets(state, record, now);
    await writeRecord(state, deployment, secrets);
    onStep(`Deployment CA and admin key ${record === null ? "created" : "found"} in ${deployment.state}.`);
    const routes = doorRoutes(deployment, (hostname) => doorZones.get(hostname)?.name ?? nameOf(hostname));
    await runDeploy(options, {
      ...{ secrets, routes, isDry: false },
      env: { ...options.env, CLOUDFLARE_ACCOUNT_ID: accountId },
    });
    onStep(`Worker "${deployment.worker}" deployed with its secrets.`);
  } finally {
    await state.close();
  }

  // The API replaces the whole list, which may have other hostnames.
  const wanted = withHostname(await cloudflare.certificateHostnames(zones.gateway.id), gateway);
  if (wanted !== null) await cloudflare.setCertificateHostnames(zones.gateway.id, wanted);
  onStep(`Client certificates ${wanted === null ? "were on already" : "switched on"} for ${gateway}.`);
  return byHand(deployment, rules === null ? null : suspects(rules));
}

async function checkWrangler({ wrangler, env, onStep }: DeployOptions): Promise<void> {
  const version = checkVersion(await runWrangler(wrangler, ["--version"], { env, cwd: tmpdir() }));
  onStep(`wrangler ${version} found.`);
}

async function findZone(cloudflare: Cloudflare, hostname: string): Promise<Zone> {
  for (const name of zoneCandidates(hostname)) {
    const zone = await cloudflare.zone(name);
    if (zone === null) continue;
    if (zone.status === "active") return zone;
    throw new FairleadError(
      "deploy.missing",
      `The zone ${zone.name} is not active at Cloudflare but ${zone.status}.`,
      {
        action:
          "Point the nameservers of the domain to Cloudflare, and wait until its dashboard shows the zone as active.",
      },
    );
  }
  const sought = zoneCandidates(hostname).join(", ");
  throw new FairleadError(
    "deploy.missing",
    `The API token sees no zone for ${hostname} (looked for ${sought}).`,
    {
      action:
        "Add the domain to the Cloudflare account, or give the API token access to its zone; docs/deploy-cloudflare.md lists the permissions.",
    },
  );
}

/** The account of all zones. @throws FairleadError deploy.missing */
function accountOf(zones: readonly Zone[], wanted: string | undefined): string {
  const ids = new Set(zones.map(({ account }) => account.id));
  const [id, ...others] = ids;
  if (id === undefined || others.length > 0) {
    throw new FairleadError("deploy.missing", "The zones of the hostnames are in different accounts.", {
      action: "Choose hostnames whose zones are in one account.",
    });
  }
  if (wanted === undefined || wanted === id) return id;
  throw new FairleadError("deploy.missing", `The zones are in account ${id}, not in ${wanted}.`, {
    action: "Correct --account or CLOUDFLARE_ACCOUNT_ID, or leave both out.",
  });
}

/**
 * Checks that nothing else uses a hostname: wrangler would take it over without asking.
 * @throws FairleadError deploy.missing
 */
async function checkFree(
  cloudflare: Cloudflare,
  account: string,
  zone: Zone,
  {
    deployment: { worker },
    hostname,
    option,
  }: { readonly deployment: Deployment; readonly hostname: string; readonly option: string },
): Promise<void> {
  const other = await cloudflare.workerAt(account, hostname);
  if (other === worker) return;
  if (other !== null) {
    throw new FairleadError("deploy.missing", `Worker "${other}" serves ${hostname}.`, {
      action: `Remove the hostname from that Worker, or choose another with ${option}.`,
    });
  }
  const [record] = await cloudflare.dnsRecords(zone.id, hostname);
  if (record === undefined) return;
  throw new FairleadError("deploy.missing", `${hostname} has a DNS record (${record}).`, {
    action: `Delete the DNS record, or choose another hostname with ${option}.`,
  });
}

interface Run {
  readonly secrets: Secrets;
  /** The routes of the door, as text of wrangler.toml. */
  readonly routes: string;
  readonly env: Environment;
  readonly isDry: boolean;
}

/** Runs `wrangler deploy` in a directory with only the Worker, its configuration and its secrets. */
async function runDeploy(options: DeployOptions, { secrets, routes, env, isDry }: Run): Promise<void> {
  const { module, assets } = await findBundle();
  const root = packageRoot(import.meta.dirname);
  if (root === null)
    throw new FairleadError("deploy.missing", "The files of the package are incomplete.", {
      action: "Install the package again.",
    });
  const cwd = await mkdtemp(join(tmpdir(), "fairlead-deploy-"));
  try {
    const config = await readFile(join(root, WORKER_FILES.config), "utf8");
    await writeFile(join(cwd, WORKER_FILES.config), `${config}${routes}`);
    await copyFile(module, join(cwd, WORKER_FILES.module));
    const folder = join(cwd, WORKER_FILES.assets);
    await mkdir(folder, { recursive: true });
    // Nothing is uploaded for a console that is not served.
    if (assets !== null && (options.deployment.console ?? "none") !== "none") {
      await cp(assets, folder, { recursive: true });
    }
    await writeFile(join(cwd, WORKER_FILES.secrets), JSON.stringify({ ...options.secrets, ...secrets }), {
      mode: 0o600,
    });
    await runWrangler(options.wrangler, wranglerWords(options.deployment, isDry), {
      env,
      cwd,
      onLine: options.onLine,
    });
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
