/** New connections with one request each, ten at a time. */
import { newConnections } from "../clients/http.ts";
import type { Measure } from "./measure.ts";

export const CONNECTIONS: Measure = {
  id: "connections",
  title: "new connections, 10 at a time",
  metrics: [{ key: "perSecond", title: "", unit: "connections/s", better: "higher" }],
  work: "connection",
  async run(system, ground) {
    const { count, perSecond } = await newConnections(system.at.web, 10, ground.ms);
    return { figures: { perSecond }, work: { unit: "connection", amount: count } };
  },
};
