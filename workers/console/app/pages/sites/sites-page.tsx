/** All sites of a network. */
import SitesIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-server-icon";
import { Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Site } from "../../../../../protocol/api/sites.ts";
import { fairlead } from "../../format/command.ts";
import type { Fields } from "../../format/search.ts";
import { useStatus } from "../../live/use-live.tsx";
import { Since } from "../../parts/age.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { SiteName, useNetworkName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { SearchedTable } from "../../parts/searched-table.tsx";
import { Section } from "../../parts/section.tsx";
import { SiteState, siteTone } from "../../parts/state-label.tsx";
import { useSilentSites } from "../../parts/use-findings.ts";
import { Waiting } from "../../parts/waiting.tsx";
import { versionsOf } from "./versions.ts";

export default function SitesPage() {
  const network = useNetworkName();
  const status = useStatus();
  const silent = useSilentSites();
  const sites = status?.sites ?? [];
  const links = status?.links ?? [];
  const columns = useMemo(
    (): readonly Column<Site>[] => [
      {
        id: "name",
        label: "Site",
        cell: (site) => <SiteName name={site.name} />,
        sort: (site) => site.name,
        isName: true,
      },
      {
        id: "state",
        label: "State",
        cell: (site) => <SiteState site={site} isSilent={silent.has(site.id)} />,
        sort: (site) => siteTone(site, silent.has(site.id))[1],
      },
      {
        id: "since",
        label: "For",
        cell: (site) => <Since at={site.since} />,
        sort: (site) => -Date.parse(site.since),
        noWrap: true,
      },
      {
        id: "connectors",
        label: "Connectors",
        cell: (site) => site.instances.length,
        sort: (site) => site.instances.length,
        isNumber: true,
      },
      {
        id: "links",
        label: "Links",
        cell: (site) => linksOf(site, links),
        sort: (site) => linksOf(site, links),
        isNumber: true,
      },
      {
        id: "services",
        label: "Services",
        cell: (site) => site.services.length,
        sort: (site) => site.services.length,
        isNumber: true,
      },
      {
        id: "version",
        label: "Version",
        cell: (site) => <span className="fl-subtle">{versionsOf(site).join(", ") || "–"}</span>,
        sort: (site) => versionsOf(site).join(" "),
      },
    ],
    [silent, links],
  );
  const fieldsOf = useCallback(
    (site: Site): Fields => {
      const [, state] = siteTone(site, silent.has(site.id));
      return {
        name: site.name,
        id: site.id,
        state: state === "up" ? ["up", "online"] : [state, "offline"],
        service: site.services,
        version: versionsOf(site),
      };
    },
    [silent],
  );
  return (
    <>
      <PageHeader title="Sites" command={fairlead("site", "list")} />
      {status === null ? (
        <Waiting what="sites" />
      ) : sites.length === 0 ? (
        <Nothing
          title="No site yet"
          icon={SitesIcon}
          command={fairlead("token", "create", "-o", "token.yaml")}
          actions={
            <Link to="/networks/$network/tokens" params={{ network }} search={{}}>
              Create a token here
            </Link>
          }
        >
          A site joins with a token, which a connector redeems when it starts.
        </Nothing>
      ) : (
        <Section title="All sites">
          <SearchedTable
            of="sites"
            entries={sites}
            columns={columns}
            keyOf={keyOf}
            fieldsOf={fieldsOf}
            hint="name, state:down, NOT state:up, service:orders"
            order="name"
          />
        </Section>
      )}
    </>
  );
}

const keyOf = ({ id }: Site) => id;

const linksOf = ({ name }: Site, links: readonly { readonly joiner: string; readonly issuer: string }[]) =>
  links.filter(({ joiner, issuer }) => joiner === name || issuer === name).length;
