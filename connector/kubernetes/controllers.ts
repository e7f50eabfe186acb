/** The controllers of a cluster. Each one does its work alone, and none knows another. */
import type { ControllerFactory } from "./controller.ts";

export const CONTROLLERS: readonly ControllerFactory[] = [];
