/**
 * One service out of the exports of several clusters (KEP-1645, "Constraints and Conflict Resolution"). Every connector
 * computes the same from the same exports, in whatever order they come.
 */
import type { ServiceExportDetails } from "../../../protocol/uplink/export-details.ts";

/** The export of one cluster. */
export interface ClusterExport {
  /** The name of the site, which is the name of the cluster. */
  readonly cluster: string;
  readonly details: ServiceExportDetails;
}

export type ExportedPort = ServiceExportDetails["ports"][number];

export interface Conflict {
  /** Reasons of the condition Conflict, joined by commas. */
  readonly reason: string;
  readonly message: string;
}

export interface MergedService {
  /** What the service is like: the oldest export, but for its ports. */
  readonly details: ServiceExportDetails;
  /** The ports of all clusters, without those that conflict with the port of an older export. */
  readonly ports: readonly ExportedPort[];
  /** Clusters that export the service, sorted. */
  readonly clusters: readonly string[];
  readonly conflict: Conflict | null;
}

/** A property that only one export can decide. */
interface Property {
  readonly reason: string;
  readonly name: string;
  /** As a text, by which exports are compared. Undefined: the export does not have the property. */
  readonly of: (details: ServiceExportDetails) => string | undefined;
}

/** A headless service has no address for which clients could have an affinity. */
const affinity = ({ type, sessionAffinity = "None" }: ServiceExportDetails): string | undefined =>
  type === "Headless" ? undefined : sessionAffinity;

const PROPERTIES: readonly Property[] = [
  { reason: "TypeConflict", name: "type", of: ({ type }) => type },
  { reason: "SessionAffinityConflict", name: "session affinity", of: affinity },
  {
    reason: "SessionAffinityConfigConflict",
    name: "timeout of the session affinity",
    of: (details) => (affinity(details) === "ClientIP" ? `${details.sessionAffinityTimeout}` : undefined),
  },
  { reason: "LabelsConflict", name: "exported labels", of: ({ labels }) => sorted(labels) },
  {
    reason: "AnnotationsConflict",
    name: "exported annotations",
    of: ({ annotations }) => sorted(annotations),
  },
  {
    reason: "InternalTrafficPolicyConflict",
    name: "internal traffic policy",
    of: ({ internalTrafficPolicy = "Cluster" }) => internalTrafficPolicy,
  },
  {
    reason: "TrafficDistributionConflict",
    name: "traffic distribution",
    of: ({ trafficDistribution = "" }) => trafficDistribution,
  },
];

/** Merges the exports of a service, of which each cluster has one; null without any. */
export function merge(exports: readonly ClusterExport[]): MergedService | null {
  const [oldest, ...younger] = [...exports].sort(byAge);
  if (oldest === undefined) return null;
  const ports: ExportedPort[] = [];
  const refused: string[] = [];
  for (const { cluster, details } of [oldest, ...younger]) {
    for (const port of details.ports) {
      if (ports.some((known) => isSamePort(known, port))) continue;
      if (ports.some((known) => excludes(known, port))) refused.push(`${textOf(port)} of ${cluster}`);
      else ports.push(port);
    }
  }
  const conflicts = [
    ...(refused.length === 0
      ? []
      : [
          {
            reason: "PortConflict",
            text: `The ports of an older export are used instead of ${refused.join(", ")}.`,
          },
        ]),
    ...PROPERTIES.flatMap(({ reason, name, of }) => {
      const decided = of(oldest.details);
      const others = younger.filter(({ details }) => differ(decided, of(details)));
      if (others.length === 0) return [];
      const clusters = others.map(({ cluster }) => cluster).join(", ");
      return [{ reason, text: `The ${name} of ${oldest.cluster} is used, and not that of ${clusters}.` }];
    }),
  ];
  return {
    details: oldest.details,
    ports,
    clusters: exports.map(({ cluster }) => cluster).sort(),
    conflict:
      conflicts.length === 0
        ? null
        : {
            reason: conflicts.map(({ reason }) => reason).join(","),
            message: [
              ...conflicts.map(({ text }) => text),
              `The oldest ServiceExport decides, which is that of ${oldest.cluster}: make the Services alike, or give one another name.`,
            ].join(" "),
          },
  };
}

/** Whether a cluster serves a port of the merged service: a port that conflicts leads to other clusters alone. */
export const serves = ({ ports }: ServiceExportDetails, port: ExportedPort): boolean =>
  ports.some((own) => isSamePort(own, port));

/** The oldest first. Times have whole seconds, so that names decide between equal ones. */
function byAge(left: ClusterExport, right: ClusterExport): number {
  const age = Date.parse(left.details.createdAt) - Date.parse(right.details.createdAt);
  if (age !== 0) return age;
  return left.cluster < right.cluster ? -1 : 1;
}

const differ = (decided: string | undefined, other: string | undefined): boolean =>
  decided !== undefined && other !== undefined && decided !== other;

const isSamePort = (left: ExportedPort, right: ExportedPort): boolean =>
  (left.name ?? "") === (right.name ?? "") &&
  left.protocol === right.protocol &&
  left.port === right.port &&
  (left.appProtocol ?? "") === (right.appProtocol ?? "");

/** No two ports of a service have one name, and no two have one number of one protocol. */
const excludes = (left: ExportedPort, right: ExportedPort): boolean =>
  (left.name ?? "") === (right.name ?? "") || (left.protocol === right.protocol && left.port === right.port);

const textOf = ({ name, protocol, port }: ExportedPort): string =>
  `port ${name === undefined ? "" : `${name}, `}${port}/${protocol}`;

const sorted = (map: Readonly<Record<string, string>> = {}): string =>
  JSON.stringify(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
