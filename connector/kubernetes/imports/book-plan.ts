/** What is to be written to the ConfigMap that holds the listener ports. */
import { apiVersionOf, KINDS } from "../api/kinds.ts";
import type { Meta, ServiceObject, Writable } from "../cluster/cluster.ts";
import { isOwn, ownLabels, SERVICE_ANNOTATION } from "../cluster/names.ts";
import {
  assignPorts,
  bookData,
  mergeBooks,
  type PortBook,
  type PortRange,
  parseBook,
  portKey,
  sameBook,
} from "./port-book.ts";
import { fieldsOf } from "./service-object.ts";
import { isImport } from "./service-plan.ts";

/** The ConfigMap, as far as it is read. */
export interface BookObject {
  readonly meta: Meta;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface BookFacts {
  readonly stored: BookObject | undefined;
  readonly services: Iterable<ServiceObject>;
  /** The book as it was known before. */
  readonly known: PortBook;
  /** Keys of the ports that have to have a listener port. */
  readonly needed: readonly string[];
  readonly range: PortRange;
  readonly siteId: string;
}

export interface BookPlan {
  readonly kind: "none" | "create" | "update" | "taken";
  /** Empty for a ConfigMap of somebody else. */
  readonly book: PortBook;
  /** Keys of entries that say nothing, which are left out. */
  readonly faults: readonly string[];
  /** Ports for which the range has no listener port left. */
  readonly missing: readonly string[];
}

/** Decides what the ConfigMap is to say. What it has lost is read back from the Services, and known from before. */
export function planBook({ stored, services, known, needed, range, siteId }: BookFacts): BookPlan {
  if (stored !== undefined && !isOwn(stored.meta.labels, siteId)) {
    return { kind: "taken", book: new Map(), faults: [], missing: [] };
  }
  const { book: read, faults } = parseBook(stored?.data ?? {});
  const lost = mergeBooks(bookOfServices(services, siteId), known);
  const book = assignPorts(mergeBooks(read, lost), needed, range);
  const missing = needed.filter((key) => !book.has(key));
  const isStored = stored !== undefined && faults.length === 0 && sameBook(read, book);
  return { kind: isStored ? "none" : stored === undefined ? "create" : "update", book, faults, missing };
}

/** The listener ports to which the Services of a site lead. */
export function bookOfServices(services: Iterable<ServiceObject>, siteId: string): PortBook {
  const book = new Map<string, number>();
  for (const service of services) {
    const name = service.meta.annotations[SERVICE_ANNOTATION];
    if (!isImport(service, siteId) || name === undefined || service.clusterIP === "None") continue;
    for (const { port, protocol, targetPort } of service.ports) {
      const key = portKey(name, port, protocol === "UDP" ? "udp" : "tcp");
      if (typeof targetPort === "number" && !book.has(key)) book.set(key, targetPort);
    }
  }
  return book;
}

/** The ConfigMap as it is to be. Of one that exists, labels and annotations of others stay. */
export function bookObject(
  book: PortBook,
  { namespace, name, siteId }: { readonly namespace: string; readonly name: string; readonly siteId: string },
  before: Readonly<Record<string, unknown>> = {},
): Writable {
  const metadata = fieldsOf(before.metadata);
  return {
    apiVersion: apiVersionOf(KINDS.configMaps),
    kind: KINDS.configMaps.kind,
    metadata: {
      ...metadata,
      ...{ name, namespace },
      labels: { ...fieldsOf(metadata.labels), ...ownLabels(siteId) },
    },
    data: bookData(book),
  };
}
