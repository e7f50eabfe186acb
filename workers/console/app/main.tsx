/** The console's application. */
import "@patternfly/react-core/dist/styles/base.css";
import "./app.css";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client.ts";
import { sessionQuery } from "./api/queries.ts";
import { keepLinkFailure, signIn, takeLinkSecret } from "./api/sign-in.ts";
import { makeRouter } from "./router/routes.ts";
import { reloadOnceAtMissingChunk } from "./shell/missing-chunk.ts";
import { followSystemTheme } from "./shell/theme.ts";

const MAX_RETRIES = 2;

/** Refusals of a call that was made without a session, or with one that has ended. */
const WITHOUT_SESSION: ReadonlySet<string> = new Set(["console.session_ended", "key.missing"]);

/** A call without a session leads to the sign-in, and from there back. */
function leadToSignIn(error: unknown): void {
  if (!(error instanceof ApiError && WITHOUT_SESSION.has(error.code))) return;
  const { pathname, searchStr } = router.state.location;
  if (pathname === "/sign-in") return;
  queries.setQueryData(sessionQuery.queryKey, (session) => session && { ...session, user: null });
  void router.navigate({ to: "/sign-in", search: { next: pathname + searchStr, ended: "yes" } });
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: leadToSignIn }),
  mutationCache: new MutationCache({ onError: leadToSignIn }),
  defaultOptions: {
    queries: {
      // An answer with an error stays one; only an edge that cannot be reached is asked again.
      retry: (failures, error) => error instanceof ApiError && error.status === 0 && failures < MAX_RETRIES,
      refetchOnWindowFocus: false,
    },
  },
});
const router = makeRouter(queries);

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

async function start(root: HTMLElement): Promise<void> {
  reloadOnceAtMissingChunk();
  followSystemTheme();
  const secret = takeLinkSecret();
  if (secret !== null) {
    try {
      await signIn(queries, { link: secret });
    } catch (thrown) {
      keepLinkFailure(thrown);
      await router.navigate({ to: "/sign-in", search: {} });
    }
  }
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

const root = document.getElementById("app");
if (root !== null) void start(root);
