/**
 * Every check of this machine and its path to the edge. Checks that do not depend on each other run at the
 * same time, and each has a time limit.
 */
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { withTimeout } from "../async/timeout.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import { ControlClient } from "../control/client.ts";
import type { Status } from "../control/schema.ts";
import { tryAddress } from "../edge/addresses/ports.ts";
import { findWorkerd } from "../edge/workerd/workerd.ts";
import { EdgeClient } from "../net/edge-client.ts";
import { formatAddress } from "../net/local-socket.ts";
import { type Environment, proxyFor } from "../net/proxy.ts";
import { unknownExceptions } from "../net/proxy-exceptions.ts";
import { listNetworks } from "../operator/edge-api.ts";
import { descriptorLimit } from "../resources/descriptor-limit.ts";
import { type CheckName, type Finding, failWith, LAYERS, PLACES, pass, skip } from "./finding.ts";
import { judgeClock, judgeDescriptors, judgeNode, judgeProxy } from "./machine-judgement.ts";
import { judgePath, unknownPath } from "./path-judgement.ts";
import { type PathTarget, type ProbedPath, probePath } from "./path-probe.ts";
import {
  type CertificateObservation,
  judgeCertificate,
  judgeConnector,
  judgeDirectory,
  judgeLock,
  judgePorts,
  type PortObservation,
} from "./state-judgement.ts";
import {
  lockHolder,
  observeDirectory,
  observeEdgeCertificate,
  observeSiteCertificate,
} from "./state-probe.ts";
import type { StateSubject, Subject } from "./subject.ts";

/** The order in which findings are shown: each may be the cause of those after it. */
export const CHECKS: readonly CheckName[] = [
  ...(["node", "descriptors", "workerd", "proxy"] as const),
  ...PLACES.flatMap((place) => LAYERS.map((layer) => `${place}.${layer}` as const)),
  ...(["clock", "login", "state", "lock", "certificate", "ports", "connector", "listeners"] as const),
];

/** Time limit of a check, ms. A path takes several steps. */
const CHECK_MS = 10_000;
const PATH_MS = 30_000;

export interface DiagnosisOptions {
  readonly subject: Subject;
  readonly environment: Environment;
  /** The configuration of a connector that does not run; undefined if it is not known. */
  readonly config?: ConnectorConfig | undefined;
  readonly now: () => number;
}

/** Runs every check. Returns one finding each, in the order of {@link CHECKS}; never throws. */
export async function diagnose(options: DiagnosisOptions): Promise<Finding[]> {
  const findings = await Promise.all([
    checkMachine(options),
    checkPaths(options),
    checkLogin(options),
    checkState(options),
  ]);
  const order = new Map(CHECKS.map((name, at) => [name, at]));
  return findings.flat().toSorted((a, b) => (order.get(a.check) ?? 0) - (order.get(b.check) ?? 0));
}

/** The findings about the machine and the path, for a connector that does not get up. */
export async function diagnosePath(options: DiagnosisOptions): Promise<Finding[]> {
  return (await Promise.all([checkMachine(options), checkPaths(options)])).flat();
}

/** The finding of a check that must end in time. What it throws is its failure. */
async function bounded(
  check: CheckName,
  ms: number,
  run: () => Promise<Finding> | Finding,
): Promise<Finding> {
  try {
    return await withTimeout(Promise.resolve().then(run), ms, () => late(ms));
  } catch (thrown) {
    return failWith(check, asFairleadError(thrown, "cli.internal"));
  }
}

const late = (ms: number): FairleadError =>
  new FairleadError("cli.internal", `The check did not end within ${ms / 1000} s.`, {
    action: "Run the command again. A disk or a network file system that does not respond can be the cause.",
  });

async function checkMachine({ subject, environment }: DiagnosisOptions): Promise<Finding[]> {
  return await Promise.all([
    bounded("node", CHECK_MS, () => judgeNode(process.versions.node)),
    bounded("descriptors", CHECK_MS, () => judgeDescriptors(descriptorLimit())),
    bounded("workerd", CHECK_MS, () => {
      if (subject.state?.kind !== "edge") return skip("workerd", "Only an edge on this machine needs it.");
      findWorkerd();
      return pass("workerd", "The runtime of the edge is installed.");
    }),
    bounded("proxy", CHECK_MS, () => {
      const observed = subject.targets.map(({ place, origin }) => {
        const proxy = proxyFor(origin, environment);
        return { place, proxy: proxy && { origin: proxy.origin, variable: proxy.variable } };
      });
      const used = observed.some(({ proxy }) => proxy !== null);
      const exceptions = environment.no_proxy || environment.NO_PROXY || "";
      return judgeProxy(observed, used ? unknownExceptions(exceptions) : []);
    }),
  ]);
}

async function checkPaths(options: DiagnosisOptions): Promise<Finding[]> {
  const { subject, environment, now } = options;
  const probed = await Promise.all(subject.targets.map((target) => tryPath(target, environment, now)));
  const skewMs =
    probed.map((each) => (each instanceof FairleadError ? null : each.skewMs)).find(isKnown) ?? null;
  const findings = PLACES.flatMap((place): Finding[] => {
    const at = subject.targets.findIndex((target) => target.place === place);
    const result = probed[at];
    if (result === undefined) return unknownPath(place, whyUnknown(options, place));
    if (result instanceof FairleadError) {
      const [dns, tcp, tls] = unknownPath(place, "There is no connection.");
      const failed = failWith(`${place}.tcp`, result);
      return [dns, result.code === "proxy.failed" ? tcp : failed, tls].flatMap((each) => each ?? []);
    }
    return judgePath(result.path, now(), skewMs);
  });
  const clock = subject.targets.length === 0 ? skip("clock", "No edge is known.") : judgeClock(skewMs);
  return [...findings, clock];
}

