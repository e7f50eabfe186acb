/** The flows of a connector, and what looks at them: the log of requests, and the observers of bytes. */
import { partLog } from "../log-levels.ts";
import { Observers } from "../observers/observers.ts";
import { Relay } from "../relay/relay.ts";
import { RequestLog } from "../relay/request-log.ts";
import type { PartOptions } from "./options.ts";

export interface FlowParts {
  readonly relay: Relay;
  readonly requestLog: RequestLog;
  readonly observers: Observers;
}

export function makeFlowParts({ site, config, tracer, log: whole }: PartOptions): FlowParts {
  const log = partLog(whole, "relay");
  const { network, site: self } = site.membership;
  const relay = new Relay({ network: network.id, site: self.id, log });
  if (tracer !== undefined) {
    relay.tracer = tracer;
    relay.requests.add(tracer);
  }
  const requestLog = new RequestLog({ requests: relay.requests, log });
  requestLog.set(config.log.includes("requests"));
  return { relay, requestLog, observers: new Observers(relay.requests, config.observe) };
}
