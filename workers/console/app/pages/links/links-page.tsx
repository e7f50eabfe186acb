/** All links of a network. */
import LinksIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-link-icon";
import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Link } from "../../../../../protocol/api/links.ts";
import { apiPath, send } from "../../api/client.ts";
import { useRefusal } from "../../api/role.ts";
import { fairlead } from "../../format/command.ts";
import type { Fields } from "../../format/search.ts";
import { useStatus } from "../../live/use-live.tsx";
import { ActionButton } from "../../parts/action-button.tsx";
import { Since } from "../../parts/age.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { Name, SiteName, useNetworkName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { RoundTrip, roundTripOf } from "../../parts/round-trip.tsx";
import { SearchedTable } from "../../parts/searched-table.tsx";
import { Section } from "../../parts/section.tsx";
import { LinkState } from "../../parts/state-label.tsx";
import { Waiting } from "../../parts/waiting.tsx";

const keyOf = ({ id }: Link) => id;

const fieldsOf = ({ id, name, joiner, issuer, state, code, cost }: Link): Fields => ({
  name,
  id,
  site: [joiner, issuer],
  from: joiner,
  to: issuer,
  state,
  code,
  cost: String(cost),
});

export default function LinksPage() {
  const network = useNetworkName();
  const refused = useRefusal(network, "operator");
  const [deleted, setDeleted] = useState<Link | null>(null);
  const status = useStatus();
  const links = status?.links ?? [];
  const columns = useMemo(
    (): readonly Column<Link>[] => [
      {
        id: "name",
        label: "Link",
        cell: (link) => <Name>{link.name}</Name>,
        sort: (link) => link.name,
        isName: true,
      },
      {
        id: "from",
        label: "From",
        cell: (link) => <SiteName name={link.joiner} />,
        sort: (link) => link.joiner,
        isName: true,
      },
      {
        id: "to",
        label: "To",
        cell: (link) =>
          link.issuer === "network" ? <Name>the network</Name> : <SiteName name={link.issuer} />,
        sort: (link) => link.issuer,
        isName: true,
      },
      {
        id: "state",
        label: "State",
        cell: (link) => <LinkState link={link} />,
        sort: (link) => link.state,
      },
      {
        id: "since",
        label: "For",
        cell: (link) => <Since at={link.since} />,
        sort: (link) => -Date.parse(link.since),
        noWrap: true,
      },
      { id: "cost", label: "Cost", cell: (link) => link.cost, sort: (link) => link.cost, isNumber: true },
      {
        id: "rtt",
        label: "Round trip",
        cell: (link) => <RoundTrip link={link} />,
        sort: roundTripOf,
        isNumber: true,
        noWrap: true,
      },
      {
        id: "delete",
        label: "",
        isAction: true,
        cell: (link) => (
          <ActionButton
            variant="link"
            isInline
            refused={refused}
            aria-label={`Delete link ${link.name} of ${link.joiner}`}
            onClick={() => setDeleted(link)}
          >
            Delete
          </ActionButton>
        ),
      },
    ],
    [refused],
  );
  return (
    <>
      <PageHeader title="Links" command={fairlead("link", "list")}>
        A link lets two sites, or a site and the network, use each other’s services.
      </PageHeader>
      {status === null ? (
        <Waiting what="links" />
      ) : links.length === 0 ? (
        <Nothing
          title="No link yet"
          icon={LinksIcon}
          command={fairlead("token", "create", "-o", "token.yaml")}
        >
          A site gets a link when it joins with a token, or later with <code>fairlead link create</code>.
        </Nothing>
      ) : (
        <Section title="All links">
          <SearchedTable
            of="links"
            entries={links}
            columns={columns}
            keyOf={keyOf}
            fieldsOf={fieldsOf}
            hint="site:berlin, state:down, NOT state:up"
            order="from"
          />
        </Section>
      )}
      {deleted === null ? null : (
        <DeleteLink link={deleted} network={network} onClose={() => setDeleted(null)} />
      )}
    </>
  );
}

function DeleteLink({ link, network, onClose }: { link: Link; network: string; onClose: () => void }) {
  const action = useMutation({
    mutationFn: () => send(apiPath`/v1/networks/${network}/links/${link.id}`, { method: "DELETE" }),
    onSuccess: onClose,
  });
  return (
    <Confirm
      title={`Delete link ${link.name}?`}
      action="Delete"
      typed={link.name}
      command={fairlead("link", "delete", link.name, "--site", link.joiner)}
      isPending={action.isPending}
      error={action.error}
      onConfirm={() => action.mutate()}
      onClose={onClose}
    >
      Site <Name>{link.joiner}</Name> loses its link to <Name>{link.issuer}</Name>. Connections that have no
      other path end at once.
    </Confirm>
  );
}
