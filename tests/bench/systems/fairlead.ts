/** Fairlead: an edge and two connectors, as processes. */
import { mkdir, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ControlClient } from "../../../connector/control/client.ts";
import { type ConnectorOptions, connectorArgs, untilUplink } from "../../support/connector/connector.ts";
import { type Cluster, type Edge, eventually, type TestNetwork } from "../../support/process/cluster.ts";
import type { ManagedProcess } from "../../support/process/managed-process.ts";
import type { Ground } from "../ground.ts";
import { loopProbe } from "../usage/loop-turns.ts";
import { dnsFlags, featuresOf, type HopFlags, hopFlags, unchecked, unobserved } from "./flags.ts";
import { measureStartUp } from "./start-up.ts";
import { forEachService, REQUEST_SERVICES, type RequestServiceId, SERVICES, type System } from "./system.ts";

type Encryption = "end-to-end" | "hop";

/** Address of each pair's listeners, because their ports are those of the servers. */
let pairs = 0;

const IDENTITIES = {
  "end-to-end": { id: "fairlead", title: "Fairlead" },
  hop: { id: "hop", title: "Fairlead, hop encryption" },
} as const satisfies Record<Encryption, Pick<System, "id" | "title">>;

export async function fairlead(ground: Ground, edge: Edge, encryption: Encryption): Promise<System | string> {
  const flags = encryption === "hop" ? await hopFlags(ground.cluster) : { east: [], west: [] };
  if (flags === null) return "these connectors have no hop encryption";
  return await pairOf(ground, ground.cluster, edge, flags, IDENTITIES[encryption]);
}

/** Edge and connectors of another checkout's build, with end-to-end encryption. */
export async function otherBuild(ground: Ground): Promise<System> {
  const { other } = ground;
  if (other === null) throw new TypeError("No other checkout was named.");
  const identity = { id: "other", title: "Fairlead, other build" } as const;
  return await pairOf(ground, other, await other.edge(), { east: [], west: [] }, identity);
}

async function pairOf(
  ground: Ground,
  cluster: Cluster,
  edge: Edge,
  flags: HopFlags,
  identity: Pick<System, "id" | "title">,
): Promise<System> {
  const network = await cluster.network(edge, `bench-${identity.id}`);
  const eastFlags = [...flags.east, ...(await unchecked(cluster))];
  const features = await featuresOf(cluster);
  const make = async (): Promise<System> => {
    const host = `127.2.0.${++pairs}`;
    const east = await start(ground, cluster, network, eastFlags, {
      site: `east${pairs}`,
      expose: SERVICES.map((name) => {
        const { host, port } = ground.servers[name];
        const protocol = name in REQUEST_SERVICES ? REQUEST_SERVICES[name as RequestServiceId] : "tcp";
        return `${name}=${host}:${port}/${protocol}`;
      }),
    });
    const { flags: forDns, ...server } = await dnsFlags(cluster, host);
    const westFlags = [...flags.west, ...unobserved(features), ...forDns];
    const west = await start(ground, cluster, network, westFlags, { site: `west${pairs}`, bind: host });
    const switched = features.has("telemetry") ? { setTelemetry: telemetrySwitch([east, west]) } : {};
    await eventually("west listens for every service", async () => {
      const { services } = await west.control.services();
      return services.filter(({ listener }) => listener?.state === "listening").length === SERVICES.length;
    });
    return {
      ...identity,
      ...server,
      ...switched,
      features,
      at: await forEachService((service) => ({ host, port: ground.servers[service].port })),
      parts: [
        { name: "west", pid: west.process.pid, probe: west.probe },
        { name: "workerd", pid: edge.process.pid },
        { name: "east", pid: east.process.pid, probe: east.probe },
      ],
      fresh: make,
      // Encryption makes no difference to it.
      ...(identity.id === "hop" ? {} : { startUp: () => measureStartUp(cluster) }),
      close: async () => {
        await Promise.all([west.process.stop(), east.process.stop()]);
      },
    };
  };
  return await make();
}

interface Started {
  readonly process: ManagedProcess;
  readonly control: ControlClient;
  /** The configuration file, which it follows. */
  readonly config: string;
  /** Socket of its {@link loopProbe}. */
  readonly probe: string;
}

/** What a connector logs when it has read its configuration file again. */
const RELOADED = "The configuration was reloaded.";

/** Returns the function that turns the telemetry of connectors on or off. */
function telemetrySwitch(connectors: readonly Started[]): (isOn: boolean) => Promise<void> {
  let state = true;
  return async (isOn) => {
    if (isOn === state) return;
    state = isOn;
    await Promise.all(
      connectors.map(async ({ process, config }) => {
        const reloads = () => process.stdout.split(RELOADED).length;
        const before = reloads();
        await writeFile(config, JSON.stringify({ telemetry: isOn ? "on" : "off" }));
        await process.output("the new configuration", () => (reloads() > before ? true : null));
      }),
    );
  };
}

async function start(
  ground: Ground,
  cluster: Cluster,
  network: TestNetwork,
  flags: readonly string[],
  options: ConnectorOptions,
): Promise<Started> {
  const stateDir = cluster.fresh(options.site);
  const token = await network.token();
  const config = cluster.path(`${options.site}.json`);
  await writeFile(config, "{}");
  const args = [...connectorArgs({ ...options, token }, stateDir), ...flags, "--config", config];
  const socket = cluster.path(`${options.site}.probe`);
  const probe = loopProbe(socket);
  const nodeOptions = [probe.option, ...(await profiling(ground, options.site))].join(" ");
  const process = cluster.run(options.site, args, { ...probe.env, NODE_OPTIONS: nodeOptions });
  await untilUplink(process);
  const control = new ControlClient(stateDir);
  await eventually(`${options.site} answers on its control socket`, () => control.services());
  return { process, control, config, probe: socket };
}

/** Returns the options of Node for the profile of a connector, if any was asked for. */
async function profiling(ground: Ground, site: string): Promise<readonly string[]> {
  if (ground.options.profile === null) return [];
  const profile = resolve(ground.options.profile);
  await mkdir(profile, { recursive: true });
  return ["--cpu-prof", `--cpu-prof-dir=${JSON.stringify(profile)}`, `--cpu-prof-name=${site}.cpuprofile`];
}
