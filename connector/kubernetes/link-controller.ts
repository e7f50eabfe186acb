/** The controller that tells of the site's links, and of the services that commands and configuration offer. */
import type { IncomingLink, LinkReport } from "../../protocol/uplink/messages.ts";
import { LeaderEvents } from "./cluster/leader-events.ts";
import type { ConnectorSide, ControllerFactory } from "./controller.ts";
import { type LinkFact, type SiteFacts, siteEvents } from "./links/site-events.ts";

export const linkController: ControllerFactory = (cluster, connector) => {
  const events = new LeaderEvents(cluster.events, cluster.leadership);
  /** As they were told last; null before the registry reported the links. */
  let told: SiteFacts | null = null;
  const review = (): void => {
    const facts = factsOf(connector);
    for (const event of told === null ? [] : siteEvents(told, facts)) {
      events.record({ ...event, about: cluster.self });
    }
    told = facts;
  };
  return {
    start: () => {
      connector.onChange("linksChanged", review);
      // What was offered before the first report is no news after a restart.
      connector.onChange("offersChanged", () => told !== null && review());
    },
    close: () => undefined,
  };
};

function factsOf({ links, offers }: ConnectorSide): SiteFacts {
  const reports = links();
  return {
    links: reports.links.map((link) => linkFact(link, link.issuer)),
    incoming: reports.incoming.map((link) => linkFact(link, link.joiner)),
    services: offers
      .list()
      .filter(({ source }) => source === undefined)
      .map(({ name }) => name),
  };
}

const linkFact = ({ id, name, state, code }: LinkReport | IncomingLink, peer: string): LinkFact => ({
  ...{ id, name, peer, code },
  isUp: state === "up",
});
