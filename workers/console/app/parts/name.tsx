/** Names, which others chose: shown as text, apart from the direction of what is around them, and cut where they are long. */
import { Link, useParams } from "@tanstack/react-router";
import { visible } from "../../../../protocol/text.ts";

/** A name. The full text is its title. */
export function Name({ children }: { children: string }) {
  const text = visible(children);
  return (
    <bdi className="fl-name" title={text}>
      {text}
    </bdi>
  );
}

/** The name of the network in the address of the page. */
export function useNetworkName(): string {
  return useParams({ strict: false }).network ?? "";
}

/** The name of a site, which leads to its page. */
export function SiteName({ name }: { name: string }) {
  const network = useNetworkName();
  return (
    <Link to="/networks/$network/sites/$site" params={{ network, site: name }}>
      <Name>{name}</Name>
    </Link>
  );
}

/** The name of a service, which leads to its page. */
export function ServiceName({ name }: { name: string }) {
  const network = useNetworkName();
  return (
    <Link to="/networks/$network/services/$service" params={{ network, service: name }}>
      <Name>{name}</Name>
    </Link>
  );
}
