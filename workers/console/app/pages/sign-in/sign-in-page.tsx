/** Sign-in: by user and password, or at the provider of identity tokens. One-time links need no page. */
import { Alert } from "@patternfly/react-core/dist/esm/components/Alert";
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Form, FormGroup } from "@patternfly/react-core/dist/esm/components/Form";
import { TextInput } from "@patternfly/react-core/dist/esm/components/TextInput";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { explain } from "../../../../../protocol/diagnosis/finding.ts";
import { sessionQuery } from "../../api/queries.ts";
import { providerPath, signIn, takeLinkFailure } from "../../api/sign-in.ts";
import { CommandHint, Sentence } from "../../parts/command-hint.tsx";
import { Failure } from "../../parts/failure.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { Waiting } from "../../parts/waiting.tsx";
import { Outside } from "../../shell/outside.tsx";

export function SignInPage() {
  const { next, ended, error } = useSearch({ from: "/sign-in" });
  const session = useQuery(sessionQuery);
  const [linkFailure] = useState(takeLinkFailure);
  const go = useReturn(next);
  const isSignedIn = session.data !== undefined && session.data.user !== null;
  useEffect(() => {
    if (isSignedIn) void go();
  }, [isSignedIn, go]);
  const mode = session.data?.mode;
  return (
    <Outside>
      <PageHeader title="Sign in" />
      {linkFailure === null ? null : <Failure error={linkFailure} />}
      {ended === undefined || linkFailure !== null ? null : (
        <Alert isInline variant="info" component="h2" title="Your session has ended.">
          Sign in again to return to the page where you were.
        </Alert>
      )}
      {error === undefined ? null : <ProviderFailure code={error} />}
      {session.error === null ? null : <Failure error={session.error} retry={() => void session.refetch()} />}
      {session.isPending ? <Waiting what="the sign-in" /> : null}
      {mode === "internal" ? <PasswordForm onDone={go} /> : null}
      {mode === "oidc" ? (
        <Button
          variant="primary"
          size="lg"
          isBlock
          component="a"
          href={providerPath(`/console${next ?? "/"}`)}
        >
          Sign in with your provider
        </Button>
      ) : null}
      <p className="fl-subtle">
        On a machine that is logged in at this edge, the command opens this page signed in:
      </p>
      <CommandHint command="fairlead console" />
    </Outside>
  );
}

/** Why the provider, or the edge after it, did not sign the user in. */
function ProviderFailure({ code }: { code: string }) {
  const { meaning, action } = explain(code);
  return (
    <Alert isInline variant="danger" component="h2" title={meaning}>
      <Sentence>{action}</Sentence>
      <div className="fl-subtle fl-mono fl-wrap">{code}</div>
    </Alert>
  );
}

/** Returns to where the user came from: a path of the console, and nothing else. */
function useReturn(next: string | undefined): () => Promise<void> {
  const navigate = useNavigate();
  return async () => {
    const path = next?.startsWith("/") && !next.startsWith("//") ? next : "/";
    await navigate({ href: `/console${path}`, replace: true });
  };
}

function PasswordForm({ onDone }: { onDone: () => Promise<void> }) {
  const queries = useQueryClient();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const attempt = useMutation({
    mutationFn: () => signIn(queries, { user: user.trim(), password }),
    onSuccess: onDone,
    onError: () => setPassword(""),
  });
  const isReady = user.trim() !== "" && password !== "" && !attempt.isPending;
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) attempt.mutate();
      }}
    >
      {attempt.error === null ? null : <Failure error={attempt.error} />}
      <FormGroup label="User" fieldId="user" isRequired>
        <TextInput
          id="user"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          isRequired
          value={user}
          onChange={(_, value) => setUser(value)}
        />
      </FormGroup>
      <FormGroup label="Password" fieldId="password" isRequired>
        <TextInput
          id="password"
          name="password"
          type="password"
          autoComplete="current-password"
          isRequired
          value={password}
          onChange={(_, value) => setPassword(value)}
        />
      </FormGroup>
      <div>
        <Button type="submit" variant="primary" isBlock isDisabled={!isReady} isLoading={attempt.isPending}>
          Sign in
        </Button>
      </div>
    </Form>
  );
}
