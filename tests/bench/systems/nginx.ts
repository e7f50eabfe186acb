/**
 * The first reference: a chain of three nginx with mutual TLS 1.3 between them. They proxy the bytes of most services,
 * and the requests of the services whose requests Fairlead balances.
 */
import { writeFile } from "node:fs/promises";
import { freePort } from "../../support/free-port.ts";
import { type Ground, HOST, runNginx } from "../ground.ts";
import { makeAuthority, makeLocalLeaf } from "./certificates.ts";
import { nginxHop } from "./nginx-config.ts";
import {
  forEachService,
  REQUEST_SERVICES,
  type RequestServiceId,
  SERVICES,
  type ServiceId,
  type System,
} from "./system.ts";

const HOPS = ["west", "hub", "east"] as const;

export async function nginx(ground: Ground): Promise<System | string> {
  const { tools, cluster, servers } = ground;
  if (tools.nginx === null) return "nginx is not installed";
  if (tools.streamModule === null) return "nginx has no stream module";
  const binary = tools.nginx;
  const authority = await makeAuthority("bench CA");
  const ca = cluster.path("chain-ca.pem");
  await writeFile(ca, authority.certificate);
  const ports = {
    west: await forEachService(() => freePort(HOST)),
    hub: await forEachService(() => freePort(HOST)),
    east: await forEachService(() => freePort(HOST)),
  };
  const next = { west: "hub", hub: "east", east: null } as const;
  const parts = [];
  // Starts at the far end, because each nginx dials the next.
  for (const hop of HOPS.toReversed()) {
    const leaf = await makeLocalLeaf(authority);
    const directory = cluster.path(`chain-${hop}`);
    const certificate = cluster.path(`chain-${hop}.pem`);
    const key = cluster.path(`chain-${hop}-key.pem`);
    await writeFile(certificate, leaf.certificate);
    await writeFile(key, leaf.key, { mode: 0o600 });
    const behind = next[hop];
    const forward = (service: ServiceId) => ({
      port: ports[hop][service],
      to: behind === null ? servers[service] : { host: HOST, port: ports[behind][service] },
    });
    const requests = Object.entries(REQUEST_SERVICES).map(([service, protocol]) => ({
      ...forward(service as RequestServiceId),
      protocol: protocol === "http" ? ("http" as const) : ("grpc" as const),
    }));
    await nginxHop(directory, {
      module: tools.streamModule,
      forwards: SERVICES.filter((service) => !(service in REQUEST_SERVICES)).map(forward),
      requests,
      takesTls: hop !== "west",
      speaksTls: behind !== null,
      certificate,
      key,
      ca,
    });
    const started = await runNginx(cluster, binary, hop, directory, Object.values(ports[hop]));
    parts.push({ name: hop, pid: started.pid });
  }
  return {
    id: "nginx",
    title: "nginx TLS chain",
    at: await forEachService((service) => ({ host: HOST, port: ports.west[service] })),
    parts: parts.reverse(),
    close: async () => {},
  };
}
