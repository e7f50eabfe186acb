/** The network "shop", which most tests of the registry start with. */
import { vi } from "vitest";
import type { Offer } from "../../../protocol/uplink/messages.ts";
import { createNetwork } from "./client.ts";
import { admit, hangUpAll, type Member, offer, TestUplink } from "./member.ts";
import { Operator } from "./operator.ts";
import { resetEdge } from "./reset.ts";

/** The network without members. */
export async function openEmptyShop(): Promise<Operator> {
  return new Operator((await createNetwork("shop")).id);
}

/** The network with members that have no links and no uplinks. */
export async function openShopOf<Name extends string>(
  ...names: readonly Name[]
): Promise<Record<Name, Member> & { readonly ops: Operator }> {
  const ops = await openEmptyShop();
  const members = {} as Record<Name, Member>;
  for (const name of names) members[name] = await ops.member(name);
  return { ...members, ops };
}

export interface Shop {
  readonly ops: Operator;
  readonly west: Member;
  readonly east: Member;
}

/** The network with the sites west and east, joined by network tokens, without uplinks. */
export async function openShop(): Promise<Shop> {
  const ops = await openEmptyShop();
  return { ops, west: await admit("shop", "west"), east: await admit("shop", "east") };
}

export interface BusyShop extends Shop {
  /** The uplink of west. */
  readonly consumer: TestUplink;
  /** The uplink of east. */
  readonly provider: TestUplink;
}

/** The network with both sites up. East offers a service, and west has been notified of it. */
export async function openBusyShop(offers: { west?: Offer[]; east?: Offer[] } = {}): Promise<BusyShop> {
  const shop = await openShop();
  const consumer = await TestUplink.open(shop.west, { offers: offers.west ?? [] });
  const provider = await TestUplink.open(shop.east, { offers: offers.east ?? [offer("api")] });
  await consumer.next("services");
  return { ...shop, consumer, provider };
}

/** Closes every socket and empties every object. */
export async function closeShop(): Promise<void> {
  vi.useRealTimers();
  hangUpAll();
  await resetEdge();
}
