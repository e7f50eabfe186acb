/** How sites, their boxes and the edge look on the topology. */

import CheckIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-check-circle-fill-icon";
import ClockIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-clock-icon";
import ErrorIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-error-fill-icon";
import BanIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-pause-circle-icon";
import WarningIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-warning-fill-icon";
import type { Node, NodeProps, NodeTypes } from "@xyflow/react";
import { memo } from "react";
import { visible } from "../../../../../protocol/text.ts";
import { counted, countText } from "../../format/quantity.ts";
import { Since } from "../../parts/age.tsx";
import type { Density } from "../../topology/frame-places.ts";
import type { SiteNode } from "../../topology/site-graph.ts";

type SiteData = Node<
  {
    site: SiteNode;
    /** What the site sends and receives; null where it is not known. */
    traffic: string | null;
    density: Density;
    isDim: boolean;
    isMarked: boolean;
  },
  "site"
>;
type BoxData = Node<{ title: string; sites: number; troubled: number }, "box">;
type EdgeData = Node<{ isBar: boolean; sites: number; connected: number; network: string }, "edge">;

/** The look of a state. */
export type Look = "good" | "warning" | "bad" | "off" | "waiting";

export function lookOf({ state, stopped }: Pick<SiteNode, "state" | "stopped">): Look {
  if (state === "up") return "good";
  if (state === "silent") return "warning";
  if (state === "new") return "waiting";
  return stopped ? "off" : "bad";
}

const ICONS = { good: CheckIcon, warning: WarningIcon, bad: ErrorIcon, off: BanIcon, waiting: ClockIcon };

const STATE_TEXTS = {
  good: "up",
  warning: "silent",
  bad: "down",
  off: "stopped",
  waiting: "not joined yet",
} as const satisfies Record<Look, string>;

export const stateText = (site: Pick<SiteNode, "state" | "stopped">): string => STATE_TEXTS[lookOf(site)];

export function LookIcon({ look }: { look: Look }) {
  const Icon = ICONS[look];
  return (
    <span className={`fl-look fl-look--${look}`}>
      <Icon />
    </span>
  );
}

const SiteBoxNode = memo(({ data, selected }: NodeProps<SiteData>) => {
  const { site, traffic, density, isDim, isMarked } = data;
  const look = lookOf(site);
  const classes = [
    "fl-site",
    `fl-site--${density}`,
    `fl-site--${look}`,
    selected ? "is-chosen" : "",
    isDim ? "is-dim" : "",
    isMarked ? "is-marked" : "",
  ];
  return (
    <div className={classes.join(" ")} title={visible(site.name)}>
      <LookIcon look={look} />
      <div className="fl-site__text">
        <bdi className="fl-site__name">{visible(density === "chip" ? shortName(site) : site.name)}</bdi>
        {density === "card" ? (
          <span className="fl-site__more">
            {look === "good" ? (
              `${site.services === 0 ? "no services" : counted(site.services, "service")} · ${traffic ?? counted(site.instances, "connector")}`
            ) : (
              <>
                {STATE_TEXTS[look]} for <Since at={site.since} />
              </>
            )}
          </span>
        ) : null}
      </div>
    </div>
  );
});

/** A name without the group that stands above it. */
function shortName({ name, group }: SiteNode): string {
  const rest = name.startsWith(group) ? name.slice(group.length).replace(/^[-_.]/, "") : "";
  return rest === "" ? name : rest;
}

const GroupBoxNode = memo(({ data: { title, sites, troubled } }: NodeProps<BoxData>) => (
  <div className={troubled > 0 ? "fl-box fl-box--troubled" : "fl-box"}>
    <div className="fl-box__head">
      <bdi className="fl-box__title">{visible(title)}</bdi>
      <span className="fl-box__count">
        {troubled > 0 ? <strong>{troubled} of </strong> : null}
        {counted(sites, "site")}
        {troubled > 0 ? <strong> down</strong> : null}
      </span>
    </div>
  </div>
));

const EdgeNode = memo(({ data: { isBar, sites, connected, network }, selected }: NodeProps<EdgeData>) => (
  <div className={`fl-edge ${isBar ? "fl-edge--bar" : ""} ${selected ? "is-chosen" : ""}`}>
    <div className="fl-edge__text">
      <strong>Edge</strong>
      <bdi className="fl-edge__network" title={visible(network)}>
        {visible(network)}
      </bdi>
      <span>
        {countText(connected)} of {countText(sites)} connected
      </span>
    </div>
  </div>
));

export const SITE_NODE_TYPES: NodeTypes = { site: SiteBoxNode, box: GroupBoxNode, edge: EdgeNode };
