/** The topology as a table: for screen readers, narrow screens, and for who would rather read. */
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { compareText } from "../../../../../protocol/compare-text.ts";
import { countText, latencyText } from "../../format/quantity.ts";
import { Since } from "../../parts/age.tsx";
import "../../parts/data-table.css";
import { SiteName } from "../../parts/name.tsx";
import { StateLabel } from "../../parts/state-label.tsx";
import { EDGE, linksOf, type SiteGraph, type SiteLink } from "../../topology/site-graph.ts";
import { type Look, lookOf, stateText } from "./site-nodes.tsx";

/** What is broken is first. */
const ORDER: readonly Look[] = ["bad", "warning", "waiting", "off", "good"];

const rankOf = (site: SiteGraph["sites"][number]) => ORDER.indexOf(lookOf(site));

export function TopologyList({ graph, found }: { graph: SiteGraph; found: ReadonlySet<string> | null }) {
  const names = new Map(graph.sites.map(({ id, name }) => [id, name]));
  const shown = graph.sites
    .filter(({ id }) => found === null || found.has(id))
    .sort((a, b) => rankOf(a) - rankOf(b) || compareText(a.name, b.name));
  return (
    <Table aria-label="Sites and their links" variant="compact" gridBreakPoint="grid-md" className="fl-table">
      <Thead>
        <Tr>
          <Th>Site</Th>
          <Th>State</Th>
          <Th>For</Th>
          <Th>Services</Th>
          <Th>Links</Th>
        </Tr>
      </Thead>
      <Tbody>
        {shown.map((site) => (
          <Tr key={site.id}>
            <Td dataLabel="Site">
              <SiteName name={site.name} />
            </Td>
            <Td dataLabel="State">
              <span>
                <StateLabel tone={lookOf(site)}>{stateText(site)}</StateLabel>
              </span>
            </Td>
            <Td dataLabel="For">
              <Since at={site.since} />
            </Td>
            <Td dataLabel="Services" className="fl-figure">
              {site.services === 0 ? <span className="fl-subtle">none</span> : countText(site.services)}
            </Td>
            <Td dataLabel="Links">
              <LinkTexts site={site.id} links={linksOf(graph, site.id)} names={names} />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

/** More links of a site are only counted. */
const MAX_LINKS = 4;

interface LinkTextsProps {
  readonly site: string;
  readonly links: readonly SiteLink[];
  readonly names: ReadonlyMap<string, string>;
}

function LinkTexts({ site, links, names }: LinkTextsProps) {
  if (links.length === 0) return <span className="fl-subtle">none</span>;
  const worst = [...links].sort((a, b) => (a.state < b.state ? -1 : a.state > b.state ? 1 : 0));
  return (
    <ul className="fl-plain-list">
      {worst.slice(0, MAX_LINKS).map((link) => {
        const other = link.joiner === site ? link.issuer : link.joiner;
        const arrow = link.joiner === site ? "to" : "from";
        return (
          <li key={link.id}>
            {arrow} <bdi>{other === EDGE ? "the network" : (names.get(other) ?? other)}</bdi>{" "}
            {link.state === "down" ? (
              <span className="fl-down">down</span>
            ) : (
              <span className="fl-subtle fl-figure">{link.rtt === null ? "" : latencyText(link.rtt)}</span>
            )}
          </li>
        );
      })}
      {links.length > MAX_LINKS ? <li className="fl-subtle">and {links.length - MAX_LINKS} more</li> : null}
    </ul>
  );
}
