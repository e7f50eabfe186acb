/**
 * A Service as the clients of its cluster have it: each connection goes to one endpoint, as kube-proxy chooses it, and
 * fails when that one does not take it. Nothing is tried twice.
 */
import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { collectionPath, KINDS } from "../../../../connector/kubernetes/api/kinds.ts";
import { eventually } from "../../clock/eventually.ts";
import { dial, exchange, type Place } from "../../traffic/servers.ts";
import { at, type JsonObject, objectsIn, textIn, textsIn } from "../json.ts";
import type { KubeClient } from "../kube-client.ts";
import { FollowedList } from "./followed-list.ts";
import { localAddress } from "./pod-addresses.ts";

export class ServiceProxy {
  readonly #name: string;
  readonly #services: FollowedList;
  readonly #slices: FollowedList;

  private constructor(name: string, services: FollowedList, slices: FollowedList) {
    this.#name = name;
    this.#services = services;
    this.#slices = slices;
  }

  /** Follows a Service, which may come into being later. */
  static async open(admin: KubeClient, namespace: string, name: string): Promise<ServiceProxy> {
    const field = encodeURIComponent(`metadata.name=${name}`);
    const label = encodeURIComponent(`kubernetes.io/service-name=${name}`);
    const [services, slices] = await Promise.all([
      FollowedList.open(admin, `${collectionPath(KINDS.services, namespace)}?fieldSelector=${field}`),
      FollowedList.open(admin, `${collectionPath(KINDS.endpointSlices, namespace)}?labelSelector=${label}`),
    ]);
    return new ServiceProxy(`${namespace}/${name}`, services, slices);
  }

  /** The Service, or undefined while there is none. */
  get service(): JsonObject | undefined {
    return this.#services.objects[0];
  }

  /**
   * Where connections to a port of the Service go: addresses of pods. Without a ready endpoint, those that terminate and
   * still serve.
   */
  endpoints(port: number): Place[] {
    const found = objectsIn(at(this.service, "spec", "ports")).find((each) => each.port === port);
    if (found === undefined) return [];
    const name = textIn(found.name);
    const all = this.#slices.objects.flatMap((slice) => {
      const number = objectsIn(slice.ports).find((each) => textIn(each.name) === name)?.port;
      if (typeof number !== "number") return [];
      return objectsIn(slice.endpoints).flatMap(({ addresses, conditions }) =>
        textsIn(addresses).map((host) => ({
          place: { host, port: number },
          ready: at(conditions, "ready") !== false,
          leaves: at(conditions, "serving") === true && at(conditions, "terminating") === true,
        })),
      );
    });
    const ready = all.filter((each) => each.ready);
    return (ready.length > 0 ? ready : all.filter(({ leaves }) => leaves)).map(({ place }) => place);
  }

  /** Waits until a port has this many endpoints. */
  async endpointsToBe(port: number, count: number): Promise<Place[]> {
    return await eventually(`${this.#name}:${port} to have ${count} endpoints`, () => {
      const endpoints = this.endpoints(port);
      return endpoints.length === count && endpoints;
    });
  }

  /** Opens a connection. @throws Error when the port has no endpoint, and the error of the one that was chosen */
  async connect(port: number): Promise<Socket> {
    return await dial(this.#choose(port));
  }

  /** Opens a connection, sends, ends this half, and returns the answer. */
  async exchange(port: number, data: string): Promise<string> {
    return (await exchange(this.#choose(port), data)).toString();
  }

  async close(): Promise<void> {
    await Promise.all([this.#services.close(), this.#slices.close()]);
  }

  #choose(port: number): Place {
    const endpoints = this.endpoints(port);
    const chosen = endpoints[endpoints.length === 0 ? 0 : randomInt(endpoints.length)];
    if (chosen === undefined) throw new Error(`${this.#name}:${port} has no endpoint.`);
    return { host: localAddress(chosen.host), port: chosen.port };
  }
}
