/** Labels, annotations and names of the objects that a connector makes and reads in a cluster. */

/** The prefix of Fairlead's own labels and annotations. */
export const PREFIX = "fairlead.dev";

/** Label of everything that a connector makes: `fairlead`. */
export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";
export const MANAGER = "fairlead";
/** Label of everything that a connector makes: the id of its site. An object with another id is never touched. */
export const SITE_LABEL = `${PREFIX}/site-id`;
/** Annotation of a Service that was made for a service of the network: the service's name. */
export const SERVICE_ANNOTATION = `${PREFIX}/service`;

/**
 * Label of everything that was made for a ServiceImport: its name. Such an object follows its ServiceImport, and no
 * other rule.
 */
export const IMPORT_LABEL = `${PREFIX}/import`;

/** The labels by which a connector knows its own objects. */
export const ownLabels = (siteId: string): Readonly<Record<string, string>> => ({
  [MANAGED_BY_LABEL]: MANAGER,
  [SITE_LABEL]: siteId,
});

/** Whether an object was made by a connector of this site. */
export const isOwn = (labels: Readonly<Record<string, string>> | undefined, siteId: string): boolean =>
  labels?.[MANAGED_BY_LABEL] === MANAGER && labels[SITE_LABEL] === siteId;

/** The labels of a connector's pods, and of nothing else. @param name the first word of the names of its objects */
export const connectorLabels = (name: string): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/name": "fairlead",
  "app.kubernetes.io/component": "connector",
  "app.kubernetes.io/instance": name,
});

/** Name of the Deployment, the ServiceAccount, the Service and the Lease of a connector. */
export const connectorName = (name: string): string => `${name}-connector`;
