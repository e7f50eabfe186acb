/** What surrounds the pages of a network. */
import {
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
} from "@patternfly/react-core/dist/esm/components/Masthead";
import {
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
} from "@patternfly/react-core/dist/esm/components/Page";
import { SkipToContent } from "@patternfly/react-core/dist/esm/components/SkipToContent";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { networksQuery, sessionQuery } from "../api/queries.ts";
import { LiveNetwork, usePhase } from "../live/use-live.tsx";
import { useNetworkName } from "../parts/name.tsx";
import { rememberNetwork } from "./last-network.ts";
import { LiveBadge, LostBanner } from "./live-badge.tsx";
import { Navigation } from "./navigation.tsx";
import { NetworkMenu } from "./network-menu.tsx";
import { ThemeMenu, UserMenu } from "./user-menu.tsx";
import { Wordmark } from "./wordmark.tsx";
import "./shell.css";

const MAIN = "main";
const SIDEBAR = "pages";
const TOGGLE = "pages-toggle";

export function NetworkShell() {
  const network = useNetworkName();
  return (
    <LiveNetwork network={network} key={network}>
      <Surroundings network={network} />
    </LiveNetwork>
  );
}

function Surroundings({ network }: { network: string }) {
  const { pathname, searchStr } = useLocation();
  const isWide = useIsWide();
  const [isOpen, setOpen] = useState(isWide);
  useEffect(() => setOpen(isWide), [isWide]);
  // A chosen page closes the menu that covers it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each navigation
  useEffect(() => {
    if (!isWide) setOpen(false);
  }, [pathname]);
  useCloseOutside(isOpen && !isWide, () => setOpen(false));
  const { data: networks } = useQuery(networksQuery);
  useEffect(() => {
    if (networks?.some(({ name }) => name === network)) rememberNetwork(network);
  }, [networks, network]);
  useSignInWhenLost(pathname + searchStr);
  const { state } = usePhase();
  return (
    <Page
      mainContainerId={MAIN}
      mainTabIndex={-1}
      skipToContent={<SkipToContent href={`#${MAIN}`}>Skip to content</SkipToContent>}
      masthead={
        <Masthead display={{ default: "inline" }}>
          <MastheadMain>
            <MastheadToggle>
              <PageToggleButton
                isHamburgerButton
                id={TOGGLE}
                aria-label="Pages"
                isSidebarOpen={isOpen}
                onSidebarToggle={() => setOpen(!isOpen)}
              />
            </MastheadToggle>
            <MastheadBrand>
              <Wordmark network={network} />
            </MastheadBrand>
          </MastheadMain>
          <MastheadContent>
            <div className="fl-masthead">
              <div className="fl-masthead__group fl-masthead__network">
                <NetworkMenu network={network} />
              </div>
              <div className="fl-masthead__group">
                <LiveBadge />
                <ThemeMenu />
                <UserMenu network={network} />
              </div>
            </div>
          </MastheadContent>
        </Masthead>
      }
      sidebar={
        // PatternFly leaves the menu that covers the page outside of the window unless it measures the page itself.
        <PageSidebar isSidebarOpen={isOpen} className={isOpen && !isWide ? "pf-m-expanded" : ""} id={SIDEBAR}>
          <PageSidebarBody>
            <Navigation network={network} />
          </PageSidebarBody>
        </PageSidebar>
      }
    >
      <LostBanner />
      <div className={state === "lost" ? "fl-page fl-stale" : "fl-page"}>
        <Outlet />
      </div>
    </Page>
  );
}

/** Closes the menu that covers the page: with Escape, which leads back to its button, or by a press beside it. */
function useCloseOutside(isCovering: boolean, close: () => void): void {
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    if (!isCovering) return;
    const press = ({ target }: PointerEvent) => {
      const isInside = target instanceof Element && target.closest(`#${SIDEBAR}, #${TOGGLE}`) !== null;
      if (!isInside) latest.current();
    };
    const key = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      latest.current();
      document.getElementById(TOGGLE)?.focus();
    };
    document.addEventListener("pointerdown", press);
    document.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("pointerdown", press);
      document.removeEventListener("keydown", key);
    };
  }, [isCovering]);
}

const WIDE = "(min-width: 75rem)";

/** Whether the navigation fits beside the page. */
function useIsWide(): boolean {
  const [isWide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const query = matchMedia(WIDE);
    const change = () => setWide(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return isWide;
}

/** A channel is also lost when the session ended: then the way leads to the sign-in, and back. */
function useSignInWhenLost(path: string): void {
  const { state } = usePhase();
  const queries = useQueryClient();
  const navigate = useNavigate();
  useEffect(() => {
    if (state !== "lost") return;
    let isHere = true;
    void queries
      .fetchQuery({ ...sessionQuery, staleTime: 0 })
      .then((session) => {
        if (isHere && session.user === null)
          void navigate({ to: "/sign-in", search: { next: path, ended: "yes" } });
      })
      .catch(() => {});
    return () => {
      isHere = false;
    };
  }, [state, queries, navigate, path]);
}
