/** The check of a path by what the connector of the client's site sees, for a site without a login. */
import type { PathCheck, PathStep } from "../../../protocol/diagnosis/path-check.ts";
import { ERRORS, isErrorCode } from "../../../protocol/errors.ts";
import type { Status } from "../../control/schema.ts";

type Service = Status["services"][number];
type Port = Pick<Service, "sites" | "down" | "listener" | "code">;

/** Checks the path from a site to a service. @param port of the service; every port unless given */
export function checkLocally(status: Status, service: string, port?: number): PathCheck {
  const found = status.services.find(({ name }) => name === service);
  const looks = [
    uplinkStep(status),
    offerStep(status, service, found, port),
    ...(found === undefined ? [] : portsOf(found, port).flatMap((each) => portSteps(status, service, each))),
  ];
  const at = looks.findIndex(({ state }) => state === "broken");
  const steps = looks.map((step, index): PathStep => {
    if (at < 0 || index <= at) return step;
    return { id: step.id, title: step.title, state: "skipped", detail: "" };
  });
  const listeners = found === undefined ? [] : portsOf(found, port).flatMap(({ listener }) => listener ?? []);
  return {
    from: status.site.name,
    service,
    steps,
    cause: steps[at] ?? null,
    ends: [],
    links: [],
    cost: null,
    addresses: listeners.filter(({ state }) => state === "listening").map(({ address }) => address),
  };
}

const actionOf = (code: string) => (isErrorCode(code) ? ERRORS[code].action : undefined);
const meaningOf = (code: string) => (isErrorCode(code) ? ERRORS[code].meaning : `The reason is ${code}.`);

function portsOf(service: Service, port: number | undefined): Port[] {
  const { ports } = service;
  if (ports === undefined) return port === undefined || port === service.port ? [service] : [];
  return ports
    .filter((each) => port === undefined || each.port === port)
    .map((each) => ({
      ...each,
      ...((each.code ?? service.code) ? { code: each.code ?? service.code } : {}),
    }));
}

function broken(
  step: Pick<PathStep, "id" | "title">,
  {
    code,
    detail,
    action,
    since,
  }: { code: string; detail?: string | undefined; action?: string | undefined; since?: string },
): PathStep {
  const what = action ?? actionOf(code);
  return {
    ...step,
    state: "broken",
    code,
    detail: detail ?? meaningOf(code),
    ...(what === undefined ? {} : { action: what }),
    ...(since === undefined ? {} : { since }),
  };
}

function uplinkStep({ site, uplink }: Status): PathStep {
  const step = { id: "uplink", title: `Site ${site.name} is connected to the edge` } as const;
  const { state, code = "uplink.lost", message, action, since } = uplink;
  if (state === "up") return { ...step, state: "ok", detail: "The connector has an uplink.", since };
  return broken(step, { code, detail: message, action, since });
}

function offerStep(
  { offers }: Status,
  service: string,
  found: Service | undefined,
  port: number | undefined,
): PathStep {
  const step = { id: "offer", title: `A site that this site may reach offers ${service}` } as const;
  if (found !== undefined && portsOf(found, port).length === 0) {
    return broken(step, {
      code: "service.unknown_port",
      detail: `Service ${service} does not have port ${port}.`,
    });
  }
  if (found !== undefined) {
    const { sites } = found;
    return {
      ...step,
      state: "ok",
      detail: `${sites.length === 1 ? "Site" : "Sites"} ${sites.join(", ")} ${sites.length === 1 ? "offers" : "offer"} it.`,
    };
  }
  if (offers.some(({ name }) => name === service)) {
    return {
      ...step,
      state: "ok",
      detail: "This site offers the service itself; its clients reach the server without a listener.",
    };
  }
  return broken(step, {
    code: "service.unknown",
    detail: `This site sees no service ${service}: no site offers it, exports it to this site, or is linked with this site.`,
    action: `\`fairlead check ${service} --from SITE\` at a machine with a login says which.`,
  });
}

/** Whether targets are up, and whether the listener is open, for one port. */
function portSteps(
  { site }: Status,
  service: string,
  { sites, down = [], listener, code }: Port,
): PathStep[] {
  const target = { id: "target", title: `A target of ${service} is up` } as const;
  const listen = { id: "listener", title: `Site ${site.name} listens for ${service}` } as const;
  const usable = sites.filter((each) => !down.includes(each));
  const steps: PathStep[] = [];
  if (code === "service.unhealthy" || usable.length === 0) {
    steps.push(broken(target, { code: code ?? "service.unhealthy" }));
  } else if (code !== undefined) {
    steps.push(broken({ id: "peer", title: `This site uses an offer of ${service}` }, { code }));
  } else steps.push({ ...target, state: "ok", detail: `Targets at ${usable.join(", ")} are up.` });
  if (listener === null || listener === undefined) {
    steps.push(broken(listen, { code: "listener.missing" }));
  } else if (listener.state === "failed") {
    steps.push(broken(listen, { code: listener.code ?? "listener.missing", detail: listener.message }));
  } else steps.push({ ...listen, state: "ok", detail: `Clients connect to ${listener.address}.` });
  return steps;
}
