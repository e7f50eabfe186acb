/** Names and labels of the objects of an installation. Each name begins with the value `name`. */
import { text, value } from "./template.ts";
import { SELECTOR_LABELS } from "./values.ts";

const NAME = value("name");

/** Deployment, ServiceAccount, Service, NetworkPolicy and the like; also the Lease of the replicas. */
export const CONNECTOR = text`${NAME}-connector`;
/** The Service by which resolvers reach the connectors' DNS server. */
export const DNS = text`${NAME}-dns`;
/** The Secret with the token that the site joins with. */
export const TOKEN = text`${NAME}-token`;
/** The Secret with the site's key and membership. */
export const STATE = text`${NAME}-state`;
/** The ConfigMap with the ports of the network's services at the connectors. */
export const LISTENERS = text`${NAME}-listeners`;

const [NAME_LABEL, COMPONENT_LABEL, INSTANCE_LABEL] = SELECTOR_LABELS;

/** What the Deployment, the Services and the policies find the pods by. It never changes. */
export const SELECTOR = {
  [NAME_LABEL]: "fairlead",
  [COMPONENT_LABEL]: "connector",
  [INSTANCE_LABEL]: NAME,
} as const;

/** The labels of every object. */
export const LABELS = SELECTOR;

/** Ports of a connector's pod, beside its listeners. */
export const PORTS = { metrics: 9464, dns: 5353 } as const;
