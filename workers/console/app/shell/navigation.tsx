/** The pages of a network. */
import { Nav, NavGroup, NavItem } from "@patternfly/react-core/dist/esm/components/Nav";
import ServicesIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-applications-icon";
import FlowsIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-arrow-left-right-icon";
import CheckIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-checkup-icon";
import OverviewIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-home-icon";
import KeysIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-key-icon";
import LinksIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-link-icon";
import EventsIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-list-icon";
import SitesIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-server-icon";
import SettingsIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-settings-icon";
import TopologyIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-topology-icon";
import TokensIcon from "@patternfly/react-icons/dist/esm/icons/ticket-alt-icon";
import { Link, useLocation } from "@tanstack/react-router";

const GROUPS = [
  {
    title: "See",
    items: [
      { to: "/networks/$network", label: "Overview", Icon: OverviewIcon },
      { to: "/networks/$network/topology", label: "Topology", Icon: TopologyIcon },
      { to: "/networks/$network/services", label: "Services", Icon: ServicesIcon },
      { to: "/networks/$network/flows", label: "Flows", Icon: FlowsIcon },
      { to: "/networks/$network/check", label: "Check", Icon: CheckIcon },
      { to: "/networks/$network/events", label: "Events", Icon: EventsIcon },
    ],
  },
  {
    title: "Manage",
    items: [
      { to: "/networks/$network/sites", label: "Sites", Icon: SitesIcon },
      { to: "/networks/$network/links", label: "Links", Icon: LinksIcon },
      { to: "/networks/$network/tokens", label: "Tokens", Icon: TokensIcon },
      { to: "/networks/$network/keys", label: "Keys", Icon: KeysIcon },
      { to: "/networks/$network/settings", label: "Settings", Icon: SettingsIcon },
    ],
  },
] as const;

export function Navigation({ network }: { network: string }) {
  const { pathname } = useLocation();
  const base = `/networks/${encodeURIComponent(network)}`;
  const isActive = (to: string) => {
    const path = to.replace("/networks/$network", base);
    return path === base ? pathname.replace(/\/$/, "") === base : `${pathname}/`.startsWith(`${path}/`);
  };
  return (
    <Nav aria-label="Pages">
      {GROUPS.map(({ title, items }) => (
        <NavGroup key={title} title={title}>
          {items.map(({ to, label, Icon }) => (
            <NavItem key={to} isActive={isActive(to)}>
              <Link
                to={to}
                params={{ network }}
                {...(isActive(to) ? { "aria-current": "page" as const } : {})}
              >
                <span className="fl-nav-icon">
                  <Icon />
                </span>
                {label}
              </Link>
            </NavItem>
          ))}
        </NavGroup>
      ))}
    </Nav>
  );
}