const isKnown = (skew: number | null): skew is number => skew !== null;

async function tryPath(
  target: PathTarget,
  environment: Environment,
  now: () => number,
): Promise<ProbedPath | FairleadError> {
  try {
    return await withTimeout(probePath(target, environment, now), PATH_MS, () => late(PATH_MS));
  } catch (thrown) {
    return asFairleadError(thrown, "edge.unreachable");
  }
}

function whyUnknown({ subject }: DiagnosisOptions, place: string): string {
  if (subject.targets.length === 0) return "No edge is known: give --edge URL, --state DIR, or log in.";
  if (place === "lanes") return "Only the edge's own state directory names the port.";
  return "Only a state directory names the gateway.";
}

async function checkLogin({ subject }: DiagnosisOptions): Promise<Finding[]> {
  const { login } = subject;
  return [
    await bounded("login", PATH_MS, async () => {
      if (login === null) return skip("login", "There is no login on this machine; connectors need none.");
      if (login instanceof FairleadError) return failWith("login", login);
      const client = new EdgeClient({ ...login, timeoutMs: CHECK_MS });
      try {
        const networks = await listNetworks(client);
        const count = networks.length === 1 ? "1 network" : `${networks.length} networks`;
        return pass("login", `The login for ${login.url} is valid, and sees ${count}.`);
      } finally {
        await client.close();
      }
    }),
  ];
}

async function checkState({ subject, config, now }: DiagnosisOptions): Promise<Finding[]> {
  const { state } = subject;
  if (state === null) {
    const names = ["state", "lock", "certificate", "ports", "connector", "listeners"] as const;
    return names.map((name) => skip(name, "There is no state directory with a site or an edge."));
  }
  const status = state.kind === "site" ? await statusOf(state.path) : null;
  return await Promise.all([
    bounded("state", CHECK_MS, async () => judgeDirectory(await observeDirectory(state.path, state.kind))),
    bounded("lock", CHECK_MS, async () => {
      const holder = await lockHolder(state.path);
      return judgeLock({ kind: state.kind, holder, answers: status !== null });
    }),
    bounded("certificate", CHECK_MS, () => checkCertificate(state, status, now())),
    bounded("ports", CHECK_MS, () => checkPorts(state)),
    bounded("connector", CHECK_MS, () =>
      state.kind === "edge"
        ? skip("connector", "The directory is that of an edge.")
        : judgeConnector(status, state.path),
    ),
    bounded("listeners", CHECK_MS, () => checkListeners(state, status, config)),
  ]);
}

/** The status of the running connector; null when none answers. */
async function statusOf(path: string): Promise<Status | null> {
  return await withTimeout(new ControlClient(path).status(), CHECK_MS, () => late(CHECK_MS)).catch(
    () => null,
  );
}

async function checkCertificate(state: StateSubject, status: Status | null, now: number): Promise<Finding> {
  const { kind, site, path } = state;
  let seen: Omit<CertificateObservation, "renewal">;
  if (kind === "edge") {
    if (state.ports === null) return skip("certificate", "The edge has not run yet.");
    seen = await observeEdgeCertificate(path);
  } else {
    if (site === null) return skip("certificate", "The site has not joined yet.");
    if (site instanceof FairleadError) return failWith("certificate", site);
    seen = observeSiteCertificate(site);
  }
  const { message, action } = status?.renewal ?? {};
  const renewal = message === undefined || action === undefined ? null : { message, action };
  return judgeCertificate({ ...seen, renewal }, now);
}

async function checkPorts({ kind, ports, path }: StateSubject): Promise<Finding> {
  if (kind !== "edge") return skip("ports", "Only an edge on this machine needs them.");
  if (ports instanceof FairleadError) return failWith("ports", ports);
  if (ports === null) return skip("ports", "The edge has not run yet.");
  if (typeof (await lockHolder(path)) === "number") return pass("ports", "The running edge listens on them.");
  const wanted = PLACES.flatMap((place) => {
    const port = ports[place];
    return port === undefined ? [] : [{ host: "0.0.0.0", port, user: `the ${place}` }];
  });
  return judgePorts("ports", await Promise.all(wanted.map((each) => observePort(each, "edge.port_taken"))));
}

async function checkListeners(
  { kind }: StateSubject,
  status: Status | null,
  config: ConnectorConfig | undefined,
): Promise<Finding> {
  if (kind === "edge") return skip("listeners", "The directory is that of an edge.");
  if (status !== null) {
    const seen = status.services.flatMap(({ name, listener }): PortObservation[] =>
      listener === null
        ? []
        : [
            {
              address: listener.address,
              user: name,
              code: listener.state === "failed" ? (listener.code ?? "unknown") : null,
            },
          ],
    );
    return judgePorts("listeners", seen);
  }
  if (config === undefined) return judgePorts("listeners", null);
  const { bind } = config;
  const wanted = config.listen.flatMap(({ name, host, port }) => {
    const address = host ?? (bind.kind === "address" ? bind.address : null);
    return address === null ? [] : [{ host: address, port, user: name }];
  });
  return judgePorts(
    "listeners",
    await Promise.all(wanted.map((each) => observePort(each, "listener.port_taken"))),
  );
}

/** @param taken the code for a port that another program holds */
async function observePort(
  { host, port, user }: { readonly host: string; readonly port: number; readonly user: string },
  taken: string,
): Promise<PortObservation> {
  const address = formatAddress(host, port);
  try {
    await tryAddress({ host, port });
    return { address, user, code: null };
  } catch (thrown) {
    const isTaken = thrown instanceof FairleadError && thrown.code === "edge.port_taken";
    return { address, user, code: isTaken ? taken : "listener.address" };
  }
}
