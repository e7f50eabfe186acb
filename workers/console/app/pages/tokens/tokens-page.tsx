import { PageHeader } from "../../parts/page-header.tsx";

export default function TokensPage() {
  return <PageHeader title="Tokens" />;
}
