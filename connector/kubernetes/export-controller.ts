/** The controller that exposes annotated objects, joined with the connector's offers. */
import { ERRORS, isErrorCode } from "../../protocol/errors.ts";
import type { RefusedOffer } from "../../protocol/uplink/messages.ts";
import type { LeftOut } from "../targets/managed-exposures.ts";
import { LeaderEvents } from "./cluster/leader-events.ts";
import type { ControllerFactory } from "./controller.ts";
import { Exports } from "./exports/exports.ts";
import { ExportMemory } from "./exports/memory.ts";
import type { Refusal } from "./exports/reports.ts";

export const exportController: ControllerFactory = (cluster, connector) => {
  const { config, state, offers, managedOffers, refusedOffers } = connector;
  const { views, watched, events, leadership, log } = cluster;
  const exports = new Exports({
    cluster: { views, watched, events: new LeaderEvents(events, leadership) },
    skupper: config.skupperAnnotations,
    memory: new ExportMemory(state, log),
    offers: {
      set: (exposures) => managedOffers.set("exports", exposures),
      refusals: () => [...offers.leftOut.map(byConnector), ...refusedOffers.list().map(byNetwork)],
    },
  });
  connector.onChange("offersChanged", () => exports.reviewRefusals());
  connector.onChange("refusedOffersChanged", () => exports.reviewRefusals());
  return exports;
};

function byConnector({ name, source, reason, message }: LeftOut): Refusal {
  return { name, source, message: reason === "taken" ? `${message} ${OTHER_NAME}` : message };
}

const OTHER_NAME = "Choose another name with the annotation fairlead.dev/address, or end that offer.";

function byNetwork({ name, code, message }: RefusedOffer): Refusal {
  const known = isErrorCode(code) ? ERRORS[code].action : undefined;
  const advice = code === "service.port_conflict" ? OTHER_PORT : known;
  return { name, message: advice === undefined ? message : `${message} ${advice}` };
}

const OTHER_PORT =
  "Name a port that the service has with the annotation fairlead.dev/port, or choose another name with fairlead.dev/address.";
