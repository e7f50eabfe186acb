/** The set-up of most registry tests: the network "shop" and its sites west and east. */
import { vi } from "vitest";
import type { Offer } from "../../../protocol/uplink/messages.ts";
import { createNetwork } from "./client.ts";
import { admit, hangUpAll, type Member, offer, TestUplink } from "./member.ts";
import { resetEdge } from "./reset.ts";

export interface Shop {
  readonly west: Member;
  readonly east: Member;
}

/** Joins both sites, without uplinks. */
export async function openShop(): Promise<Shop> {
  await createNetwork("shop");
  return { west: await admit("shop", "west"), east: await admit("shop", "east") };
}

export interface OpenShop extends Shop {
  /** Uplink of west. */
  readonly consumer: TestUplink;
  /** Uplink of east. */
  readonly provider: TestUplink;
}

/** Opens both uplinks. East offers a service that west knows of. */
export async function openBusyShop(offers: { west?: Offer[]; east?: Offer[] } = {}): Promise<OpenShop> {
  const { west, east } = await openShop();
  const consumer = await TestUplink.open(west, { offers: offers.west ?? [] });
  const provider = await TestUplink.open(east, { offers: offers.east ?? [offer("api")] });
  await consumer.next("services");
  return { west, east, consumer, provider };
}

/** Closes every socket and empties every object. */
export async function closeShop(): Promise<void> {
  vi.useRealTimers();
  hangUpAll();
  await resetEdge();
}
