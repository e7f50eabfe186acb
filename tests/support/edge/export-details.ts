/** Export details of offers, for tests. */
import type { ServiceExportDetails } from "../../../protocol/uplink/export-details.ts";

export const exportDetails = (parts: Partial<ServiceExportDetails> = {}): ServiceExportDetails => ({
  ...{ namespace: "shop", name: "api", type: "ClusterSetIP" },
  ports: [{ name: "http", protocol: "TCP", port: 80 }],
  createdAt: "2026-11-26T12:00:00Z",
  ...parts,
});

/** Details that are nearly as long as they may be. */
export const longDetails = (name = "api"): ServiceExportDetails =>
  exportDetails({ name, annotations: { note: "x".repeat(7900) } });
