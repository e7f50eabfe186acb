/**
 * What an offer says of the Kubernetes Service behind it, for clusters of other sites (docs/protocol.md, "Exported
 * Services").
 */
import * as z from "zod";
import { Port, ServiceName } from "../names.ts";
import { shownText } from "../text.ts";

/** The most characters of an offer's export details, as JSON. */
export const MAX_EXPORT_DETAILS = 8192;

/** The most ports of an exported Service. */
const MAX_EXPORTED_PORTS = 100;

/** The name of a namespace, a Service or a port, and the host name of a pod. */
const Label = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a DNS label");

/** The key of a label or an annotation: a name, after a domain and a slash or without them. */
const Key = z
  .string()
  .max(317)
  .regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/, "must be a qualified name");

/** A port as the Service has it. Ports of every protocol are told, also those that the network does not carry. */
const ExportedPort = z.object({
  name: Label.optional(),
  protocol: z.enum(["TCP", "UDP", "SCTP"]),
  appProtocol: shownText(317).optional(),
  port: Port,
});

/** An exported Service: the fields that the Multi-Cluster Services API compares and passes on. */
export const ServiceExportDetails = z
  .object({
    namespace: Label,
    name: Label,
    type: z.enum(["ClusterSetIP", "Headless"]),
    ports: z.array(ExportedPort).max(MAX_EXPORTED_PORTS),
    sessionAffinity: z.enum(["None", "ClientIP"]).optional(),
    /** Of the affinity `ClientIP`, s. */
    sessionAffinityTimeout: z.number().int().min(1).max(86_400).optional(),
    internalTrafficPolicy: shownText(63).optional(),
    trafficDistribution: shownText(63).optional(),
    ipFamilies: z
      .array(z.enum(["IPv4", "IPv6"]))
      .max(2)
      .optional(),
    /** The labels and annotations that the export names. */
    labels: z.record(Key, shownText(63)).optional(),
    annotations: z.record(Key, z.string().max(MAX_EXPORT_DETAILS)).optional(),
    /** When the ServiceExport was made: the oldest wins a conflict. */
    createdAt: z.iso.datetime({ offset: true }),
  })
  .refine(
    (details) => JSON.stringify(details).length <= MAX_EXPORT_DETAILS,
    `must have at most ${MAX_EXPORT_DETAILS} characters as JSON`,
  );
export type ServiceExportDetails = z.infer<typeof ServiceExportDetails>;

/** The pod for which a service stands. The service of all pods names itself, so that it is known without any pod. */
export const HeadlessPod = z.object({
  /** The network's service of all pods. */
  of: ServiceName,
  /** The pod's host name, which is unique among those of a site. */
  host: Label,
});
export type HeadlessPod = z.infer<typeof HeadlessPod>;
