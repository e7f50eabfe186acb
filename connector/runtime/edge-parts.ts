/** What dials the edge: the uplink, the address of lanes, and what renews and moves a site over them. */
import { partLog } from "../log-levels.ts";
import { LinkBook } from "../site/link-book.ts";
import { Renewer } from "../site/renewer.ts";
import { TokenMoves } from "../site/token-moves.ts";
import { ClockSkew } from "../uplink/clock-skew.ts";
import { laneAddress, reachGateway } from "../uplink/dial.ts";
import type { LaneAddress } from "../uplink/lane-address.ts";
import type { Uplink } from "../uplink/uplink.ts";
import type { ConnectorEvents } from "./events.ts";
import type { PartOptions } from "./options.ts";
import { makeUplink } from "./uplink.ts";

export interface EdgeParts {
  readonly clock: ClockSkew;
  readonly lanes: LaneAddress;
  readonly moves: TokenMoves;
  readonly uplink: Uplink;
  readonly book: LinkBook;
  readonly renewer: Renewer;
}

export function makeEdgeParts(
  options: PartOptions,
  { events }: { readonly events: ConnectorEvents },
): EdgeParts {
  const { site, config, readToken, renewal } = options;
  const [log, uplinkLog] = [partLog(options.log, "site"), partLog(options.log, "uplink")];
  const moves = new TokenMoves({ site, tokens: config.tokens, readToken, reachGateway, log });
  const uplink = makeUplink({ ...options, log: uplinkLog }, moves, events);
  const book = new LinkBook({
    site,
    present: () => uplink.replace(),
    remove: (name) => uplink.deleteLink(name),
    renew: () => events.emit("certificatesMissing"),
    roundTrip: () => uplink.lastRtt,
    changed: () => events.emit("linksChanged"),
    log,
  });
  const renewer = new Renewer({
    validity: () => site.membership,
    request: () => uplink.requestRenewal(),
    adopt: (adopted) => site.adopt(adopted, book.known.reports),
    adopted: () => void uplink.replace(),
    log,
    ...renewal,
  });
  const [clock, lanes] = [new ClockSkew(uplinkLog), laneAddress(site, uplinkLog)];
  return { clock, lanes, moves, uplink, book, renewer };
}
