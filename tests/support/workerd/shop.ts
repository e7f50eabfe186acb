/** What most tests of the registry begin with: the network "shop" and its sites west and east. */
import { vi } from "vitest";
import type { Offer } from "../../../protocol/uplink/messages.ts";
import { createNetwork } from "./client.ts";
import { admit, hangUpAll, type Member, offer, TestUplink } from "./member.ts";
import { resetEdge } from "./reset.ts";

export interface Shop {
  readonly west: Member;
  readonly east: Member;
}

/** Both sites joined, neither of them is up. */
export async function openShop(): Promise<Shop> {
  await createNetwork("shop");
  return { west: await admit("shop", "west"), east: await admit("shop", "east") };
}

export interface OpenShop extends Shop {
  /** West's uplink. */
  readonly consumer: TestUplink;
  /** East's. */
  readonly provider: TestUplink;
}

/** Both are up, and east offers a service that west was told of. */
export async function openBusyShop(offers: { west?: Offer[]; east?: Offer[] } = {}): Promise<OpenShop> {
  const { west, east } = await openShop();
  const consumer = await TestUplink.open(west, { offers: offers.west ?? [] });
  const provider = await TestUplink.open(east, { offers: offers.east ?? [offer("api")] });
  await consumer.next("services");
  return { west, east, consumer, provider };
}

/** Ends every socket and empties every object. */
export async function closeShop(): Promise<void> {
  vi.useRealTimers();
  hangUpAll();
  await resetEdge();
}
