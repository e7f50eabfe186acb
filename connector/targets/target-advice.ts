/** What to do at the site about a target that is down. */
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { TargetHost } from "../config/service-options.ts";
import { formatAddress } from "../net/local-socket.ts";

/** By the code of the failure. Other failures keep their own action. */
const ADVICE: Partial<Record<ErrorCode, (service: string, target: string) => string>> = {
  "service.refused": (service, target) => `Start the server at ${target}, or ${correct(service)}`,
  "service.timeout": (service, target) =>
    `Check that the server at ${target} runs and that no firewall is between, or ${correct(service)}`,
  "service.unreachable": (service, target) =>
    `Check the host of ${target} and the network to it, or ${correct(service)}`,
};

const correct = (service: string) => `name another target: \`fairlead expose ${service}=HOST:PORT\`.`;

/** The same for a target that a controller names, as one of a cluster does. */
const ADVICE_FOR_PODS: Partial<Record<ErrorCode, (target: string) => string>> = {
  "service.refused": (target) =>
    `Check that a server listens at ${target}, and that the pod is ready only while it does.`,
  "service.timeout": blocked,
  "service.unreachable": blocked,
};

function blocked(target: string): string {
  return `Check that the pod at ${target} runs, and that no NetworkPolicy keeps the connector from it.`;
}

/** A target, and the service that it is of. */
export interface AdvisedTarget {
  readonly service: string;
  readonly target: TargetHost;
  /** Whether a controller names the targets of the service. */
  readonly isManaged: boolean;
}

/** The failure of a target, with advice for its site. */
export function adviceFor(
  error: FairleadError,
  { service, target: { host, port }, isManaged }: AdvisedTarget,
): FairleadError {
  const { code, message } = error;
  const place = formatAddress(host, port);
  const action = isManaged ? ADVICE_FOR_PODS[code]?.(place) : ADVICE[code]?.(service, place);
  return action === undefined ? error : new FairleadError(code, message, { cause: error, action });
}
