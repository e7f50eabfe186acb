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

/** The failure of a target, with advice for its site. */
export function adviceFor(error: FairleadError, service: string, { host, port }: TargetHost): FairleadError {
  const { code, message } = error;
  const action = ADVICE[code]?.(service, formatAddress(host, port));
  return action === undefined ? error : new FairleadError(code, message, { cause: error, action });
}
