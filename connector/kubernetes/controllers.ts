/** The controllers of a cluster. Each one does its work alone, and none knows another. */
import type { ControllerFactory } from "./controller.ts";
import { exportController } from "./export-controller.ts";
import { linkController } from "./link-controller.ts";
import { multiClusterController } from "./multi-cluster-controller.ts";

export const CONTROLLERS: readonly ControllerFactory[] = [
  exportController,
  linkController,
  multiClusterController,
];
