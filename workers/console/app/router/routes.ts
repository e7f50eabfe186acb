/** The routes of the console. Every view is a URL; the parameters of each are typed by a schema. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import * as z from "zod";
import { networksQuery, sessionQuery } from "../api/queries.ts";
import { OverviewPage } from "../pages/overview/overview-page.tsx";
import { SignInPage } from "../pages/sign-in/sign-in-page.tsx";
import { FailedPage, NoPage } from "../shell/errors.tsx";
import { firstNetwork } from "../shell/last-network.ts";
import { NetworkShell } from "../shell/network-shell.tsx";
import { ListSearch, parseSearch, stringifySearch } from "./search-params.ts";

/** Pages of a network. */
const PAGES: ReadonlySet<string> = new Set([
  ...["topology", "services", "flows", "check", "events"],
  ...["sites", "links", "tokens", "keys", "settings"],
]);

interface RouterContext {
  readonly queries: QueryClient;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
  notFoundComponent: NoPage,
  errorComponent: FailedPage,
});

/** Leads to the sign-in if nobody is signed in. */
async function requireUser({ queries }: RouterContext, path: string): Promise<void> {
  const { user } = await queries.ensureQueryData(sessionQuery);
  if (user === null) throw redirect({ to: "/sign-in", search: path === "/" ? {} : { next: path } });
}

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: async ({ context, location }) => {
    await requireUser(context, location.pathname);
    const networks = await context.queries.fetchQuery(networksQuery);
    const network = firstNetwork(networks.map(({ name }) => name));
    if (network !== null) throw redirect({ to: "/networks/$network", params: { network }, replace: true });
  },
  component: lazyRouteComponent(() => import("../pages/networks/first-network-page.tsx")),
});

/** A page without a network, such as /console/flows, is that of the network that was shown last. */
const shortcutRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "$page",
  beforeLoad: async ({ context, location, params: { page } }) => {
    await requireUser(context, location.pathname);
    const networks = await context.queries.ensureQueryData(networksQuery);
    const network = firstNetwork(networks.map(({ name }) => name));
    if (network === null || !PAGES.has(page)) return;
    const path = `/console/networks/${encodeURIComponent(network)}/${page}`;
    throw redirect({ href: path + location.searchStr, replace: true });
  },
  component: NoPage,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "sign-in",
  validateSearch: z.object({
    /** The path to return to. */
    next: z.string().optional().catch(undefined),
    /** Set when a session ended. */
    ended: z.literal("yes").optional().catch(undefined),
    /** The code of an error at the provider. */
    error: z.string().optional().catch(undefined),
  }),
  component: SignInPage,
});

const networkRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "networks/$network",
  beforeLoad: ({ context, location }) => requireUser(context, location.pathname + location.searchStr),
  component: NetworkShell,
});

const overviewRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "/",
  validateSearch: z.object({
    /** Set to show all findings. */
    show: z.literal("all").optional().catch(undefined),
  }),
  component: OverviewPage,
});

const sitesRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "sites",
  validateSearch: ListSearch,
  component: lazyRouteComponent(() => import("../pages/sites/sites-page.tsx")),
});

const siteRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "sites/$site",
  component: lazyRouteComponent(() => import("../pages/sites/site-page.tsx")),
});

const linksRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "links",
  validateSearch: ListSearch,
  component: lazyRouteComponent(() => import("../pages/links/links-page.tsx")),
});

const tokensRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "tokens",
  validateSearch: ListSearch,
  component: lazyRouteComponent(() => import("../pages/tokens/tokens-page.tsx")),
});

const eventsRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "events",
  validateSearch: z.object({
    q: z.string().optional().catch(undefined),
    /** A type of events, or a group of types. */
    type: z.string().optional().catch(undefined),
    site: z.string().optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import("../pages/events/events-page.tsx")),
});

const keysRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "keys",
  validateSearch: ListSearch,
  component: lazyRouteComponent(() => import("../pages/keys/keys-page.tsx")),
});

const settingsRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "settings",
  component: lazyRouteComponent(() => import("../pages/settings/settings-page.tsx")),
});

const topologyRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "topology",
  component: lazyRouteComponent(() => import("../pages/topology/topology-page.tsx")),
});

const servicesRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "services",
  validateSearch: ListSearch,
  component: lazyRouteComponent(() => import("../pages/services/services-page.tsx")),
});

const serviceRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "services/$service",
  component: lazyRouteComponent(() => import("../pages/services/service-page.tsx")),
});

const flowsRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "flows",
  component: lazyRouteComponent(() => import("../pages/flows/flows-page.tsx")),
});

const checkRoute = createRoute({
  getParentRoute: () => networkRoute,
  path: "check",
  component: lazyRouteComponent(() => import("../pages/check/check-page.tsx")),
});

const routeTree = rootRoute.addChildren([
  homeRoute,
  shortcutRoute,
  signInRoute,
  networkRoute.addChildren([
    ...[overviewRoute, sitesRoute, siteRoute, linksRoute, tokensRoute, eventsRoute, keysRoute, settingsRoute],
    ...[topologyRoute, servicesRoute, serviceRoute, flowsRoute, checkRoute],
  ]),
]);

/** Makes the router of the console. */
export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree,
    basepath: "/console",
    context: { queries },
    parseSearch,
    stringifySearch,
    scrollRestoration: true,
    defaultPreload: "intent",
    defaultErrorComponent: FailedPage,
    defaultNotFoundComponent: NoPage,
  });
}
